import { expect } from 'chai';
import { defaultBalancerSettings } from '../../../src/balancing/settings.ts';
import type { EndpointSpec } from '../../../src/core/endpoint-spec.ts';
import { HeaderBlock } from '../../../src/core/header-block.ts';
import { registerZoneMetrics } from '../../../src/runtime/zone-metrics.ts';
import { prometheusText } from '../../../src/telemetry/metrics/prometheus-text.ts';
import { createRegistry } from '../../../src/telemetry/metrics/registry.ts';
import { explainPick, pickFrom } from '../../support/leases.ts';
import { type ClusterRigOptions, clusterRig, spec } from './cluster-rig.ts';

const inZone = (address: string, zone: string): EndpointSpec => ({ ...spec(address), zone });
const members = [inZone('10.0.0.1:1', 'a'), inZone('10.0.0.2:1', 'a'), inZone('10.0.0.3:1', 'b')];

/** A cluster in zone a whose endpoints report so much; each reports with every hundredth pick. */
function rig(utilizations: Record<string, number>, options: ClusterRigOptions = {}) {
  const balancer = { zoneSpill: true, ...options.balancer };
  const one = clusterRig({ ...options, balancer, deps: { localZone: 'a' } });
  one.publish(members);
  let away = 0;
  /** Of the picks that left the zone. */
  const reasons = new Set<string>();
  const pick = (): void => {
    const { cluster, clock } = one;
    const endpoint = pickFrom(cluster, clock.now(), null, '')!;
    if (endpoint.zone !== 'a') {
      away++;
      reasons.add(String(explainPick(cluster, endpoint, clock.now(), '')));
    }
    const text = `TEXT application_utilization=${utilizations[endpoint.zone]}`;
    const block = HeaderBlock.of([':status', '200'], ['endpoint-load-metrics', text]);
    if (endpoint.zone in utilizations) cluster.reports?.take(block, endpoint, clock.now());
  };
  /** Returns the part of the picks that left the zone. */
  const picks = (seconds: number): number => {
    away = 0;
    for (let i = 0; i < seconds * 200; i++) {
      pick();
      one.clock.advance(5);
    }
    return away / (seconds * 200);
  };
  return { ...one, picks, reasons };
}

describe('a cluster with zoneSpill', () => {
  it('stays in its zone while that has room, but for a probe now and then', () => {
    const { cluster, picks, reasons } = rig({ a: 0.7, b: 0.1 });
    expect(picks(60)).to.be.within(0.0005, 0.0015);
    expect(reasons.size).to.equal(1);
    expect([...reasons][0]).to.match(/zone b \(0%\), 1 endpoint, for its load report; /);
    expect(cluster.zoneSpill).to.deep.equal({ kept: 1, reason: '' });
    cluster.stop();
  });

  it('sends a part to the other zone while its own reports more than it can take, and says so', () => {
    const { cluster, clock, picks } = rig({ a: 1, b: 0.2 });
    picks(30);
    expect(picks(30)).to.be.closeTo(1 / 3, 0.03);
    // Two thirds of the weight are in the zone: with a report that never changes it keeps as much.
    expect(cluster.zoneSpill!.kept).to.be.closeTo(2 / 3, 1e-9);
    const endpoint = pickFrom(cluster, clock.now(), null, '')!;
    expect(String(explainPick(cluster, endpoint, clock.now(), ''))).to.match(
      /zone [ab] \((67|33)%: its endpoints report a utilization of 1, those of another zone 0\.2\), /,
    );
    const shares = [...cluster.shares()].map(([{ address }, share]) => [address, share.toFixed(3)]);
    expect(shares).to.deep.equal([
      ['10.0.0.1:1', '0.333'],
      ['10.0.0.2:1', '0.333'],
      ['10.0.0.3:1', '0.333'],
    ]);
    const registry = createRegistry();
    registerZoneMetrics(registry, () => [cluster, { name: 'plain', zoneSpill: null }]);
    const lines = prometheusText(registry, undefined).body.split('\n');
    expect(lines.filter((line) => line.startsWith('outrigger_zone_kept_ratio{'))).to.deep.equal([
      `outrigger_zone_kept_ratio{outrigger_cluster="orders"} ${cluster.zoneSpill!.kept}`,
    ]);
    cluster.stop();
  });

  it('keeps what it learned when an endpoint comes', () => {
    const { cluster, picks, publish } = rig({ a: 1, b: 0.2 });
    picks(30);
    const { kept } = cluster.zoneSpill!;
    publish([...members, inZone('10.0.0.4:1', 'b')]);
    expect(cluster.zoneSpill!.kept).to.equal(kept);
    expect(kept).to.be.below(0.7);
    cluster.stop();
  });

  it('does nothing without reports, without a zone of its own, and when it is off', () => {
    const silent = rig({});
    expect(silent.picks(60)).to.equal(0);
    silent.cluster.stop();
    const off = rig({ a: 1, b: 0.2 }, { balancer: { zoneSpill: false } });
    expect(off.picks(60)).to.equal(0);
    expect(off.cluster.zoneSpill).to.equal(null);
    off.cluster.stop();
    const nowhere = clusterRig({ balancer: { zoneSpill: true } });
    expect(nowhere.cluster.zoneSpill).to.equal(null);
    nowhere.cluster.stop();
  });

  it('a reload that turns it off sends all requests to the own zone again', () => {
    const { cluster, picks } = rig({ a: 1, b: 0.2 });
    picks(30);
    cluster.reconfigure({ ...cluster.settings, balancer: defaultBalancerSettings }, null);
    expect(picks(5)).to.equal(0);
    cluster.stop();
  });

  it('sends no request of a key elsewhere for a report alone', () => {
    const { cluster, clock } = rig({ a: 0.7, b: 0.1 }, { balancer: { policy: 'maglev' } });
    for (let i = 0; i < 20_000; i++) {
      const endpoint = pickFrom(cluster, clock.now(), null, `user-${i}`)!;
      expect(endpoint.zone).to.equal('a');
      const block = HeaderBlock.of(
        [':status', '200'],
        ['endpoint-load-metrics', 'TEXT application_utilization=0.7'],
      );
      cluster.reports?.take(block, endpoint, clock.now());
      clock.advance(5);
    }
    cluster.stop();
  });
});
