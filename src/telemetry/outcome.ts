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

/** What its client saw as a failure: a status but OK, an HTTP status from 400, no reply, a connection that broke. */
export function callFailed(record: CallRecord): boolean {
  if (record.grpc) return record.grpcStatus !== 0;
  return record.tcp ? record.error !== '' : record.httpStatus === 0 || record.httpStatus >= 400;
}

/** The attempt whose reply the client got; where it got none, the last one. */
export function chosenAttempt(record: CallRecord): AttemptRecord | undefined {
  return record.attempts.at(record.chosen - 1);
}

/** What a client would see as a failure of the attempt. */
export function attemptFailed(record: CallRecord, attempt: AttemptRecord): boolean {
  if (record.grpc) return attemptGrpcStatus(record, attempt) !== 0;
  return attempt.error !== '' || attempt.httpStatus === 0 || attempt.httpStatus >= 400;
}

const serverErrors: ReadonlySet<number> = new Set([
  GrpcStatus.UNKNOWN,
  GrpcStatus.DEADLINE_EXCEEDED,
  GrpcStatus.UNIMPLEMENTED,
  GrpcStatus.INTERNAL,
  GrpcStatus.UNAVAILABLE,
  GrpcStatus.DATA_LOSS,
]);

/**
 * Whether a status is an error in the eyes of a server (OpenTelemetry "Semantic conventions for gRPC"): the others
 * are the client's doing, as a 4xx is. In a client's eyes every status but OK is one.
 */
export function isServerError(grpcStatus: number): boolean {
  return serverErrors.has(grpcStatus);
}

/** Milliseconds of an attempt; one that was still running when its call settled ended with it. */
export function attemptMs(record: CallRecord, attempt: AttemptRecord): number {
  return Math.max(0, (attempt.endedMs || record.endedMs) - attempt.startedMs);
}

/** When a call ended, in milliseconds since the Unix epoch. */
export function wallEndMs(record: CallRecord): number {
  return record.startedWallMs + (record.endedMs - record.startedMs);
}
