import { STATUS_CODES } from 'node:http';
import type { Duplex } from 'node:stream';
import type { Clock } from '../core/clock.ts';
import { type ReplyError, replyErrors, replySentence } from '../core/reply-error.ts';
import type { MessageError } from './message.ts';

/** How long a client may take to read an error and close, milliseconds; closing at once could destroy it unread. */
export const lingerMs = 1000;

/** An error reply of Outrigger's own that ends the connection, as bytes. `httpStatus` overrides the table's. */
export function errorReply(
  error: ReplyError,
  httpStatus: number = error.httpStatus ?? replyErrors[error.code].httpStatus,
): Buffer {
  const body = Buffer.from(`${replySentence(error)}\n`);
  const head = [
    `HTTP/1.1 ${httpStatus} ${STATUS_CODES[httpStatus] ?? 'Error'}`,
    'content-type: text/plain; charset=utf-8',
    `content-length: ${body.length}`,
    `x-outrigger-error: ${error.code}`,
    ...(error.retryAfterMs === undefined ? [] : [`retry-after: ${Math.ceil(error.retryAfterMs / 1000)}`]),
    'connection: close',
  ];
  return Buffer.concat([Buffer.from(`${head.join('\r\n')}\r\n\r\n`, 'latin1'), body]);
}

/** The error reply to bytes that are no request as RFC 9112 has it. */
export function refusalReply({ status, words }: MessageError): Buffer {
  const code = status === 431 ? 'header_too_large' : 'protocol_error';
  return errorReply({ code, detail: `the client sent ${words}`, mayHaveProcessed: false }, status);
}

/** Sends `last`, then closes both ways: once the client has, or after `lingerMs`. */
export function endSocket(socket: Duplex, clock: Clock, last: Uint8Array | null): void {
  if (socket.destroyed) return;
  if (last === null) socket.end();
  else socket.end(last);
  const timer = clock.after(lingerMs, () => socket.destroy());
  socket.once('close', () => timer.cancel());
}
