import { type ErrorCode, errorCodeName } from '../core/error-code.ts';
import { decodeGrpcMessage } from '../core/grpc-message.ts';
import { GrpcStatus, grpcStatusName, parseGrpcStatus } from '../core/grpc-status.ts';
import type { HealthCheckResponse } from './health-messages.ts';
import { failed, type ProbeResult, peerText } from './probe.ts';

/** What has come of a reply. */
export interface HealthReply {
  /** 0 until the head has come. */
  httpStatus: number;
  contentType: string;
  /** `grpc-encoding`, '' for none. */
  encoding: string;
  /** As it came; null where none did. */
  grpcStatus: string | null;
  /** As it came, percent-encoded. */
  grpcMessage: string;
  /** Messages so far. */
  messages: number;
  /** Why a message could not be read; '' while all could. */
  malformed: string;
}

/** How a call of the health service ended. */
export type HealthOutcome =
  | { readonly kind: 'reply'; readonly reply: HealthReply }
  /** RST_STREAM, and the connection stands. */
  | { readonly kind: 'reset'; readonly code: ErrorCode }
  | { readonly kind: 'goaway'; readonly code: ErrorCode }
  /** The connection ended, or never came to be. */
  | {
      readonly kind: 'closed';
      readonly established: boolean;
      readonly error: Error | null;
      /** Whether the connection used TLS, and whether we had a certificate to show. */
      readonly tls: 'none' | 'anonymous' | 'certificate';
    };

/**
 * What a Check says of the endpoint.
 *
 * UNAVAILABLE, and the HTTP statuses 502, 503 and 504, which gRPC maps to it, are kept apart from other refusals: a proxy in
 * front of a server that does not run answers so, and so does a server that shuts down.
 *
 * @param response the last message, null where none came or it could not be decoded
 */
export function resultOfCheck(outcome: HealthOutcome, response: HealthCheckResponse | null): ProbeResult {
  switch (outcome.kind) {
    case 'reply':
      return resultOfReply(outcome.reply, response);
    case 'reset':
      return inconclusive(`the stream was reset with ${errorCodeName(outcome.code)}`);
    case 'goaway': {
      const reason = `GOAWAY with ${errorCodeName(outcome.code)} instead of an answer`;
      return outcome.code === 0 ? { verdict: 'connection_closed', reason } : inconclusive(reason);
    }
    case 'closed':
      return resultOfClose(outcome);
  }
}

export function resultOfResponse({ status }: HealthCheckResponse): ProbeResult {
  switch (status) {
    case 'SERVING':
      return { verdict: 'healthy', reason: status };
    case 'NOT_SERVING':
    case 'SERVICE_UNKNOWN':
      return { verdict: 'unhealthy_now', reason: status };
    case 'UNKNOWN':
      return { verdict: 'says_unknown', reason: status };
    default:
      return inconclusive(`serving status ${status}, which grpc.health.v1 does not define`);
  }
}

function resultOfReply(reply: HealthReply, response: HealthCheckResponse | null): ProbeResult {
  if (reply.malformed !== '') return inconclusive(reply.malformed);
  if (reply.grpcStatus === null) return resultOfHttp(reply);
  const code = parseGrpcStatus(reply.grpcStatus);
  switch (code) {
    case GrpcStatus.OK:
      return response === null ? inconclusive('status OK without a message') : resultOfResponse(response);
    case GrpcStatus.UNIMPLEMENTED:
      return { verdict: 'unimplemented', reason: 'no health service (UNIMPLEMENTED)' };
    case GrpcStatus.NOT_FOUND:
      return { verdict: 'unhealthy_now', reason: 'the server does not know the service (NOT_FOUND)' };
    default: {
      const message = peerText(decodeGrpcMessage(reply.grpcMessage.slice(0, messageCharsMax)));
      const reason = `${grpcStatusName(code)}${message === '' ? '' : `: ${message}`}`;
      return code === GrpcStatus.UNAVAILABLE ? { verdict: 'unavailable', reason } : inconclusive(reason);
    }
  }
}

/** Longer `grpc-message`s are truncated before they are decoded. */
const messageCharsMax = 1024;

/** No `grpc-status`: whoever answered speaks HTTP, but not gRPC. */
function resultOfHttp({ httpStatus, contentType }: HealthReply): ProbeResult {
  const type = peerText(contentType.slice(0, 100));
  const reason = `HTTP status ${httpStatus}${type === '' ? '' : ` with content-type ${type}`} and no grpc-status`;
  return httpStatus >= 502 && httpStatus <= 504 ? { verdict: 'unavailable', reason } : inconclusive(reason);
}

function resultOfClose({ established, error, tls }: HealthOutcome & { kind: 'closed' }): ProbeResult {
  if (established) {
    const reason = error === null ? 'connection closed' : failed(error).reason;
    return { verdict: 'connection_closed', reason: `${reason} instead of an answer` };
  }
  const code = error !== null && 'code' in error ? error.code : '';
  // Servers that refuse a certificate without an alert, as those of Node do.
  if (error === null || (code === 'ECONNRESET' && tls !== 'none'))
    return {
      verdict: 'failed',
      reason: `connection ${error === null ? 'closed' : 'reset'} before HTTP/2 began; ${closeAdvice[tls]}`,
    };
  // Bytes that are no HTTP/2: an HTTP/1.1 server, most likely.
  if (code === 'ERR_HTTP2_ERROR' || code === 'ERR_HTTP2_SESSION_ERROR')
    return {
      verdict: 'failed',
      reason: 'it does not speak HTTP/2; protocol: http1 is for an HTTP/1.1 server',
    };
  return failed(error);
}

const closeAdvice = {
  none: 'if the endpoint requires TLS, write tls in the cluster',
  anonymous: 'if the endpoint requires a client certificate, write tls.cert and tls.key in the cluster',
  certificate:
    'the endpoint may have refused the client certificate, check tls.cert and tls.key in the cluster',
};

function inconclusive(reason: string): ProbeResult {
  return { verdict: 'inconclusive', reason };
}
