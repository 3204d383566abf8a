import { expect } from 'chai';
import { buildBalancer } from '../../../src/balancing/build.ts';
import type { Candidate } from '../../../src/balancing/candidate.ts';
import { type BalancerSettings, defaultBalancerSettings } from '../../../src/balancing/settings.ts';
import { hash32 } from '../../../src/core/hash.ts';
import { SeededRandom } from '../../../src/core/random.ts';
import { candidate } from './simulation.ts';

const pool = (count: number): Candidate[] => Array.from({ length: count }, (_, i) => candidate(`e${i}`));
const build = (endpoints: readonly Candidate[], changes: Partial<BalancerSettings> = {}) =>
  buildBalancer(
    endpoints,
    { ...defaultBalancerSettings, policy: 'maglev', hash: [{ header: 'x-user' }], ...changes },
    new SeededRandom(1),
  );

describe('hash policies with bounded load', () => {
  for (const policy of ['ring_hash', 'maglev'] as const) {
    it(`${policy} lets no endpoint have more than 1.25 times its share of calls of one key`, () => {
      const endpoints = pool(4);
      const balancer = build(endpoints, { policy, boundedLoad: { factor: 1.25 } });
      for (let i = 1; i <= 400; i++) {
        const picked = balancer.pick(0, null, 'hot') as Candidate;
        picked.active++;
        for (const { active } of endpoints) expect(active).to.be.at.most(Math.ceil((1.25 * i) / 4));
      }
      expect(Math.max(...endpoints.map(({ active }) => active))).to.equal(125);
    });

    it(`${policy} heeds weights in the bound`, () => {
      const endpoints = [candidate('a', 1), candidate('b', 3)];
      const balancer = build(endpoints, { policy, boundedLoad: { factor: 1.25 } });
      for (let i = 0; i < 400; i++) (balancer.pick(0, null, `hot-${i % 2}`) as Candidate).active++;
      expect(endpoints[0].active).to.be.at.most(125);
      expect(endpoints[1].active).to.be.at.most(375);
    });

    it(`${policy} lets a heavy endpoint have its weight times as many calls of one key`, () => {
      const endpoints = [candidate('a', 1), candidate('b', 3)];
      const balancer = build(endpoints, { policy, boundedLoad: { factor: 1.25 } });
      const keys = Array.from({ length: 100 }, (_, i) => `hot-${i}`);
      const key = keys.find((one) => balancer.pick(0, null, one) === endpoints[1]) as string;
      for (let i = 0; i < 400; i++) (balancer.pick(0, null, key) as Candidate).active++;
      expect(endpoints.map(({ active }) => active)).to.deep.equal([25, 375]);
    });
  }

  it('sends what is too much for one endpoint over all others, a key always to the same', () => {
    const endpoints = pool(5);
    const balancer = build(endpoints, { boundedLoad: { factor: 1.25 } });
    const full = balancer.pick(0, null, 'k0') as Candidate;
    full.active = 100;
    const keys = Array.from({ length: 2000 }, (_, i) => `k${i}`);
    const unbounded = build(endpoints);
    const own = keys.filter((key) => unbounded.pick(0, null, key) === full);
    const seconds = own.map((key) => balancer.pick(0, null, key));
    expect(seconds).not.to.include(full);
    expect(new Set(seconds).size).to.equal(4);
    expect(own.map((key) => balancer.pick(0, null, key))).to.deep.equal(seconds);
  });

  it('leaves every key with its owner in an idle pool, and again once the load has gone', () => {
    const endpoints = pool(5);
    const keys = Array.from({ length: 200 }, (_, i) => `k${i}`);
    for (const policy of ['ring_hash', 'maglev'] as const) {
      const owners = keys.map((key) => build(endpoints, { policy }).pick(0, null, key));
      const bounded = build(endpoints, { policy, boundedLoad: { factor: 1.25 } });
      const picked = () => keys.map((key) => bounded.pick(0, null, key));
      expect(picked()).to.deep.equal(owners);
      endpoints[1].active = 100;
      expect(picked()).not.to.include(endpoints[1]);
      endpoints[1].active = 0;
      expect(picked()).to.deep.equal(owners);
    }
  });

  it('takes one that is full where all others are excluded', () => {
    const endpoints = pool(2);
    endpoints[0].active = 100;
    const balancer = build(endpoints, { boundedLoad: { factor: 1.25 } });
    expect(balancer.pick(0, new Set([endpoints[1]]), 'k')).to.equal(endpoints[0]);
  });

  it('takes one that is full where all others are excluded, however small its weight', () => {
    const endpoints = [candidate('a', 0.001), candidate('b', 0.001)];
    endpoints[0].active = 100;
    const balancer = build(endpoints, { boundedLoad: { factor: 1.25 } });
    for (let i = 0; i < 20; i++)
      expect(balancer.pick(0, new Set([endpoints[1]]), `k${i}`)).to.equal(endpoints[0]);
  });
});

describe('hash policies', () => {
  it('say why in plain words', () => {
    const endpoints = pool(3);
    const balancer = build(endpoints);
    const why = (key: string, excluded: Set<Candidate> | null = null, over = {}) => {
      const one = build(endpoints, over);
      const picked = one.pick(0, excluded, key) as Candidate;
      return String(one.explain(picked, 0, key));
    };
    const own = balancer.pick(0, null, 'ada') as Candidate;
    const next = balancer.pick(0, new Set([own]), 'ada') as Candidate;
    const hash = (hash32('ada') >>> 0).toString(16).padStart(8, '0');
    const owned = `the key of the request (header x-user) has the hash ${hash}, which the maglev table gives to`;
    expect(why('ada')).to.equal(`${owned} ${own.address}`);
    expect(why('ada', new Set([own]))).to.equal(
      `${owned} ${own.address}, which an earlier attempt has used; ${next.address} is the next for this key`,
    );
    own.active = 10;
    expect(why('ada', null, { boundedLoad: { factor: 1.25 } })).to.equal(
      `${owned} ${own.address}, which has 10 requests in flight, at its limit of 5 (boundedLoad); ${next.address} is the next for this key`,
    );
    own.active = 0;
    expect(why('')).to.match(
      /^the request has no key \(header x-user\), so \S+ was chosen at random, by weight \(1\)$/,
    );
    expect(why('', new Set([own]))).to.match(/^the request has no key/);
    expect(hash32('bea')).to.be.below(0);
    expect(why('bea')).to.contain(
      `has the hash ${(hash32('bea') >>> 0).toString(16).padStart(8, '0')}, which`,
    );
    expect(why('::1', null, { policy: 'ip_hash' })).to.contain('(source address)');
    expect(why('a', null, { policy: 'ring_hash' })).to.contain('which the ring table gives to');
  });

  it('agree with other versions of this program: these owners may not change', () => {
    const endpoints = [
      candidate('10.0.0.1:80', 1),
      candidate('10.0.0.2:80', 2),
      candidate('10.0.0.3:80', 0.5),
    ];
    const owners = (changes: Partial<BalancerSettings>) =>
      Array.from({ length: 32 }, (_, i) => {
        const picked = build(endpoints, changes).pick(0, null, `user-${'x'.repeat(i % 5)}${i}`) as Candidate;
        return endpoints.indexOf(picked);
      }).join('');
    expect({
      maglev: owners({}),
      small: owners({ tableSize: 101 }),
      ring: owners({ policy: 'ring_hash' }),
      sparse: owners({ policy: 'ring_hash', ringSize: { perEndpoint: 1, max: 4 } }),
      second: Array.from({ length: 32 }, (_, i) => {
        const picked = build(endpoints).pick(0, new Set([endpoints[1]]), `user-${i}`) as Candidate;
        return endpoints.indexOf(picked);
      }).join(''),
    }).to.deep.equal({
      maglev: '01111111001100021101101001101111',
      small: '11121101001111111121120211011002',
      ring: '01122111100111101202111110012111',
      sparse: '22222212222022122121222222222121',
      second: '02000200000020020022002202020022',
    });
  });

  it('give a key to the same endpoint whatever the unit of the weights', () => {
    const weights = [1, 2, 3, 4];
    const cases: Partial<BalancerSettings>[] = [
      { policy: 'ring_hash' },
      { policy: 'ring_hash', ringSize: { perEndpoint: 1024, max: 100 } },
      { policy: 'maglev' },
    ];
    for (const changes of cases) {
      const owners = [0.1, 1, 8].map((unit) => {
        const endpoints = weights.map((weight, i) => candidate(`e${i}`, weight * unit));
        const balancer = build(endpoints, changes);
        return Array.from({ length: 500 }, (_, i) =>
          endpoints.indexOf(balancer.pick(0, null, `k${i}`) as Candidate),
        );
      });
      expect(owners[0], changes.policy).to.deep.equal(owners[1]);
      expect(owners[2], changes.policy).to.deep.equal(owners[1]);
    }
  });

  it('keep every key on its endpoint whatever the order of the list', () => {
    const endpoints = pool(20);
    for (const policy of ['ring_hash', 'maglev'] as const) {
      const keys = Array.from({ length: 5000 }, (_, i) => `k${i}`);
      const [one, other] = [endpoints, [...endpoints].reverse()].map((list) => build(list, { policy }));
      const moved = keys.filter((key) => one.pick(0, null, key) !== other.pick(0, null, key));
      expect(moved).to.deep.equal([]);
    }
  });
});
