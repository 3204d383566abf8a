import { grpcStatusName } from '../core/grpc-status.ts';
import type { AttemptRecord, CallRecord } from '../telemetry/call-record.ts';

/**
 * What an attempt spent its time on. `queue`: waiting for a free stream of a connection. `connect`: waiting for a connection.
 * `reply`: from then on to the head of the reply, the request included. `body`: from the head to the end.
 */
export type TimingPart = 'queue' | 'connect' | 'reply' | 'body';

/** One attempt on the time line of its call, in milliseconds since the start of the call. */
export interface AttemptTiming {
  readonly endpoint: string;
  /** `first`, `transparent`, `retry` or `hedge`. */
  readonly kind: string;
  /** `OK`, `HTTP 503`, or the code of the error. */
  readonly outcome: string;
  readonly failed: boolean;
  /** In their order; the end of one is the start of the next. Those that took no time are left out. */
  readonly parts: readonly { readonly part: TimingPart; readonly fromMs: number; readonly toMs: number }[];
}

/** Attempts of one call that are shown. */
const attemptsMax = 8;

/** Returns what the attempts of a call spent their time on, for the waterfall of the page. */
export function callTiming(call: CallRecord): AttemptTiming[] {
  const chosen = call.attempts.at(call.chosen - 1);
  return call.attempts.slice(0, attemptsMax).map((attempt) => {
    const since = (ms: number): number => Math.round((ms - call.startedMs) * 1000) / 1000;
    const endMs = attempt.endedMs || call.endedMs;
    const marks: Array<[TimingPart, number]> = [];
    const { wait } = attempt;
    if (wait !== null) {
      // The connection was dialled for those that waited, or had been dialled before and was full.
      const connectMs = Math.max(attempt.startedMs, wait.dialedMs);
      if (wait.readyMs > attempt.startedMs) marks.push(['queue', connectMs], ['connect', wait.readyMs]);
      marks.push(['queue', wait.endedMs]);
    } else if (attempt.error.startsWith('connect_')) marks.push(['connect', endMs]);
    else if (attempt.error === 'overloaded') marks.push(['queue', endMs]);
    if (attempt === chosen && call.headMs > 0) marks.push(['reply', call.headMs], ['body', endMs]);
    else marks.push(['reply', endMs]);
    const { endpoint, kind } = attempt;
    const parts = partsOf(attempt, endMs, marks).map(({ part, fromMs, toMs }) => ({
      part,
      fromMs: since(fromMs),
      toMs: since(toMs),
    }));
    return { endpoint, kind, outcome: outcomeOf(attempt), failed: attempt.tally === 'error', parts };
  });
}

function partsOf(
  { startedMs }: AttemptRecord,
  endMs: number,
  marks: ReadonlyArray<readonly [TimingPart, number]>,
): Array<AttemptTiming['parts'][number]> {
  const parts: Array<AttemptTiming['parts'][number]> = [];
  let fromMs = startedMs;
  for (const [part, markMs] of marks) {
    const toMs = Math.min(Math.max(markMs, fromMs), Math.max(endMs, fromMs));
    if (toMs > fromMs) parts.push({ part, fromMs, toMs });
    fromMs = toMs;
  }
  return parts;
}

function outcomeOf({ error, grpcStatus, httpStatus }: AttemptRecord): string {
  if (error !== '') return error;
  if (grpcStatus >= 0) return grpcStatusName(grpcStatus);
  return httpStatus > 0 ? `HTTP ${httpStatus}` : 'no reply';
}
