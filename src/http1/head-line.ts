import { type ByteKey, isPlainText, latin1 } from '../core/bytes.ts';
import { Field, FieldKind } from '../core/field.ts';
import { type HeadName, LineRole } from './head-name.ts';
import type { MessageError, MessageErrorReason } from './message.ts';
import { isAuthority, isTokenByte, parseRequestTarget } from './request-target.ts';

export const LineKind = { Field: 0, Request: 1, Status: 2 } as const;
export type LineKind = (typeof LineKind)[keyof typeof LineKind];

/** One line of a head, checked by itself. It never changes, but for what the cache notes about it. */
export class HeadLine {
  readonly kind: LineKind;
  readonly role: LineRole;
  /** Bytes on the wire, the line end included. */
  readonly bytes: number;
  /**
   * What goes into the block: the field, `:method` of a request line, `:status` of a status line, `:authority` of a host; null for
   * none.
   */
  readonly field: Field | null;
  /** `:path` of a request line, else null. */
  readonly path: Field | null;
  /** The value; of a request line the authority of the absolute form, or ''; of a status line the reason phrase. */
  readonly text: string;
  /** The minor version of a start line; the bytes of a content-length; else 0. */
  readonly number: number;
  /** False for a host that is none. */
  readonly valid: boolean;
  /** A number that no other line of the process has, 0 where the line is not kept. */
  id = 0;
  /** The bytes of a line that is kept. */
  wire: ByteKey | null = null;

  constructor(
    kind: LineKind,
    role: LineRole,
    bytes: number,
    field: Field | null,
    path: Field | null,
    text: string,
    number: number,
    valid = true,
  ) {
    this.kind = kind;
    this.role = role;
    this.bytes = bytes;
    this.field = field;
    this.path = path;
    this.text = text;
    this.number = number;
    this.valid = valid;
  }

  /** The line is remembered from now on: it came before, and so do its fields. */
  keep(id: number, wire: ByteKey): void {
    this.id = id;
    this.wire = wire;
    if (this.field !== null) this.field.repeated = true;
    if (this.path !== null) this.path.repeated = true;
  }
}

/** Why a line is refused; `at` is the index of the byte that shows it. */
export interface LineFault {
  readonly status: MessageError['status'];
  readonly reason: MessageErrorReason;
  readonly words: string;
  readonly at: number;
}

function fault(
  status: MessageError['status'],
  reason: MessageErrorReason,
  words: string,
  at: number,
): LineFault {
  return { status, reason, words, at };
}

const space = 0x20;
const tab = 0x09;
const carriageReturn = 0x0d;
const colon = 0x3a;

/** The largest number of digits of a content-length: the number is exact then. */
const contentLengthDigitsMax = 15;

/** How many bytes of `HTTP/1.1`. */
const versionBytes = 8;

/** Checks that the line from `start` to `end`, which ends with LF, has CR before it. Null where it has. */
function lineEndFault(bytes: Uint8Array, start: number, end: number): LineFault | null {
  if (end - start >= 2 && bytes[end - 2] === carriageReturn) return null;
  return fault(400, 'start_line', 'a line feed without a carriage return before it', end - 1);
}

/**
 * Reads the request line from `start` to `end`, line end included (RFC 9112 section 3): one space between its parts, and
 * nothing else.
 */
export function parseRequestLine(bytes: Uint8Array, start: number, end: number): HeadLine | LineFault {
  const broken = lineEndFault(bytes, start, end);
  if (broken !== null) return broken;
  const textEnd = end - 2;
  let methodEnd = start;
  while (methodEnd < textEnd && isTokenByte(bytes[methodEnd])) methodEnd++;
  if (methodEnd === start || bytes[methodEnd] !== space)
    return fault(400, 'start_line', 'a request line without a method', methodEnd);
  let targetEnd = methodEnd + 1;
  while (targetEnd < textEnd && bytes[targetEnd] > space && bytes[targetEnd] !== 0x7f) targetEnd++;
  if (targetEnd === textEnd) return fault(400, 'start_line', 'a request line without a version', targetEnd);
  if (bytes[targetEnd] !== space)
    return fault(400, 'target', 'a control character in the request target', targetEnd);
  const minor = minorVersionOf(latin1(bytes, targetEnd + 1, textEnd));
  if (minor === unknownVersion)
    return fault(505, 'version', 'an HTTP version other than 1.0 and 1.1', targetEnd + 1);
  if (minor < 0) return fault(400, 'start_line', 'a malformed HTTP version', targetEnd + 1);
  const method = latin1(bytes, start, methodEnd);
  // A tunnel to anywhere is a forward proxy's business.
  if (method === 'CONNECT') return fault(405, 'method', 'a CONNECT request', start);
  const target = parseRequestTarget(method, latin1(bytes, methodEnd + 1, targetEnd));
  if (target === null) return fault(400, 'target', 'a malformed request target', methodEnd + 1);
  return new HeadLine(
    LineKind.Request,
    LineRole.Start,
    end - start,
    new Field(':method', method),
    new Field(':path', target.path),
    target.authority ?? '',
    minor,
  );
}

/** Reads the status line from `start` to `end`, line end included (RFC 9112 section 4). */
export function parseStatusLine(bytes: Uint8Array, start: number, end: number): HeadLine | LineFault {
  const broken = lineEndFault(bytes, start, end);
  if (broken !== null) return broken;
  const textEnd = end - 2;
  const versionEnd = start + versionBytes;
  const minor = minorVersionOf(latin1(bytes, start, Math.min(versionEnd, textEnd)));
  if (minor < 0)
    return minor === unknownVersion
      ? fault(505, 'version', 'an HTTP version other than 1.0 and 1.1', start)
      : fault(400, 'start_line', 'a status line without an HTTP version', start);
  const statusEnd = versionEnd + 4;
  const status = latin1(bytes, Math.min(versionEnd, textEnd), Math.min(statusEnd, textEnd));
  // The space behind the status belongs there even without a phrase, but nothing can be read out of its absence.
  if (!/^ [1-9]\d\d$/.test(status) || (statusEnd < textEnd && bytes[statusEnd] !== space))
    return fault(400, 'status', 'a malformed status', versionEnd);
  const bad = controlIn(bytes, statusEnd, textEnd);
  if (bad >= 0) return fault(400, 'start_line', 'a control character in the reason phrase', bad);
  const phrase = statusEnd + 1 < textEnd ? latin1(bytes, statusEnd + 1, textEnd) : '';
  return new HeadLine(
    LineKind.Status,
    LineRole.Start,
    end - start,
    new Field(':status', status.slice(1)),
    null,
    phrase,
    minor,
  );
}

const unknownVersion = -2;

/** 0 or 1; `unknownVersion` for another version of whatever protocol, -1 for what is none. The name is case-sensitive. */
function minorVersionOf(text: string): number {
  if (text === 'HTTP/1.1') return 1;
  if (text === 'HTTP/1.0') return 0;
  return /^[A-Z]+\/\d\.\d$/.test(text) ? unknownVersion : -1;
}

/** Where the name of a field line ends: at its colon, or at the first byte that no name may hold. */
export function nameEndOf(bytes: Uint8Array, start: number, end: number): number {
  let at = start;
  while (at < end && isTokenByte(bytes[at])) at++;
  return at;
}

/** Says what is wrong with a field line whose name ends at `nameEnd`, without a colon behind it or without a name. */
export function nameFault(bytes: Uint8Array, start: number, nameEnd: number): LineFault {
  const byte = bytes[nameEnd];
  if (nameEnd > start && (byte === space || byte === tab))
    return fault(400, 'field', 'white space in or behind a header name', nameEnd);
  if (byte === space || byte === tab) return fault(400, 'field', 'a folded header line', nameEnd);
  if (byte === colon) return fault(400, 'field', 'a header without a name', nameEnd);
  if (byte === carriageReturn || byte === 0x0a)
    return fault(400, 'field', 'a header line without a colon', nameEnd);
  return fault(400, 'field', 'a header name with a byte that no name may have', nameEnd);
}

/**
 * Reads the field line from `start` to `end`, line end included, whose name has been read (RFC 9112 section 5). Optional
 * white space around the value is no part of it.
 */
export function parseFieldLine(
  bytes: Uint8Array,
  start: number,
  nameEnd: number,
  end: number,
  named: HeadName,
): HeadLine | LineFault {
  const broken = lineEndFault(bytes, start, end);
  if (broken !== null) return { ...broken, reason: 'field' };
  let valueStart = nameEnd + 1;
  let valueEnd = end - 2;
  while (valueStart < valueEnd && isBlank(bytes[valueStart])) valueStart++;
  while (valueEnd > valueStart && isBlank(bytes[valueEnd - 1])) valueEnd--;
  if (!isPlainText(bytes, valueStart, valueEnd)) {
    const bad = controlIn(bytes, valueStart, valueEnd);
    if (bad >= 0) return fault(400, 'field', 'a control character in a header', bad);
  }
  const value = latin1(bytes, valueStart, valueEnd);
  const length = end - start;
  const { name, kind, role } = named;
  if (role === LineRole.ContentLength) return contentLengthLine(length, value, valueStart);
  if (role === LineRole.Host) {
    const authority = new Field(':authority', value);
    return new HeadLine(LineKind.Field, role, length, authority, null, value, 0, isAuthority(value));
  }
  const field = role === LineRole.Ordinary ? new Field(name, value, false, kind) : null;
  return new HeadLine(LineKind.Field, role, length, field, null, value, 0);
}

/** RFC 9110 section 8.6: digits only. A list of equal numbers is refused, as that section allows. */
function contentLengthLine(bytes: number, value: string, at: number): HeadLine | LineFault {
  if (value.length > contentLengthDigitsMax || !/^\d+$/.test(value))
    return fault(400, 'content_length', 'a content-length that is no number', at);
  const length = Number(value);
  const field = new Field('content-length', String(length), false, FieldKind.ContentLength);
  return new HeadLine(LineKind.Field, LineRole.ContentLength, bytes, field, null, value, length);
}

/** Where the first control character but tab stands, -1 for none (RFC 9110 section 5.5). */
function controlIn(bytes: Uint8Array, start: number, end: number): number {
  for (let i = start; i < end; i++) {
    const byte = bytes[i];
    if (byte < space ? byte !== tab : byte === 0x7f) return i;
  }
  return -1;
}

function isBlank(byte: number): boolean {
  return byte === space || byte === tab;
}
