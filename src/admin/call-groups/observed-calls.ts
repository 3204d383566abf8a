import type { CallRecord } from '../../telemetry/call-record.ts';
import { callTally } from '../../telemetry/call-status.ts';
import { callDurationMs, callName, callStatus } from '../explain-call.ts';
import {
  type CallFilters,
  type CallView,
  type GroupsReport,
  groupCalls,
  type ObservedCall,
} from './group-calls.ts';

/** Calls that are kept while somebody observes them; at a higher rate they cover less time. */
export const observedCallsMax = 16_384;
/** The time that a report covers at most, milliseconds. */
export const observedMsMax = 10_000;
/** How long Outrigger observes calls after the last question, milliseconds. */
export const observeForMs = 15_000;

/**
 * The calls of the last seconds, for views of what happens now. They are kept only while somebody asks: the first question
 * begins, and `observeForMs` after the last one they are dropped. Without a question a call costs one comparison.
 */
export class ObservedCalls {
  private calls: ObservedCall[] | null = null;
  /** Where the next call goes. */
  private next = 0;
  private beganMs = 0;
  private untilMs = 0;

  /** Takes the final record of a call. */
  add(record: CallRecord): void {
    const { calls } = this;
    if (calls === null) return;
    if (record.endedMs > this.untilMs) {
      this.calls = null;
      return;
    }
    calls[this.next] = observed(record);
    this.next = this.next + 1 === observedCallsMax ? 0 : this.next + 1;
  }

  /** Returns the calls of the last seconds that match the filters, grouped; of the first question none. */
  report(by: CallView, filters: CallFilters, nowMs: number): GroupsReport {
    if (this.calls === null || nowMs > this.untilMs) {
      this.calls = [];
      this.next = 0;
      this.beganMs = nowMs;
    }
    this.untilMs = nowMs + observeForMs;
    const { calls } = this;
    // Of a full ring, the oldest call is the one to be replaced next.
    const fromMs = calls.length < observedCallsMax ? this.beganMs : calls[this.next].endedMs;
    const observedMs = Math.min(observedMsMax, nowMs - fromMs);
    const recent = calls.filter(({ endedMs }) => endedMs >= nowMs - observedMs);
    return groupCalls(recent, by, filters, observedMs);
  }
}

function observed(record: CallRecord): ObservedCall {
  const tally = callTally(record);
  return {
    endedMs: record.endedMs,
    durationMs: callDurationMs(record),
    isError: tally === 'error',
    isClientError: tally === 'other',
    attempts: record.attempts.length,
    status: callStatus(record),
    names: {
      method: methodOf(record),
      route: record.route,
      listener: record.listener,
      cluster: record.cluster,
      endpoint: record.attempts.at(record.chosen - 1)?.endpoint ?? '',
      client: record.clientAddress,
    },
  };
}

/** Without the query of a web request, which may differ in each of them. */
function methodOf(record: CallRecord): string {
  const name = callName(record);
  const query = record.grpc ? -1 : name.indexOf('?');
  return query < 0 ? name : name.slice(0, query);
}
