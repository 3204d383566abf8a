import { writeLatin1 } from '../core/bytes.ts';
import { FieldKind } from '../core/field.ts';
import type { HeaderBlock } from '../core/header-block.ts';
import type { OutputBuffer } from '../transport/output-buffer.ts';
import { HeadFacts, writeFields, writeRequestLine, writeStartAndFields } from './encoded-head.ts';
import { writeField, writeLine, writeText } from './head-text.ts';
import { mayTrail } from './message-head.ts';

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
  /** The request is a WebSocket handshake, whose key is one of its fields. */
  readonly isWebSocket?: boolean;
}

export interface ReplyHeadOptions {
  /** The minor version of the client's request: HTTP/1.0 knows no chunks, and closes where nothing else is said. */
  readonly minorVersion: 0 | 1;
  readonly keepAlive: boolean;
  /** Value of `date` where the reply has none (RFC 9110 section 6.6.1); '' adds none. */
  readonly date?: string;
}

export type RequestFraming = 'none' | 'length' | 'chunked';
export type ReplyFraming = RequestFraming | 'close';

/** Methods whose requests carry no body as a rule; they get no `content-length: 0` (RFC 9110 section 8.6). */
const bodiless: ReadonlySet<string> = new Set(['GET', 'HEAD', 'DELETE', 'OPTIONS', 'TRACE']);

const switching = 'connection: upgrade\r\nupgrade: websocket\r\n';

/** Of the head at hand: writing is synchronous. */
const facts = new HeadFacts();

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
  const { clientAddress, fallbackHost } = options;
  const start = out.length;
  facts.reset();
  if (block.authority !== '') writeStartAndFields(out, block, 'request', facts);
  else {
    facts.problem = writeRequestLine(out, block, fallbackHost);
    writeFields(out, block.allFields, 'request', facts);
  }
  const problem = facts.problem ?? lengthProblem(framing, bodyBytes);
  if (problem !== null) {
    out.length = start;
    return problem;
  }
  if (facts.cookie !== '') writeLine(out, 'cookie: ', facts.cookie);
  writeForwarded(out, block, clientAddress);
  if (options.isWebSocket === true) writeText(out, switching);
  if (framing === 'chunked') writeChunkedFields(out);
  else if (framing === 'length') writeLine(out, 'content-length: ', String(bodyBytes));
  else if (facts.contentLength === 0 || !bodiless.has(block.method)) writeText(out, 'content-length: 0\r\n');
  writeText(out, '\r\n');
  return null;
}

function writeForwarded(out: OutputBuffer, block: HeaderBlock, clientAddress: string | null): void {
  const { forwardedFor } = facts;
  if (clientAddress === null || clientAddress === '') {
    if (forwardedFor !== '') writeLine(out, 'x-forwarded-for: ', forwardedFor);
  } else {
    writeText(out, 'x-forwarded-for: ');
    if (forwardedFor !== '') {
      writeText(out, forwardedFor);
      writeText(out, ', ');
    }
    writeLine(out, '', clientAddress);
  }
  if (clientAddress !== null && !facts.hasForwardedProto)
    writeText(out, block.scheme === 'https' ? 'x-forwarded-proto: https\r\n' : 'x-forwarded-proto: http\r\n');
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
  const { minorVersion, keepAlive, date } = options;
  if (status < 200) return `a reply with status ${status}`;
  if (framing === 'chunked' && minorVersion === 0) return 'a chunked body for HTTP/1.0';
  const start = out.length;
  facts.reset();
  writeStartAndFields(out, block, 'reply', facts);
  const problem = facts.problem ?? lengthProblem(framing, bodyBytes);
  if (problem !== null) {
    out.length = start;
    return problem;
  }
  if (date !== undefined && date !== '' && !facts.hasDate) writeLine(out, 'date: ', date);
  if (framing === 'close' || !keepAlive) writeText(out, 'connection: close\r\n');
  else if (minorVersion === 0) writeText(out, 'connection: keep-alive\r\n');
  if (framing === 'chunked') writeChunkedFields(out);
  else if (framing === 'length') writeLine(out, 'content-length: ', String(bodyBytes));
  else if (framing === 'none' && status !== 204 && facts.contentLength >= 0)
    writeLine(out, 'content-length: ', String(facts.contentLength));
  writeText(out, '\r\n');
  return null;
}

/** Appends the head of a reply that opens a WebSocket; `block` has `:status` 101. */
export function writeSwitchingHead(out: OutputBuffer, block: HeaderBlock): string | null {
  return writeBodilessHead(out, block, switching);
}

/** Appends an interim reply (RFC 9110 section 15.2): a status of 100 to 199 but 101, and no framing. */
export function writeInterimHead(out: OutputBuffer, block: HeaderBlock): string | null {
  const { status } = block;
  if (!(status >= 100 && status <= 199) || status === 101) return `an interim reply with status ${status}`;
  return writeBodilessHead(out, block, '');
}

/** `last` are the lines behind the fields. */
function writeBodilessHead(out: OutputBuffer, block: HeaderBlock, last: string): string | null {
  const start = out.length;
  facts.reset();
  writeStartAndFields(out, block, 'reply', facts);
  if (facts.problem !== null) {
    out.length = start;
    return facts.problem;
  }
  writeText(out, last);
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
      if ((field.kind === FieldKind.Regular || field.kind > FieldKind.ContentType) && mayTrail(field.name))
        writeField(out, field);
  writeText(out, '\r\n');
}

/** `trailer` announces what only a chunked message can hold. */
function writeChunkedFields(out: OutputBuffer): void {
  if (facts.trailer !== '') writeLine(out, 'trailer: ', facts.trailer);
  writeText(out, 'transfer-encoding: chunked\r\n');
}

function lengthProblem(framing: ReplyFraming, bodyBytes: number): string | null {
  const { contentLength } = facts;
  return framing === 'length' && contentLength >= 0 && contentLength !== bodyBytes
    ? 'a content-length other than that of its body'
    : null;
}
