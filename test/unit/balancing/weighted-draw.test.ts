import { expect } from 'chai';
import fc from 'fast-check';
import { DistinctDraws, WeightLine } from '../../../src/balancing/weighted-draw.ts';
import { SeededRandom } from '../../../src/core/random.ts';

describe('WeightLine', () => {
  it('gives the index whose stretch holds the point', () => {
    const line = new WeightLine([1, 1, 2]);
    expect([0, 0.99, 1, 1.99, 2, 3.99, 4, 9].map((point) => line.indexAt(point))).to.deep.equal([
      0, 0, 1, 1, 2, 2, 2, 2,
    ]);
    expect(line.total).to.equal(4);
  });
});

describe('DistinctDraws', () => {
  it('gives every index once, for any weights, then -1', () => {
    const weight = fc.oneof(fc.double({ min: 1e-3, max: 1e6, noNaN: true }), fc.integer({ min: 1, max: 3 }));
    fc.assert(
      fc.property(fc.array(weight, { minLength: 1, maxLength: 40 }), fc.nat(), (weights, seed) => {
        const draws = new DistinctDraws(new WeightLine(weights), new SeededRandom(seed), weights.length);
        for (let round = 0; round < 2; round++) {
          draws.reset();
          const drawn = new Set(weights.map(() => draws.next()));
          expect([...drawn].sort((a, b) => a - b)).to.deep.equal(weights.map((_, i) => i));
          expect(draws.next()).to.equal(-1);
        }
      }),
    );
  });

  it('stops after drawsMax', () => {
    const draws = new DistinctDraws(new WeightLine([1, 1, 1]), new SeededRandom(1), 2);
    draws.next();
    draws.next();
    expect(draws.next()).to.equal(-1);
  });

  it('draws each index once before the first reset too, then none', () => {
    const draws = new DistinctDraws(new WeightLine([1, 2, 3]), new SeededRandom(1), 5);
    for (let round = 0; round < 2; round++) {
      expect([draws.next(), draws.next(), draws.next()].sort()).to.deep.equal([0, 1, 2]);
      expect(draws.next()).to.equal(-1);
      draws.reset();
    }
  });

  it('draws each index once, however sums of weights are rounded', () => {
    const random = new SeededRandom(1);
    for (let round = 0; round < 2000; round++) {
      const weights = Array.from(
        { length: 4 },
        () => random.next() * 10 ** Math.round(random.next() * 12 - 6),
      );
      const extreme = {
        next: () => (random.next() < 0.5 ? 1 - Number.EPSILON / 2 : 0),
        i32: () => 0,
        u32: () => 0,
      };
      const draws = new DistinctDraws(new WeightLine(weights), extreme, 4);
      const drawn = weights.map(() => draws.next());
      expect(drawn.sort(), weights.join(', ')).to.deep.equal([0, 1, 2, 3]);
    }
  });

  it('moves a point right over every stretch that was drawn before it', () => {
    const drawn = (weights: number[], ...points: number[]) => {
      const values = points.values();
      const random = { next: () => values.next().value as number, i32: () => 0, u32: () => 0 };
      const draws = new DistinctDraws(new WeightLine(weights), random, weights.length);
      return points.map(() => draws.next());
    };
    // Four stretches of one: 1.5 of 4 is index 1; on the three that are left, 1.5 is index 2 and 2.5 is index 3.
    expect(drawn([1, 1, 1, 1], 1.5 / 4, 1.5 / 3)).to.deep.equal([1, 2]);
    expect(drawn([1, 1, 1, 1], 1.5 / 4, 0.5 / 3)).to.deep.equal([1, 0]);
    expect(drawn([1, 1, 1, 1], 2.5 / 4, 1.5 / 3, 1.5 / 2)).to.deep.equal([2, 1, 3]);
    expect(drawn([1, 1, 2], 1.5 / 4, 1.5 / 3)).to.deep.equal([1, 2]);
    expect(drawn([1, 2, 1, 1], 2 / 5, 1.5 / 3, 0.5 / 2)).to.deep.equal([1, 2, 0]);
  });

  it('draws pairs with the probability of weighted draws without replacement', () => {
    const weights = [1, 2, 3];
    const seed = Math.floor(Math.random() * 2 ** 32);
    const draws = new DistinctDraws(new WeightLine(weights), new SeededRandom(seed), 2);
    const rounds = 60_000;
    const counts = new Map<string, number>();
    for (let i = 0; i < rounds; i++) {
      draws.reset();
      const pair = `${draws.next()},${draws.next()}`;
      counts.set(pair, (counts.get(pair) ?? 0) + 1);
    }
    for (const first of [0, 1, 2]) {
      for (const second of [0, 1, 2]) {
        if (first === second) continue;
        const expected = (weights[first] / 6) * (weights[second] / (6 - weights[first]));
        const share = (counts.get(`${first},${second}`) ?? 0) / rounds;
        // Five standard deviations.
        const tolerance = 5 * Math.sqrt((expected * (1 - expected)) / rounds);
        expect(share, `${first},${second} with seed ${seed}`).to.be.closeTo(expected, tolerance);
      }
    }
  });
});
