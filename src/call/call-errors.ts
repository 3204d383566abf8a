import { boundedText } from '../core/bounded-text.ts';
import { ErrorCode } from '../core/error-code.ts';
import { FieldKind } from '../core/field.ts';
import { grpcStatusOfReset } from '../core/grpc-status.ts';
import type { HeaderBlock } from '../core/header-block.ts';
import type { StreamFailure } from '../core/message-stream.ts';
import { type ReplyError, replyErrors } from '../core/reply-error.ts';
import type { CallRecord } from '../telemetry/call-record.ts';
import type { Cluster } from '../upstream/cluster.ts';
import type { Endpoint } from '../upstream/endpoint.ts';
import type { OpenFailure } from '../upstream/stream-opener.ts';
import type { Attempt } from './attempt.ts';
import type { RoutedRequest } from './routed-request.ts';

/** The sentences of what can go wrong on the way of a call. They say who failed; the reply table says the rest. */

/** The target of the request is refused; `refusal` is of `routing/target-rules.ts`. */
export function targetError(refusal: string): ReplyError {
  return { code: 'protocol_error', detail: `the client sent ${refusal}`, mayHaveProcessed: false };
}

/** Tools such as grpcurl call it first, and few who route services by name think of it. */
const reflectionPath = /^\/grpc\.reflection\.v1(?:alpha)?\.ServerReflection\//;

export function noRouteError(routed: RoutedRequest): ReplyError {
  const { method, authority, path } = routed;
  const hint = reflectionPath.test(path)
    ? '; to use reflection, write a route with match: { pathPrefix: [/grpc.reflection.v1.ServerReflection, /grpc.reflection.v1alpha.ServerReflection] }'
    : '';
  return {
    code: 'no_route',
    detail: `no route matches ${method} ${authority}${path}${hint}`,
    mayHaveProcessed: false,
  };
}

/** A route without `cluster`, whose stages chose none and gave no answer. */
export function noClusterError({ plan }: RoutedRequest): ReplyError {
  const detail = `route ${plan?.route} has no cluster, and none of its policies chose one`;
  return { code: 'no_route', detail, mayHaveProcessed: false };
}

/** Why a cluster gives no endpoint; `full` and `none` are what `Cluster.acquire` returned. */
export function acquireError(cluster: Cluster, why: 'full' | 'none'): ReplyError {
  return why === 'full' ? cluster.fullError() : noEndpointError(cluster);
}

export function noEndpointError(cluster: Cluster): ReplyError {
  if (cluster.endpointCount === 0) {
    const detail = `cluster ${cluster.name} has no endpoint (${cluster.discoveryState})`;
    return { code: 'no_endpoint', detail, mayHaveProcessed: false };
  }
  const detail = `cluster ${cluster.name} has no usable endpoint: ${cluster.unusableReasons()}`;
  if (cluster.saturated) return { code: 'overloaded', detail, mayHaveProcessed: false };
  return { code: 'no_healthy_endpoint', detail, mayHaveProcessed: false };
}

/** Characters quoted of a `grpc-timeout`, which takes nine at most. */
const timeoutCharsMax = 32;

export function malformedTimeoutError(head: HeaderBlock): ReplyError {
  const text = JSON.stringify(boundedText(head.ofKind(FieldKind.GrpcTimeout)!, timeoutCharsMax));
  const detail = `grpc-timeout ${text} is malformed: it takes at most 8 digits and one of H M S m u n`;
  return { code: 'protocol_error', detail, mayHaveProcessed: false };
}

export function expiredError(head: HeaderBlock): ReplyError {
  const text = JSON.stringify(head.ofKind(FieldKind.GrpcTimeout));
  const detail = `the deadline had passed when the call arrived (grpc-timeout ${text})`;
  return { code: 'deadline_exceeded', detail, mayHaveProcessed: false };
}

/** Null where the endpoint takes the section; it has said how large one may be (RFC 9113 section 10.5.1). */
export function headTooLarge({ stream, endpoint }: Attempt, section: HeaderBlock): ReplyError | null {
  const bytesMax = stream!.headListBytesMax ?? Number.POSITIVE_INFINITY;
  if (bytesMax === Number.POSITIVE_INFINITY || section.listBytes <= bytesMax) return null;
  const detail = `the headers have ${section.listBytes} bytes, and endpoint ${endpoint.address} takes ${bytesMax}`;
  return { code: 'header_too_large', detail, mayHaveProcessed: false };
}

/** What the client wrote has no form in the protocol of the cluster. */
export function unsendableError(detail: string, mayHaveProcessed = false): ReplyError {
  return { code: 'protocol_error', detail, mayHaveProcessed };
}

export function openFailureError(failure: OpenFailure): ReplyError {
  return { code: failure.code, detail: failure.message, mayHaveProcessed: false };
}

/** An attempt that had begun and was broken off from the other side. */
export function failureError(endpoint: Endpoint, failure: StreamFailure, grpc: boolean): ReplyError {
  if (failure.kind === 'unsendable') return unsendableError(failure.message, false);
  const detail = `endpoint ${endpoint.address} failed: ${failure.message}`;
  if (failure.code === ErrorCode.CONNECT_ERROR && failure.kind === 'unsent') {
    return { code: 'connect_failed', detail: failure.message, mayHaveProcessed: false };
  }
  if (failure.kind === 'closed' || failure.kind === 'unsent' || failure.kind === 'internal') {
    return { code: 'upstream_closed', detail, mayHaveProcessed: failure.kind !== 'unsent' };
  }
  // A refusal is UNAVAILABLE as the table has it; with GOAWAY it comes with a code that says why the connection ends.
  if (failure.kind === 'refused') return { code: 'upstream_reset', detail, mayHaveProcessed: false };
  // What the peer breaks of the protocol is INTERNAL, and no reset code of ours says more.
  const status =
    failure.kind === 'protocol' ? replyErrors.protocol_error.grpcStatus : grpcStatusOfReset(failure.code);
  return {
    code: 'upstream_reset',
    detail,
    mayHaveProcessed: true,
    grpcStatus: grpc ? status : undefined,
  };
}

export function deadlineError(record: CallRecord, nowMs: number, begun: boolean): ReplyError {
  const afterMs = Math.round(nowMs - record.startedMs);
  const last = record.attempts[record.attempts.length - 1];
  const where =
    last === undefined
      ? 'before an endpoint was picked'
      : `while ${last.endpoint} was processing the request`;
  return {
    code: 'deadline_exceeded',
    detail: `the deadline passed after ${afterMs} ms, ${begun ? where : 'before a connection was open'}`,
    mayHaveProcessed: begun,
  };
}

export function drainingError(begun: boolean): ReplyError {
  const detail = 'the sidecar is shutting down and the grace period is over';
  return { code: 'draining', detail, mayHaveProcessed: begun };
}

export function memoryError(): ReplyError {
  return { code: 'overloaded', detail: 'the sidecar is short of memory', mayHaveProcessed: false };
}

export function replayFullError(): ReplyError {
  const detail = 'the buffer for the bodies of requests that wait for a connection is full';
  return { code: 'overloaded', detail, mayHaveProcessed: false };
}
