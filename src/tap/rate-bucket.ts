import type { Clock } from '../core/clock.ts';

/** Allows a number of events each second, and at most one second's worth at once. */
export class RateBucket {
  private readonly rate: number;
  private readonly clock: Clock;
  private tokens: number;
  private atMs: number;

  constructor(rate: number, clock: Clock) {
    this.rate = rate;
    this.clock = clock;
    this.tokens = rate;
    this.atMs = clock.now();
  }

  /** Takes one event out; false where none is allowed now. */
  take(): boolean {
    const nowMs = this.clock.now();
    this.tokens = Math.min(this.rate, this.tokens + ((nowMs - this.atMs) * this.rate) / 1000);
    this.atMs = nowMs;
    if (this.tokens < 1) return false;
    this.tokens--;
    return true;
  }
}
