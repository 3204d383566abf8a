import { expect } from 'chai';
import { endings } from '../../../src/core/ending.ts';
import type { Endpoint } from '../../../src/upstream/endpoint.ts';
import { EndpointSeriesTable } from '../../../src/upstream/endpoint-series.ts';
import { Lease } from '../../../src/upstream/lease.ts';
import { MethodRef } from '../../../src/upstream/method-slots.ts';
import { clusterRig, spec } from './cluster-rig.ts';

const [a, b] = ['10.0.0.1:1', '10.0.0.2:1'];

describe('Cluster: acquire', () => {
  const acquired = (
    rig: ReturnType<typeof clusterRig>,
    ...args: [ReadonlySet<Endpoint>?, boolean?]
  ): Lease => {
    const [tried = null, mayRepeat = false] = args;
    const lease = rig.cluster.acquire(rig.clock.now(), tried, mayRepeat, '', null);
    if (typeof lease === 'string') throw new Error(lease);
    return lease;
  };

  it('gives a lease on the endpoint that the balancer picks, with the reason', () => {
    const rig = clusterRig({ balancer: { policy: 'round_robin' } });
    rig.publish([spec(a), spec(b)]);
    rig.clock.advance(70);
    const [one, other] = [acquired(rig), acquired(rig)];
    expect(new Set([one.endpoint.address, other.endpoint.address])).to.deep.equal(new Set([a, b]));
    expect(one).to.be.an.instanceOf(Lease).and.to.include({ startedMs: 70 });
    expect(one.reason).to.include({ excluded: 0, full: 0 });
    expect(one.reason.census).to.include({ usable: 2, total: 2 });
    expect(rig.cluster.active).to.equal(2);
  });

  it('gives none that the request has used, unless it may repeat one and there is no other', () => {
    const rig = clusterRig();
    rig.publish([spec(a), spec(b)]);
    const [one, other] = rig.cluster.all();
    for (let i = 0; i < 10; i++) {
      for (const mayRepeat of [false, true]) {
        const lease = acquired(rig, new Set([one]), mayRepeat);
        expect(lease.endpoint).to.equal(other);
        expect(lease.reason.excluded).to.equal(1);
        lease.end(endings.answered, 0);
      }
    }
    expect(rig.cluster.acquire(0, new Set([one, other]), false, '', null)).to.equal('none');
    const again = acquired(rig, new Set([one, other]), true);
    expect([one, other]).to.include(again.endpoint);
    expect(again.reason.excluded, 'it was picked as if none had been tried').to.equal(0);
  });

  it('gives none where there is no endpoint, however often it is asked', () => {
    const { cluster } = clusterRig();
    for (const mayRepeat of [false, true]) {
      expect(cluster.acquire(0, null, mayRepeat, '', null)).to.equal('none');
      expect(cluster.acquire(0, new Set(), mayRepeat, '', null)).to.equal('none');
    }
    expect(cluster.active).to.equal(0);
  });

  it('is full at the limit of the cluster, before an endpoint is picked, until a lease ends', () => {
    const rig = clusterRig({ settings: { requestsMax: 1 } });
    rig.publish([spec(a)]);
    const lease = acquired(rig);
    expect(rig.cluster.acquire(0, null, false, '', null)).to.equal('full');
    lease.end(endings.answered, 0);
    expect(acquired(rig).endpoint.address).to.equal(a);
  });

  it('counts the method of a gRPC call', () => {
    const rig = clusterRig();
    rig.publish([spec(a)]);
    const lease = rig.cluster.acquire(0, null, false, '', new MethodRef('/a.B/C')) as Lease;
    lease.end(endings.answered, 5);
    expect(lease.endpoint.series.methodSlots.names).to.deep.equal(['a.B/C']);
  });
});

describe('Cluster: what an endpoint reports', () => {
  it('a connection pool that backs off takes its endpoint out, and back', () => {
    const { publish, pools, picks } = clusterRig();
    publish([spec(a), spec(b)]);
    const pool = pools.get(a)!;
    pool.backingOff = 'no connection for 1 s';
    expect(picks(), 'it has not said so').to.deep.equal(new Set([a, b]));
    pool.changed();
    expect(picks()).to.deep.equal(new Set([b]));
    pool.backingOff = '';
    pool.changed();
    expect(picks()).to.deep.equal(new Set([a, b]));
  });

  it('an ejection takes its endpoint out, whatever the balancer makes of its failures', () => {
    const { cluster, clock, publish, picks } = clusterRig({
      ejects: true,
      balancer: { policy: 'round_robin' },
    });
    publish([spec(a), spec(b)]);
    for (let failures = 0; failures < 5; ) {
      const lease = cluster.acquire(0, null, false, '', null) as Lease;
      const isA = lease.endpoint.address === a;
      lease.end(isA ? endings.unavailable : endings.answered, clock.now());
      if (isA) failures++;
    }
    expect(picks()).to.deep.equal(new Set([b]));
    cluster.stop();
  });

  it('gets the settings of connections that are no part of its pool', () => {
    const dial = {
      connectTimeoutMs: 7,
      tls: null,
      httpVersion: '1.1' as const,
      replyLimits: { headBytesMax: 8, fieldsMax: 100, chunkExtensionBytesMax: 1024 },
    };
    const { cluster, publish } = clusterRig({ deps: { dial: () => dial } });
    publish([spec(a)]);
    expect(cluster.all()[0].dial).to.equal(dial);
  });
});

describe('Cluster: the series of its endpoints', () => {
  /** A table with room for one endpoint: another has a series of its own only where that one has given it back. */
  function rigWithTable() {
    const series = new EndpointSeriesTable(1);
    const rig = clusterRig({ deps: { series } });
    const hasRoom = (): boolean => {
      const probe = series.acquire('probe', 'x');
      series.release('probe', 'x', probe);
      return !probe.isShared;
    };
    return { ...rig, series, hasRoom };
  }

  it('is given back when the endpoint leaves', () => {
    const { publish, hasRoom } = rigWithTable();
    publish([spec(a)]);
    expect(hasRoom()).to.equal(false);
    publish([]);
    expect(hasRoom()).to.equal(true);
  });

  it('is given back when the cluster stops, once, whatever happens afterwards', () => {
    const { cluster, publish, series, hasRoom } = rigWithTable();
    publish([spec(a)]);
    cluster.stop();
    expect(hasRoom()).to.equal(true);
    // Another cluster of the same name has the place now.
    series.join('orders');
    const next = series.acquire('orders', a);
    expect(next.isShared).to.equal(false);
    cluster.stop();
    publish([]);
    expect([hasRoom(), next.holders]).to.deep.equal([false, 1]);
    expect(() => series.leave('orders')).not.to.throw();
  });

  it('names its methods while the cluster or a successor runs, and no longer', () => {
    const { cluster, publish, series } = rigWithTable();
    const slots = () => {
      series.join('orders');
      const shown = series.acquire('orders', 'y');
      const { names } = shown.methodSlots;
      series.release('orders', 'y', shown);
      series.leave('orders');
      return names;
    };
    publish([spec(a)]);
    const lease = cluster.acquire(0, null, false, '', new MethodRef('/a.B/C')) as Lease;
    lease.end(endings.answered, 5);
    expect(slots()).to.deep.equal(['a.B/C']);
    cluster.stop();
    expect(slots()).to.deep.equal([]);
  });
});

describe('Cluster: health', () => {
  it('one endpoint that may be used ends the wait for the others', () => {
    const { cluster, publish, watches } = clusterRig({ watched: true });
    publish([spec(a), spec(b)]);
    const cancel = cluster.whenWarm(() => {});
    expect(cancel).not.to.equal(null);
    cancel?.();
    watches.get(a)!.says('healthy');
    expect(cluster.whenWarm(() => {})).to.equal(null);
    cluster.stop();
  });

  it('an endpoint that answers at all ends the back-off of its connections', () => {
    const { cluster, publish, pools, watches } = clusterRig({ watched: true });
    publish([spec(a)]);
    watches.get(a)!.says('unhealthy');
    expect(pools.get(a)!.wakened).to.equal(0);
    watches.get(a)!.alive();
    expect(pools.get(a)!.wakened).to.equal(1);
    cluster.stop();
  });
});

describe('Cluster: discovery', () => {
  it('shows where the endpoints come from, and the error of the source while it has one', () => {
    const { cluster, discovery } = clusterRig();
    expect(cluster.discoveryState).to.equal('a test');
    discovery.status = { ...discovery.status, lastError: 'no such host' };
    expect(cluster.discoveryState).to.equal('a test: no such host');
  });

  it('ties no calls to endpoints unless the policy does', () => {
    expect(clusterRig().cluster.affinity).to.equal(null);
  });
});
