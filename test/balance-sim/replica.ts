import type { Trouble } from './scenario.ts';

/** A replica: workers, and calls that wait for one of them, first come first served. */
export class Replica {
  private free: number;
  private readonly troubles: readonly Trouble[];
  /** Calls that wait; those before `head` have been taken. */
  private queue: number[] = [];
  private head = 0;

  constructor(workers: number, troubles: readonly Trouble[]) {
    this.free = workers;
    this.troubles = troubles;
  }

  /** True if a worker takes it now, else it waits. */
  take(call: number): boolean {
    if (this.free > 0) {
      this.free--;
      return true;
    }
    this.queue.push(call);
    return false;
  }

  /** A worker is done; the call that it takes next, or -1. */
  next(): number {
    if (this.head === this.queue.length) {
      this.free++;
      return -1;
    }
    const call = this.queue[this.head++];
    if (this.head > 1024 && this.head * 2 > this.queue.length) {
      this.queue = this.queue.slice(this.head);
      this.head = 0;
    }
    return call;
  }

  /** What is wrong with it now; null for nothing. */
  trouble(nowMs: number): Trouble | null {
    for (const trouble of this.troubles) {
      if (nowMs >= trouble.fromMs && nowMs < trouble.untilMs) return trouble;
    }
    return null;
  }
}
