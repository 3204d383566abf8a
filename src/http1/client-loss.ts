import { ErrorCode } from '../core/error-code.ts';
import type { StreamFailure } from '../core/message-stream.ts';
import { isIdempotent } from './method-traits.ts';

/** What is known of an exchange whose connection was lost before its reply was whole. */
export interface LostExchange {
  /** The endpoint as failures name it. */
  readonly name: string;
  /** How the connection was lost, '' where nothing is known of that. */
  readonly reason: string;
  readonly method: string;
  /** Something of the request was handed to the transport. */
  readonly hasLeft: boolean;
  /** At least a byte of the reply has arrived. */
  readonly hasReply: boolean;
  /** The connection had served another exchange before. */
  readonly wasKept: boolean;
  /** The peer refused our certificate after the handshake of TLS (RFC 8446 section 4.4.2.4), and has read no request. */
  readonly handshakeRefused: boolean;
}

/**
 * How the exchange fails, which shows whether another attempt is safe:
 *
 * - `unsent`: nothing of the request has left, or there never was a connection (CONNECT_ERROR).
 * - `refused`: an idempotent request on a kept connection that closed without a byte. That is the race with an endpoint that closes
 *   an idle connection, and RFC 9110 section 9.2.2 lets a proxy repeat exactly that. On a new connection the same silence
 *   may be a crash that this request caused.
 * - `closed` with STREAM_CLOSED: the endpoint may have worked on it.
 */
export function lossFailure(lost: LostExchange): StreamFailure {
  const { name, method, hasLeft, hasReply, wasKept, handshakeRefused } = lost;
  const reason = lost.reason === '' ? '' : `: ${lost.reason}`;
  if (handshakeRefused && !hasReply && !wasKept)
    return failure('unsent', ErrorCode.CONNECT_ERROR, `${name} gave no connection${reason}`);
  if (!hasLeft) {
    const message = `${name} closed the connection before the request had left${reason}`;
    return failure('unsent', ErrorCode.NO_ERROR, message);
  }
  if (hasReply) return failure('closed', ErrorCode.STREAM_CLOSED, `${name} broke off its reply${reason}`);
  if (wasKept && isIdempotent(method)) {
    const message = `${name} closed an idle connection as it was used again${reason}`;
    return failure('refused', ErrorCode.REFUSED_STREAM, message);
  }
  // A kept connection that ends early is mostly that of a replica that stops as it is used again. Who repeats such a request
  // may do its work twice: RFC 9110 section 9.2.2 forbids a proxy to.
  const early = wasKept ? 'closed a connection that it had kept, without a reply' : 'closed without a reply';
  return failure('closed', ErrorCode.STREAM_CLOSED, `${name} ${early}${reason}`);
}

function failure(kind: StreamFailure['kind'], code: ErrorCode, message: string): StreamFailure {
  return { kind, code, message };
}
