import { GradientLimiter, type GradientSettings } from '../../../src/concurrency/gradient-limiter.ts';
import { VirtualClock } from '../../../src/core/clock.ts';
import { SeededRandom } from '../../../src/core/random.ts';

export const defaultGradient: GradientSettings = {
  minLimit: 3,
  maxLimit: 1000,
  initialLimit: 100,
  tolerance: 1.5,
  probeIntervalMs: 60_000,
};

/** What clients saw in one phase. */
export interface Phase {
  readonly offered: number;
  readonly refused: number;
  /** Replies. */
  readonly served: number;
  /** Of the replies, milliseconds. */
  p50Ms(): number;
  p99Ms(): number;
}

export interface OverloadOptions {
  readonly seed: number;
  readonly workers: number;
  /** Null for no limit. */
  readonly settings: GradientSettings | null;
}

/** One server with some workers and a queue without bound, behind a limiter, in virtual time; requests come at random. */
export function overloaded({ seed, workers, settings }: OverloadOptions) {
  const clock = new VirtualClock();
  const random = new SeededRandom(seed);
  const limiter = settings === null ? null : new GradientLimiter(settings, new SeededRandom(seed + 1));
  const exponential = (meanMs: number): number => -Math.log(1 - random.next()) * meanMs;
  const queue: Array<() => void> = [];
  let busy = 0;
  const server = { serviceMs: 10 };

  const work = (done: () => void): void => {
    busy++;
    // Half of the time is fixed: services differ less than an exponential does.
    clock.after(server.serviceMs / 2 + exponential(server.serviceMs / 2), () => {
      busy--;
      done();
      if (busy < workers) queue.shift()?.();
    });
  };

  /** Runs for some time with `load` times what the workers can do at a service time of 10 ms. */
  const run = (load: number, durationMs: number): Phase => {
    const latencies: number[] = [];
    let [offered, refused, running] = [0, 0, true];
    const intervalMs = 10 / workers / load;
    const arrive = (): void => {
      if (!running) return;
      offered++;
      const startedMs = clock.now();
      if (limiter?.tryAcquire(startedMs) === false) refused++;
      else {
        const begin = () =>
          work(() => {
            const nowMs = clock.now();
            latencies.push(nowMs - startedMs);
            limiter?.released('answered', nowMs - startedMs, nowMs);
          });
        if (busy < workers) begin();
        else queue.push(begin);
      }
      clock.after(exponential(intervalMs), arrive);
    };
    arrive();
    clock.advance(durationMs);
    running = false;
    const quantile = (q: number): number =>
      latencies.toSorted((a, b) => a - b)[Math.floor(latencies.length * q)];
    return {
      offered,
      refused,
      served: latencies.length,
      p50Ms: () => quantile(0.5),
      p99Ms: () => quantile(0.99),
    };
  };
  return { clock, limiter, server, run };
}
