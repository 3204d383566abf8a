/**
 * Wall time with fractions of a millisecond, for spans of a few hundred microseconds. `Date.now()` has whole milliseconds; the
 * monotonic clock has fractions but no date. Their distance is taken from the start of the process, which Node knows to the
 * microsecond, and corrected where the two no longer agree within the millisecond: after the system's clock was set or slewed.
 */
export class WallTime {
  /** Wall time at which the monotonic clock read 0. */
  private originMs: number;
  private checkedMs = Number.NEGATIVE_INFINITY;
  private readonly now: () => number;
  private readonly wholeMs: () => number;

  /** `now` is monotonic, `wholeMs` is wall time rounded down to a millisecond. */
  constructor(originMs: number, now: () => number, wholeMs: () => number) {
    this.originMs = originMs;
    this.now = now;
    this.wholeMs = wholeMs;
  }

  /** Returns the wall time of a moment of the monotonic clock, which is now or was a moment ago. */
  at(momentMs: number): number {
    if (momentMs - this.checkedMs >= checkEveryMs) this.check();
    return this.originMs + momentMs;
  }

  private check(): void {
    const nowMs = this.now();
    const wholeMs = this.wholeMs();
    this.checkedMs = nowMs;
    const earlyMs = wholeMs - (this.originMs + nowMs);
    // By as little as makes the two agree: then what is learned from one check is not forgotten at the next.
    if (earlyMs > 0) this.originMs += earlyMs;
    else if (earlyMs < -1) this.originMs += earlyMs + 1;
  }
}

/** A system clock that is slewed at the usual limit of 500 ppm moves by 0.05 ms in this time. */
const checkEveryMs = 100;
