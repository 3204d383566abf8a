import { boundedText } from './bounded-text.ts';
import { GrpcStatus } from './grpc-status.ts';
import { safeText } from './safe-text.ts';

/** Who is at fault: the client, the upstream, or Outrigger itself (its configuration or limits). */
export type ErrorOrigin = 'client' | 'upstream' | 'outrigger';

interface ReplyErrorKind {
  readonly grpcStatus: number;
  readonly httpStatus: number;
  readonly origin: ErrorOrigin;
  /** What the reader should check; the end of the sentence. */
  readonly advice: string;
}

/**
 * Every error that Outrigger itself answers with. One table gives the gRPC status, the HTTP status and the
 * documentation; `x-outrigger-error` carries the key.
 */
export const replyErrors = {
  no_route: {
    grpcStatus: GrpcStatus.UNIMPLEMENTED,
    httpStatus: 404,
    origin: 'outrigger',
    advice: 'check the routes of this listener',
  },
  no_endpoint: {
    grpcStatus: GrpcStatus.UNAVAILABLE,
    httpStatus: 503,
    origin: 'outrigger',
    advice: "check the cluster's endpoints or discovery",
  },
  no_healthy_endpoint: {
    grpcStatus: GrpcStatus.UNAVAILABLE,
    httpStatus: 503,
    origin: 'upstream',
    advice: '/clusters shows why each endpoint is unusable',
  },
  connect_failed: {
    grpcStatus: GrpcStatus.UNAVAILABLE,
    httpStatus: 503,
    origin: 'upstream',
    advice: 'check that the replica listens there and speaks the configured protocol',
  },
  connect_timeout: {
    grpcStatus: GrpcStatus.UNAVAILABLE,
    httpStatus: 503,
    origin: 'upstream',
    advice: 'check the network between here and the replica',
  },
  upstream_reset: {
    grpcStatus: GrpcStatus.UNAVAILABLE,
    httpStatus: 502,
    origin: 'upstream',
    advice: "check the replica's log",
  },
  upstream_closed: {
    grpcStatus: GrpcStatus.UNAVAILABLE,
    httpStatus: 502,
    origin: 'upstream',
    advice: 'check whether the replica crashed or restarted',
  },
  deadline_exceeded: {
    grpcStatus: GrpcStatus.DEADLINE_EXCEEDED,
    httpStatus: 504,
    origin: 'upstream',
    advice: "check the replica's latency or allow more time",
  },
  overloaded: {
    grpcStatus: GrpcStatus.UNAVAILABLE,
    httpStatus: 503,
    origin: 'outrigger',
    advice: 'check the limits of the cluster and the memory of the sidecar',
  },
  rate_limited: {
    grpcStatus: GrpcStatus.RESOURCE_EXHAUSTED,
    httpStatus: 429,
    origin: 'client',
    advice: "check the route's rate limit",
  },
  denied: {
    grpcStatus: GrpcStatus.PERMISSION_DENIED,
    httpStatus: 403,
    origin: 'client',
    advice: 'check what the policies of the route allow',
  },
  draining: {
    grpcStatus: GrpcStatus.UNAVAILABLE,
    httpStatus: 503,
    origin: 'outrigger',
    advice: 'retry on another endpoint',
  },
  protocol_error: {
    grpcStatus: GrpcStatus.INTERNAL,
    httpStatus: 400,
    origin: 'client',
    advice: 'check what the peer sent',
  },
  header_too_large: {
    grpcStatus: GrpcStatus.RESOURCE_EXHAUSTED,
    httpStatus: 431,
    origin: 'client',
    advice: 'check the size of the metadata',
  },
  body_too_large: {
    grpcStatus: GrpcStatus.RESOURCE_EXHAUSTED,
    httpStatus: 413,
    origin: 'client',
    advice: "check the size of the request body and the route's limit",
  },
  policy_failed: {
    grpcStatus: GrpcStatus.INTERNAL,
    httpStatus: 500,
    origin: 'outrigger',
    advice: 'check the log for the exception of the policy module',
  },
  fault_injected: {
    grpcStatus: GrpcStatus.UNAVAILABLE,
    httpStatus: 503,
    origin: 'outrigger',
    advice: "check the route's fault settings",
  },
} as const satisfies Record<string, ReplyErrorKind>;

export type ReplyErrorCode = keyof typeof replyErrors;

/** An error of the table with what happened this time. */
export interface ReplyError {
  readonly code: ReplyErrorCode;
  /** A plain sentence without the code: who failed and how. */
  readonly detail: string;
  /** Whether the upstream may have begun to process the call; decides if the client may safely retry. */
  readonly mayHaveProcessed: boolean;
  /** Overrides the table's gRPC status, for a reset whose code says more. */
  readonly grpcStatus?: number;
  /** Overrides the table's HTTP status. */
  readonly httpStatus?: number;
  /** When the client may come again, milliseconds: `retry-after`, and `grpc-retry-pushback-ms` for gRPC clients. */
  readonly retryAfterMs?: number;
}

/** Characters of what happened this time in a reply; the rest of the sentence is ours. */
const replyDetailCharsMax = 1024;

/**
 * The sentence of `grpc-message` or of an HTTP error body: what, whether it may have run, where to look, the code. `reference` is what
 * `outrigger explain` takes; '' where the reply belongs to no call.
 */
export function replySentence(error: ReplyError, reference = ''): string {
  const processed = error.mayHaveProcessed
    ? 'the upstream may have processed the call'
    : 'the upstream did not process the call';
  // Parts of it may come from a peer, and the client's limit for all of its metadata is often 8 KiB.
  const detail = safeText(boundedText(error.detail, replyDetailCharsMax));
  const call = reference === '' ? '' : ` (call ${reference})`;
  return `${detail}; ${processed}; ${replyErrors[error.code].advice} [${error.code}]${call}`;
}
