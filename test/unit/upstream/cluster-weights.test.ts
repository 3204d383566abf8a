import { expect } from 'chai';
import { affinityOf } from '../../../src/balancing/build.ts';
import { type BalancerSettings, defaultBalancerSettings } from '../../../src/balancing/settings.ts';
import { VirtualClock } from '../../../src/core/clock.ts';
import type { EndpointSpec } from '../../../src/core/endpoint-spec.ts';
import { silentLogger } from '../../../src/core/logger.ts';
import { SeededRandom } from '../../../src/core/random.ts';
import type { DiscoverySource, Publish } from '../../../src/discovery/source.ts';
import { Cluster } from '../../../src/upstream/cluster.ts';
import type { Endpoint } from '../../../src/upstream/endpoint.ts';
import { explainPick, pickFrom } from '../../support/leases.ts';
import { FakePool } from '../call/call-rig.ts';

const spec = (port: number, changes: Partial<EndpointSpec> = {}): EndpointSpec => ({
  address: { kind: 'tcp', host: '10.0.0.1', port },
  weight: 1,
  zone: '',
  priority: 0,
  ...changes,
});

function setUp(specs: readonly EndpointSpec[], balancer: Partial<BalancerSettings>, localZone = '') {
  const clock = new VirtualClock();
  let publish: Publish = () => {};
  const settings = { ...defaultBalancerSettings, ...balancer };
  const cluster = new Cluster(
    {
      name: 'orders',
      protocol: 'http2',
      balancer: settings,
      affinity: affinityOf(settings),
      requestsMax: 1000,
    },
    {
      clock,
      random: new SeededRandom(1),
      logger: silentLogger,
      discovery: {
        describe: 'a test',
        status: { answered: true, endpoints: 0, lastAnswerMs: 0, lastError: '' },
        start: (to: Publish) => {
          publish = to;
          to(specs);
        },
        refresh: () => {},
        stop: () => {},
      } as DiscoverySource,
      newPool: () => new FakePool(),
      watchHealth: null,
      outlier: null,
      localZone,
    },
  );
  cluster.start();
  const weights = () => cluster.all().map(({ weight }) => weight);
  return { clock, cluster, weights, publish: (list: EndpointSpec[]) => publish(list) };
}

/** Picks without ending them, so that least_request shows its weights. */
function sharesOf(cluster: Cluster, picks = 10_000): Map<Endpoint, number> {
  const shares = new Map<Endpoint, number>();
  for (let i = 0; i < picks; i++) {
    const endpoint = pickFrom(cluster, 0, null, '') as Endpoint;
    endpoint.active++;
    shares.set(endpoint, (shares.get(endpoint) ?? 0) + 1 / picks);
  }
  for (const endpoint of shares.keys()) endpoint.active = 0;
  return shares;
}

describe('Cluster: slow start', () => {
  const slowStart = { windowMs: 10_000, aggression: 1 };

  it('lets the weight of an endpoint that joins grow, in steps, to what is configured', () => {
    const { clock, cluster, weights, publish } = setUp([spec(1), spec(2)], { slowStart });
    clock.advance(10_000);
    expect(weights()).to.deep.equal([1, 1]);
    expect(clock.pending).to.equal(0); // nothing grows, nothing runs
    publish([spec(1), spec(2), spec(3, { weight: 4 })]);
    expect(weights()).to.deep.equal([1, 1, 0.4]);
    clock.advance(5000);
    expect(weights()[2]).to.be.closeTo(2, 1e-9);
    expect(sharesOf(cluster).get(cluster.all()[2])).to.be.closeTo(0.5, 0.01);
    clock.advance(5000);
    expect(weights()).to.deep.equal([1, 1, 4]);
    expect(clock.pending).to.equal(0);
    cluster.stop();
  });

  it('begins again when one comes back, and not for those that stayed', () => {
    const { clock, cluster, weights } = setUp([spec(1), spec(2)], { slowStart });
    clock.advance(10_000);
    const { address } = cluster.all()[0];
    cluster.drainEndpoint(address, true);
    clock.advance(60_000);
    cluster.drainEndpoint(address, false);
    expect(weights()).to.deep.equal([0.1, 1]);
    clock.advance(2500);
    expect(weights()[0]).to.be.closeTo(0.25, 0.02); // a step
    cluster.stop();
    expect(clock.pending).to.equal(0);
  });

  it('has one timer however often the cluster changes meanwhile, and none once it has stopped', () => {
    const { clock, cluster, publish } = setUp([spec(1)], { slowStart });
    clock.advance(20_000);
    publish([spec(1), spec(2)]);
    for (let i = 0; i < 3; i++) cluster.rebuild();
    expect(clock.pending).to.equal(1);
    cluster.stop();
    expect(clock.pending).to.equal(0);
    cluster.rebuild();
    expect(clock.pending, 'a health check that answers late').to.equal(0);
  });

  it('is off unless set, and sets no timer then', () => {
    const { clock, weights, publish } = setUp([spec(1)], {});
    publish([spec(1), spec(2, { weight: 3 })]);
    expect(weights()).to.deep.equal([1, 3]);
    expect(clock.pending).to.equal(0);
  });

  it('moves no keys of hash policies', () => {
    const hash = [{ header: 'x-user' }];
    const { clock, cluster, publish } = setUp([spec(1), spec(2)], { policy: 'ring_hash', hash, slowStart });
    publish([spec(1), spec(2), spec(3)]);
    const owners = () =>
      Array.from({ length: 500 }, (_, i) => pickFrom(cluster, 0, null, `user-${i}`)?.address);
    const before = owners();
    clock.advance(3000);
    expect(owners()).to.deep.equal(before);
    cluster.stop();
  });
});

describe('Cluster: the balancer', () => {
  it('is kept where nothing changed, so that round robin keeps its place', () => {
    const { cluster, publish } = setUp([spec(1), spec(2), spec(3)], { policy: 'round_robin' });
    const turn = () => pickFrom(cluster, 0, null, '')?.address;
    const order = [turn(), turn(), turn()];
    for (let i = 0; i < 30; i++) {
      cluster.rebuild();
      publish([spec(1), spec(2), spec(3)]);
      expect(turn()).to.equal(order[i % 3]);
    }
  });

  it('is rebuilt where its settings alone change', () => {
    const { cluster } = setUp([spec(1), spec(2)], { policy: 'random' });
    const before = { ...defaultBalancerSettings, policy: 'round_robin' as const };
    cluster.reconfigure({ ...cluster.settings, balancer: before }, null);
    const turns = Array.from({ length: 6 }, () => pickFrom(cluster, 0, null, '')?.address);
    expect(
      new Set([turns.slice(0, 2).join(), turns.slice(2, 4).join(), turns.slice(4).join()]).size,
    ).to.equal(1);
    expect(new Set(turns).size).to.equal(2);
  });

  it('distinguishes five kinds of unusable endpoints, and counts the rest together', () => {
    const specs = Array.from({ length: 9 }, (_, i) => spec(i + 1));
    const { cluster } = setUp(specs, {});
    const reasons = ['a', 'b', 'c', 'd', 'a: 1', 'e', 'f', 'g'];
    const [fine, ...ill] = cluster.all();
    ill.forEach((endpoint, i) => {
      (endpoint.pool as FakePool).backingOff = reasons[i];
    });
    cluster.rebuild();
    expect(pickFrom(cluster, 0, null, '')).to.equal(fine);
    expect(explainPick(cluster, fine, 0, '').census).to.deep.include({
      usable: 1,
      total: 9,
      unusable: 'a: 2, b: 1, c: 1, d: 1, e: 1, other reasons: 2',
    });
  });

  it('follows a change of zone alone, and the change back', () => {
    const zoned = [spec(1, { zone: 'a' }), spec(2, { zone: 'b' })];
    const moved = [spec(1, { zone: 'b' }), spec(2, { zone: 'a' })];
    const { cluster, publish } = setUp(zoned, {}, 'b');
    const picked = (): string[] => [...sharesOf(cluster, 50).keys()].map(({ address }) => address);
    expect(picked()).to.deep.equal(['10.0.0.1:2']);
    publish(moved);
    expect(picked()).to.deep.equal(['10.0.0.1:1']);
    publish(zoned);
    expect(picked()).to.deep.equal(['10.0.0.1:2']);
  });

  it('follows a change of priority alone, and the change back', () => {
    const before = [spec(1), spec(2, { priority: 1 })];
    const { cluster, publish } = setUp(before, {});
    const picked = (): string[] => [...sharesOf(cluster, 50).keys()].map(({ address }) => address);
    expect(picked()).to.deep.equal(['10.0.0.1:1']);
    publish([spec(1, { priority: 1 }), spec(2)]);
    expect(picked()).to.deep.equal(['10.0.0.1:2']);
    publish(before);
    expect(picked()).to.deep.equal(['10.0.0.1:1']);
  });

  it('of a cluster rebuilt leaves out what was drained by hand before', () => {
    const before = setUp([spec(1), spec(2)], {}).cluster;
    before.drainEndpoint('10.0.0.1:1', true);
    const after = setUp([spec(1), spec(2)], {}).cluster;
    after.replaces(before);
    const picked = (): string[] => [...sharesOf(after, 50).keys()].map(({ address }) => address).sort();
    expect(picked()).to.deep.equal(['10.0.0.1:2']);
    after.drainEndpoint('10.0.0.1:1', false);
    expect(picked()).to.deep.equal(['10.0.0.1:1', '10.0.0.1:2']);
  });

  it('is rebuilt where an endpoint was replaced by one of the same address', () => {
    const { cluster, publish } = setUp([spec(1)], {});
    const before = pickFrom(cluster, 0, null, '');
    publish([]);
    publish([spec(1)]);
    expect(pickFrom(cluster, 0, null, '')?.address).to.equal(before?.address);
    expect(pickFrom(cluster, 0, null, '')).not.to.equal(before);
  });
});

describe('Cluster: zones, priorities and panic', () => {
  it('prefers the own zone, and shows its shares', () => {
    const zoned = [spec(1, { zone: 'a' }), spec(2, { zone: 'b' })];
    const { cluster } = setUp(zoned, {}, 'b');
    expect([...sharesOf(cluster).keys()].map(({ zone }) => zone)).to.deep.equal(['b']);
    expect([...cluster.shares().values()]).to.deep.equal([1]);
  });

  it('shows shares by weight', () => {
    const { cluster } = setUp([spec(1, { weight: 1 }), spec(2, { weight: 3 })], {});
    expect([...cluster.shares().values()]).to.deep.equal([0.25, 0.75]);
  });

  it('shows the shares of priorities by their weights', () => {
    const { cluster } = setUp([spec(1), spec(2), spec(3, { priority: 1 }), spec(4, { priority: 1 })], {});
    const [a, b, c, d] = cluster.all();
    expect(cluster.shares()).to.deep.equal(
      new Map([
        [a, 0.5],
        [b, 0.5],
      ]),
    );
    // By hand is no failure: who is drained is no capacity that is missing.
    cluster.drainEndpoint(a.address, true);
    expect(cluster.shares()).to.deep.equal(new Map([[b, 1]]));
    a.drainedByHand = false;
    a.pool = Object.assign(new FakePool(), { backingOff: 'refused' });
    cluster.rebuild();
    const shares = cluster.shares();
    expect(shares.get(b)).to.be.closeTo(0.7, 1e-9);
    expect(shares.get(c)).to.be.closeTo(0.15, 1e-9);
    expect(shares.get(d)).to.be.closeTo(0.15, 1e-9);
    const picked = sharesOf(cluster, 40_000);
    expect(picked.get(b)).to.be.closeTo(0.7, 0.0125);
  });

  it('uses unusable endpoints in panic, but none that is drained by hand', () => {
    const { cluster } = setUp([spec(1), spec(2), spec(3)], { panicPercent: 50 });
    const [a, b, c] = cluster.all();
    for (const endpoint of [a, b]) endpoint.pool = Object.assign(new FakePool(), { backingOff: 'refused' });
    cluster.drainEndpoint(c.address, true);
    expect(new Set(sharesOf(cluster).keys())).to.deep.equal(new Set([a, b]));
  });
});

describe('Cluster: an address that another name leads to', () => {
  it('is another endpoint, since TLS verified the name before, and inherits what is known of the replica', () => {
    const { cluster, publish } = setUp([spec(1, { hostname: 'orders.test' }), spec(2)], {});
    const [before, other] = cluster.all();
    cluster.drainEndpoint(before.address, true);
    publish([spec(1, { hostname: 'orders.test' }), spec(2)]);
    expect(cluster.all()).to.have.members([before, other]);
    publish([spec(1, { hostname: 'other.test' }), spec(2)]);
    expect(before.removed).to.equal(true);
    const after = cluster.all().find(({ address }) => address === before.address);
    expect(after).to.include({ hostname: 'other.test', drainedByHand: true });
    expect(cluster.all()).to.include(other);
  });
});
