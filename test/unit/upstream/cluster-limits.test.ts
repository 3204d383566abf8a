import { expect } from 'chai';
import { endings } from '../../../src/core/ending.ts';
import { beginLease, endLease, explainPick, leaseAnswered, pickFrom } from '../../support/leases.ts';
import { clusterRig, spec } from './cluster-rig.ts';

const [a, b, c] = ['10.0.0.1:1', '10.0.0.2:1', '10.0.0.3:1'];

describe('Cluster: limits', () => {
  it('a retry takes a place, and gives it back', () => {
    const { cluster } = clusterRig({ settings: { retriesMax: 2 } });
    expect([cluster.takeRetry(), cluster.takeRetry(), cluster.takeRetry()]).to.deep.equal([
      true,
      true,
      false,
    ]);
    expect(cluster.retries).to.equal(2);
    cluster.giveRetry();
    expect([cluster.takeRetry(), cluster.takeRetry()]).to.deep.equal([true, false]);
    cluster.giveRetry();
    cluster.giveRetry();
    expect(cluster.retries).to.equal(0);
  });

  it('without a limit every retry has a place', () => {
    const { cluster } = clusterRig();
    for (let i = 0; i < 2000; i++) expect(cluster.takeRetry()).to.equal(true);
    expect(cluster.retries).to.equal(2000);
  });

  it('an endpoint at its limit gets the next call once one of its calls has ended', () => {
    const { cluster, publish, clock } = clusterRig({ settings: { endpointRequestsMax: 1 } });
    publish([spec(a), spec(b)]);
    const first = pickFrom(cluster, 0, null, '')!;
    beginLease(cluster, first);
    expect(cluster.saturated, 'one of two is at its limit').to.equal(true);
    const second = pickFrom(cluster, 0, null, '')!;
    expect(second).not.to.equal(first);
    beginLease(cluster, second);
    expect(pickFrom(cluster, 0, null, '')).to.equal(null);
    endLease(cluster, first, endings.answered, 1, clock.now());
    for (let i = 0; i < 20; i++) expect(pickFrom(cluster, 0, null, '')).to.equal(first);
    endLease(cluster, second, endings.answered, 1, clock.now());
    expect(cluster.saturated).to.equal(false);
  });

  it('the reason of a pick counts the full endpoints of that pick alone', () => {
    const { cluster, publish } = clusterRig({
      settings: { endpointRequestsMax: 1 },
      balancer: { policy: 'round_robin' },
    });
    publish([spec(a), spec(b), spec(c)]);
    const [one, two] = cluster.all();
    beginLease(cluster, one);
    beginLease(cluster, two);
    const fullOf = (without: ReadonlySet<typeof one> | null): number[] => {
      const endpoint = pickFrom(cluster, 0, without, '')!;
      const { full, excluded } = explainPick(cluster, endpoint, 0, '');
      return [full, excluded];
    };
    const counts = [fullOf(null), fullOf(null), fullOf(null)].map(([full]) => full);
    expect(Math.max(...counts)).to.equal(2);
    expect(fullOf(new Set([one, two]))).to.deep.equal([0, 2]);
    endLease(cluster, one, endings.answered, 1, 0);
    endLease(cluster, two, endings.answered, 1, 0);
    expect(fullOf(null)).to.deep.equal([0, 0]);
  });

  it('reports that an endpoint may have processed nothing where the cluster is full', () => {
    const { cluster, publish } = clusterRig();
    publish([spec(a)]);
    for (let i = 0; i < 3; i++) beginLease(cluster, cluster.all()[0]);
    expect(cluster.fullError()).to.deep.equal({
      code: 'overloaded',
      detail: 'cluster orders is at its limit of 3 requests in flight',
      mayHaveProcessed: false,
    });
  });

  it('names five endpoints and why each is unusable, and counts the rest', () => {
    const { cluster, publish } = clusterRig({ settings: { endpointRequestsMax: 1 } });
    const addresses = [1, 2, 3, 4, 5, 6, 7].map((i) => `10.0.0.${i}:1`);
    publish(addresses.slice(0, 5).map((address) => spec(address)));
    const [first, second] = cluster.all();
    beginLease(cluster, first);
    cluster.drainEndpoint(second.address, true);
    const five =
      '10.0.0.1:1 is at its limit of 1 request in flight; 10.0.0.2:1 drained by hand; 10.0.0.3:1 was used by an earlier attempt; 10.0.0.4:1 was used by an earlier attempt; 10.0.0.5:1 was used by an earlier attempt';
    expect(cluster.unusableReasons()).to.equal(five);
    publish(addresses.map((address) => spec(address)));
    expect(cluster.unusableReasons()).to.equal(`${five}; and 2 more`);
  });
});

describe('Cluster: what an attempt leaves behind', () => {
  it('answers count, with their latency and rate; a cancelled call does not', () => {
    const { cluster, publish, clock } = clusterRig();
    publish([spec(a)]);
    const [endpoint] = cluster.all();
    const attempt = (ending: (typeof endings)[keyof typeof endings], ms: number): void => {
      beginLease(cluster, endpoint);
      endLease(cluster, endpoint, ending, ms, clock.now());
    };
    attempt(endings.answered, 8);
    attempt(endings.cancelled, 500);
    expect(endpoint.answers).to.equal(1);
    expect(endpoint.latency.quantile(1, clock.now())).to.be.closeTo(8, 1);
    clock.advance(1000);
    expect(endpoint.rate.perSecond(clock.now())).to.be.greaterThan(0);
  });

  it('a policy that learns from latency hears of answers and of failures', () => {
    const { cluster, publish, clock } = clusterRig({ balancer: { policy: 'peak_ewma' } });
    publish([spec(a)]);
    const [endpoint] = cluster.all();
    beginLease(cluster, endpoint);
    clock.advance(40);
    leaseAnswered(cluster, endpoint, 0);
    expect(endpoint.latencyMs).to.equal(40);
    endLease(cluster, endpoint, endings.answered, 40, clock.now());
    beginLease(cluster, endpoint);
    endLease(cluster, endpoint, endings.unavailable, 90, clock.now());
    expect(endpoint.latencyMs).to.equal(90);
  });

  it('a trial that is cancelled says nothing, and the next call probes instead', () => {
    const { cluster, publish, clock, picks } = clusterRig({ ejects: true });
    publish([spec(a), spec(b)]);
    const endpoint = cluster.all()[0];
    for (let i = 0; i < 5; i++) {
      beginLease(cluster, endpoint);
      endLease(cluster, endpoint, endings.unavailable, 1, clock.now());
    }
    clock.advance(30_000);
    beginLease(cluster, endpoint);
    expect(picks()).to.deep.equal(new Set([b]));
    endLease(cluster, endpoint, endings.cancelled, 1, clock.now());
    expect(picks(), 'it may be tried again').to.deep.equal(new Set([a, b]));
    beginLease(cluster, endpoint);
    expect(picks()).to.deep.equal(new Set([b]));
    endLease(cluster, endpoint, endings.answered, 1, clock.now());
    expect(picks()).to.deep.equal(new Set([a, b]));
    cluster.stop();
  });

  it('an answer between failures begins the count of consecutive ones again', () => {
    const { cluster, publish, clock } = clusterRig({ ejects: true });
    publish([spec(a), spec(b)]);
    const endpoint = cluster.all()[0];
    const attempt = (ending: (typeof endings)[keyof typeof endings]): void => {
      beginLease(cluster, endpoint);
      endLease(cluster, endpoint, ending, 1, clock.now());
    };
    for (let i = 0; i < 4; i++) attempt(endings.unavailable);
    attempt(endings.answered);
    for (let i = 0; i < 4; i++) attempt(endings.unavailable);
    expect(endpoint.unusableBecause).to.equal('');
    attempt(endings.unavailable);
    expect(endpoint.unusableBecause).to.match(/^ejected/);
    cluster.stop();
  });

  it('failures that have either cause count once other endpoints do better', () => {
    const { cluster, publish, clock, watches } = clusterRig({ ejects: true, watched: true });
    publish([spec(a), spec(b)]);
    for (const watch of watches.values()) watch.says('healthy');
    const [broken, fine] = cluster.all();
    const attempt = (endpoint: typeof broken, ending: (typeof endings)[keyof typeof endings]): void => {
      beginLease(cluster, endpoint);
      endLease(cluster, endpoint, ending, 1, clock.now());
    };
    // Both fail alike: it is the requests.
    for (let i = 0; i < 50; i++) for (const endpoint of [broken, fine]) attempt(endpoint, endings.reset);
    expect([broken.unusableBecause, fine.unusableBecause]).to.deep.equal(['', '']);
    expect([broken.phantomLoad, fine.phantomLoad]).to.deep.equal([0, 0]);
    expect(watches.get(a)!.hints, 'its health is asked for').to.equal(50);
    expect(broken.unclear).to.equal(50);
    // Only one goes on failing.
    for (let i = 0; i < 50; i++) {
      attempt(broken, endings.reset);
      attempt(fine, endings.answered);
    }
    expect(broken.unusableBecause).to.match(/^ejected/);
    expect(fine.unusableBecause).to.equal('');
    cluster.stop();
  });
});
