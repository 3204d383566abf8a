import type { Random } from '../../core/random.ts';

/** Bound of the first wait, and of all, milliseconds. */
const firstMs = 1000;
export const reconnectMsMax = 30_000;
const factor = 2;

/** A stream that lived this long was a good one: control planes end streams regularly, Istio's after half an hour. */
export const stableMs = 30_000;

/**
 * How long to wait before the next stream: at random between 0 and a bound that doubles with each stream that did not last
 * ("full jitter"). A fleet whose control plane restarts comes back over the whole of the wait, and not all at once as with the
 * 20% of jitter of gRPC's connection back-off.
 */
export class ReconnectDelay {
  private failures = 0;
  private readonly random: Random;

  constructor(random: Random) {
    this.random = random;
  }

  /** Milliseconds to wait after a stream that was up for `livedMs`, 0 where it never was. */
  next(livedMs: number): number {
    if (livedMs >= stableMs) this.failures = 0;
    const boundMs = Math.min(firstMs * factor ** this.failures, reconnectMsMax);
    this.failures++;
    return this.random.next() * boundMs;
  }
}
