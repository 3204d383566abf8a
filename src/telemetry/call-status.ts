import { endingOfGrpc, endingOfHttp, type Tally } from '../core/ending.ts';
import { GrpcStatus } from '../core/grpc-status.ts';
import { replyErrors } from '../core/reply-error.ts';
import type { AttemptRecord, CallRecord } from './call-record.ts';

/** How calls and attempts are judged, for metrics and spans alike. */

/** `rpc.method` of a gRPC path: `pkg.Svc/Method`, without the leading slash. */
export function rpcMethod(path: string): string {
  return path.charCodeAt(0) === 0x2f ? path.slice(1) : path;
}

/** The gRPC status a call counts as; where its client got none, what the client would have made of it. */
export function callGrpcStatus(record: CallRecord): number {
  if (record.grpcStatus >= 0) return record.grpcStatus;
  return record.endedBy === 'client' ? GrpcStatus.CANCELLED : GrpcStatus.UNKNOWN;
}

/** The gRPC status an attempt counts as; where it ended without one, what a client would have made of it. */
export function attemptGrpcStatus(record: CallRecord, attempt: AttemptRecord): number {
  if (attempt.grpcStatus >= 0) return attempt.grpcStatus;
  if (attempt.error in replyErrors) return replyErrors[attempt.error as keyof typeof replyErrors].grpcStatus;
  return attempt.error === '' || record.endedBy === 'client' ? GrpcStatus.CANCELLED : GrpcStatus.UNAVAILABLE;
}

/**
 * What a call counts as in every figure, list and status of Outrigger; see docs/admin.md, "What counts as an error". A call that
 * the client ended is `other`, whatever its status: it cancelled, its own deadline left no time, or it was refused for
 * what it sent. A gRPC call that got a plain HTTP error is judged by the HTTP status.
 */
export function callTally(record: CallRecord): Tally {
  const { endedBy, grpc, httpStatus } = record;
  // It is the client that ends most connections; only one that had no endpoint, or lost it, has an error. The same goes for UDP sessions.
  if (record.tcp || record.udp) return record.error === '' ? 'ok' : 'error';
  if (endedBy === 'client') return 'other';
  // No status stands for no reply.
  if (!grpc || httpStatus >= 400) return httpStatus === 0 ? 'error' : endingOfHttp(httpStatus).tally;
  return endingOfGrpc(callGrpcStatus(record)).tally;
}

/** Whether a call counts as an error of the server side. */
export function callIsError(record: CallRecord): boolean {
  return callTally(record) === 'error';
}

/** The attempt whose reply the client got; where it got none, the last one. */
export function chosenAttempt(record: CallRecord): AttemptRecord | undefined {
  return record.attempts.at(record.chosen - 1);
}

/**
 * Whether the CLIENT span of an attempt has the status Error: for a client every status but OK is one, and every HTTP status
 * from 400 (OpenTelemetry semantic conventions, "Span status"). Figures go by `AttemptRecord.tally`.
 */
export function isClientSpanError(record: CallRecord, attempt: AttemptRecord): boolean {
  if (record.grpc) return attemptGrpcStatus(record, attempt) !== 0;
  return attempt.error !== '' || attempt.httpStatus === 0 || attempt.httpStatus >= 400;
}

/** Milliseconds of an attempt; one that was still running when its call settled ended with it. */
export function attemptMs(record: CallRecord, attempt: AttemptRecord): number {
  return Math.max(0, (attempt.endedMs || record.endedMs) - attempt.startedMs);
}

/** When a call ended, in milliseconds since the Unix epoch. */
export function wallEndMs(record: CallRecord): number {
  return record.startedWallMs + (record.endedMs - record.startedMs);
}
