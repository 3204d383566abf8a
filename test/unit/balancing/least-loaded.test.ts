import { expect } from 'chai';
import { buildBalancer } from '../../../src/balancing/build.ts';
import type { Candidate } from '../../../src/balancing/candidate.ts';
import { failPenalty } from '../../../src/balancing/fail-penalty.ts';
import { type BalancerSettings, defaultBalancerSettings } from '../../../src/balancing/settings.ts';
import { SeededRandom } from '../../../src/core/random.ts';
import { candidate, type Replica, sharesOf, simulate } from './simulation.ts';

const sum = (values: Iterable<number>) => [...values].reduce((total, value) => total + value, 0);
const percentile = (values: Float64Array, p: number) =>
  Float64Array.from(values).sort()[Math.floor(values.length * p)];
const replica = (changes: Partial<Replica> = {}): Replica => ({
  weight: 1,
  workers: 4,
  meanMs: 2,
  ...changes,
});

describe('least_request', () => {
  it('gives the call to the lowest active / weight', () => {
    const endpoints = [candidate('a'), candidate('b', 4), candidate('c', 2)];
    const balancer = buildBalancer(endpoints, defaultBalancerSettings, new SeededRandom(1));
    [endpoints[0].active, endpoints[1].active, endpoints[2].active] = [1, 3, 2];
    expect(balancer.pick(0, null, '')?.address).to.equal('b');
    endpoints[1].active = 5;
    for (let i = 0; i < 20; i++) expect(balancer.pick(0, null, '')?.address).not.to.equal('b');
  });

  it('sees loads change in place', () => {
    const endpoints = [candidate('a'), candidate('b')];
    const balancer = buildBalancer(endpoints, defaultBalancerSettings, new SeededRandom(1));
    for (let i = 0; i < 50; i++) {
      endpoints[0].active = i % 2;
      endpoints[1].active = 1 - (i % 2);
      expect(balancer.pick(0, null, '')).to.equal(endpoints[i % 2 ? 1 : 0]);
    }
  });

  it('compares all of 32 endpoints, so the one idle endpoint is always found', () => {
    const endpoints = Array.from({ length: 32 }, (_, i) => candidate(`e${i}`));
    for (const endpoint of endpoints) endpoint.active = 1;
    endpoints[17].active = 0;
    const balancer = buildBalancer(endpoints, defaultBalancerSettings, new SeededRandom(1));
    for (let i = 0; i < 100; i++) expect(balancer.pick(0, null, '')).to.equal(endpoints[17]);
  });

  it('draws five of 33 endpoints, and compares no others', () => {
    const endpoints = Array.from({ length: 33 }, (_, i) => candidate(`e${i}`));
    const balancer = buildBalancer(endpoints, defaultBalancerSettings, new SeededRandom(1));
    const picked = balancer.pick(0, null, '') as Candidate;
    expect(String(balancer.explain(picked, 0, ''))).to.contain(' of 5 drawn at random ');
  });

  for (const choices of ['auto', 3] as const) {
    it(`names the second least loaded as the next best, choices ${choices}`, () => {
      const endpoints = ['a', 'b', 'c', 'd'].map((name) => candidate(name));
      for (let seed = 0; seed < 40; seed++) {
        const loads = [1, 2, 3, 0].map((_, i, all) => all[(i + seed) % 4]);
        for (const [i, endpoint] of endpoints.entries()) endpoint.active = loads[i];
        const excluded = new Set(endpoints.filter(({ active }) => active === 0));
        const second = endpoints.find(({ active }) => active === 2) as Candidate;
        const settings = { ...defaultBalancerSettings, choices };
        const balancer = buildBalancer(endpoints, settings, new SeededRandom(seed));
        const picked = balancer.pick(0, excluded, '') as Candidate;
        expect(picked.active).to.equal(1);
        expect(String(balancer.explain(picked, 0, ''))).to.contain(`next best 2/1 at ${second.address})`);
      }
    });
  }

  it('with two choices over two endpoints never picks the busier one: the draws are distinct', () => {
    const endpoints = [candidate('idle'), candidate('busy', 1)];
    endpoints[1].active = 1;
    const settings = { ...defaultBalancerSettings, choices: 2 };
    const balancer = buildBalancer(endpoints, settings, new SeededRandom(1));
    for (let i = 0; i < 1000; i++) expect(balancer.pick(0, null, '')).to.equal(endpoints[0]);
  });

  for (const choices of [2, 3, 5]) {
    it(`with ${choices} choices over 40 never picks among the ${choices - 1} busiest: the draws are distinct`, () => {
      const endpoints = Array.from({ length: 40 }, (_, i) => candidate(`e${i}`, 1 + (i % 3)));
      for (const [i, endpoint] of endpoints.entries()) endpoint.active = (i + 1) * 100;
      const busiest = [...endpoints].sort((a, b) => b.active / b.weight - a.active / a.weight);
      const never = new Set(busiest.slice(0, choices - 1));
      const settings = { ...defaultBalancerSettings, choices };
      const balancer = buildBalancer(endpoints, settings, new SeededRandom(2));
      for (let i = 0; i < 20_000; i++) expect(never.has(balancer.pick(0, null, '')!)).to.equal(false);
    });
  }

  it('shuns an endpoint that failed twice until a success forgives it', () => {
    const penalty = failPenalty();
    const endpoints = [candidate('a'), candidate('b')];
    const balancer = buildBalancer(endpoints, defaultBalancerSettings, new SeededRandom(1));
    penalty.penalise(endpoints[0], 0);
    penalty.penalise(endpoints[0], 0);
    endpoints[1].active = 5;
    expect(balancer.pick(100, null, '')).to.equal(endpoints[1]);
    expect(balancer.pick(2000, null, '')).to.equal(endpoints[0]); // 20 e^-2 is 2.7
    penalty.penalise(endpoints[0], 2000);
    penalty.forgive(endpoints[0]);
    expect(balancer.pick(2000, null, '')).to.equal(endpoints[0]);
  });

  it('says why in plain words', () => {
    const endpoints = [candidate('a'), candidate('b', 2)];
    endpoints[1].active = 1;
    const why = (choices: number | 'auto', all = endpoints, excluded: Set<Candidate> | null = null) => {
      const balancer = buildBalancer(all, { ...defaultBalancerSettings, choices }, new SeededRandom(1));
      return String(balancer.explain(balancer.pick(0, excluded, '') as Candidate, 0, ''));
    };
    expect(why('auto')).to.equal('a had the fewest requests in flight per weight (0/1, next best 1/2 at b)');
    expect(why(2, [...endpoints, candidate('c')])).to.match(
      /^[ac] had the fewest requests in flight per weight of 2 drawn at random \(0\/1, next best (0\/1|1\/2) at [abc]\)$/,
    );
    expect(why('auto', [endpoints[0]])).to.equal('a was the only choice (0/1)');
    expect(why('auto', endpoints, new Set([endpoints[0]]))).to.equal('b was the only choice (1/2)');
    const two = [candidate('a'), candidate('c')];
    expect(why('auto', two)).to.match(
      /^([ac]) had the fewest requests in flight per weight \(0\/1\), as did (?!\1)[ac]; it was chosen at random, by weight$/,
    );
    expect(why('auto', [...two, candidate('d')])).to.include('as did 2 others');
    Object.assign(two[0], { phantomLoad: 20, phantomAtMs: 0 });
    expect(why('auto', two)).to.equal(
      'c had the fewest requests in flight per weight (0/1, next best 0/1, counted as 20 after recent failures at a)',
    );
    Object.assign(two[0], { phantomLoad: 0, active: 3 });
    expect(why('auto', [two[0]])).to.equal('a was the only choice (3/1)');
  });

  it('says why where the load has an exponent or slow endpoints count as busier', () => {
    const endpoints = [candidate('a', 0.5), candidate('b', 2)];
    Object.assign(endpoints[0], { active: 2, latencyMs: 90 });
    Object.assign(endpoints[1], { active: 5, latencyMs: 1 });
    const why = (over: Partial<BalancerSettings>) => {
      const balancer = buildBalancer(endpoints, { ...defaultBalancerSettings, ...over }, new SeededRandom(1));
      return String(balancer.explain(balancer.pick(0, null, '') as Candidate, 0, ''));
    };
    expect(why({ bias: 2 })).to.equal(
      'a had the least load (in flight^2 / weight) (2/0.5, load 8, next best 5/2, load 12.5 at b)',
    );
    endpoints[0].active = 1;
    // Nearly twice as slow as the mean of both, which is no more than the guard allows; then three of them.
    endpoints.push({ ...candidate('c', 1), active: 9, latencyMs: 1 });
    expect(why({ slowGuard: true })).to.equal(
      'b had the fewest requests in flight per weight (5/2, next best 1/0.5, counted as 5.87 after recent failures or slow replies at a)',
    );
  });
});

describe('least_request under load (simulated)', () => {
  const seed = Math.floor(Math.random() * 2 ** 32);
  afterEach(function () {
    if (this.currentTest?.state === 'failed') console.log(`      seed ${seed}`);
  });

  for (const choices of ['auto', 2] as const) {
    it(`gives weights 1:1:2 shares of 25, 25 and 50% (±2), choices ${choices}`, () => {
      const replicas = [replica(), replica(), replica({ weight: 2, workers: 8 })];
      const random = new SeededRandom(seed);
      const shares = sharesOf(
        simulate(replicas, { calls: 100_000, callsPerMs: 6.8, random, settings: { choices } }),
        3,
      );
      for (const [i, expected] of [0.25, 0.25, 0.5].entries())
        expect(shares[i]).to.be.closeTo(expected, 0.02);
    });
  }

  it('gives a replica 15 times slower less than 8% of the calls', () => {
    const replicas = [replica(), replica(), replica({ meanMs: 30 })];
    const random = new SeededRandom(seed);
    const shares = sharesOf(simulate(replicas, { calls: 50_000, callsPerMs: 2.4, random }), 3);
    expect(shares[2]).to.be.below(0.08);
  });

  for (const count of [3, 10]) {
    it(`holds the fast-fail trap shut: one of ${count} fails at once`, () => {
      const replicas = Array.from({ length: count }, (_, i) =>
        replica({ failsFastUntilMs: i === 0 ? 1e9 : 0 }),
      );
      const callsPerMs = count * 2 * 0.6;
      const random = new SeededRandom(seed);
      const { failed } = simulate(replicas, { calls: 60_000, callsPerMs, random });
      expect(sum(failed.subarray(0, 3000)) / 3000).to.be.at.most(0.02);
      expect(sum(failed.subarray(3000)) / (failed.length - 3000)).to.be.at.most(0.005);
    });
  }

  it('would fall into it without the penalty', () => {
    const replicas = [replica({ failsFastUntilMs: 1e9 }), replica(), replica()];
    const settings = { failPenalty: { load: 0, decayMs: 1000 } };
    const random = new SeededRandom(seed);
    const { failed } = simulate(replicas, { calls: 20_000, callsPerMs: 3.6, random, settings });
    expect(sum(failed) / failed.length).to.be.above(0.4);
  });

  it('gives a recovered replica 80% of its fair share within 2.5 s', () => {
    const recoversMs = 5000;
    const replicas = Array.from({ length: 10 }, (_, i) =>
      replica({ failsFastUntilMs: i === 0 ? recoversMs : 0 }),
    );
    const random = new SeededRandom(seed);
    const result = simulate(replicas, { calls: 120_000, callsPerMs: 12, random });
    const from = result.arrivedMs.findIndex((ms) => ms >= recoversMs + 2500);
    expect(sharesOf(result, 10, from)[0]).to.be.above(0.08);
  });

  it('has a p99 within 5% of the shortest queue for five draws of 40, weights and capacity 1 and 4', () => {
    const replicas = Array.from({ length: 40 }, (_, i) =>
      replica({ weight: i % 2 ? 4 : 1, workers: i % 2 ? 16 : 4 }),
    );
    const p99 = (choices: number) => {
      const random = new SeededRandom(seed);
      const load = { calls: 100_000, callsPerMs: 200 * 0.85, random, settings: { choices } };
      return percentile(simulate(replicas, load).latencyMs, 0.99);
    };
    expect(p99(5)).to.be.below(1.05 * p99(40));
  });
});

describe('peak_ewma', () => {
  const seed = Math.floor(Math.random() * 2 ** 32);
  afterEach(function () {
    if (this.currentTest?.state === 'failed') console.log(`      seed ${seed}`);
  });
  const settings = { ...defaultBalancerSettings, policy: 'peak_ewma' as const };

  it('never takes the one with the longer wait of two', () => {
    const endpoints = [candidate('a'), candidate('b')];
    const balancer = buildBalancer(endpoints, settings, new SeededRandom(1));
    [endpoints[0].latencyMs, endpoints[1].latencyMs] = [10, 30];
    [endpoints[0].active, endpoints[1].active] = [4, 0];
    for (let i = 0; i < 100; i++) expect(balancer.pick(0, null, '')).to.equal(endpoints[1]); // 50 against 30
    endpoints[0].active = 1;
    for (let i = 0; i < 100; i++) expect(balancer.pick(0, null, '')).to.equal(endpoints[0]); // 20 against 30
  });

  it('says why in plain words', () => {
    const endpoints = [candidate('a'), candidate('b', 2), candidate('c')];
    endpoints[1].latencyMs = 8;
    endpoints[1].active = 1;
    const balancer = buildBalancer(endpoints, settings, new SeededRandom(1));
    const picked = balancer.pick(0, new Set([endpoints[2]]), '') as Candidate;
    expect(String(balancer.explain(picked, 0, ''))).to.equal(
      'b had the shortest expected wait of 2 drawn at random (8 ms with 1 in flight and weight 2, next best 30 ms with 0 in flight and weight 1 at a)',
    );
  });

  it('gives a replica 10 times slower less than 2% of the calls of ten (simulated)', () => {
    const replicas = Array.from({ length: 10 }, (_, i) => replica({ meanMs: i === 0 ? 20 : 2 }));
    const random = new SeededRandom(seed);
    const shares = sharesOf(
      simulate(replicas, { calls: 50_000, callsPerMs: 12, random, settings }),
      10,
      5000,
    );
    expect(shares[0]).to.be.below(0.02);
  });

  it('holds the fast-fail trap shut: one of 10 fails at once (simulated)', () => {
    const replicas = Array.from({ length: 10 }, (_, i) => replica({ failsFastUntilMs: i === 0 ? 1e9 : 0 }));
    const random = new SeededRandom(seed);
    const { failed } = simulate(replicas, { calls: 60_000, callsPerMs: 12, random, settings });
    expect(sum(failed.subarray(0, 3000)) / 3000).to.be.at.most(0.02);
    expect(sum(failed.subarray(3000)) / (failed.length - 3000)).to.be.at.most(0.005);
  });
});

describe('least_request with the slow guard (simulated)', () => {
  it('gives a replica 10 times slower fewer calls than counts in flight alone do', () => {
    const seed = Math.floor(Math.random() * 2 ** 32);
    const replicas = Array.from({ length: 10 }, (_, i) => replica({ meanMs: i === 0 ? 20 : 2 }));
    const shareOfSlow = (slowGuard: boolean) => {
      const random = new SeededRandom(seed);
      const load = { calls: 60_000, callsPerMs: 14, random, settings: { slowGuard } };
      return sharesOf(simulate(replicas, load), 10, 5000)[0];
    };
    expect(shareOfSlow(true), `seed ${seed}`).to.be.below(0.8 * shareOfSlow(false));
  });
});
