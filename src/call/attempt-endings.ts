import { type Ending, endingOfGrpc, endingOfHttp, endingOfReset, endings } from '../core/ending.ts';
import { ErrorCode } from '../core/error-code.ts';
import { GrpcStatus } from '../core/grpc-status.ts';
import type { HeaderBlock } from '../core/header-block.ts';
import type { StreamFailure } from '../core/message-stream.ts';
import type { CallRecord } from '../telemetry/call-record.ts';
import type { Endpoint } from '../upstream/endpoint.ts';
import type { OpenFailure } from '../upstream/stream-opener.ts';
import type { Attempt } from './attempt.ts';
import { hasGrpcStatus } from './reply-status.ts';

/** Which ending of `core/ending.ts` an attempt came to. */

/**
 * Of a whole reply; `last` ends it. A gRPC call that got a plain HTTP error, as from a server that refuses its head, is judged by
 * that. Any other reply to it without a gRPC status breaks the protocol: a server that fails in the middle ends so, and a redirect
 * is no answer.
 */
export function endingOfReply(
  grpc: boolean,
  httpStatus: number,
  grpcStatus: number,
  last: HeaderBlock | null,
): Ending {
  if (!grpc || httpStatus >= 400) return endingOfHttp(httpStatus);
  if (grpcStatus === GrpcStatus.UNKNOWN && !hasGrpcStatus(last)) return endings.malformedReply;
  return endingOfGrpc(grpcStatus);
}

/** Of an attempt that broke off. */
export function endingOfFailure(failure: StreamFailure, grpc: boolean): Ending {
  switch (failure.kind) {
    case 'unsendable':
      return endings.unsendable;
    case 'unsent':
      // A connection that is unavailable says as much of the endpoint as one that was lost.
      return failure.code === ErrorCode.CONNECT_ERROR ? endings.connectFailed : endings.notProcessed;
    case 'refused':
      return endings.notProcessed;
    case 'reset':
      return endingOfReset(failure.code, grpc);
    case 'protocol':
      return endings.malformedReply;
    case 'internal':
      return endings.terminated;
    case 'closed':
      // Servers close the connection on a body that is too large or too slow, and on what they do not understand. In HTTP/1.1
      // that is all they can do; in HTTP/2 some do it without a GOAWAY.
      return endings.connectionEnded;
  }
}

/** Of an attempt that got no stream. A failed connection says one thing of the endpoint, however many calls waited for it. */
export function endingOfOpenFailure(endpoint: Endpoint, failure: OpenFailure): Ending {
  if (failure.code === 'overloaded') return endings.overloaded;
  if (failure === endpoint.openFailure) return endings.notProcessed;
  endpoint.openFailure = failure;
  return endings.connectFailed;
}

/** A deadline that an endpoint cannot be expected to meet, milliseconds: what it got of it was less than this. */
export const fairTimeMs = 10;

/** What an attempt was asked to do when its time was up. */
export interface TimedRequest {
  readonly grpc: boolean;
  /** The client has sent its whole request. */
  readonly requestEnded: boolean;
  readonly record: Pick<CallRecord, 'requestBytes'>;
}

/**
 * Ends an attempt whose time is up, and notes that on its record. Returns the ending.
 *
 * It says something of the endpoint only where that had some time, was not waiting for more of the request, and has not begun
 * its reply: else the client may take its time to send or to read, or wanted a stream to end at this moment. `deadlineMs` is
 * when the time was up: a busy process notices that later, which is no time that the endpoint was given.
 */
export function endAtDeadline(
  attempt: Attempt,
  request: TimedRequest,
  replyBegun: boolean,
  deadlineMs: number,
  nowMs: number,
): Ending {
  const isFair = deadlineMs - attempt.record.startedMs >= fairTimeMs;
  const awaitsClient = !request.requestEnded && attempt.sentBytes >= request.record.requestBytes;
  const ending = isFair && !awaitsClient && !replyBegun ? endings.timedOut : endings.clientDeadline;
  attempt.cancel(ErrorCode.CANCEL, ending, nowMs);
  attempt.record.error = 'deadline_exceeded';
  attempt.record.grpcStatus = request.grpc ? GrpcStatus.DEADLINE_EXCEEDED : -1;
  return ending;
}
