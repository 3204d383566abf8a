import type { Random } from '../core/random.ts';

/** Connection back-off as gRPC clients do it (gRPC "Connection Backoff Protocol"). */
const firstMs = 1000;
const factor = 1.6;
const maxMs = 120_000;
const jitter = 0.2;

/** Grows with each consecutive failure; a success forgets them. */
export class Backoff {
  private failures = 0;
  private readonly random: Random;

  constructor(random: Random) {
    this.random = random;
  }

  /** Milliseconds to wait after one more failure. */
  next(): number {
    const base = Math.min(firstMs * factor ** this.failures, maxMs);
    this.failures++;
    return base * (1 - jitter + 2 * jitter * this.random.next());
  }

  reset(): void {
    this.failures = 0;
  }
}
