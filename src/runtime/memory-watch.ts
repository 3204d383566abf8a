import type { Clock, Timer } from '../core/clock.ts';
import type { Logger } from '../core/logger.ts';
import type { MemoryPressure } from '../core/memory-pressure.ts';
import { repeat } from '../core/repeat.ts';
import type { MemoryMarks, MemoryReading } from './memory.ts';

/** Between two checks, milliseconds: what a process can take in that time is what the marks leave room for. */
export const memoryCheckMs = 200;
/** A single check may meet garbage that is about to be collected. */
const checksOverMin = 2;
/** Pressure is over below this part of a mark, so that it does not come and go with every call. */
const releaseShare = 0.95;
/** Resident memory is of no concern while less than this part of its mark is in use: the rest is free, if not the system's. */
const heldShareMin = 0.5;
/** Collections that are asked for are at least so far apart, milliseconds. */
const collectEveryMs = 2000;

export interface MemoryWatchDeps {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly read: () => MemoryReading;
  readonly collectGarbage: () => void;
  /** `high` has changed. */
  readonly onChange: (high: boolean) => void;
}

/**
 * Checks the memory of the process at regular intervals. Above a mark new calls are refused and those who hold most have to
 * give: some calls fail then, where otherwise the system or V8 would end the process, and all of them with it.
 */
export class MemoryWatch implements MemoryPressure {
  high = false;
  marks: MemoryMarks;
  private readonly deps: MemoryWatchDeps;
  private timer: Timer | null = null;
  private checksOver = 0;
  private collectedMs = Number.NEGATIVE_INFINITY;

  constructor(marks: MemoryMarks, deps: MemoryWatchDeps) {
    this.marks = marks;
    this.deps = deps;
  }

  start(): void {
    this.timer = repeat(this.deps.clock, memoryCheckMs, () => this.check());
  }

  stop(): void {
    this.timer?.cancel();
    this.timer = null;
  }

  private check(): void {
    const reading = this.deps.read();
    const over = this.isOver(reading, this.high ? releaseShare : 1);
    this.checksOver = over ? this.checksOver + 1 : 0;
    if (over) this.collect();
    const high = this.checksOver >= checksOverMin;
    // It ends with the first check that is below the mark, and begins with the second that is above it.
    if (high === this.high || (this.high && over)) return;
    this.high = high;
    this.report(reading);
    this.deps.onChange(high);
  }

  private isOver({ residentBytes, heapBytes, heldBytes }: MemoryReading, share: number): boolean {
    const { residentBytesMax, heapBytesMax } = this.marks;
    const inUse = heldBytes > residentBytesMax * heldShareMin;
    return (inUse && residentBytes > residentBytesMax * share) || heapBytes > heapBytesMax * share;
  }

  private collect(): void {
    const nowMs = this.deps.clock.now();
    if (nowMs - this.collectedMs < collectEveryMs) return;
    this.collectedMs = nowMs;
    this.deps.collectGarbage();
  }

  private report(reading: MemoryReading): void {
    const facts = { ...reading, ...this.marks };
    const { logger } = this.deps;
    if (this.high) logger.warn('memory is short: new requests are refused', facts);
    else logger.info('memory is no longer short', facts);
  }
}
