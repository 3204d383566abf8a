import type { Random } from '../../core/random.ts';

/** A restart of the API server takes seconds: the first retries come quickly. */
const firstMs = 500;
const maxMs = 30_000;
const factor = 2;

/** Delays between attempts, with increasing intervals and at random, so that sidecars do not return together. */
export class Backoff {
  private readonly random: Random;
  private delayMs = firstMs;

  constructor(random: Random) {
    this.random = random;
  }

  /** The delay before the next attempt, milliseconds: `atLeastMs` or more. */
  next(atLeastMs = 0): number {
    const delayMs = Math.max(this.delayMs, atLeastMs);
    this.delayMs = Math.min(this.delayMs * factor, maxMs);
    return delayMs * (1 + 0.5 * this.random.next());
  }

  reset(): void {
    this.delayMs = firstMs;
  }
}
