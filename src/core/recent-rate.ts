/** Events a second over the recent past: a ring of ten slots, advanced as time passes; no timer. */
export class RecentRate {
  private readonly slotMs: number;
  private readonly slots = new Float64Array(10);
  private slot = 0;
  /** When the current slot began; before the first event, never. */
  private beganMs = Number.NEGATIVE_INFINITY;
  private firstMs = Number.NaN;

  constructor(windowMs: number) {
    this.slotMs = windowMs / this.slots.length;
  }

  /** Counts one event at `nowMs` (`Clock.now()`). */
  add(nowMs: number): void {
    if (nowMs - this.beganMs >= this.slotMs) this.turn(nowMs);
    this.slots[this.slot]++;
  }

  /** Events in the window. */
  count(nowMs: number): number {
    if (nowMs - this.beganMs >= this.slotMs) this.turn(nowMs);
    let sum = 0;
    for (const n of this.slots) sum += n;
    return sum;
  }

  /** Events a second; over a shorter time while less than a window has passed since the first. */
  perSecond(nowMs: number): number {
    const count = this.count(nowMs);
    if (count === 0) return 0;
    const spanMs = Math.min(
      nowMs - this.firstMs,
      this.slotMs * (this.slots.length - 1) + nowMs - this.beganMs,
    );
    return (count * 1000) / Math.max(spanMs, 1000);
  }

  private turn(nowMs: number): void {
    if (Number.isNaN(this.firstMs)) this.firstMs = nowMs;
    const passed = Math.floor((nowMs - this.beganMs) / this.slotMs);
    if (passed >= this.slots.length) {
      this.slots.fill(0);
      this.beganMs = nowMs;
      return;
    }
    for (let i = 0; i < passed; i++) {
      this.slot = (this.slot + 1) % this.slots.length;
      this.slots[this.slot] = 0;
    }
    this.beganMs += passed * this.slotMs;
  }
}
