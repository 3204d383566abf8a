import { RecentLatency } from '../core/histogram.ts';
import type { TraceId } from '../core/trace-id.ts';
import type { CallRecord } from './call-record.ts';
import { callIsError, callTally } from './call-status.ts';

/** How many calls are remembered of each sort. */
export const recentCallsMax = 256;
export const slowCallsMax = 64;
/** Clients paste the id of an error reply minutes later. */
export const failedCallsMax = 256;
export const clientErrorCallsMax = 256;
/**
 * Calls that somebody was shown, and that stay explainable when they have left the lists; as many again that did not fail, so that
 * slow calls, of which a busy page shows eight new ones each second, push out no failed one.
 */
export const shownCallsMax = 2048;

/** What "slow" is measured against: the calls of the last minute. */
const slowWindowMs = 60_000;
const slowQuantile = 0.99;
/** Until this many calls were seen, none is slow: the first ones would all be. */
const slowAfterCalls = 100;
/** How long one reading of the quantile is used: it costs as much as half a call. */
const thresholdLifeMs = 100;

export interface RecentCalls {
  add(record: CallRecord): void;
  /** Newest first. */
  recent(): CallRecord[];
  /** Calls that did not fail but took longer than 99% of their minute, newest first. */
  slow(): CallRecord[];
  /** Calls that count as errors, newest first. */
  failed(): CallRecord[];
  /**
   * These were shown to somebody, who may ask for one of them by its id: they are kept on when newer ones push them out of the
   * lists: of failed calls and of others the `shownCallsMax` that were shown last.
   */
  shown(records: readonly CallRecord[]): void;
  /** Calls that are neither errors nor went well: errors and cancellations of clients, newest first. */
  clientErrors(): CallRecord[];
  /** A call of the lists, or one that was shown. */
  find(id: number): CallRecord | undefined;
  /** The calls of a trace, newest first. */
  ofTrace(traceId: TraceId): CallRecord[];
}

/** The calls that can be explained: the last ones, and among those before them the slow and the failed. */
export function createRecentCalls(): RecentCalls {
  const recent = new Ring(recentCallsMax);
  const slow = new Ring(slowCallsMax);
  const failed = new Ring(failedCallsMax);
  const shownFailed = new Map<number, CallRecord>();
  const shownOthers = new Map<number, CallRecord>();
  const clientErrors = new Ring(clientErrorCallsMax);
  const latency = new RecentLatency(slowWindowMs);
  let thresholdMs = Number.POSITIVE_INFINITY;
  let thresholdUntilMs = Number.NEGATIVE_INFINITY;
  let unseen = slowAfterCalls;

  return {
    add(record) {
      recent.add(record);
      const tally = callTally(record);
      if (tally === 'error') failed.add(record);
      else if (tally === 'other') clientErrors.add(record);
      if (tally !== 'ok') keepPicks(record);
      // How long a stream or a connection lasts is its ends' choice and says nothing of speed.
      if (record.tcp || record.udp || record.requestMessages > 1 || record.responseMessages > 1) return;
      const durationMs = record.endedMs - record.startedMs;
      latency.record(durationMs, record.endedMs);
      if (unseen > 0 && --unseen > 0) return;
      if (record.endedMs >= thresholdUntilMs) {
        thresholdUntilMs = record.endedMs + thresholdLifeMs;
        thresholdMs = latency.quantile(slowQuantile, record.endedMs);
      }
      if (durationMs <= thresholdMs || tally !== 'ok') return;
      slow.add(record);
      keepPicks(record);
    },
    recent: () => recent.newestFirst(),
    slow: () => slow.newestFirst(),
    failed: () => failed.newestFirst(),
    shown(records) {
      for (const record of records) {
        keepPicks(record);
        const shown = callIsError(record) ? shownFailed : shownOthers;
        // A map goes from the oldest entry to the newest.
        shown.delete(record.id);
        shown.set(record.id, record);
      }
      forgetOldest(shownFailed);
      forgetOldest(shownOthers);
    },
    clientErrors: () => clientErrors.newestFirst(),
    find: (id) =>
      recent.find(id) ??
      failed.find(id) ??
      slow.find(id) ??
      clientErrors.find(id) ??
      shownFailed.get(id) ??
      shownOthers.get(id),
    ofTrace(traceId) {
      const lists = [recent, failed, slow, clientErrors].map((ring) => ring.newestFirst());
      const all = new Set([...lists.flat(), ...shownFailed.values(), ...shownOthers.values()]);
      return [...all].filter((record) => record.traceId.equals(traceId)).sort((a, b) => b.id - a.id);
    },
  };
}

/** Keeps the loads of the endpoints at its picks, which a busy cluster overwrites within seconds. */
function keepPicks({ attempts }: CallRecord): void {
  for (let i = 0; i < attempts.length; i++) attempts[i].pick.keep?.();
}

function forgetOldest(shown: Map<number, CallRecord>): void {
  for (const id of shown.keys()) {
    if (shown.size <= shownCallsMax) break;
    shown.delete(id);
  }
}

class Ring {
  private readonly records: CallRecord[] = [];
  private readonly max: number;
  /** Where the next one goes. */
  private next = 0;

  constructor(max: number) {
    this.max = max;
  }
  add(record: CallRecord): void {
    this.records[this.next] = record;
    this.next = this.next + 1 === this.max ? 0 : this.next + 1;
  }
  newestFirst(): CallRecord[] {
    const { records, next } = this;
    return [...records.slice(0, next).reverse(), ...records.slice(next).reverse()];
  }
  find(id: number): CallRecord | undefined {
    return this.records.find((record) => record.id === id);
  }
}
