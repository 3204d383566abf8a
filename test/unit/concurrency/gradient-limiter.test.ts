import { expect } from 'chai';
import { GradientLimiter } from '../../../src/concurrency/gradient-limiter.ts';
import { SeededRandom } from '../../../src/core/random.ts';
import { defaultGradient, overloaded } from './overload.ts';

/** Sixteen workers of 10 ms each: without a queue a request takes 8.5 ms in the median, and 28 ms at the 99th percentile. */
const simulated = (seed: number, settings: typeof defaultGradient | null = defaultGradient) =>
  overloaded({ seed, workers: 16, settings });

/** A limiter with `base` as its base latency, and some attempts of which the test decides when they end. */
function limiterWith(settings: Partial<typeof defaultGradient> = {}, baseMs = 10) {
  const limiter = new GradientLimiter({ ...defaultGradient, ...settings }, new SeededRandom(1));
  let nowMs = 0;
  /** As many attempts at a time, of this latency, over a window and more. */
  const windows = (
    count: number,
    inFlight: number,
    latencyMs: number,
    outcome: 'answered' | 'timed_out' | 'unknown' = 'answered',
  ) => {
    for (let i = 0; i < count * 12; i++) {
      let taken = 0;
      while (taken < inFlight && limiter.tryAcquire(nowMs)) taken++;
      nowMs += Math.max(latencyMs, 10);
      for (; taken > 0; taken--) limiter.released(outcome, latencyMs, nowMs);
    }
  };
  windows(1, 1, baseMs);
  return { limiter, windows, now: () => nowMs };
}

/** Has a refusal begin a probe, in which attempts take `latencyMs`; returns when it has ended. */
function probed(limiter: GradientLimiter, startMs: number, latencyMs: number): number {
  while (limiter.tryAcquire(startMs));
  expect(limiter.limit).to.equal(3);
  while (limiter.inFlight > 0) limiter.released('unknown', 0, startMs);
  let nowMs = startMs;
  for (let i = 0; i < 20; i++) {
    limiter.tryAcquire(nowMs);
    nowMs += latencyMs;
    limiter.released('answered', latencyMs, nowMs);
  }
  expect(limiter.limit).to.equal(20);
  return nowMs;
}

/** Whether a refusal at this time begins a probe. */
function probesAt(limiter: GradientLimiter, nowMs: number): boolean {
  while (limiter.tryAcquire(nowMs));
  const probes = limiter.limit === 3;
  while (limiter.inFlight > 0) limiter.released('unknown', 0, nowMs);
  return probes;
}

describe('concurrency/gradient-limiter', function () {
  this.timeout(60_000);

  it('keeps latency bounded under overload, at full throughput, where without it latency grows without end', () => {
    for (const seed of [11, 12]) {
      const free = simulated(seed, null);
      free.run(0.5, 5000);
      expect(free.run(2, 10_000).p99Ms(), `seed ${seed}`).to.be.above(4000);
      const limited = simulated(seed);
      limited.run(0.5, 5000);
      limited.run(2, 2000);
      const overload = limited.run(2, 10_000);
      expect(overload.p50Ms(), `seed ${seed}`).to.be.below(30);
      expect(overload.p99Ms(), `seed ${seed}`).to.be.below(60);
      // 1.6 requests a millisecond is all that the workers can do.
      expect(overload.served / 16_000, `seed ${seed}`).to.be.above(0.95);
    }
  });

  it('shrinks with an overload, grows after it, and does both a second time', () => {
    for (const seed of [21, 22]) {
      const { limiter, run } = simulated(seed);
      run(0.5, 5000);
      for (const time of ['first', 'second']) {
        run(2, 5000);
        const shrunk = limiter!.limit;
        expect(shrunk, `${time}, seed ${seed}`).to.be.within(16, 50);
        const calm = run(0.9, 20_000);
        expect(calm.refused / calm.offered, `${time}, seed ${seed}`).to.be.below(0.02);
        run(0.5, 5000);
        expect(limiter!.limit, `${time}, seed ${seed}`).to.be.above(shrunk);
      }
    }
  });

  it('refuses nothing at half load', () => {
    for (const seed of [31, 32]) expect(simulated(seed).run(0.5, 30_000).refused, `seed ${seed}`).to.equal(0);
  });

  it('takes a service that has become slower for what it is, without an overload of that', () => {
    for (const seed of [41, 42]) {
      const { run, server } = simulated(seed);
      run(0.5, 5000);
      run(2, 20_000);
      run(0.4, 15_000);
      server.serviceMs = 20;
      run(0.4, 15_000);
      const after = run(0.4, 15_000);
      expect(after.refused / after.offered, `seed ${seed}`).to.be.below(0.02);
    }
  });

  it('stays within minLimit and maxLimit', () => {
    const { limiter, windows } = limiterWith({ minLimit: 5, maxLimit: 120, probeIntervalMs: 1e9 });
    windows(20, 110, 10);
    expect(limiter.limit).to.equal(120);
    // A probe ends with latencies that are too high as well: that would be the new base.
    windows(3, 4, 1000);
    for (let i = 0; i < 20; i++) windows(1, 6, 500, 'timed_out');
    expect(limiter.limit).to.equal(5);
  });

  it('does not grow while less than half of it is in use', () => {
    const { limiter, windows } = limiterWith();
    windows(20, 49, 10);
    expect(limiter.limit).to.equal(100);
    windows(1, 50, 10);
    expect(limiter.limit).to.be.above(100);
  });

  it('falls by latencies of attempts that timed out, and learns nothing of those that failed', () => {
    const { limiter, windows } = limiterWith();
    windows(5, 60, 1000, 'unknown');
    expect(limiter.limit).to.equal(100);
    windows(2, 60, 1000, 'timed_out');
    expect(limiter.limit).to.be.below(60);
  });

  it('admits as many as the limit, counts what it refuses, and has room again', () => {
    const limiter = new GradientLimiter({ ...defaultGradient, initialLimit: 2 }, new SeededRandom(1));
    expect([limiter.tryAcquire(0), limiter.tryAcquire(0), limiter.tryAcquire(0)]).to.deep.equal([
      true,
      true,
      false,
    ]);
    expect(limiter).to.include({ inFlight: 2, refused: 1, limit: 2 });
    limiter.released('unknown', 0, 1);
    expect(limiter.tryAcquire(1)).to.equal(true);
  });

  it('measures the base with minLimit, once those from before are done', () => {
    const { limiter, now } = limiterWith({ initialLimit: 20 });
    const startMs = now();
    while (limiter.tryAcquire(startMs));
    // The refusal has begun a probe.
    expect(limiter.limit).to.equal(3);
    for (let i = 0; i < 18; i++) limiter.released('answered', 500, startMs + 500);
    // Begun before the queue had drained: not measured.
    expect(limiter.baseLatencyMs).to.equal(10);
    for (let i = 0; i < 20; i++) {
      expect(limiter.tryAcquire(startMs + 500 + i * 8)).to.equal(true);
      limiter.released('answered', 8, startMs + 508 + i * 8);
    }
    expect(limiter.baseLatencyMs).to.equal(8);
    expect(limiter.limit).to.equal(20);
  });

  it('probes at growing intervals while the base stays the same, and soon again where it has changed', () => {
    const { limiter, now } = limiterWith({ initialLimit: 20 });
    const first = probed(limiter, now(), 10);
    // The next one is 10 s later, give or take 15%.
    expect(probesAt(limiter, first + 8000)).to.equal(false);
    const second = probed(limiter, first + 11_600, 25);
    expect(limiter.baseLatencyMs).to.equal(25);
    // The base has changed: 5 s, give or take 15%.
    expect(probesAt(limiter, second + 4000)).to.equal(false);
    expect(probesAt(limiter, second + 5800)).to.equal(true);
  });

  it('probes at the first refusal after ten seconds without one', () => {
    const { limiter, now } = limiterWith({ initialLimit: 20 });
    const first = probed(limiter, now(), 10);
    const second = probed(limiter, first + 11_600, 10);
    // The interval is 20 s by now, give or take 15%.
    expect(probesAt(limiter, second + 12_000)).to.equal(true);
  });

  it('measures the base again where the limit has long been at minLimit and latency is high all the same', () => {
    const { limiter, windows } = limiterWith();
    windows(20, 3, 500);
    expect(limiter.refused).to.equal(0);
    expect(limiter.baseLatencyMs).to.equal(500);
  });

  it('takes a median far below the base for the new base, and one that is little below it not', () => {
    const { limiter, windows } = limiterWith();
    windows(2, 1, 8);
    expect(limiter.baseLatencyMs).to.equal(10);
    windows(2, 1, 7);
    expect(limiter.baseLatencyMs).to.equal(7);
  });

  it('gives up a probe while attempts hang, and keeps its base', () => {
    const { limiter, now } = limiterWith({ initialLimit: 20 });
    const startMs = now();
    while (limiter.tryAcquire(startMs));
    for (let i = 0; i < 10; i++) limiter.released('unknown', 0, startMs);
    expect(limiter.tryAcquire(startMs + 1999)).to.equal(false);
    expect(limiter.tryAcquire(startMs + 2000)).to.equal(true);
    expect([limiter.limit, limiter.baseLatencyMs]).to.deep.equal([20, 10]);
  });
});
