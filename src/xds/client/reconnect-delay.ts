import type { Random } from '../../core/random.ts';

/** Bounds of the longest wait, milliseconds. */
const firstMs = 1000;
export const reconnectMsMax = 30_000;

/** A stream that lived this long was a good one: control planes end streams regularly, Istio's after half an hour. */
export const stableMs = 30_000;

/**
 * How long to wait before the next stream: at random between 0 and the time that the trouble has lasted, from a second to half a
 * minute ("full jitter"). A fleet whose control plane restarts comes back over the whole of the wait, and not all at once as with
 * the 20% of jitter of gRPC's connection back-off. A bound that doubles with each attempt would let a sidecar that drew short
 * waits, and so made many attempts, wait half a minute after a restart of seconds.
 */
export class ReconnectDelay {
  /** Waits, and lives of streams between them, since the last stream that was stable. */
  private troubleMs = 0;
  private readonly random: Random;

  constructor(random: Random) {
    this.random = random;
  }

  /** Milliseconds to wait after a stream that was up for `livedMs`, 0 where it never was. */
  next(livedMs: number): number {
    // The first stream of a process was no trouble while it lived.
    if (this.troubleMs > 0) this.troubleMs = livedMs >= stableMs ? 0 : this.troubleMs + livedMs;
    const waitMs = this.random.next() * Math.min(Math.max(this.troubleMs, firstMs), reconnectMsMax);
    this.troubleMs += waitMs;
    return waitMs;
  }
}
