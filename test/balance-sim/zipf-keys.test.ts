import { expect } from 'chai';
import { SeededRandom } from '../../src/core/random.ts';
import { tellSeed, testSeed } from './seed.ts';
import { ZipfKeys } from './zipf-keys.ts';

describe('ZipfKeys', () => {
  tellSeed();

  it('draws the n-th key n times as rarely as the first', () => {
    const keys = new ZipfKeys(100);
    const random = new SeededRandom(testSeed);
    const counts = new Map<string, number>();
    const draws = 500_000;
    for (let i = 0; i < draws; i++) {
      const key = keys.draw(random);
      counts.set(key, (counts.get(key) ?? 0) + 1);
    }
    // The sum of 1 to 1/100. The 100th is drawn 964 times, with a standard deviation of 3%.
    const harmonic = 5.187;
    for (const n of [1, 2, 10, 100]) {
      const expected = draws / harmonic / n;
      expect(counts.get(`user-${n - 1}`), `key ${n}`).to.be.closeTo(
        expected,
        expected * (n < 100 ? 0.04 : 0.12),
      );
    }
    expect(counts.size).to.equal(100);
  });
});
