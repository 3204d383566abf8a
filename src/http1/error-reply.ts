import { STATUS_CODES } from 'node:http';
import { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import type { Clock } from '../core/clock.ts';
import { type ReplyError, replyErrors, replySentence } from '../core/reply-error.ts';

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

/** Sends `last`, then closes both ways: once the client has, or after `lingerMs`. */
export function endSocket(socket: Duplex, clock: Clock, last: Uint8Array | null): void {
  if (socket.destroyed) return;
  if (last === null) socket.end();
  else socket.end(last);
  const timer = clock.after(lingerMs, () => socket.destroy());
  socket.once('close', () => timer.cancel());
}

/** Breaks a connection so that its peer cannot take what it has for a whole message: with RST where that is possible. */
export function abortSocket(socket: Duplex): void {
  if (socket.destroyed) return;
  try {
    // Tunnels are broken by being destroyed.
    if (socket instanceof Socket) socket.resetAndDestroy();
    else socket.destroy();
  } catch {
    // Only plain TCP knows RST; TLS shows the break by the missing close_notify.
    socket.destroy();
  }
}
