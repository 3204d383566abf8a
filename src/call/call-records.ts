import { boundedText } from '../core/bounded-text.ts';
import { FieldKind } from '../core/field.ts';
import { GrpcStatus } from '../core/grpc-status.ts';
import type { HeaderBlock } from '../core/header-block.ts';
import type { StreamFailure } from '../core/message-stream.ts';
import { reasonPhraseOf } from '../core/reason-phrase.ts';
import { type ReplyError, replyErrors } from '../core/reply-error.ts';
import { safeText } from '../core/safe-text.ts';
import { statusMessageOf } from '../core/status-message.ts';
import { noSpanId, noTraceId } from '../core/trace-id.ts';
import {
  type AttemptKind,
  type AttemptRecord,
  type CallRecord,
  type Explanation,
  noNotes,
} from '../telemetry/call-record.ts';
import { detailCharsMax } from '../telemetry/request-text.ts';
import type { Lease } from '../upstream/lease.ts';
import type { Peer } from './peer.ts';
import type { ProxyContext } from './plan.ts';
import { grpcStatusOfReply } from './reply-status.ts';
import type { RoutedRequest } from './routed-request.ts';

/** What of a request its record keeps. */
export type CallIdentity = Pick<RoutedRequest, 'plan' | 'grpc' | 'method' | 'authority' | 'path'>;

/** Of every call that has none yet. */
const noAttempts: AttemptRecord[] = [];

export function newCallRecord(context: ProxyContext, routed: CallIdentity, peer: Peer): CallRecord {
  return {
    id: context.ids.next(),
    listener: context.listener,
    route: routed.plan?.route ?? '',
    cluster: routed.plan?.cluster?.name ?? '',
    routes: context.routes,
    grpc: routed.grpc,
    tcp: false,
    udp: false,
    scheme: peer.scheme ?? '',
    httpVersion: peer.httpVersion ?? '',
    httpMethod: routed.method,
    authority: routed.authority,
    path: routed.path,
    clientAddress: peer.address,
    clientPort: peer.port,
    startedWallMs: context.clock.wallMs(),
    startedMs: context.clock.now(),
    headMs: 0,
    endedMs: 0,
    grpcStatus: -1,
    httpStatus: 0,
    endedBy: 'outrigger',
    error: '',
    detail: '',
    notes: noNotes,
    requestBytes: 0,
    responseBytes: 0,
    requestMessages: 0,
    responseMessages: 0,
    attempts: noAttempts,
    chosen: 0,
    traceId: noTraceId,
    sampled: false,
  };
}

/** Adds the record of a new attempt to its call's. */
export function newAttemptRecord(
  call: CallRecord,
  { endpoint, reason, startedMs }: Lease,
  kind: AttemptKind,
): AttemptRecord {
  const { target, dial } = endpoint;
  const record: AttemptRecord = {
    number: call.attempts.length + 1,
    endpoint: endpoint.address,
    peerHost: target.kind === 'tcp' ? target.host : target.path,
    peerPort: target.kind === 'tcp' ? target.port : 0,
    scheme: dial.tls === null ? 'http' : 'https',
    httpVersion: dial.httpVersion,
    pick: reason,
    startedMs,
    endedMs: 0,
    wait: null,
    grpcStatus: -1,
    httpStatus: 0,
    error: '',
    mayHaveProcessed: false,
    tally: '',
    message: '',
    kind,
    verdict: '',
    withheld: '',
    spanId: noSpanId,
  };
  // Most have one, and an array that is pushed to has room for sixteen more.
  if (call.attempts === noAttempts) call.attempts = [record];
  else call.attempts.push(record);
  return record;
}

/** The head of the reply that the client gets. */
export function noteHead(record: CallRecord, attempt: AttemptRecord, head: HeaderBlock): void {
  record.httpStatus = head.status;
  attempt.httpStatus = head.status;
  if (!record.grpc && head.status >= 400) attempt.message = httpMessage(head);
}

/** The end of the reply of a gRPC call; `last` holds its status. Returns that. */
export function noteGrpcStatus(record: CallRecord, attempt: AttemptRecord, last: HeaderBlock | null): number {
  const code = grpcStatusOfReply(record.httpStatus, last);
  record.grpcStatus = code;
  attempt.grpcStatus = code;
  if (code !== GrpcStatus.OK) attempt.message = grpcMessage(record.httpStatus, last);
  return code;
}

/** The reply of an attempt that the client does not get; `last` ends it, and is its head for HTTP. */
export function noteDropped(
  record: CallRecord,
  attempt: AttemptRecord,
  code: number,
  head: HeaderBlock,
  last: HeaderBlock,
): void {
  attempt.grpcStatus = code;
  attempt.httpStatus = head.status;
  attempt.message = record.grpc ? grpcMessage(head.status, last) : httpMessage(head);
}

/** What ended an attempt without a reply. */
export function noteAttemptError(attempt: AttemptRecord, error: ReplyError): void {
  attempt.error = error.code;
  attempt.message = boundedText(error.detail, detailCharsMax);
}

function grpcMessage(httpStatus: number, last: HeaderBlock | null): Explanation {
  const message = last === null ? '' : statusMessageOf(last, 'grpc-message');
  if (message !== '' || last?.ofKind(FieldKind.GrpcStatus) !== undefined) return message;
  return `HTTP ${httpStatus} without a grpc-status`;
}

/** HTTP/2 has no reason phrase, and the usual one of HTTP/1.1 says no more than the status. */
function httpMessage(head: HeaderBlock): Explanation {
  const phrase = reasonPhraseOf(head);
  if (phrase !== '') return safeText(phrase);
  // The upstream is another Outrigger, and the reply its own.
  return statusMessageOf(head, 'x-outrigger-error', 'x-outrigger-error: ');
}

/** The error that Outrigger answers a call with. */
export function noteError(record: CallRecord, error: ReplyError, replyBegun: boolean): void {
  const { grpcStatus, httpStatus } = replyErrors[error.code];
  record.error = error.code;
  record.detail = boundedText(error.detail, detailCharsMax);
  if (record.grpc) record.grpcStatus = error.grpcStatus ?? grpcStatus;
  if (!replyBegun) record.httpStatus = record.grpc ? 200 : (error.httpStatus ?? httpStatus);
}

/** A reply of a policy, without an endpoint. */
export function noteDirectReply(record: CallRecord, head: HeaderBlock): void {
  record.httpStatus = head.status;
  if (record.grpc) record.grpcStatus = grpcStatusOfReply(head.status, head);
}

/** The client cancelled the call, or its connection is gone. */
export function noteClientEnded(record: CallRecord, failure: StreamFailure): void {
  if (record.grpc) record.grpcStatus = GrpcStatus.CANCELLED;
  record.detail = boundedText(`the client ended the request: ${failure.message}`, detailCharsMax);
}
