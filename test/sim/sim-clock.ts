import type { Clock, Timer } from '../../src/core/clock.ts';

interface Entry {
  dueMs: number;
  sequence: number;
  /** Null once it is done or cancelled; such entries are dropped as they come up. */
  run: (() => void) | null;
  /** Set by the product through `Clock.after`, not an event of the simulated world. */
  timer: boolean;
}

/**
 * Virtual time and everything that happens in it: the timers of the product, and the events of the world around it
 * (bytes that arrive, clients that call). One heap, so that an order once drawn from a seed is the order of every run.
 */
export class SimClock implements Clock {
  /** Timers of the product that are neither fired nor cancelled. */
  timers = 0;
  /** Everything run so far. */
  steps = 0;
  private nowMs = 0;
  private sequence = 0;
  private readonly heap: Entry[] = [];

  now(): number {
    return this.nowMs;
  }
  wallMs(): number {
    return 1_700_000_000_000 + this.nowMs;
  }
  hold(): number {
    return this.nowMs;
  }
  release(): void {}
  after(delayMs: number, callback: () => void): Timer {
    this.timers++;
    const entry = this.add(delayMs, callback, true);
    return {
      cancel: () => {
        if (entry.run === null) return;
        entry.run = null;
        this.timers--;
      },
    };
  }

  /** An event of the world. */
  at(delayMs: number, run: () => void): void {
    this.add(delayMs, run, false);
  }

  /** After whatever is due by now: what `setImmediate` is to an event loop. */
  readonly soon = (run: () => void): void => {
    this.add(0, run, false);
  };

  /** Runs the next thing due until `untilMs`; false when there is none, and time is `untilMs` then. */
  step(untilMs = Number.POSITIVE_INFINITY): boolean {
    for (let next = this.heap[0]; next !== undefined && next.dueMs <= untilMs; next = this.heap[0]) {
      this.pop();
      const { run } = next;
      if (run === null) continue;
      next.run = null;
      if (next.timer) this.timers--;
      this.nowMs = next.dueMs;
      this.steps++;
      run();
      return true;
    }
    if (untilMs !== Number.POSITIVE_INFINITY) this.nowMs = Math.max(this.nowMs, untilMs);
    return false;
  }

  advance(byMs: number): void {
    const untilMs = this.nowMs + byMs;
    while (this.step(untilMs));
  }

  private add(delayMs: number, run: () => void, timer: boolean): Entry {
    const dueMs = this.nowMs + Math.max(delayMs, 0);
    const entry: Entry = { dueMs, sequence: this.sequence++, run, timer };
    const { heap } = this;
    let at = heap.length;
    heap.push(entry);
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (!before(entry, heap[parent])) break;
      heap[at] = heap[parent];
      at = parent;
    }
    heap[at] = entry;
    return entry;
  }

  private pop(): void {
    const { heap } = this;
    const last = heap.pop();
    if (last === undefined || heap.length === 0) return;
    let at = 0;
    for (;;) {
      let child = at * 2 + 1;
      if (child >= heap.length) break;
      if (child + 1 < heap.length && before(heap[child + 1], heap[child])) child++;
      if (!before(heap[child], last)) break;
      heap[at] = heap[child];
      at = child;
    }
    heap[at] = last;
  }
}

function before(a: Entry, b: Entry): boolean {
  return a.dueMs < b.dueMs || (a.dueMs === b.dueMs && a.sequence < b.sequence);
}
