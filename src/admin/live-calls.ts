import type { CallRecord } from '../telemetry/call-record.ts';
import { type AttemptTiming, callTiming } from './call-timing.ts';
import type { CallsSnapshot } from './deps.ts';
import { callName, callReason, callStatus } from './explain-call.ts';
import { type CallSummary, summarizeCall, type TraceLink } from './live-snapshot.ts';

/** Why a call is in the list of the page. */
export type LiveCallKind = 'failed' | 'client error' | 'slow';

/** One row of the list: calls that are alike, and one of them as the example. */
export interface LiveCall extends Omit<CallSummary, 'agoMs'> {
  readonly kind: LiveCallKind;
  /** How many remembered calls are alike, the example included. */
  readonly times: number;
  /** When the newest of them ended, milliseconds since the Unix epoch. */
  readonly endedWallMs: number;
  readonly listener: string;
  readonly route: string;
  /** '' for none. */
  readonly traceId: string;
  readonly timing: readonly AttemptTiming[];
}

/** Rows of each kind. */
export const liveCallsMax = 30;
/** Calls of each kind that are searched for them. */
const searchedMax = 200;
/**
 * How long a row has the same example. Each example that was shown is kept for `/explain`, as many as `shownCallsMax`: with a new
 * one every second a link of the page would lead nowhere after a minute.
 */
const exampleMs = 60_000;

interface Example {
  readonly call: CallRecord;
  readonly sinceWallMs: number;
}

/** The failed and slow calls of the page: a line for all that are alike, so that one trouble does not hide another. */
export class LiveCalls {
  private examples = new Map<string, Example>();

  /** Returns the rows, and what `AdminDeps.shown` is to keep. */
  list(
    calls: CallsSnapshot,
    nowWallMs: number,
    traceLink: TraceLink = () => '',
  ): { rows: LiveCall[]; shown: CallRecord[] } {
    const before = this.examples;
    this.examples = new Map();
    const rows: LiveCall[] = [];
    const shown: CallRecord[] = [];
    const kinds = [
      ['failed', calls.failed],
      ['client error', calls.clientErrors],
      ['slow', calls.slow],
    ] as const;
    for (const [kind, list] of kinds) {
      const groups = [...gatherAlike(kind, list.slice(0, searchedMax))].slice(0, liveCallsMax);
      for (const [key, { newest, times }] of groups) {
        const known = before.get(key);
        const isFresh = known !== undefined && nowWallMs - known.sinceWallMs < exampleMs;
        const example = isFresh ? known : { call: newest, sinceWallMs: nowWallMs };
        this.examples.set(key, example);
        shown.push(example.call);
        rows.push(rowOf(kind, example.call, newest, times, traceLink));
      }
    }
    return { rows, shown };
  }
}

interface Alike {
  readonly newest: CallRecord;
  times: number;
}

/** Failed calls are alike where they failed in the same way; slow ones where the same endpoint was slow with the same method. */
function gatherAlike(kind: LiveCallKind, calls: readonly CallRecord[]): Map<string, Alike> {
  const groups = new Map<string, Alike>();
  for (const call of calls) {
    const how = kind === 'slow' ? call.attempts.at(call.chosen - 1)?.endpoint : callReason(call, false);
    const key = JSON.stringify([kind, callName(call), callStatus(call), call.cluster, how]);
    const known = groups.get(key);
    if (known === undefined) groups.set(key, { newest: call, times: 1 });
    else known.times++;
  }
  return groups;
}

function rowOf(
  kind: LiveCallKind,
  call: CallRecord,
  newest: CallRecord,
  times: number,
  traceLink: TraceLink,
): LiveCall {
  const { agoMs: _, ...summary } = summarizeCall(call, 0, traceLink);
  return {
    ...summary,
    kind,
    times,
    endedWallMs: Math.round(newest.startedWallMs + newest.endedMs - newest.startedMs),
    listener: call.listener,
    route: call.route,
    traceId: call.traceId.none ? '' : String(call.traceId),
    timing: callTiming(call),
  };
}
