import { GrpcStatus } from '../core/grpc-status.ts';
import type { AttemptRecord, CallRecord } from './call-record.ts';
import { AttributeKey } from './span-attributes.ts';

/**
 * What happened within a call or an attempt that a reader of its trace looks for: a retry, a reset, a deadline that passed. Most
 * spans have no event, and share one empty list.
 */
export interface SpanEvent {
  readonly name: SpanEventName;
  /** `Clock.now()` milliseconds, as in the records. */
  readonly atMs: number;
  readonly attributes: ReadonlyArray<readonly [AttributeKey, string | number]>;
}

export type SpanEventName = 'outrigger.retry' | 'outrigger.hedge' | 'outrigger.reset' | 'outrigger.deadline';

const key = {
  attempt: new AttributeKey('outrigger.attempt'),
  attemptKind: new AttributeKey('outrigger.attempt.kind'),
  reason: new AttributeKey('outrigger.reason'),
  resetBy: new AttributeKey('outrigger.reset.by'),
};

const none: readonly SpanEvent[] = [];

/** Returns the events of a call's SERVER span, in the order of time. */
export function serverEvents(record: CallRecord): readonly SpanEvent[] {
  const { attempts } = record;
  const end = endEvent(record);
  if (attempts.length < 2 && end === null) return none;
  const events: SpanEvent[] = [];
  for (let i = 1; i < attempts.length; i++) events.push(nextAttempt(attempts[i], attempts[i - 1]));
  if (end !== null) events.push(end);
  return events;
}

/** Returns the events of an attempt's CLIENT span. */
export function clientEvents(record: CallRecord, attempt: AttemptRecord): readonly SpanEvent[] {
  const atMs = attempt.endedMs || record.endedMs;
  const { error } = attempt;
  if (error === 'deadline_exceeded' || error === 'per_try_timeout')
    return [{ name: 'outrigger.deadline', atMs, attributes: [[key.reason, error]] }];
  if (error === 'upstream_reset' || error === 'upstream_closed') {
    const reason = String(attempt.message) || error;
    return [resetEvent(atMs, 'upstream', reason)];
  }
  // A client that cancels has Outrigger reset the attempts that run; so has a hedge that another attempt has overtaken.
  const isCancelled = attempt.grpcStatus < 0 || attempt.grpcStatus === GrpcStatus.CANCELLED;
  if (error === '' && isCancelled && attempt.httpStatus === 0)
    return [resetEvent(atMs, 'outrigger', attempt.verdict || record.detail)];
  return none;
}

function nextAttempt(attempt: AttemptRecord, before: AttemptRecord): SpanEvent {
  const attributes: Array<readonly [AttributeKey, string | number]> = [
    [key.attempt, attempt.number],
    [key.attemptKind, attempt.kind],
  ];
  if (before.verdict !== '') attributes.push([key.reason, before.verdict]);
  const name = attempt.kind === 'hedge' ? 'outrigger.hedge' : 'outrigger.retry';
  return { name, atMs: attempt.startedMs, attributes };
}

/** How the call ended, where neither a reply nor a refusal of Outrigger ended it. */
function endEvent({ error, endedBy, endedMs, detail }: CallRecord): SpanEvent | null {
  if (error === 'deadline_exceeded')
    return { name: 'outrigger.deadline', atMs: endedMs, attributes: [[key.reason, detail]] };
  if (endedBy === 'client' && error === '') return resetEvent(endedMs, 'client', detail);
  return null;
}

function resetEvent(atMs: number, by: 'client' | 'upstream' | 'outrigger', reason: string): SpanEvent {
  return {
    name: 'outrigger.reset',
    atMs,
    attributes:
      reason === ''
        ? [[key.resetBy, by]]
        : [
            [key.resetBy, by],
            [key.reason, reason],
          ],
  };
}
