import { grpcStatusName } from '../core/grpc-status.ts';
import { isoTime } from '../core/iso-time.ts';
import { pluralize } from '../core/pluralize.ts';
import { maskText } from '../core/secret-keys.ts';
import type { CallRecord } from '../telemetry/call-record.ts';
import { callGrpcStatus, callTally, chosenAttempt } from '../telemetry/call-status.ts';

/** Why calls that matched were not shown. */
export type NotShownReason = 'rate' | 'slow_reader' | 'decoder';

/** Why a tap ended. */
export type TapEndReason = 'duration' | 'limit' | 'stopping' | 'not_allowed' | 'internal_error';

/** What a tap sends, in this order: `tap` once, then any of the others, then `end`. docs/tap.md describes each of them. */
export type TapEvent =
  | TapStarted
  | StartedEvent
  | MessageEvent
  | CallEvent
  | NotShownEvent
  | CountsEvent
  | ProblemEvent
  | EndEvent;

/** The tap runs. */
export interface TapStarted {
  readonly event: 'tap';
  readonly rate: number;
  readonly sample: number;
  /** Null for none. */
  readonly limit: number | null;
  readonly durationMs: number;
  readonly messages: boolean;
  readonly live: boolean;
}

/** Pairs of names and values, in the order in which they were sent. */
export type ShownHeaders = ReadonlyArray<readonly [name: string, value: string]>;

/** A message of a body: what it holds, or why that is not shown. */
export type ShownMessage = {
  /** Counts from 0 in its direction. */
  readonly index: number;
  /** Length on the wire. */
  readonly bytes: number;
} & ({ readonly json: unknown } | { readonly problem: string });

export interface ShownSide {
  readonly headers: ShownHeaders;
  /** Null where there were none. */
  readonly trailers: ShownHeaders | null;
  /** Null where messages are not shown. */
  readonly messages: readonly ShownMessage[] | null;
  /** Messages that passed and are not listed. */
  readonly messagesNotShown: number;
}

/** A call is over. */
export interface CallEvent extends CallIdentity {
  readonly event: 'call';
  readonly durationMs: number;
  /** Until the head of the reply; null without one. */
  readonly firstByteMs: number | null;
  /** `OK` or `UNAVAILABLE` for gRPC, `200` for HTTP, `-` for neither. */
  readonly status: string;
  readonly grpcStatus: number | null;
  readonly httpStatus: number | null;
  /** `ok`, `error` of the server side, or `other`: an error of the client. */
  readonly outcome: string;
  readonly endedBy: string;
  /** A code of Outrigger's where it made the reply, else ''; and its sentence. */
  readonly error: string;
  readonly detail: string;
  /** What the endpoint said of its status (`grpc-message`), or how the last attempt failed; '' for nothing. */
  readonly message: string;
  /** That the client was sent the reply of; '' where there was none. */
  readonly endpoint: string;
  readonly attempts: readonly ShownAttempt[];
  readonly requestBytes: number;
  readonly responseBytes: number;
  readonly requestMessages: number;
  readonly responseMessages: number;
  readonly request: ShownSide;
  /** Null where no endpoint replied. */
  readonly response: ShownSide | null;
}

export interface ShownAttempt {
  readonly endpoint: string;
  readonly kind: string;
  readonly durationMs: number;
  readonly status: string;
  readonly error: string;
}

/** What is known of a call when it starts. */
export interface CallIdentity {
  /** What `/explain/ID` takes. */
  readonly id: number;
  /** When it began, RFC 3339. */
  readonly time: string;
  readonly traffic: string;
  readonly listener: string;
  readonly route: string;
  readonly cluster: string;
  readonly httpMethod: string;
  readonly path: string;
  readonly authority: string;
  readonly client: string;
  /** '' without a trace. */
  readonly traceId: string;
}

/** With `live`: a call starts. */
export interface StartedEvent extends CallIdentity {
  readonly event: 'started';
  readonly headers: ShownHeaders;
}

/** With `live` and `messages`: a message of a call has passed. */
export type MessageEvent = {
  readonly event: 'message';
  readonly id: number;
  readonly direction: 'request' | 'response';
} & ShownMessage;

/** Calls that matched were not shown. */
export interface NotShownEvent {
  readonly event: 'not_shown';
  readonly calls: number;
  readonly reason: NotShownReason;
  readonly text: string;
}

/** Sent every 10 seconds, and at the end. */
export interface CountsEvent {
  readonly event: 'counts';
  /** Requests that started since the tap did. */
  readonly seen: number;
  /** Of these, calls that matched; with `sample`, those that were drawn. */
  readonly matched: number;
  readonly shown: number;
  readonly notShown: number;
}

/** Something does not work, and the tap goes on without it. */
export interface ProblemEvent {
  readonly event: 'problem';
  readonly text: string;
}

export interface EndEvent {
  readonly event: 'end';
  readonly reason: TapEndReason;
  readonly text: string;
}

const notShownTexts: Readonly<Record<NotShownReason, string>> = {
  rate: 'there are more than the rate allows each second',
  slow_reader: 'the reader is too slow',
  decoder: 'their messages take too long to decode',
};

export function notShownEvent(calls: number, reason: NotShownReason): NotShownEvent {
  return {
    event: 'not_shown',
    calls,
    reason,
    text: `${pluralize(calls, 'call')} not shown: ${notShownTexts[reason]}`,
  };
}

const endTexts: Readonly<Record<TapEndReason, string>> = {
  duration: 'the tap ran for its whole duration',
  limit: 'the tap has shown as many calls as its limit allows',
  stopping: 'the sidecar stops',
  not_allowed: 'the credentials of the reader are no longer valid',
  internal_error: 'an internal error of the tap; the log of the sidecar has it',
};

export function endEvent(reason: TapEndReason): EndEvent {
  return { event: 'end', reason, text: endTexts[reason] };
}

export function identityOf(record: CallRecord, traffic: string): CallIdentity {
  const { id, startedWallMs, listener, route, cluster, httpMethod, path, authority, traceId } = record;
  const { clientAddress, clientPort } = record;
  return {
    id,
    time: isoTime(startedWallMs),
    traffic,
    listener,
    route,
    cluster,
    httpMethod,
    path,
    authority,
    client: clientAddress.includes(':')
      ? `[${clientAddress}]:${clientPort}`
      : `${clientAddress}:${clientPort}`,
    traceId: String(traceId),
  };
}

/** What is shown of a call that is over. */
export function callEvent(
  record: CallRecord,
  traffic: string,
  request: ShownSide,
  response: ShownSide | null,
): CallEvent {
  const { startedMs, headMs, endedMs, httpStatus } = record;
  const chosen = chosenAttempt(record);
  return {
    event: 'call',
    ...identityOf(record, traffic),
    durationMs: rounded(endedMs - startedMs),
    firstByteMs: headMs === 0 ? null : rounded(headMs - startedMs),
    status: statusOf(record),
    grpcStatus: record.grpc ? callGrpcStatus(record) : null,
    httpStatus: httpStatus === 0 ? null : httpStatus,
    outcome: callTally(record),
    endedBy: record.endedBy,
    error: record.error,
    detail: record.detail,
    message: maskText(String(chosen?.message ?? '')),
    endpoint: chosen?.endpoint ?? '',
    attempts: record.attempts.map((attempt) => ({
      endpoint: attempt.endpoint,
      kind: attempt.kind,
      durationMs: rounded((attempt.endedMs || endedMs) - attempt.startedMs),
      status:
        attempt.grpcStatus >= 0 ? grpcStatusName(attempt.grpcStatus) : String(attempt.httpStatus || '-'),
      error: attempt.error,
    })),
    requestBytes: record.requestBytes,
    responseBytes: record.responseBytes,
    requestMessages: record.requestMessages,
    responseMessages: record.responseMessages,
    request,
    response,
  };
}

function statusOf(record: CallRecord): string {
  if (record.grpc) return grpcStatusName(callGrpcStatus(record));
  return record.httpStatus === 0 ? '-' : String(record.httpStatus);
}

/** To the microsecond. */
function rounded(ms: number): number {
  return Math.round(ms * 1000) / 1000;
}
