import type { Clock } from '../core/clock.ts';
import { DurationCounts } from '../core/duration-counts.ts';
import type { StreamOpener } from './stream-opener.ts';

/** Bounds of the time that a request waits for a stream, seconds. */
export const streamWaitBoundsSeconds = [0.001, 0.005, 0.025, 0.1, 0.5, 2.5, 10] as const;

/** How long the requests of one cluster that got a stream had waited for it, by what they waited for. */
export class StreamWaits {
  /** A connection was being opened, and there was no other. */
  readonly connect = new DurationCounts(streamWaitBoundsSeconds);
  /** Every connection carried as many streams as it may. */
  readonly limit = new DurationCounts(streamWaitBoundsSeconds);
}

interface Entry {
  readonly opener: StreamOpener;
  readonly sinceMs: number;
  readonly counts: DurationCounts;
}

/** Requests that wait for a stream of one endpoint, in the order of arrival; their number is limited by whoever pushes. */
export class OpenerQueue {
  private readonly clock: Clock;
  private readonly waits: StreamWaits;
  private readonly entries: Entry[] = [];

  constructor(clock: Clock, waits: StreamWaits) {
    this.clock = clock;
    this.waits = waits;
  }

  get length(): number {
    return this.entries.length;
  }

  /** The one that has waited for the longest time; undefined if nobody waits. */
  get first(): StreamOpener | undefined {
    return this.entries[0]?.opener;
  }

  /** `isAtLimit`: there are connections, but none may carry another stream. */
  push(opener: StreamOpener, isAtLimit: boolean): void {
    const counts = isAtLimit ? this.waits.limit : this.waits.connect;
    this.entries.push({ opener, sinceMs: this.clock.now(), counts });
  }

  /** Takes the last one back, which has not waited. */
  pop(): void {
    this.entries.pop();
  }

  /** Takes the first one, which gets its stream at `nowMs`, and counts how long it waited. */
  serveFirst(nowMs: number): StreamOpener | undefined {
    const entry = this.entries.shift();
    if (entry === undefined) return undefined;
    entry.counts.record(nowMs - entry.sinceMs);
    return entry.opener;
  }

  /** Takes the first one, which gets no stream. */
  failFirst(): StreamOpener | undefined {
    return this.entries.shift()?.opener;
  }

  /** Returns whether the opener was there. */
  remove(opener: StreamOpener): boolean {
    const index = this.entries.findIndex((entry) => entry.opener === opener);
    if (index >= 0) this.entries.splice(index, 1);
    return index >= 0;
  }

  takeAll(): StreamOpener[] {
    return this.entries.splice(0).map(({ opener }) => opener);
  }
}
