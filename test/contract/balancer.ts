import { expect } from 'chai';
import type { Balancer, Candidate } from '../../src/balancing/candidate.ts';
import { type Random, SeededRandom } from '../../src/core/random.ts';

export interface BalancerUnderTest {
  readonly name: string;
  build(endpoints: readonly Candidate[], random: Random): Balancer<Candidate>;
  /**
   * With how many calls in flight shares are those of the weights. Not with none, where an idle endpoint of great weight is
   * the better one each time.
   */
  readonly sharesWith?: readonly number[];
  /** How far a share may be off by construction, beside the chance of a sample. */
  readonly shareError?: (share: number) => number;
  /** Calls of one key go to one endpoint. */
  readonly keyed?: boolean;
}

const picks = 40_000;
/** Five standard deviations of the most spread share (a half) of independent picks. */
const shareTolerance = 5 * Math.sqrt(0.25 / picks);
/** Keys that move though their endpoint stays: Maglev's tables settle differently for a few. */
const strayKeysMax = 0.02;
/** What `active + 1` in place of `active` makes of a share, with a thousand calls in flight and weights of one to ten. */
const busyTolerance = 0.005;
/** A pick that allocates takes 12 bytes at the least; this leaves room for what the engine does on the side. */
const bytesPerPickMax = 2;
const learningTriesMax = 6;
/**
 * In a process of its own (allocation.test.ts): what thousands of other tests teach the optimiser about these functions has
 * it box numbers that it keeps in registers otherwise.
 */
const allocationJudged = process.env.JUDGE_ALLOCATION === 'true';

export const candidate = (address: string, weight = 1): Candidate => ({
  address,
  weight,
  configuredWeight: weight,
  zone: '',
  priority: 0,
  active: 0,
  phantomLoad: 0,
  phantomAtMs: 0,
  latencyMs: 0,
  latencyAtMs: 0,
  report: null,
  speed: null,
});
const candidates = (count: number): Candidate[] =>
  Array.from({ length: count }, (_, i) => candidate(`e${i}`));

/** The facts that hold for every policy, whatever it optimises. */
export function balancerContract(policy: BalancerUnderTest): void {
  const { name, build, sharesWith = [0, 1000], shareError = () => 0, keyed = false } = policy;
  describe(`${name} as a balancer`, () => {
    const seed = Math.floor(Math.random() * 2 ** 32);
    let random: Random;
    let randoms = 0;
    beforeEach(() => {
      randoms = 0;
      random = new SeededRandom(seed);
    });
    afterEach(function () {
      if (this.currentTest?.state === 'failed') console.log(`      seed ${seed}`);
    });

    it('has no answer over no endpoints', () => {
      const balancer = build([], random);
      expect(balancer.pick(0, null, '')).to.equal(null);
      expect(balancer.pick(0, new Set(), '')).to.equal(null);
      expect(balancer.endpoints).to.deep.equal([]);
    });

    it('always gives the only endpoint', () => {
      const [only] = candidates(1);
      const balancer = build([only], random);
      for (let i = 0; i < 10; i++) expect(balancer.pick(i, null, '')).to.equal(only);
    });

    for (const count of [2, 3, 40]) {
      it(`never gives an excluded endpoint of ${count}, and none when all are excluded`, () => {
        const endpoints = candidates(count);
        const balancer = build(endpoints, random);
        const excluded = new Set<Candidate>();
        for (const endpoint of endpoints) {
          for (let i = 0; i < 200; i++) {
            const picked = balancer.pick(i, excluded, '');
            expect(picked).not.to.equal(null);
            expect(excluded.has(picked as Candidate)).to.equal(false);
          }
          excluded.add(endpoint);
        }
        expect(balancer.pick(0, excluded, '')).to.equal(null);
        expect(balancer.pick(0, null, '')).not.to.equal(null);
      });
    }

    it('reaches every endpoint of 100', () => {
      const endpoints = candidates(100);
      const balancer = build(endpoints, random);
      const reached = new Set<Candidate | null>();
      for (let i = 0; i < 5000; i++) reached.add(balancer.pick(i, null, ''));
      expect(reached.size).to.equal(100);
    });

    for (const weights of [
      [1, 1, 2],
      [1, 10],
      [0.5, 1.5, 3],
      [5, 1, 1, 1],
    ]) {
      for (const inFlight of sharesWith) {
        it(`gives endpoints their share with ${inFlight} calls in flight, weights ${weights.join(':')}`, () => {
          const endpoints = weights.map((weight, i) => candidate(`e${i}`, weight));
          expectShares(build(endpoints, random), null, weights, inFlight, shareError);
        });
      }
    }

    it('gives the share of an excluded endpoint to the others by their weights', () => {
      const endpoints = [candidate('a', 4), candidate('b', 1), candidate('c', 3)];
      expectShares(build(endpoints, random), new Set([endpoints[0]]), [0, 1, 3], sharesWith[0], shareError);
    });

    it('gives 60 endpoints of weights 1 and 4 their shares', () => {
      const endpoints = Array.from({ length: 60 }, (_, i) => candidate(`e${i}`, i % 2 ? 4 : 1));
      const weights = endpoints.map(({ weight }) => weight);
      expectShares(build(endpoints, random), null, weights, sharesWith[0], shareError);
    });

    it('changes no endpoint by picking', () => {
      const endpoints = candidates(3);
      const before = structuredClone(endpoints);
      const balancer = build(endpoints, random);
      for (let i = 0; i < 100; i++) balancer.pick(i, null, '');
      expect(endpoints).to.deep.equal(before);
      expect(balancer.endpoints).to.deep.equal(endpoints);
    });

    it('says why of each pick, names the picked endpoint and changes nothing by it', () => {
      const endpoints = candidates(3).map((endpoint, i) => ({ ...endpoint, active: i, weight: 1 + i / 2 }));
      const balancer = build(endpoints, random);
      for (const key of ['', 'ada'])
        for (const excluded of [null, new Set([endpoints[0]]), new Set(endpoints.slice(0, 2))])
          for (let i = 0; i < 20; i++) {
            const picked = balancer.pick(i, excluded, key) as Candidate;
            const before = structuredClone(endpoints);
            const reason = balancer.explain(picked, i, key);
            expect(reason).to.include({ address: picked.address, active: picked.active });
            expect(endpoints).to.deep.equal(before);
            for (const value of Object.values(reason))
              if (typeof value === 'number') expect(value | 0, JSON.stringify({ ...reason })).to.equal(value);
            const text = String(reason);
            expect(text)
              .to.include(picked.address)
              .and.not.match(/NaN|undefined|null|Infinity/);
            expect(JSON.stringify({ reason })).to.equal(JSON.stringify({ reason: text }));
            picked.active++; // What follows does not change the reason.
            expect(String(reason)).to.equal(text);
            picked.active--;
          }
    });

    if (allocationJudged) {
      for (const count of [3, 40]) {
        for (const key of keyed ? ['', 'user-17'] : [''])
          it(`allocates nothing per pick over ${count} endpoints${key === '' ? '' : ', with a key'}`, () => {
            const weighted = candidates(count).map((endpoint, i) => ({
              ...endpoint,
              weight: 1 + (i % 3),
              configuredWeight: 1 + (i % 3),
            }));
            expect(bytesPerPick(build(weighted, random), key)).to.be.below(bytesPerPickMax);
          });
      }
    }

    if (keyed) keyedContract(policy, () => new SeededRandom(seed + ++randoms));
  });
}

const keys = Array.from({ length: 20_000 }, (_, i) => `user-${i}`);

/** The facts of policies that send calls of one key to one endpoint, whatever `nextRandom` gives a balancer. */
function keyedContract({ build, shareError = () => 0 }: BalancerUnderTest, nextRandom: () => Random): void {
  const owners = (endpoints: readonly Candidate[], excluded: ReadonlySet<Candidate> | null = null) => {
    const balancer = build(endpoints, nextRandom());
    return keys.map((key) => (balancer.pick(0, excluded, key) as Candidate).address);
  };
  const moved = (before: readonly string[], after: readonly string[]): number =>
    before.filter((owner, i) => owner !== after[i]).length / keys.length;

  it('gives a key to the same endpoint every time, in every process, whatever is in flight', () => {
    const endpoints = candidates(7);
    const before = owners(endpoints);
    for (const [i, endpoint] of endpoints.entries()) endpoint.active = i * 10;
    expect(owners(endpoints)).to.deep.equal(before);
  });

  it('gives keys to endpoints by their weights', () => {
    const weights = [1, 2, 5];
    const given = owners(weights.map((weight, i) => candidate(`10.0.0.${i}:50051`, weight)));
    for (const [i, weight] of weights.entries()) {
      const share = given.filter((owner) => owner === `10.0.0.${i}:50051`).length / keys.length;
      const expected = weight / 8;
      const tolerance = 5 * Math.sqrt(0.25 / keys.length) + shareError(expected);
      expect(share).to.be.closeTo(expected, tolerance);
    }
  });

  for (const count of [3, 10, 50]) {
    it(`moves about 1/${count} of the keys when one of ${count} goes, and they come back with it`, () => {
      const endpoints = candidates(count);
      const before = owners(endpoints);
      const without = owners(endpoints.slice(1));
      // Those of the one that went must move; hardly any other may.
      const own = before.filter((owner) => owner === 'e0').length / keys.length;
      expect(own).to.be.closeTo(1 / count, 0.01 + shareError(1 / count));
      expect(moved(before, without) - own).to.be.within(0, strayKeysMax);
      expect(owners(endpoints)).to.deep.equal(before);
    });
  }

  it('moves few keys when a weight changes', () => {
    const endpoints = candidates(10);
    const heavier = endpoints.map((endpoint, i) =>
      i === 0 ? { ...endpoint, weight: 2, configuredWeight: 2 } : endpoint,
    );
    // From 1/10 to 2/11 of the keys.
    expect(moved(owners(endpoints), owners(heavier))).to.be.within(0.05, 0.12 + strayKeysMax);
  });

  it('moves only the keys of an excluded endpoint, over all others', () => {
    const endpoints = candidates(10);
    const before = owners(endpoints);
    const after = owners(endpoints, new Set([endpoints[0]]));
    expect(before.every((owner, i) => owner === 'e0' || owner === after[i])).to.equal(true);
    expect(new Set(after.filter((_, i) => before[i] === 'e0')).size).to.equal(9);
  });
}

function expectShares(
  balancer: Balancer<Candidate>,
  excluded: ReadonlySet<Candidate> | null,
  weights: readonly number[],
  inFlight: number,
  shareError: (share: number) => number,
): void {
  const counts = new Map<Candidate | null, number>();
  const begun: Candidate[] = [];
  // The first calls fill the endpoints up and are not counted; from then on the oldest ends as a new one begins.
  for (let i = 0; i < picks + inFlight; i++) {
    const picked = balancer.pick(i, excluded, '') as Candidate;
    if (i >= inFlight) counts.set(picked, (counts.get(picked) ?? 0) + 1);
    if (inFlight === 0) continue;
    picked.active++;
    if (begun.length >= inFlight) begun[i % inFlight].active--;
    begun[i % inFlight] = picked;
  }
  const tolerance = inFlight === 0 ? shareTolerance : shareTolerance + busyTolerance;
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  for (const [i, endpoint] of balancer.endpoints.entries()) {
    const share = (counts.get(endpoint) ?? 0) / picks;
    const expected = weights[i] / total;
    expect(share, endpoint.address).to.be.closeTo(expected, tolerance + shareError(expected));
  }
}

/**
 * The median of several rounds: a collection in the middle of a round spoils that round only. The policies before may have
 * taught the optimiser other types, so it gets some rounds to learn these.
 */
function bytesPerPick(balancer: Balancer<Candidate>, key: string): number {
  const round = (): number => {
    const before = process.memoryUsage().heapUsed;
    let active = 0;
    for (let i = 0; i < 100_000; i++) {
      const picked = balancer.pick(i, null, key) as Candidate;
      picked.active = active++ & 3;
    }
    return (process.memoryUsage().heapUsed - before) / 100_000;
  };
  let median = Number.POSITIVE_INFINITY;
  for (let tries = 0; tries < learningTriesMax && median >= bytesPerPickMax; tries++) {
    const rounds = Array.from({ length: 7 }, round);
    median = rounds.sort((a, b) => a - b)[3];
  }
  return median;
}
