import type { Clock, Timer } from '../../src/core/clock.ts';
import { EventHeap } from './event-heap.ts';

/** What happens to a call; the lowest bits of an event's code, the number of the call is above them. */
export const reaches = 0;
export const isDone = 1;
export const returns = 2;
const timer = 3;
const kinds = 4;

export type Happening = typeof reaches | typeof isDone | typeof returns;

/** Virtual time: what happens to calls, and the timers of the product, in one order. */
export class World implements Clock {
  nowMs = 0;
  private readonly heap = new EventHeap();
  private readonly timers = new Map<number, () => void>();
  private timersSet = 0;

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
    const id = this.timersSet++;
    this.timers.set(id, callback);
    this.heap.add(this.nowMs + Math.max(0, delayMs), id * kinds + timer);
    return { cancel: () => void this.timers.delete(id) };
  }

  at(timeMs: number, call: number, what: Happening): void {
    this.heap.add(timeMs, call * kinds + what);
  }

  /** Everything that is due by `untilMs`, which is the time then. */
  runUntil(untilMs: number, happens: (call: number, what: Happening) => void): void {
    const { heap } = this;
    while (heap.nextMs <= untilMs) {
      this.nowMs = heap.nextMs;
      const code = heap.take();
      const what = code % kinds;
      const id = (code - what) / kinds;
      if (what !== timer) happens(id, what as Happening);
      else {
        const callback = this.timers.get(id);
        this.timers.delete(id);
        callback?.();
      }
    }
    this.nowMs = untilMs;
  }
}
