import { STATUS_CODES } from 'node:http';
import type { Socket } from 'node:net';
import type { Clock } from '../core/clock.ts';
import type { HeaderBlock } from '../core/header-block.ts';
import { type ReplyError, replyErrors, replySentence } from '../core/reply-error.ts';
import { writeFields } from './fields.ts';

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

/** A reply that a policy gives, as bytes; it ends the connection. */
export function directReply(head: HeaderBlock, body: Uint8Array | null): Buffer {
  const { status } = head;
  const written = writeFields(head, noFields);
  const raw = written.error === undefined ? written.value.raw : [];
  const lines = [`HTTP/1.1 ${status} ${STATUS_CODES[status] ?? 'Unknown'}`];
  for (let i = 0; i < raw.length; i += 2) lines.push(`${raw[i]}: ${raw[i + 1]}`);
  // RFC 9110 section 8.6: 204 has no content-length; that of 304 would be the length of a body that is not here.
  if (status !== 204 && status !== 304) lines.push(`content-length: ${body?.length ?? 0}`);
  lines.push('connection: close');
  return Buffer.concat([Buffer.from(`${lines.join('\r\n')}\r\n\r\n`, 'latin1'), body ?? Buffer.alloc(0)]);
}

const noFields: ReadonlySet<string> = new Set();

/** Sends `last`, then closes both ways: once the client has, or after `lingerMs`. */
export function endSocket(socket: Socket, clock: Clock, last: Buffer | null): void {
  if (socket.destroyed) return;
  if (last === null) socket.end();
  else socket.end(last);
  const timer = clock.after(lingerMs, () => socket.destroy());
  socket.once('close', () => timer.cancel());
}

/** Breaks a connection so that its peer cannot take what it has for a whole message: with RST where that is possible. */
export function abortSocket(socket: Socket): void {
  if (socket.destroyed) return;
  try {
    socket.resetAndDestroy();
  } catch {
    // Only plain TCP knows RST; TLS shows the break by the missing close_notify.
    socket.destroy();
  }
}
