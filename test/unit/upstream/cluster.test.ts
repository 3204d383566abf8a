import { expect } from 'chai';
import { formatAddress } from '../../../src/core/address.ts';
import { endings } from '../../../src/core/ending.ts';
import { warmUpMsMax } from '../../../src/upstream/warm-up.ts';
import { beginLease, endLease, explainPick, leaseAnswered, pickFrom } from '../../support/leases.ts';
import { clusterRig, spec } from './cluster-rig.ts';

const [a, b, c] = ['10.0.0.1:1', '10.0.0.2:1', '10.0.0.3:1'];

describe('Cluster', () => {
  it('picks among the endpoints that discovery says', () => {
    const { publish, picks } = clusterRig();
    expect(picks()).to.deep.equal(new Set(['none']));
    publish([spec(a), spec(b)]);
    expect(picks()).to.deep.equal(new Set([a, b]));
    publish([spec(b), spec(c)]);
    expect(picks()).to.deep.equal(new Set([b, c]));
  });

  it('says of a pick what was usable, what was used before and what was full', () => {
    const { cluster, publish, watches, clock } = clusterRig({
      watched: true,
      settings: { endpointRequestsMax: 1 },
    });
    publish([spec(a), spec(b), spec(c)]);
    const why = (excluded: string[] = []) => {
      const tried = cluster.all().filter(({ address }) => excluded.includes(address));
      const endpoint = pickFrom(cluster, clock.now(), new Set(tried), '')!;
      return String(explainPick(cluster, endpoint, clock.now(), ''));
    };
    watches.get(a)!.says('healthy');
    expect(why()).to.equal(
      `1 of 3 endpoints was usable (no health check has finished yet: 2); ${a} was the only choice (0/1)`,
    );
    watches.get(b)!.says('unhealthy', 'connection refused');
    watches.get(c)!.says('healthy');
    expect(why([a])).to.equal(
      `2 of 3 endpoints were usable (unhealthy: 1), 1 used by an earlier attempt; ${c} was the only choice (0/1)`,
    );
    watches.get(b)!.says('healthy');
    // Of weight 4, a has the least load per weight, but no more than one request may be there.
    publish([spec(a, 4), spec(b), spec(c)]);
    const [first, second] = cluster.all();
    first.active = 1;
    second.active = 0;
    cluster.all()[2].active = 1;
    second.phantomLoad = 20;
    second.phantomAtMs = clock.now();
    expect(why()).to.equal(
      `3 endpoints were usable, 2 at the limit of requests; ${b} was the only choice (0/1, counted as 20 after recent failures)`,
    );
  });

  it('an endpoint that stays keeps its counters and its connections, whatever its weight becomes', () => {
    const { cluster, publish, pools } = clusterRig();
    publish([spec(a)]);
    const [endpoint] = cluster.all();
    beginLease(cluster, endpoint);
    publish([spec(a, 7, 1), spec(b)]);
    expect(cluster.all()[0]).to.equal(endpoint);
    expect(endpoint).to.include({ active: 1, weight: 7, priority: 1 });
    expect(pools.get(a)?.drained).to.equal(false);
  });

  it('an endpoint that answers, though not about its health, is used', () => {
    const { publish, picks, watches } = clusterRig({ watched: true });
    publish([spec(a)]);
    const watch = watches.get(a)!;
    watch.says('unhealthy');
    expect(picks()).to.deep.equal(new Set(['none']));
    watch.alive();
    expect(picks()).to.deep.equal(new Set([a]));
  });

  it('one that leaves gets no calls, lets its connections go when idle, and its calls still count down', () => {
    const { cluster, publish, pools, watches } = clusterRig({ watched: true });
    publish([spec(a), spec(b)]);
    const endpoint = cluster.all()[0];
    beginLease(cluster, endpoint);
    publish([spec(b)]);
    expect([pools.get(a)?.drained, watches.get(a)?.stopped]).to.deep.equal([true, true]);
    expect(endpoint.unusableBecause).to.equal('removed from discovery');
    endLease(cluster, endpoint, endings.answered, 5, 0);
    expect([endpoint.active, cluster.active]).to.deep.equal([0, 0]);
  });

  it('one that comes back is a new one', () => {
    const { cluster, publish } = clusterRig();
    publish([spec(a)]);
    const [first] = cluster.all();
    publish([]);
    publish([spec(a)]);
    expect(cluster.all()[0]).to.not.equal(first);
    expect(cluster.all()[0].unusableBecause).to.equal('');
  });

  it('is ready when discovery has answered and so has each first probe, and says what it waits for', () => {
    const { cluster, publish, watches } = clusterRig({ watched: true });
    expect(cluster.notReadyBecause).to.equal('cluster orders: a test has not answered');
    publish([spec(a), spec(b)]);
    watches.get(a)?.says('healthy');
    expect(cluster.notReadyBecause).to.equal(`cluster orders: ${b} has not been probed yet`);
    watches.get(b)?.says('unhealthy');
    expect(cluster.notReadyBecause).to.equal('');
  });

  it('stays ready when a replica joins', () => {
    const { cluster, publish, watches } = clusterRig({ watched: true });
    publish([spec(a)]);
    watches.get(a)?.says('healthy');
    publish([spec(a), spec(b)]);
    expect(cluster.notReadyBecause).to.equal('');
  });

  it('when all endpoints were replaced calls wait for the first answer of one, as they do at the start', () => {
    const { cluster, publish, watches, clock } = clusterRig({ watched: true });
    publish([spec(a)]);
    watches.get(a)?.says('healthy');
    expect(
      cluster.whenWarm(() => {}),
      'there is nothing to wait for',
    ).to.equal(null);
    publish([spec(b), spec(c)]);
    let resumed = 0;
    cluster.whenWarm(() => resumed++);
    watches.get(b)?.says('unhealthy');
    expect(resumed, 'the other may yet be well').to.equal(0);
    watches.get(c)?.says('healthy');
    expect(resumed).to.equal(1);
    cluster.stop();
    expect(clock.pending).to.equal(0);
  });

  it('they wait for no longer than that, and not once every newcomer is known to be ill', () => {
    const { cluster, publish, watches, clock } = clusterRig({ watched: true });
    publish([spec(a)]);
    watches.get(a)?.says('healthy');
    let resumed = 0;
    publish([spec(b)]);
    cluster.whenWarm(() => resumed++);
    clock.advance(warmUpMsMax);
    expect(resumed).to.equal(1);
    publish([spec(c)]);
    cluster.whenWarm(() => resumed++);
    watches.get(c)?.says('unhealthy');
    expect(resumed).to.equal(2);
    expect(cluster.whenWarm(() => {})).to.equal(null);
    cluster.stop();
    expect(clock.pending).to.equal(0);
  });

  it('they wait too when the last that was well falls ill before the newcomer has answered', () => {
    const { cluster, publish, watches } = clusterRig({ watched: true });
    publish([spec(a)]);
    watches.get(a)?.says('healthy');
    publish([spec(a), spec(b)]);
    watches.get(a)?.says('unhealthy');
    expect(cluster.whenWarm(() => {})).to.not.equal(null);
    cluster.stop();
  });

  it('uses healthy endpoints only, from the moment that changes', () => {
    const { cluster, publish, picks, watches, pools } = clusterRig({ watched: true });
    publish([spec(a), spec(b)]);
    expect(picks()).to.deep.equal(new Set(['none']));
    for (const watch of watches.values()) watch.says('healthy');
    expect(picks()).to.deep.equal(new Set([a, b]));
    expect(pools.get(a)?.wakened, 'its back-off is over').to.equal(1);
    watches.get(a)?.says('unhealthy', 'NOT_SERVING');
    expect(picks()).to.deep.equal(new Set([b]));
    expect(cluster.unusableReasons()).to.contain(`${a} unhealthy: NOT_SERVING`);
  });

  it('health checks that find an endpoint well again end what it suffers for its life before', () => {
    const { cluster, publish, watches, clock, pools } = clusterRig({ watched: true, ejects: true });
    publish([spec(a), spec(b)]);
    for (const watch of watches.values()) watch.says('healthy');
    const [endpoint] = cluster.all();
    for (let i = 0; i < 5; i++) {
      beginLease(cluster, endpoint);
      endLease(cluster, endpoint, endings.unavailable, 1, clock.now());
    }
    expect([endpoint.phantomLoad, endpoint.outlier?.state]).to.deep.equal([20, 'ejected']);
    watches.get(a)?.says('healthy');
    expect([endpoint.phantomLoad, endpoint.outlier?.state]).to.deep.equal([0, 'probation']);
    expect(pools.get(a)?.wakened).to.equal(2);
    cluster.stop();
  });

  it('an endpoint drained by hand is out until it is enabled', () => {
    const { cluster, publish, picks, pools } = clusterRig();
    publish([spec(a), spec(b)]);
    expect(cluster.drainEndpoint(a, true)).to.equal(true);
    expect(pools.get(a)?.retired, 'its connections close when idle').to.equal(1);
    expect(picks()).to.deep.equal(new Set([b]));
    expect(cluster.drainEndpoint(a, false)).to.equal(true);
    expect(picks()).to.deep.equal(new Set([a, b]));
    expect(cluster.drainEndpoint(c, true)).to.equal(false);
  });

  it('consecutive errors eject, a trial call brings back', () => {
    const { cluster, publish, picks, clock } = clusterRig({ ejects: true });
    publish([spec(a), spec(b)]);
    const endpoint = cluster.all()[0];
    for (let i = 0; i < 5; i++) {
      beginLease(cluster, endpoint);
      endLease(cluster, endpoint, endings.unavailable, 1, clock.now());
    }
    expect(picks()).to.deep.equal(new Set([b]));
    expect(endpoint.unusableBecause).to.equal('ejected: 5 consecutive calls failed');
    clock.advance(30_000);
    expect(picks()).to.deep.equal(new Set([a, b]));
    beginLease(cluster, endpoint);
    expect(picks(), 'one call is on trial').to.deep.equal(new Set([b]));
    leaseAnswered(cluster, endpoint, 0);
    expect(endpoint.unusableBecause, 'the head of its answer will do').to.equal('');
    cluster.stop();
    expect(clock.pending).to.equal(0);
  });

  it('counts attempts by how they ended; a neutral one says nothing of the endpoint', () => {
    const { cluster, publish, discovery, watches, clock } = clusterRig({ watched: true });
    publish([spec(a)]);
    const [endpoint] = cluster.all();
    const { answered, unavailable, cancelled } = endings;
    for (const ending of [answered, unavailable, cancelled, unavailable]) {
      beginLease(cluster, endpoint);
      endLease(cluster, endpoint, ending, 10, clock.now());
    }
    expect(endpoint).to.include({ success: 1, error: 2, other: 1, total: 4, active: 0 });
    // A failure is a hint to look at its health, and at discovery.
    expect([watches.get(a)?.hints, discovery.refreshed]).to.deep.equal([2, 2]);
    expect(endpoint.phantomLoad).to.equal(20);
    beginLease(cluster, endpoint);
    endLease(cluster, endpoint, endings.answered, 10, clock.now());
    expect(endpoint.phantomLoad).to.equal(0);
  });

  describe('failures that requests may have caused', () => {
    function failing() {
      const rig = clusterRig({ watched: true });
      rig.publish([spec(a), spec(b)]);
      const [bad, good] = rig.cluster.all();
      const end = (endpoint: typeof bad, ending: (typeof endings)[keyof typeof endings]) => {
        beginLease(rig.cluster, endpoint);
        endLease(rig.cluster, endpoint, ending, 10, rig.clock.now());
      };
      const round = (times: number) => {
        for (let i = 0; i < times; i++) {
          end(bad, endings.reset);
          for (let n = 0; n < 2; n++) end(good, endings.answered);
        }
      };
      return { ...rig, bad, good, end, round };
    }

    it('count against an endpoint once it stands out, with its penalty at once', () => {
      const { bad, discovery, watches, round } = failing();
      round(9);
      expect(bad).to.include({ error: 9, unclear: 9, phantomLoad: 0 });
      expect(discovery.refreshed).to.equal(0);
      expect(watches.get(a)?.hints, 'a probe is free to look').to.equal(9);
      round(1);
      expect(bad.phantomLoad).to.equal(20);
      expect(discovery.refreshed).to.equal(1);
    });

    it('do not count while other clients have successes at the usual intervals, however many there are between', () => {
      const { bad, clock, end, round } = failing();
      const serve = (times: number) => {
        for (let i = 0; i < times; i++) {
          end(bad, endings.answered);
          clock.advance(10);
        }
      };
      serve(100);
      // A client that chooses the endpoint by a key has all of its bad requests there between two good ones.
      for (let i = 0; i < 50; i++) {
        round(40);
        clock.advance(40);
        round(40);
        serve(1);
      }
      expect(bad.phantomLoad).to.equal(0);
      // And then it breaks.
      for (let i = 0; i < 100; i++) {
        clock.advance(10);
        round(1);
      }
      expect(bad.phantomLoad).to.equal(20);
    });

    it('are forgotten with a success', () => {
      const { bad, end, round } = failing();
      round(9);
      end(bad, endings.answered);
      round(9);
      expect(bad.phantomLoad).to.equal(0);
      end(bad, endings.rejected);
      expect(bad.suspicion, 'a client error shows that it works').to.equal(null);
    });
  });

  it('is full at its limit', () => {
    const { cluster, publish } = clusterRig();
    publish([spec(a)]);
    const [endpoint] = cluster.all();
    for (let i = 0; i < 3; i++) beginLease(cluster, endpoint);
    expect(cluster.full).to.equal(true);
    expect(cluster.fullError()).to.include({ code: 'overloaded' });
    endLease(cluster, endpoint, endings.answered, 1, 0);
    expect(cluster.full).to.equal(false);
  });

  it('an endpoint at its own limit is passed over; when all are, that is overload', () => {
    const { cluster, publish, clock } = clusterRig({ settings: { endpointRequestsMax: 1 } });
    publish([spec(a, 1000), spec(b)]);
    const first = pickFrom(cluster, 0, null, '')!;
    beginLease(cluster, first);
    const second = pickFrom(cluster, 0, null, '')!;
    expect(new Set([first.address, second.address])).to.deep.equal(new Set([a, b]));
    expect(pickFrom(cluster, 0, new Set([second]), '')).to.equal(null);
    beginLease(cluster, second);
    expect(pickFrom(cluster, 0, null, '')).to.equal(null);
    expect(cluster.saturated).to.equal(true);
    expect(cluster.unusableReasons()).to.contain(`${a} is at its limit of 1 request in flight`);
    endLease(cluster, first, endings.answered, 1, clock.now());
    expect(pickFrom(cluster, 0, null, '')).to.equal(first);
  });

  it('stopped, it watches and asks no more', () => {
    const { cluster, publish, discovery, watches, pools, clock } = clusterRig({ watched: true });
    publish([spec(a)]);
    cluster.stop();
    expect([discovery.stopped, watches.get(a)?.stopped, pools.get(a)?.drained]).to.deep.equal([
      true,
      true,
      true,
    ]);
    expect(clock.pending).to.equal(0);
    expect(formatAddress(cluster.all()[0].target)).to.equal(a);
  });
});
