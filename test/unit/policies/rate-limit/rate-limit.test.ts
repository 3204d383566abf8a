import { expect } from 'chai';
import fc from 'fast-check';
import { RateLimit, rateLimitKey } from '../../../../src/policies/rate-limit/rate-limit.ts';

describe('policies/rate-limit', () => {
  it('gives the burst at once, then one token for each interval, and says when', () => {
    const limit = new RateLimit({ calls: 10, perMs: 1000, burst: 3, keysMax: 1 });
    expect([0, 0, 0, 0].map((at) => limit.take('', at))).to.deep.equal([0, 0, 0, 100]);
    expect(limit.take('', 40)).to.be.closeTo(60, 1e-9);
    expect(limit.take('', 100)).to.equal(0);
    expect(limit.take('', 100)).to.be.above(0);
    // A long rest fills the bucket, and no more than that.
    expect([10_000, 10_000, 10_000, 10_000].map((at) => limit.take('', at) === 0)).to.deep.equal([
      true,
      true,
      true,
      false,
    ]);
  });

  it('admits what a bucket of tokens would, whatever comes when', () => {
    const arrivals = fc.array(fc.integer({ min: 0, max: 400 }), { maxLength: 200 });
    const settings = fc.record({
      calls: fc.integer({ min: 1, max: 50 }),
      perMs: fc.integer({ min: 1, max: 2000 }),
      burst: fc.integer({ min: 1, max: 20 }),
    });
    fc.assert(
      fc.property(arrivals, settings, (pauses, { calls, perMs, burst }) => {
        const limit = new RateLimit({ calls, perMs, burst, keysMax: 1 });
        let nowMs = 0;
        let tokens = burst;
        for (const pause of pauses) {
          nowMs += pause;
          tokens = Math.min(burst, tokens + (pause * calls) / perMs);
          // Where rounding decides either is right.
          const near = Math.abs(tokens - 1) < 1e-6;
          const admitted = limit.take('', nowMs) === 0;
          if (!near) expect(admitted).to.equal(tokens >= 1);
          if (admitted) tokens = Math.max(0, tokens - 1);
        }
      }),
    );
  });

  it('a call that waits as long as it had to is admitted', () => {
    fc.assert(
      fc.property(
        fc.nat(1000),
        fc.integer({ min: 1, max: 1000 }),
        fc.integer({ min: 1, max: 9 }),
        (at, calls, burst) => {
          const limit = new RateLimit({ calls, perMs: 1000, burst, keysMax: 1 });
          for (let i = 0; i < burst; i++) limit.take('', at);
          const waitMs = limit.take('', at);
          return waitMs > 0 && limit.take('', at + waitMs) === 0;
        },
      ),
    );
  });

  it('distinguishes keys and forgets the quietest beyond its bound', () => {
    const limit = new RateLimit({ calls: 1, perMs: 1000, burst: 1, keysMax: 2 });
    expect([limit.take('a', 0), limit.take('b', 1)]).to.deep.equal([0, 0]);
    expect(limit.take('a', 2)).to.be.above(0);
    expect(limit.take('a', 1000)).to.equal(0);
    expect(limit.take('c', 1000)).to.equal(0);
    expect(limit.keys).to.equal(2);
    // b was the quietest; a is still known.
    expect(limit.take('a', 1000)).to.be.above(0);
    expect(limit.take('b', 1000)).to.equal(0);
    for (let i = 0; i < 1000; i++) limit.take(`k${i}`, 1000);
    expect(limit.keys).to.equal(2);
  });

  it('forgets nobody for a key that it knows', () => {
    const limit = new RateLimit({ calls: 1, perMs: 1000, burst: 2, keysMax: 2 });
    expect([limit.take('a', 0), limit.take('a', 0), limit.take('b', 0), limit.take('b', 0)]).to.deep.equal([
      0, 0, 0, 0,
    ]);
    expect(limit.keys).to.equal(2);
    expect(limit.take('a', 0), 'its bucket is still empty').to.equal(1000);
  });

  it('keys are of bounded length', () => {
    expect(rateLimitKey('x'.repeat(60_000))).to.have.length(128);
    expect(rateLimitKey('short')).to.equal('short');
  });
});
