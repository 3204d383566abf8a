import type { Clock, Timer } from '../core/clock.ts';

/** A timer, here or at the server, may fire so much early and is taken at its word, milliseconds. */
const timerSlackMs = 2;

/** By when a call has to be over, all its attempts together. Calls without a bound have none of these. */
export class Deadline {
  /** `Clock.now()` milliseconds. */
  readonly atMs: number;
  private readonly clock: Clock;
  private readonly passed: () => void;
  private timer: Timer;

  constructor(clock: Clock, atMs: number, leftMs: number, passed: () => void) {
    this.clock = clock;
    this.atMs = atMs;
    this.passed = passed;
    this.timer = clock.after(leftMs, () => this.fired());
  }

  /** So near that the server, whose timer may be the faster one, may have seen it pass already. */
  isAt(nowMs: number): boolean {
    return this.atMs - nowMs <= timerSlackMs;
  }

  cancel(): void {
    this.timer.cancel();
  }

  private fired(): void {
    const leftMs = this.atMs - this.clock.now();
    // A timer runs for 24.8 days at the most (2^31 ms), and a call may be given 11,000 years.
    if (leftMs > timerSlackMs) this.timer = this.clock.after(leftMs, () => this.fired());
    else this.passed();
  }
}

/** The deadline of a call that began at `startedMs` and has `withinMs`; null where that is infinite. */
export function deadlineWithin(
  clock: Clock,
  startedMs: number,
  withinMs: number,
  passed: () => void,
): Deadline | null {
  if (withinMs === Number.POSITIVE_INFINITY) return null;
  return new Deadline(clock, startedMs + withinMs, withinMs, passed);
}
