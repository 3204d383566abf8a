import { expect } from 'chai';
import fc from 'fast-check';
import { retryBackoffMs } from '../../../../src/call/dispatch/retry-backoff.ts';
import { SeededRandom } from '../../../../src/core/random.ts';

describe('call/dispatch/retry-backoff', () => {
  it('is anything from nothing to base × 2^retry, and never above the cap', () => {
    fc.assert(
      fc.property(fc.nat(), fc.nat(2000), fc.integer({ min: 1, max: 1000 }), (seed, retry, baseMs) => {
        const ms = retryBackoffMs({ baseMs, maxMs: 250 }, retry, new SeededRandom(seed));
        return ms >= 0 && ms <= Math.min(250, baseMs * 2 ** retry);
      }),
    );
  });

  it('spreads over the whole range', () => {
    const random = new SeededRandom(1);
    const all = Array.from({ length: 10_000 }, () => retryBackoffMs({ baseMs: 25, maxMs: 250 }, 2, random));
    expect(all.reduce((a, b) => a + b) / all.length).to.be.closeTo(50, 2);
    expect(Math.min(...all)).to.be.below(1);
    expect(Math.max(...all)).to.be.above(99);
  });
});
