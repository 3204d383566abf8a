import { createHash } from 'node:crypto';
import type { OutgoingHttpHeaders, ServerResponse } from 'node:http';

import { safeJson, safeLines } from '../core/safe-text.ts';

/** What a handler answers with. */
export interface Reply {
  readonly status: number;
  readonly type: string;
  readonly body: string | Buffer;
  readonly headers?: OutgoingHttpHeaders;
  /** Runs when the reply has left, or its reader has gone. */
  readonly afterwards?: () => void;
}

/** An answer that lasts. */
export interface OpenStream {
  /** Writes the head, and whatever follows while the reader stays. */
  readonly open: (response: ServerResponse) => void;
}

export const textType = 'text/plain; charset=utf-8';
export const jsonType = 'application/json; charset=utf-8';

/** `Server` of every reply. */
export const adminServerName = 'outrigger';

/**
 * On every reply. Nothing from elsewhere is loaded, run or framed, no type is guessed, and no other origin may read
 * an answer, whatever a future handler forgets.
 */
export const securityHeaders = {
  // Not for security: by this the commands know that they talk to Outrigger and not to whatever else listens there.
  server: adminServerName,
  'content-security-policy':
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'DENY',
  'referrer-policy': 'no-referrer',
  'cross-origin-resource-policy': 'same-origin',
  'cross-origin-opener-policy': 'same-origin',
} as const;

export function text(body: string, status = 200, headers?: OutgoingHttpHeaders): Reply {
  // The pages have taken out what would move their columns; this is for whatever else a handler says.
  return { status, type: textType, body: safeLines(body.endsWith('\n') ? body : `${body}\n`), headers };
}

export function json(value: unknown, status = 200, headers?: OutgoingHttpHeaders): Reply {
  return { status, type: jsonType, body: `${safeJson(JSON.stringify(value, null, 2))}\n`, headers };
}

/**
 * Bytes of large replies that their readers have not taken yet, all of them together. Readers who take nothing must not
 * have the process keep a copy of `/metrics` each.
 */
export const adminWaitingBytesMax = 64 * 1024 * 1024;
/** Smaller replies do not count, and are never refused: `/ready` is one. */
const largeReplyBytes = 64 * 1024;
let waitingBytes = 0;

/** Writes a reply, or that too many wait to be taken. HEAD gets the head of what GET would get (Node leaves the body out by itself). */
export function send(response: ServerResponse, reply: Reply): void {
  const body = typeof reply.body === 'string' ? Buffer.from(reply.body) : reply.body;
  if (body.length > largeReplyBytes && !response.destroyed) {
    if (waitingBytes > 0 && waitingBytes + body.length > adminWaitingBytesMax)
      return send(
        response,
        text('Too many large replies wait for their readers; read them, or retry later.', 503),
      );
    waitingBytes += body.length;
    response.once('close', () => {
      waitingBytes -= body.length;
    });
  }
  if (reply.afterwards) response.once('close', reply.afterwards);
  response.writeHead(reply.status, {
    ...securityHeaders,
    'cache-control': 'no-store',
    'content-type': reply.type,
    ...(reply.status === 304 ? {} : { 'content-length': body.length }),
    ...reply.headers,
  });
  response.end(body);
}

/** Writes the head of server-sent events, or of another stream that lasts. */
export function openEventStream(response: ServerResponse, type = 'text/event-stream'): void {
  response.writeHead(200, { ...securityHeaders, 'cache-control': 'no-store', 'content-type': type });
}

/** A file of the page: kept by the browser, asked for again by its tag. */
export function staticReply(file: { type: string; body: Buffer; tag: string }, ifNoneMatch: string): Reply {
  const headers = { 'cache-control': 'no-cache', etag: file.tag };
  return ifNoneMatch === file.tag
    ? { status: 304, type: file.type, body: '', headers }
    : { status: 200, type: file.type, body: file.body, headers };
}

export function entityTag(body: Buffer): string {
  return `"${createHash('sha256').update(body).digest('base64url').slice(0, 22)}"`;
}

/**
 * `json` or `text`: `?format=` decides, else `Accept`. A browser that lists neither gets text, which it can show.
 * Undefined for a format there is none of.
 */
export function requestedFormat(query: URLSearchParams, accept: string): 'json' | 'text' | undefined {
  const format = query.get('format');
  if (format !== null) return format === 'json' || format === 'text' ? format : undefined;
  const jsonAt = accept.indexOf('application/json');
  const textAt = accept.search(/text\/(plain|html|\*)/);
  return jsonAt >= 0 && (textAt < 0 || jsonAt < textAt) ? 'json' : 'text';
}
