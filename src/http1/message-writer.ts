import { STATUS_CODES } from 'node:http';
import { writeLatin1 } from '../core/bytes.ts';
import { type Field, FieldKind } from '../core/field.ts';
import type { HeaderBlock } from '../core/header-block.ts';
import type { OutputBuffer } from '../transport/output-buffer.ts';
import { writeText } from './head-text.ts';
import { mayTrail } from './message-head.ts';
import { isAuthority, isPath, isToken } from './request-target.ts';

/**
 * Messages to the wire (RFC 9112). Whoever calls decides the framing; what the block says of it is not believed. Each function
 * returns null, or the words of what cannot be sent, such as `a malformed path`; then nothing was written.
 */

export interface RequestHeadOptions {
  /** `host` of a request without an authority. */
  readonly fallbackHost: string;
  /**
   * Address of the client: appended to `x-forwarded-for`, and `x-forwarded-proto` is set where the request has none. '' where it is
   * unknown. Null where the head says all that the endpoint is to know.
   */
  readonly clientAddress: string | null;
  /** The request is a WebSocket handshake with this `sec-websocket-key`. */
  readonly websocketKey?: string;
}

export interface ReplyHeadOptions {
  /** The minor version of the client's request: HTTP/1.0 knows no chunks, and closes where nothing else is said. */
  readonly minorVersion: 0 | 1;
  readonly keepAlive: boolean;
  /** Value of `date` where the reply has none (RFC 9110 section 6.6.1); '' adds none. */
  readonly date?: string;
}

/** Fields that end at this hop, or that this file writes itself. */
const rewritten: ReadonlySet<string> = new Set([
  'connection',
  'proxy-connection',
  'keep-alive',
  'te',
  'transfer-encoding',
  'upgrade',
  'http2-settings',
  'host',
  'content-length',
  'trailer',
]);
const rewrittenInRequests: ReadonlySet<string> = new Set([
  ...rewritten,
  'cookie',
  'expect',
  'x-forwarded-for',
]);

/** Methods whose requests carry no body as a rule; they get no `content-length: 0` (RFC 9110 section 8.6). */
const bodiless: ReadonlySet<string> = new Set(['GET', 'HEAD', 'DELETE', 'OPTIONS', 'TRACE']);

/** `chunked` where the framing is it. */
export type RequestFraming = 'none' | 'length' | 'chunked';
export type ReplyFraming = RequestFraming | 'close';

/**
 * Appends the head of a request: `host` from the authority, the end-to-end fields, cookie crumbs as one field (RFC 9113 section
 * 8.2.3), what the endpoint learns of the client, then the framing: `length` of `bodyBytes`, `chunked`, or none.
 */
export function writeRequestHead(
  out: OutputBuffer,
  block: HeaderBlock,
  framing: RequestFraming,
  bodyBytes: number,
  options: RequestHeadOptions,
): string | null {
  const { fallbackHost, clientAddress, websocketKey } = options;
  const method = websocketKey === undefined ? block.method : 'GET';
  const { path, authority } = block;
  if (!isToken(method) || method === 'CONNECT') return 'a method that HTTP/1.1 cannot carry';
  if (!isPath(method, path)) return 'a malformed path';
  if (!isAuthority(authority)) return 'a malformed authority';
  const problem = problemOf(block, framing, bodyBytes);
  if (problem !== null) return problem;
  const { allFields } = block;
  writeText(out, `${method} ${path} HTTP/1.1\r\nhost: ${authority === '' ? fallbackHost : authority}\r\n`);
  for (const field of allFields) if (passes(field, rewrittenInRequests)) writeField(out, field);
  const cookies = block.all('cookie');
  if (cookies.length > 0) writeText(out, `cookie: ${cookies.join('; ')}\r\n`);
  const through = block.all('x-forwarded-for');
  if (clientAddress !== null && clientAddress !== '') through.push(clientAddress);
  if (through.length > 0) writeText(out, `x-forwarded-for: ${through.join(', ')}\r\n`);
  if (clientAddress !== null && block.get('x-forwarded-proto') === undefined)
    writeText(out, `x-forwarded-proto: ${block.scheme === 'https' ? 'https' : 'http'}\r\n`);
  if (websocketKey !== undefined)
    writeText(out, `connection: upgrade\r\nupgrade: websocket\r\nsec-websocket-key: ${websocketKey}\r\n`);
  if (framing === 'chunked') {
    writeTrailerNames(out, block);
    writeText(out, 'transfer-encoding: chunked\r\n');
  } else if (framing === 'length') writeText(out, `content-length: ${bodyBytes}\r\n`);
  else if (block.contentLength === 0 || !bodiless.has(method)) writeText(out, 'content-length: 0\r\n');
  writeText(out, '\r\n');
  return null;
}

/**
 * Appends the head of a final reply. `none` is for replies that have no body by rule (to HEAD, 204, 304): they keep the
 * `content-length` of the block. An empty body has `length` 0.
 */
export function writeReplyHead(
  out: OutputBuffer,
  block: HeaderBlock,
  framing: ReplyFraming,
  bodyBytes: number,
  options: ReplyHeadOptions,
): string | null {
  const { status } = block;
  if (!(status >= 200 && status <= 999)) return `a reply with status ${status}`;
  if (framing === 'chunked' && options.minorVersion === 0) return 'a chunked body for HTTP/1.0';
  const problem = problemOf(block, framing, bodyBytes);
  if (problem !== null) return problem;
  writeStatusLine(out, status);
  for (const field of block.allFields) if (passes(field, rewritten)) writeField(out, field);
  const { date } = options;
  if (date !== undefined && date !== '' && block.get('date') === undefined)
    writeText(out, `date: ${date}\r\n`);
  if (framing === 'close' || !options.keepAlive) writeText(out, 'connection: close\r\n');
  else if (options.minorVersion === 0) writeText(out, 'connection: keep-alive\r\n');
  if (framing === 'chunked') {
    writeTrailerNames(out, block);
    writeText(out, 'transfer-encoding: chunked\r\n');
  } else if (framing === 'length') writeText(out, `content-length: ${bodyBytes}\r\n`);
  else if (framing === 'none' && status !== 204 && block.contentLength >= 0)
    writeText(out, `content-length: ${block.contentLength}\r\n`);
  writeText(out, '\r\n');
  return null;
}

/** Appends an interim reply (RFC 9110 section 15.2): a status of 100 to 199 but 101, and no framing. */
export function writeInterimHead(out: OutputBuffer, block: HeaderBlock): string | null {
  const { status } = block;
  if (!(status >= 100 && status <= 199) || status === 101) return `an interim reply with status ${status}`;
  const problem = problemOf(block, 'none', 0);
  if (problem !== null) return problem;
  writeStatusLine(out, status);
  for (const field of block.allFields) if (passes(field, rewritten)) writeField(out, field);
  writeText(out, '\r\n');
  return null;
}

/** Appends bytes `start` to `end` of `bytes` as one chunk; nothing where there are none, since an empty chunk is the last. */
export function writeChunk(out: OutputBuffer, bytes: Uint8Array, start: number, end: number): void {
  const length = end - start;
  if (length === 0) return;
  const size = `${length.toString(16)}\r\n`;
  out.reserve(size.length + length + 2);
  let at = writeLatin1(out.bytes, out.length, size);
  out.bytes.set(bytes.subarray(start, end), at);
  at += length;
  out.bytes[at++] = 0x0d;
  out.bytes[at++] = 0x0a;
  out.length = at;
}

/** Appends the last chunk and the trailers; what may not stand there is left out (RFC 9110 section 6.5.1). */
export function writeLastChunk(out: OutputBuffer, trailers: HeaderBlock | null): void {
  writeText(out, '0\r\n');
  if (trailers !== null)
    for (const field of trailers.allFields)
      if (passes(field, rewritten) && mayTrail(field.name) && field.kind !== FieldKind.Malformed)
        writeField(out, field);
  writeText(out, '\r\n');
}

function passes({ name }: Field, skipped: ReadonlySet<string>): boolean {
  return name.charCodeAt(0) !== 0x3a && !skipped.has(name);
}

function writeField(out: OutputBuffer, { name, value }: Field): void {
  out.reserve(name.length + value.length + 4);
  const { bytes } = out;
  let at = writeLatin1(bytes, out.length, name);
  bytes[at++] = 0x3a;
  bytes[at++] = 0x20;
  at = writeLatin1(bytes, at, value);
  bytes[at++] = 0x0d;
  bytes[at++] = 0x0a;
  out.length = at;
}

function writeStatusLine(out: OutputBuffer, status: number): void {
  writeText(out, `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ''}\r\n`);
}

/** `trailer` announces what only a chunked message can hold. */
function writeTrailerNames(out: OutputBuffer, block: HeaderBlock): void {
  for (const value of block.all('trailer')) writeText(out, `trailer: ${value}\r\n`);
}

/** What could split or merge messages, or contradicts the framing. */
function problemOf(block: HeaderBlock, framing: ReplyFraming, bodyBytes: number): string | null {
  let declared = -1;
  for (const { kind, value } of block.allFields) {
    if (kind === FieldKind.Malformed) return 'a header with bytes that no header may hold';
    if (kind !== FieldKind.ContentLength) continue;
    if (!/^\d{1,15}$/.test(value)) return 'a content-length that is no number';
    if (declared >= 0 && declared !== Number(value)) return 'two content-length headers that differ';
    declared = Number(value);
  }
  if (framing === 'length' && declared >= 0 && declared !== bodyBytes)
    return 'a content-length other than that of its body';
  return null;
}
