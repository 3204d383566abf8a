import { expect } from 'chai';
import { SeededRandom } from '../../../src/core/random.ts';
import { registerSubsettingMetrics } from '../../../src/subsetting/metrics.ts';
import { prometheusText } from '../../../src/telemetry/metrics/prometheus-text.ts';
import { createRegistry } from '../../../src/telemetry/metrics/registry.ts';
import { explainPick, pickFrom } from '../../support/leases.ts';
import { clusterRig, spec } from './cluster-rig.ts';

const hundred = Array.from({ length: 100 }, (_, i) => spec(`10.0.0.${i}:50051`));

describe('a cluster with subsetting', () => {
  const subsetting = { size: 5, seed: 77 };
  const addresses = ({ cluster }: ReturnType<typeof clusterRig>) =>
    cluster.all().map(({ address }) => address);

  it('has, connects to and picks the endpoints of its subset alone', () => {
    const rig = clusterRig({ settings: { subsetting, requestsMax: 1000 } });
    rig.publish(hundred);
    expect(addresses(rig)).to.have.length(5);
    expect([...rig.pools.keys()]).to.deep.equal(addresses(rig));
    expect([...rig.picks(200)]).to.have.members(addresses(rig));
    expect(rig.cluster.subsetting).to.deep.equal({ size: 5, discovered: 100 });
  });

  it('keeps the others, with their connections and counters, when one of them goes', () => {
    const rig = clusterRig({ settings: { subsetting } });
    rig.publish(hundred);
    const before = rig.cluster.all();
    const [gone] = before;
    rig.publish(hundred.filter((_, i) => `10.0.0.${i}:50051` !== gone.address));
    const after = rig.cluster.all();
    expect(after).to.have.length(5);
    expect(after).to.include.members(before.slice(1));
    expect(rig.pools.get(gone.address)!.drained).to.equal(true);
    expect(rig.pools.size, 'one was added').to.equal(6);
  });

  it('an unhealthy endpoint stays in the subset, and is not picked', () => {
    const rig = clusterRig({ watched: true, settings: { subsetting, requestsMax: 1000 } });
    rig.publish(hundred);
    const [first, ...others] = addresses(rig);
    for (const watch of rig.watches.values()) watch.says('healthy');
    rig.watches.get(first)!.says('unhealthy');
    expect([...rig.picks(200)]).to.have.members(others);
    expect(addresses(rig)).to.include(first);
  });

  it('a reload that changes the size or takes the section away applies at once', () => {
    const rig = clusterRig({ settings: { subsetting } });
    rig.publish(hundred);
    const five = rig.cluster.all();
    const { settings } = rig.cluster;
    rig.cluster.reconfigure({ ...settings, subsetting: { size: 8, seed: 77 } }, null);
    expect(rig.cluster.all()).to.have.length(8);
    expect(rig.cluster.all()).to.include.members(five);
    rig.cluster.reconfigure({ ...settings, subsetting: null }, null);
    expect(rig.cluster.all()).to.have.length(100);
    expect(rig.cluster.subsetting).to.equal(null);
  });

  it('the reason of a pick says how many were chosen of how many', () => {
    const rig = clusterRig({ settings: { subsetting }, deps: { random: new SeededRandom(4) } });
    const reason = (): string => {
      const nowMs = rig.clock.now();
      return String(explainPick(rig.cluster, pickFrom(rig.cluster, nowMs, null, '')!, nowMs, ''));
    };
    rig.publish(hundred);
    expect(reason()).to.match(/^subsetting chose 5 of 100 endpoints; 5 endpoints were usable; /);
    rig.publish(hundred.slice(0, 5));
    expect(reason(), 'where it left nobody out').to.match(/^5 endpoints were usable; /);
  });

  it('is in the metrics, and a cluster without it is not', () => {
    const registry = createRegistry();
    const rig = clusterRig({ settings: { subsetting } });
    rig.publish(hundred);
    registerSubsettingMetrics(registry, () => [rig.cluster, { name: 'plain', subsetting: null }]);
    const lines = prometheusText(registry, undefined)
      .body.split('\n')
      .filter((line) => /^outrigger_subsetting/.test(line));
    expect(lines).to.deep.equal([
      'outrigger_subsetting_discovered_endpoints{outrigger_cluster="orders"} 100',
    ]);
  });
});
