import type { Writable } from 'node:stream';
import type { Clock } from '../core/clock.ts';
import { grpcStatusName } from '../core/grpc-status.ts';
import { isoTime } from '../core/iso-time.ts';
import type { Logger } from '../core/logger.ts';
import type { Random } from '../core/random.ts';
import { safeJson } from '../core/safe-text.ts';
import type { AttemptRecord, CallRecord } from './call-record.ts';
import {
  attemptGrpcStatus,
  attemptMs,
  callGrpcStatus,
  callIsError,
  chosenAttempt,
  rpcMethod,
} from './call-status.ts';
import { createLineOutput, type LineTarget } from './line-output.ts';
import type { AccessLogShare } from './route-telemetry.ts';

/** Where access log lines go. */
export type AccessLogTarget = { readonly kind: 'none' } | LineTarget;

export interface AccessLog {
  /** Lines that a reader or disk too slow, or an error, has cost. */
  readonly droppedLines: number;
  /** `own` is the share of the request's route, where it has one. */
  write(record: CallRecord, own?: AccessLogShare): void;
  /** Reopens the file, after it was moved away (SIGUSR1 or SIGHUP, as logrotate expects). No line is lost. */
  reopen(): void;
  /** Writes out what is left, within `accessLogCloseMsMax`, and closes. Never rejects. */
  close(): Promise<void>;
}

export interface AccessLogOptions {
  readonly to: AccessLogTarget;
  /** Part of the calls that get a line, 0 to 1; calls that count as errors always do. */
  readonly sample: number;
  readonly random: Random;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Standard output and error; given by tests. */
  readonly streams?: { readonly stdout: Writable; readonly stderr: Writable };
}

/** The log that the settings enable, or null where they enable none: then a call pays nothing. */
export function createAccessLog(options: AccessLogOptions): AccessLog | null {
  const { to, sample, random } = options;
  if (to.kind === 'none') return null;
  const output = createLineOutput({ ...options, to });
  const usual: AccessLogShare = { sample, errors: true };
  return {
    get droppedLines() {
      return output.droppedLines;
    },
    write(record, own = usual) {
      if (own.sample < 1 && !(own.errors && callIsError(record)) && random.next() >= own.sample) return;
      output.line(accessLogLine(record));
    },
    reopen: () => output.reopen(),
    close: () => output.close(),
  };
}

/** One call as a JSON object, without the line feed. Times and durations in milliseconds. */
export function accessLogLine(record: CallRecord): string {
  const chosen = chosenAttempt(record);
  const line = JSON.stringify({
    time: isoTime(record.startedWallMs),
    id: record.id,
    listener: record.listener,
    route: record.route,
    cluster: record.cluster,
    endpoint: chosen?.endpoint ?? '',
    client: record.clientPort > 0 ? `${record.clientAddress}:${record.clientPort}` : record.clientAddress,
    ...requestOf(record),
    endedBy: record.endedBy,
    error: record.error || undefined,
    detail: record.detail || undefined,
    message: record.error === '' ? messageOf(chosen) : undefined,
    policies:
      record.notes.length === 0 ? undefined : record.notes.map(({ policy, text }) => `${policy}: ${text}`),
    ...factsOf(record),
    attempts: record.attempts.length,
    history: record.attempts.some(({ kind, verdict }) => kind !== 'first' || verdict !== '')
      ? record.attempts.map((attempt) => attemptLine(record, attempt))
      : undefined,
    durationMs: rounded(record.endedMs - record.startedMs),
    headMs: record.headMs > 0 ? rounded(record.headMs - record.startedMs) : undefined,
    upstreamMs: chosen ? rounded((chosen.endedMs || record.endedMs) - chosen.startedMs) : undefined,
    requestBytes: record.requestBytes,
    responseBytes: record.responseBytes,
    ...countsOf(record),
    ...(record.traceId.none ? undefined : { traceId: record.traceId, sampled: record.sampled }),
  });
  return safeJson(line);
}

/** What was asked for, and the status. A connection of TCP and a session of UDP have neither. */
function requestOf(record: CallRecord): object {
  const { authority, grpc, httpMethod: method, path } = record;
  if (record.tcp || record.udp) return { method };
  return grpc
    ? { authority, method: rpcMethod(path), status: grpcStatusName(callGrpcStatus(record)) }
    : { authority, method, path, status: record.httpStatus };
}

function countsOf({ grpc, udp, requestMessages, responseMessages }: CallRecord): object | undefined {
  if (grpc) return { requestMessages, responseMessages };
  return udp ? { requestDatagrams: requestMessages, responseDatagrams: responseMessages } : undefined;
}

/** The keys that policies add. */
function factsOf({ notes }: CallRecord): Record<string, string | number> {
  return Object.assign({}, ...notes.map(({ facts }) => facts));
}

/** One attempt of a call that had several, or whose only one was decided about. */
function attemptLine(record: CallRecord, attempt: AttemptRecord): object {
  return {
    endpoint: attempt.endpoint,
    kind: attempt.kind,
    pick: String(attempt.pick) || undefined,
    status: record.grpc
      ? grpcStatusName(attemptGrpcStatus(record, attempt))
      : attempt.httpStatus || undefined,
    error: attempt.error || undefined,
    message: messageOf(attempt),
    verdict: attempt.verdict || undefined,
    startMs: rounded(attempt.startedMs - record.startedMs),
    durationMs: rounded(attemptMs(record, attempt)),
  };
}

/** What the upstream said of its status. */
function messageOf(attempt: AttemptRecord | undefined): string | undefined {
  return attempt === undefined ? undefined : String(attempt.message) || undefined;
}

function rounded(ms: number): number {
  return Math.round(ms * 1000) / 1000;
}
