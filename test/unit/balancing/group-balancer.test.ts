import { expect } from 'chai';
import { buildBalancer } from '../../../src/balancing/build.ts';
import type { Candidate } from '../../../src/balancing/candidate.ts';
import { balanceGroups } from '../../../src/balancing/group-balancer.ts';
import { policyNames } from '../../../src/balancing/list.ts';
import { roundRobin } from '../../../src/balancing/round-robin.ts';
import { type BalancerSettings, defaultBalancerSettings } from '../../../src/balancing/settings.ts';
import { SeededRandom } from '../../../src/core/random.ts';
import { balancerContract } from '../../contract/balancer.ts';
import { candidate } from './simulation.ts';

const picks = 40_000;
const tolerance = 5 * Math.sqrt(0.25 / picks);

/** Each policy behind priorities: the members given, and a standby that gets nothing while they are there. */
for (const policy of ['least_request', 'round_robin', 'maglev'] as const) {
  balancerContract({
    name: `${policy} with a standby`,
    build: (endpoints, random) =>
      buildBalancer(endpoints, { ...defaultBalancerSettings, policy }, random, {
        members: [...endpoints, candidate('standby', 1, 1)],
        localZone: '',
      }),
    ...(policy === 'maglev' ? { keyed: true, shareError: () => 0.001 } : {}),
  });
}

describe('a balancer over priorities and zones', () => {
  const seed = Math.floor(Math.random() * 2 ** 32);
  afterEach(function () {
    if (this.currentTest?.state === 'failed') console.log(`      seed ${seed}`);
  });
  const settingsOf = (changes: Partial<BalancerSettings>) => ({ ...defaultBalancerSettings, ...changes });
  const level = (count: number, priority: number) =>
    Array.from({ length: count }, (_, i) => candidate(`${priority}-${i}`, 1, priority));

  for (const policy of policyNames) {
    it(`${policy} spills 30% over where half of the first priority is usable`, () => {
      const members = [...level(10, 0), ...level(4, 1)];
      const usable = members.slice(5);
      const random = new SeededRandom(seed);
      const balancer = buildBalancer(usable, settingsOf({ policy }), random, { members, localZone: '' });
      let spilled = 0;
      for (let i = 0; i < picks; i++) {
        const picked = balancer.pick(i, null, '') as Candidate;
        expect(usable.includes(picked)).to.equal(true);
        if (picked.priority === 1) spilled++;
      }
      expect(spilled / picks).to.be.closeTo(0.3, tolerance);
    });

    it(`${policy} goes on to the next priority when a call has used all of the first`, () => {
      const members = [...level(2, 0), ...level(1, 1)];
      const balancer = buildBalancer(members, settingsOf({ policy }), new SeededRandom(seed));
      const tried = new Set<Candidate>();
      const order = members.map((_, i) => {
        const picked = balancer.pick(i, tried, '') as Candidate;
        tried.add(picked);
        return picked.priority;
      });
      expect(order).to.deep.equal([0, 0, 1]);
      expect(balancer.pick(0, tried, '')).to.equal(null);
    });
  }

  it('keeps the calls of a key in one place where calls are shared out', () => {
    const members = [...level(10, 0), ...level(4, 1)];
    const build = (random: SeededRandom) =>
      buildBalancer(members.slice(5), settingsOf({ policy: 'maglev' }), random, { members, localZone: '' });
    const [one, other] = [build(new SeededRandom(seed)), build(new SeededRandom(seed + 1))];
    let spilled = 0;
    for (let i = 0; i < 5000; i++) {
      const picked = one.pick(0, null, `user-${i}`) as Candidate;
      expect(other.pick(0, null, `user-${i}`)).to.equal(picked);
      if (picked.priority === 1) spilled++;
    }
    expect(spilled / 5000).to.be.closeTo(0.3, 5 * Math.sqrt(0.25 / 5000));
  });

  it('puts a key in the same group as other versions of this program: these groups may not change', () => {
    const members = [...level(10, 0), ...level(4, 1)];
    const balancer = buildBalancer(
      members.slice(5),
      settingsOf({ policy: 'maglev' }),
      new SeededRandom(seed),
      {
        members,
        localZone: '',
      },
    );
    const groups = Array.from(
      { length: 40 },
      (_, i) => (balancer.pick(0, null, `user-${i}`) as Candidate).priority,
    );
    expect(groups.join('')).to.equal('1000000101000000110010000110000001110010');
  });

  it('says which priority and zone, and why', () => {
    const members = [...level(10, 0), ...level(4, 1)];
    const balancer = buildBalancer(members.slice(5), settingsOf({}), new SeededRandom(seed), {
      members,
      localZone: '',
    });
    const why = (one: typeof balancer, excluded: Set<Candidate>) =>
      String(one.explain(one.pick(0, excluded, '') as Candidate, 0, ''));
    expect(why(balancer, new Set(members.slice(5, 10)))).to.match(
      /^priority 1 \(30% of the requests\), 4 endpoints; 1-\d had the fewest requests in flight per weight \(0\/1\), as did 3 others/,
    );
    const zoned = ['a', 'a', 'b', 'b'].map((zone, i) => ({ ...candidate(`${zone}${i}`), zone }));
    const near = buildBalancer(zoned, settingsOf({}), new SeededRandom(seed), {
      members: zoned,
      localZone: 'b',
    });
    expect(why(near, new Set())).to.match(/^zone b \(100%\), 2 endpoints; b\d had the fewest/);
    expect(why(near, new Set(zoned.slice(2)))).to.match(/^zone a \(0%\), 2 endpoints; a\d had the fewest/);
  });
});

describe('a balancer over groups', () => {
  const group = (share: number, ...names: string[]) => ({
    endpoints: names.map((name) => candidate(name)),
    share,
    why: `group ${names.join('')}`,
  });
  const lowest = { next: () => 0, i32: () => 0, u32: () => 0 };
  const over = (...groups: ReturnType<typeof group>[]) =>
    balanceGroups(groups, (endpoints) => roundRobin(endpoints, lowest), lowest);

  it('gives nothing to a group without a share, whatever is drawn', () => {
    const balancer = over(group(0, 'a'), group(1, 'b'));
    for (let i = 0; i < 5; i++) expect(balancer.pick(0, null, '')?.address).to.equal('b');
  });

  it('finds a group for the greatest number that can be drawn, however shares are rounded', () => {
    const random = new SeededRandom(1);
    const greatest = { next: () => 1 - Number.EPSILON / 2, i32: () => 0, u32: () => 0 };
    for (let round = 0; round < 500; round++) {
      // Shares of very different sizes: about one sum in eight is rounded so that the point passes them all.
      const groups = [...'abcdefghij'].map((name) => group(random.next() ** 6, name));
      const balancer = balanceGroups(groups, (endpoints) => roundRobin(endpoints, lowest), greatest);
      expect(balancer.pick(0, null, '')).not.to.equal(null);
    }
  });

  it('goes on to the others in order where all of its group were used, to those before it as well', () => {
    const groups = [group(0, 'a'), group(1, 'b', 'c'), group(0, 'd')];
    const balancer = over(...groups);
    const tried = new Set(groups[1].endpoints);
    const first = balancer.pick(0, tried, '') as Candidate;
    expect(first.address).to.equal('a');
    expect(String(balancer.explain(first, 0, ''))).to.contain('group a, 1 endpoint');
    tried.add(first);
    expect(balancer.pick(0, tried, '')?.address).to.equal('d');
    expect(balancer.pick(0, new Set(groups.flatMap(({ endpoints }) => endpoints)), '')).to.equal(null);
  });

  it('says which group it was and how many are in it', () => {
    const balancer = over(group(0.5, 'a', 'b'), group(0.5, 'c'));
    const picked = balancer.pick(0, null, '') as Candidate;
    expect(String(balancer.explain(picked, 0, ''))).to.contain('group ab, 2 endpoints');
  });

  it('draws a group in proportion to its share, whatever the shares add up to', () => {
    for (const whole of [0.5, 1, 4]) {
      const groups = [group(0.25 * whole, 'a'), group(0.5 * whole, 'b'), group(0.25 * whole, 'c')];
      const at = (drawn: number) => {
        const random = { next: () => drawn, i32: () => 0, u32: () => 0 };
        const balancer = balanceGroups(groups, (endpoints) => roundRobin(endpoints, lowest), random);
        return balancer.pick(0, null, '')?.address;
      };
      expect([0, 0.24, 0.26, 0.74, 0.76, 0.99].map(at).join('')).to.equal('aabbcc');
    }
  });
});
