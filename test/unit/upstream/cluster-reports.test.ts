import { expect } from 'chai';
import { defaultBalancerSettings } from '../../../src/balancing/settings.ts';
import { HeaderBlock } from '../../../src/core/header-block.ts';
import type { ConcurrencyLimiter } from '../../../src/upstream/concurrency-limiter.ts';
import { beginLease } from '../../support/leases.ts';
import { clusterRig, spec } from './cluster-rig.ts';

const reporting = HeaderBlock.of(
  [':status', '200'],
  ['endpoint-load-metrics', 'TEXT cpu_utilization=0.5,rps_fractional=9'],
);
const policy = 'weighted_round_robin';

describe('load reports of a cluster', () => {
  it('are left alone by a policy that does not use them, unless they are accepted', () => {
    for (const [given, taken] of [
      [{}, false],
      [{ balancer: { policy } }, true],
      [{ settings: { loadReports: { accept: true } } }, true],
      [{ balancer: { policy }, settings: { loadReports: { accept: false } } }, false],
    ] as const) {
      const { cluster, publish } = clusterRig(given);
      publish([spec('10.0.0.1:1')]);
      const [endpoint] = cluster.all();
      const shown = beginLease(cluster, endpoint).withoutReport(reporting);
      expect([shown === reporting, endpoint.report !== null]).to.deep.equal([!taken, taken]);
      cluster.stop();
    }
  });

  it('count as new after the endpoint was unusable (gRFC A58)', () => {
    const { cluster, publish, watches } = clusterRig({ watched: true, balancer: { policy } });
    publish([spec('10.0.0.1:1')]);
    const watch = watches.get('10.0.0.1:1')!;
    watch.says('healthy');
    const [endpoint] = cluster.all();
    beginLease(cluster, endpoint).withoutReport(reporting);
    const since = (): number => endpoint.report!.weightSinceMs;
    cluster.rebuild();
    expect(since()).to.be.below(Number.POSITIVE_INFINITY);
    watch.says('unhealthy');
    watch.says('healthy');
    expect(since()).to.equal(Number.POSITIVE_INFINITY);
    cluster.stop();
  });

  it('go over to the cluster that takes the place of another', () => {
    const before = clusterRig({ balancer: { policy } });
    before.publish([spec('10.0.0.1:1')]);
    beginLease(before.cluster, before.cluster.all()[0]).withoutReport(reporting);
    const after = clusterRig({ balancer: { ...defaultBalancerSettings, policy } });
    after.publish([spec('10.0.0.1:1')]);
    after.cluster.replaces(before.cluster);
    expect(after.cluster.all()[0].report).to.include({ utilization: 0.5, count: 1 });
    before.cluster.stop();
    after.cluster.stop();
  });

  it('say what one endpoint may have in flight: its part of the limit that follows latency, else its own limit', () => {
    const { cluster, publish } = clusterRig();
    publish([spec('10.0.0.1:1'), spec('10.0.0.2:1')]);
    expect(cluster.endpointLimit).to.equal(0);
    cluster.reconfigure({ ...cluster.settings, endpointRequestsMax: 7 }, null);
    expect(cluster.endpointLimit).to.equal(7);
    cluster.limiter = { limit: 10 } as ConcurrencyLimiter;
    expect(cluster.endpointLimit).to.equal(5);
    cluster.stop();
  });
});
