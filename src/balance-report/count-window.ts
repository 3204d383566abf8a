/** Ticks that a window reaches back. With a tick each second, reports cover the last ten seconds. */
export const windowTicksMax = 10;

/** The last values of one cumulative counter, one for each tick, in a ring of a fixed size. */
export class CountWindow {
  private readonly totals = new Float64Array(windowTicksMax + 1);
  private last = 0;

  /** `total` is the counter before the first tick. */
  constructor(total: number) {
    this.totals.fill(total);
  }

  /** Notes the counter at a tick. */
  push(total: number): void {
    this.last = (this.last + 1) % this.totals.length;
    this.totals[this.last] = total;
  }

  /** Returns how much the counter grew over the last `ticks`; 0 if it started again. */
  growth(ticks: number): number {
    const { totals, last } = this;
    const before = (last - Math.min(ticks, windowTicksMax) + totals.length) % totals.length;
    return Math.max(0, totals[last] - totals[before]);
  }

  get total(): number {
    return this.totals[this.last];
  }
}
