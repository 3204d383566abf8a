import { expect } from 'chai';
import { affinityOf } from '../../../src/balancing/build.ts';
import { defaultBalancerSettings } from '../../../src/balancing/settings.ts';
import { endings } from '../../../src/core/ending.ts';
import type { DiscoverySource } from '../../../src/discovery/source.ts';
import type { ClusterSettings } from '../../../src/upstream/cluster.ts';
import { beginLease, endLease, pickFrom } from '../../support/leases.ts';
import { clusterRig, spec } from './cluster-rig.ts';

const [a, b] = ['10.0.0.1:1', '10.0.0.2:1'];

const settings = (changes: Partial<ClusterSettings> = {}): ClusterSettings => ({
  name: 'orders',
  protocol: 'http2',
  balancer: defaultBalancerSettings,
  requestsMax: 3,
  ...changes,
});

/** A source that publishes nothing by itself. */
function otherSource(): DiscoverySource & { stopped: number } {
  const source = {
    describe: 'another source',
    advice: '',
    status: { answered: true, endpoints: 0, lastAnswerMs: 0, lastError: '' },
    stopped: 0,
    start: () => {},
    refresh: () => {},
    stop: () => {
      source.stopped++;
    },
  };
  return source;
}

describe('Cluster: a reload', () => {
  it('changes limits at once, and back', () => {
    const { cluster, publish } = clusterRig();
    publish([spec(a)]);
    const [endpoint] = cluster.all();
    for (let i = 0; i < 3; i++) beginLease(cluster, endpoint);
    expect(cluster.full).to.equal(true);
    cluster.reconfigure(settings({ requestsMax: 4 }), null);
    expect(cluster.full).to.equal(false);
    cluster.reconfigure(settings({ requestsMax: 4, endpointRequestsMax: 3 }), null);
    expect(pickFrom(cluster, 0, null, '')).to.equal(null);
    cluster.reconfigure(settings({ requestsMax: 4 }), null);
    expect(pickFrom(cluster, 0, null, '')).to.equal(endpoint);
    expect(endpoint.active, 'its calls are still counted').to.equal(3);
  });

  it('changes the policy for the next pick, and what ties calls to endpoints', () => {
    const balancer = { ...defaultBalancerSettings, policy: 'maglev', keySource: { kind: 'source' } } as never;
    const affinity = affinityOf(balancer);
    const { cluster, publish } = clusterRig({ settings: { balancer, affinity } });
    expect(cluster.affinity).to.equal(affinity);
    publish([spec(a), spec(b)]);
    const byKey = new Set(Array.from({ length: 30 }, () => pickFrom(cluster, 0, null, 'k')!.address));
    expect(byKey.size).to.equal(1);
    cluster.reconfigure(settings({ balancer: { ...defaultBalancerSettings, policy: 'random' } }), null);
    expect(cluster.affinity).to.equal(null);
    const anyKey = new Set(Array.from({ length: 60 }, () => pickFrom(cluster, 0, null, 'k')!.address));
    expect(anyKey.size).to.equal(2);
    cluster.reconfigure(settings({ balancer, affinity }), null);
    expect(cluster.affinity).to.equal(affinity);
  });

  it('changes the penalty for failures and what is learned from latency', () => {
    const { cluster, publish, clock } = clusterRig();
    publish([spec(a)]);
    const [endpoint] = cluster.all();
    const fail = (): void => {
      for (let i = 0; i < 2; i++) {
        beginLease(cluster, endpoint);
        endLease(cluster, endpoint, endings.unavailable, 70, clock.now());
      }
    };
    const balancer = { ...defaultBalancerSettings, policy: 'peak_ewma' as const };
    cluster.reconfigure(
      settings({ balancer: { ...balancer, failPenalty: { ...balancer.failPenalty, load: 7 } } }),
      null,
    );
    fail();
    expect(endpoint.phantomLoad).to.equal(7);
    expect(endpoint.latencyMs).to.equal(70);
  });

  it('stops a source of endpoints that another replaces, and keeps it where none does', () => {
    const { cluster, discovery } = clusterRig();
    cluster.reconfigure(settings(), null);
    expect(discovery.stopped).to.equal(false);
    const other = otherSource();
    cluster.reconfigure(settings(), other);
    expect(discovery.stopped).to.equal(true);
    expect(cluster.discoveryState).to.equal('another source');
    cluster.stop();
    expect(other.stopped).to.equal(1);
  });

  it('that rebuilds the cluster leaves endpoints which the old one did not have as they are', () => {
    const before = clusterRig();
    before.publish([spec(a)]);
    beginLease(before.cluster, before.cluster.all()[0]);
    endLease(before.cluster, before.cluster.all()[0], endings.answered, 1, 0);
    const after = clusterRig();
    after.publish([spec(a), spec(b)]);
    after.cluster.replaces(before.cluster);
    expect(after.cluster.all().map(({ total }) => total)).to.deep.equal([1, 0]);
    expect(after.cluster.endpointCount).to.equal(2);
  });
});

describe('Cluster: its end', () => {
  it('stopped, it drains its connections; closed, it closes them', () => {
    const { cluster, publish, pools, discovery, watches } = clusterRig({ watched: true });
    publish([spec(a), spec(b)]);
    cluster.stop();
    expect([...pools.values()].map(({ drained, closed }) => [drained, closed])).to.deep.equal([
      [true, false],
      [true, false],
    ]);
    expect(discovery.stopped).to.equal(true);
    expect([...watches.values()].every(({ stopped }) => stopped)).to.equal(true);
    cluster.close();
    expect([...pools.values()].every(({ closed }) => closed)).to.equal(true);
  });

  it('stopped, it keeps no call waiting for first answers, and no timer', () => {
    const { cluster, clock } = clusterRig();
    let resumed = 0;
    expect(cluster.whenWarm(() => resumed++)).not.to.equal(null);
    cluster.stop();
    expect(resumed).to.equal(1);
    expect(
      cluster.whenWarm(() => resumed++),
      'the second time there is nothing to wait for',
    ).to.equal(null);
    expect(clock.pending).to.equal(0);
  });

  it('stopped, it ejects no more and leaves no timer of ejections', () => {
    const { cluster, publish, clock } = clusterRig({ ejects: true });
    publish([spec(a), spec(b)]);
    const [endpoint] = cluster.all();
    for (let i = 0; i < 5; i++) {
      beginLease(cluster, endpoint);
      endLease(cluster, endpoint, endings.unavailable, 1, clock.now());
    }
    expect(endpoint.unusableBecause).to.match(/^ejected/);
    cluster.stop();
    expect(clock.pending).to.equal(0);
  });

  it('an endpoint that has gone while it was ejected leaves no timer', () => {
    const { cluster, publish, clock, picks } = clusterRig({ ejects: true });
    publish([spec(a), spec(b)]);
    const [endpoint] = cluster.all();
    for (let i = 0; i < 5; i++) {
      beginLease(cluster, endpoint);
      endLease(cluster, endpoint, endings.unavailable, 1, clock.now());
    }
    const pending = clock.pending;
    publish([spec(b)]);
    expect(clock.pending).to.be.below(pending);
    publish([spec(a), spec(b)]);
    expect(picks(), 'the new one of that address is not ejected').to.deep.equal(new Set([a, b]));
    cluster.stop();
  });

  it('what a watch says of an endpoint that has gone changes nothing', () => {
    const { publish, watches, pools } = clusterRig({ watched: true });
    publish([spec(a), spec(b)]);
    for (const watch of watches.values()) watch.says('healthy');
    const gone = watches.get(a)!;
    const wakened = pools.get(a)!.wakened;
    publish([spec(b)]);
    gone.says('healthy');
    expect(pools.get(a)!.wakened).to.equal(wakened);
  });

  it('an endpoint found ill keeps its penalty and the back-off of its connections', () => {
    const { cluster, publish, watches, pools, clock } = clusterRig({ watched: true });
    publish([spec(a), spec(b)]);
    for (const watch of watches.values()) watch.says('healthy');
    const [endpoint] = cluster.all();
    for (let i = 0; i < 2; i++) {
      beginLease(cluster, endpoint);
      endLease(cluster, endpoint, endings.unavailable, 1, clock.now());
    }
    const { phantomLoad } = endpoint;
    const { wakened } = pools.get(a)!;
    expect(phantomLoad).to.be.greaterThan(0);
    watches.get(a)!.says('unhealthy');
    expect([endpoint.phantomLoad, pools.get(a)!.wakened]).to.deep.equal([phantomLoad, wakened]);
    watches.get(a)!.says('healthy');
    expect([endpoint.phantomLoad, pools.get(a)!.wakened]).to.deep.equal([0, wakened + 1]);
  });

  it('drained by hand, an endpoint retires its connections; enabled, it does not do so again', () => {
    const { cluster, publish, pools } = clusterRig();
    publish([spec(a)]);
    cluster.drainEndpoint(a, true);
    cluster.drainEndpoint(a, false);
    expect(pools.get(a)!.retired).to.equal(1);
    cluster.drainEndpoint(a, true);
    expect(pools.get(a)!.retired).to.equal(2);
  });
});
