import { boundedText } from '../core/bounded-text.ts';
import { GrpcStatus } from '../core/grpc-status.ts';
import type { StreamFailure } from '../core/message-stream.ts';
import { type ReplyError, replyErrors } from '../core/reply-error.ts';
import { noSpanId, noTraceId } from '../core/trace-id.ts';
import type { AttemptKind, AttemptRecord, CallRecord, Explanation } from '../telemetry/call-record.ts';
import { detailCharsMax } from '../telemetry/request-text.ts';
import type { Endpoint } from '../upstream/endpoint.ts';
import type { Forwarding } from './forwarding.ts';
import type { ProxyContext } from './plan.ts';

/** Who is at the other end of a downstream connection. */
export interface Peer {
  /** IP address, or '' for a Unix socket. */
  readonly address: string;
  readonly port: number;
}

/** What of a request its record keeps. */
export type CallIdentity = Pick<Forwarding, 'plan' | 'grpc' | 'method' | 'authority' | 'path'>;

let lastId = 0;

/** Of every call that has none yet. */
const noAttempts: AttemptRecord[] = [];

export function newCallRecord(context: ProxyContext, forwarding: CallIdentity, peer: Peer): CallRecord {
  return {
    id: ++lastId,
    listener: context.listener,
    route: forwarding.plan?.route ?? '',
    cluster: forwarding.plan?.cluster.name ?? '',
    grpc: forwarding.grpc,
    tcp: false,
    httpMethod: forwarding.method,
    authority: forwarding.authority,
    path: forwarding.path,
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
    faultDelayMs: 0,
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
  endpoint: Endpoint,
  pick: Explanation,
  nowMs: number,
  kind: AttemptKind,
): AttemptRecord {
  const target = endpoint.target;
  const record: AttemptRecord = {
    number: call.attempts.length + 1,
    endpoint: endpoint.address,
    peerHost: target.kind === 'tcp' ? target.host : target.path,
    peerPort: target.kind === 'tcp' ? target.port : 0,
    pick,
    startedMs: nowMs,
    endedMs: 0,
    grpcStatus: -1,
    httpStatus: 0,
    error: '',
    tally: '',
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

/** The error that Outrigger answers a call with. */
export function noteError(record: CallRecord, error: ReplyError, replyBegun: boolean): void {
  const { grpcStatus, httpStatus } = replyErrors[error.code];
  record.error = error.code;
  record.detail = boundedText(error.detail, detailCharsMax);
  if (record.grpc) record.grpcStatus = error.grpcStatus ?? grpcStatus;
  if (!replyBegun) record.httpStatus = record.grpc ? 200 : (error.httpStatus ?? httpStatus);
}

/** The client cancelled the call, or its connection is gone. */
export function noteClientEnded(record: CallRecord, failure: StreamFailure): void {
  if (record.grpc) record.grpcStatus = GrpcStatus.CANCELLED;
  record.detail = boundedText(`the client ended it: ${failure.message}`, detailCharsMax);
}
