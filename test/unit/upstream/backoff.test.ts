import { expect } from 'chai';
import type { Random } from '../../../src/core/random.ts';
import { Backoff } from '../../../src/upstream/backoff.ts';

const always = (next: number): Random => ({ next: () => next, u32: () => 0, i32: () => 0 });

describe('Backoff', () => {
  it('is 1 s, times 1.6 with each consecutive failure, at most 120 s (gRPC "Connection Backoff")', () => {
    const backoff = new Backoff(always(0.5));
    const waits = Array.from({ length: 14 }, () => Math.round(backoff.next()));
    expect(waits.slice(0, 4)).to.deep.equal([1000, 1600, 2560, 4096]);
    expect(waits.slice(-2)).to.deep.equal([120_000, 120_000]);
  });

  it('varies by 20% either way', () => {
    expect(new Backoff(always(0)).next()).to.equal(800);
    expect(new Backoff(always(1 - 2 ** -32)).next()).to.be.closeTo(1200, 0.001);
  });

  it('forgets its failures after a success', () => {
    const backoff = new Backoff(always(0.5));
    for (let i = 0; i < 5; i++) backoff.next();
    backoff.reset();
    expect(backoff.next()).to.equal(1000);
  });
});
