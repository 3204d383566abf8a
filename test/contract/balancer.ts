import { expect } from 'chai';
import type { Balancer, Candidate } from '../../src/balancing/candidate.ts';
import { type Random, SeededRandom } from '../../src/core/random.ts';

export interface BalancerUnderTest {
  readonly name: string;
  build(endpoints: readonly Candidate[], random: Random): Balancer<Candidate>;
  /**
   * `idle`: shares are those of the weights even where nothing is in flight. `busy`: only once much is, since an idle
   * endpoint of great weight is the better one each time.
   */
  readonly sharesWhen?: 'idle' | 'busy';
}

const picks = 40_000;
/** Five standard deviations of the most spread share (a half) of independent picks. */
const shareTolerance = 5 * Math.sqrt(0.25 / picks);
/** What `active + 1` in place of `active` makes of a share, with a thousand calls in flight and weights of one to ten. */
const busyTolerance = 0.005;
/** A pick that allocates takes 12 bytes at the least; this leaves room for what the engine does on the side. */
const bytesPerPickMax = 2;

const candidate = (address: string, weight = 1): Candidate => ({
  address,
  weight,
  zone: '',
  priority: 0,
  active: 0,
  phantomLoad: 0,
  phantomAtMs: 0,
  latencyMs: 0,
  latencyAtMs: 0,
});
const candidates = (count: number): Candidate[] =>
  Array.from({ length: count }, (_, i) => candidate(`e${i}`));

/** The facts that hold for every policy, whatever it optimises. */
export function balancerContract({ name, build, sharesWhen = 'idle' }: BalancerUnderTest): void {
  describe(`${name} as a balancer`, () => {
    const seed = Math.floor(Math.random() * 2 ** 32);
    let random: Random;
    beforeEach(() => {
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
      for (const inFlight of sharesWhen === 'idle' ? [0, 1000] : [1000]) {
        it(`gives endpoints their share with ${inFlight} calls in flight, weights ${weights.join(':')}`, () => {
          const endpoints = weights.map((weight, i) => candidate(`e${i}`, weight));
          expectShares(build(endpoints, random), null, weights, inFlight);
        });
      }
    }

    it('gives the share of an excluded endpoint to the others by their weights', () => {
      const endpoints = [candidate('a', 4), candidate('b', 1), candidate('c', 3)];
      const inFlight = sharesWhen === 'idle' ? 0 : 1000;
      expectShares(build(endpoints, random), new Set([endpoints[0]]), [0, 1, 3], inFlight);
    });

    it('gives 60 endpoints of weights 1 and 4 their shares', () => {
      const endpoints = Array.from({ length: 60 }, (_, i) => candidate(`e${i}`, i % 2 ? 4 : 1));
      const weights = endpoints.map(({ weight }) => weight);
      expectShares(build(endpoints, random), null, weights, sharesWhen === 'idle' ? 0 : 1000);
    });

    it('changes no endpoint by picking', () => {
      const endpoints = candidates(3);
      const before = structuredClone(endpoints);
      const balancer = build(endpoints, random);
      for (let i = 0; i < 100; i++) balancer.pick(i, null, '');
      expect(endpoints).to.deep.equal(before);
      expect(balancer.endpoints).to.deep.equal(endpoints);
    });

    it('says why', () => {
      const balancer = build(candidates(3), random);
      expect(balancer.explain(balancer.pick(0, null, '') as Candidate, 0)).to.match(/3 endpoints/);
    });

    for (const count of [3, 40]) {
      it(`allocates nothing per pick over ${count} endpoints`, () => {
        expect(bytesPerPick(build(candidates(count), random))).to.be.below(bytesPerPickMax);
      });
    }
  });
}

function expectShares(
  balancer: Balancer<Candidate>,
  excluded: ReadonlySet<Candidate> | null,
  weights: readonly number[],
  inFlight: number,
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
    expect(share, endpoint.address).to.be.closeTo(weights[i] / total, tolerance);
  }
}

/** The median of several rounds: a collection in the middle of a round spoils that round only. */
function bytesPerPick(balancer: Balancer<Candidate>): number {
  const round = (): number => {
    const before = process.memoryUsage().heapUsed;
    let active = 0;
    for (let i = 0; i < 100_000; i++) {
      const picked = balancer.pick(i, null, '') as Candidate;
      picked.active = active++ & 3;
    }
    return (process.memoryUsage().heapUsed - before) / 100_000;
  };
  const rounds = Array.from({ length: 9 }, round).slice(2);
  return rounds.sort((a, b) => a - b)[3];
}
