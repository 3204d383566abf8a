/**
 * Bytes that streams hold because the other side does not take them, over all connections that share the budget. Flow
 * control bounds each stream by its window; a thousand streams of a hundred connections are another matter.
 *
 * As it fills, or the process runs out of memory for whatever reason, one connection may hold less: nothing is asked of anyone below half of it, a sixteenth of the whole above,
 * and `leastShareBytes` once it is full. So it is those who hold most that have to give, and who takes what it gets never
 * notices.
 */
export class BufferBudget {
  /** What one connection may hold now. */
  shareBytes = Number.POSITIVE_INFINITY;
  private held = 0;
  private bytesMax: number;
  /** Up to this nothing is asked of anyone; -1 while memory is short. */
  private easyBytesMax: number;

  constructor(bytesMax: number) {
    this.bytesMax = bytesMax;
    this.easyBytesMax = bytesMax / 2;
  }

  /** Another size; what is held counts on. */
  resize(bytesMax: number): void {
    this.bytesMax = bytesMax;
    this.press(this.pressed);
  }

  get bytes(): number {
    return this.held;
  }

  /** Enough of it is used that windows should no longer grow for readers who are behind as it is. */
  get filling(): boolean {
    return this.held > this.bytesMax / 8 || this.pressed;
  }

  /** More than half of it is used: who makes no progress is not waited for as long. */
  get short(): boolean {
    return this.held > this.easyBytesMax;
  }

  /** The process is about to run out of memory: everyone may hold the least there is, however much of this is used. */
  get pressed(): boolean {
    return this.easyBytesMax < 0;
  }

  press(pressed: boolean): void {
    this.easyBytesMax = pressed ? -1 : this.bytesMax / 2;
    this.add(0);
  }

  add(bytes: number): void {
    this.held += bytes;
    if (this.held <= this.easyBytesMax) this.shareBytes = Number.POSITIVE_INFINITY;
    else {
      const shareBytes = this.held < this.bytesMax && !this.pressed ? this.bytesMax / 16 : 0;
      this.shareBytes = Math.max(shareBytes, leastShareBytes);
    }
  }
}

/** What every connection may hold whatever the others do, bytes: a few calls of any size make progress with it. */
export const leastShareBytes = 262_144;
