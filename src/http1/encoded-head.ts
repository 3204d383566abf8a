import { STATUS_CODES } from 'node:http';
import { copyOfBytes, writeBytes } from '../core/bytes.ts';
import { type Field, FieldKind } from '../core/field.ts';
import type { HeaderBlock } from '../core/header-block.ts';
import type { OutputBuffer } from '../transport/output-buffer.ts';
import { writeField, writeText } from './head-text.ts';
import { isAuthority, isPath, isToken } from './request-target.ts';

/** A longer head is encoded every time: it costs too much to keep. */
const memoHeadBytesMax = 4096;

/** What the fields of a head say that is not written where they stand, but after all others, or not at all. */
export class HeadFacts {
  /** Bytes that `content-length` declares, or -1. */
  contentLength = -1;
  /** Cookie crumbs as one field (RFC 9113 section 8.2.3), '' for none; likewise the others. */
  cookie = '';
  forwardedFor = '';
  trailer = '';
  hasForwardedProto = false;
  hasDate = false;
  /** Words for what cannot be sent, or null. */
  problem: string | null = null;

  reset(): void {
    this.contentLength = -1;
    this.cookie = '';
    this.forwardedFor = '';
    this.trailer = '';
    this.hasForwardedProto = false;
    this.hasDate = false;
    this.problem = null;
  }

  /** Adds what the fields behind these say. */
  add(next: HeadFacts): void {
    if (next.contentLength >= 0) this.declareLength(next.contentLength);
    this.cookie = joined(this.cookie, '; ', next.cookie);
    this.forwardedFor = joined(this.forwardedFor, ', ', next.forwardedFor);
    this.trailer = joined(this.trailer, ', ', next.trailer);
    this.hasForwardedProto ||= next.hasForwardedProto;
    this.hasDate ||= next.hasDate;
    this.problem ??= next.problem;
  }

  declareLength(bytes: number): void {
    if (this.contentLength >= 0 && this.contentLength !== bytes)
      this.problem = 'two content-length headers that differ';
    this.contentLength = bytes;
  }
}

function joined(before: string, separator: string, value: string): string {
  if (before === '') return value;
  return value === '' ? before : before + separator + value;
}

/** A start line, and the fields behind it, that were written before. */
class EncodedHead extends HeadFacts {
  readonly role: HeadRole;
  readonly bytes: Buffer;

  constructor(role: HeadRole, facts: HeadFacts, bytes: Buffer) {
    super();
    this.role = role;
    this.bytes = bytes;
    this.add(facts);
  }
}

/** An interim or final status alike is a `reply`. */
export type HeadRole = 'request' | 'reply';

/** What is done with a field. */
const Treatment = {
  Drop: 0,
  Cookie: 1,
  ForwardedFor: 2,
  ForwardedProto: 3,
  Trailer: 4,
  Date: 5,
} as const;
type Treatment = (typeof Treatment)[keyof typeof Treatment];

const treatments: Readonly<Record<HeadRole, ReadonlyMap<string, Treatment>>> = {
  request: new Map<string, Treatment>([
    ['te', Treatment.Drop],
    // Whoever waits for 100 (Continue) waits for this hop.
    ['expect', Treatment.Drop],
    ['cookie', Treatment.Cookie],
    ['x-forwarded-for', Treatment.ForwardedFor],
    ['x-forwarded-proto', Treatment.ForwardedProto],
    ['trailer', Treatment.Trailer],
  ]),
  reply: new Map<string, Treatment>([
    ['te', Treatment.Drop],
    ['trailer', Treatment.Trailer],
    ['date', Treatment.Date],
  ]),
};

const startKinds =
  (1 << FieldKind.Method) |
  (1 << FieldKind.Scheme) |
  (1 << FieldKind.Authority) |
  (1 << FieldKind.Path) |
  (1 << FieldKind.Status) |
  (1 << FieldKind.Protocol) |
  (1 << FieldKind.UnknownPseudo) |
  (1 << FieldKind.Host);

/**
 * Appends the start line and the end-to-end fields of a block that are written where they stand, and adds to `facts` what the others
 * say; where that ends up with a `problem`, what was written is of no use. The bytes of a repeated block are kept with it.
 */
export function writeStartAndFields(
  out: OutputBuffer,
  block: HeaderBlock,
  role: HeadRole,
  facts: HeadFacts,
): void {
  if (block.repeated) {
    const known = block.encoded as EncodedHead | null;
    if (known === null || known.role !== role) {
      encode(out, block, role, facts);
      return;
    }
    out.reserve(known.bytes.length);
    out.length = writeBytes(out.bytes, out.length, known.bytes);
    facts.add(known);
    return;
  }
  const { base } = block;
  // A block may complete the start line that its base begins.
  if (base === null || block.ownHasAny(startKinds)) {
    facts.problem ??= writeStartLine(out, block, role);
    writeFields(out, block.allFields, role, facts);
  } else {
    writeStartAndFields(out, base, role, facts);
    writeFields(out, block.fields, role, facts);
  }
}

function encode(out: OutputBuffer, block: HeaderBlock, role: HeadRole, facts: HeadFacts): void {
  const start = out.length;
  const own = new HeadFacts();
  own.problem = writeStartLine(out, block, role);
  writeFields(out, block.allFields, role, own);
  facts.add(own);
  if (out.length - start <= memoHeadBytesMax)
    block.encoded = new EncodedHead(role, own, copyOfBytes(out.bytes, start, out.length));
}

/** Returns words for what is wrong with it, or null. */
function writeStartLine(out: OutputBuffer, block: HeaderBlock, role: HeadRole): string | null {
  if (role === 'reply') {
    const { status } = block;
    if (!(status >= 100 && status <= 999)) return `a reply with status ${status}`;
    writeText(out, `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ''}\r\n`);
    return null;
  }
  return writeRequestLine(out, block, block.authority);
}

/** Appends request line and `host`. Returns words for what is wrong with them, or null. */
export function writeRequestLine(out: OutputBuffer, block: HeaderBlock, authority: string): string | null {
  const { method, path } = block;
  if (!isToken(method) || method === 'CONNECT') return 'a method that HTTP/1.1 cannot carry';
  if (!isPath(method, path)) return 'a malformed path';
  if (!isAuthority(authority)) return 'a malformed authority';
  writeText(out, `${method} ${path} HTTP/1.1\r\nhost: ${authority}\r\n`);
  return null;
}

/** Appends the fields that are written where they stand; of the others `facts` hears. */
export function writeFields(
  out: OutputBuffer,
  fields: readonly Field[],
  role: HeadRole,
  facts: HeadFacts,
): void {
  const special = treatments[role];
  for (let i = 0; i < fields.length; i++) {
    const field = fields[i];
    const { kind } = field;
    if (kind === FieldKind.Regular || kind >= FieldKind.ContentType) {
      const treatment = special.get(field.name);
      if (treatment === undefined) writeField(out, field);
      else treat(out, field, treatment, facts);
    } else if (kind === FieldKind.ContentLength) declare(field, facts);
    else if (kind === FieldKind.Malformed) facts.problem = 'a header with bytes that no header may hold';
    // What is left are pseudo-headers, the host, and fields that end at this hop.
  }
}

function declare({ value }: Field, facts: HeadFacts): void {
  if (/^\d{1,15}$/.test(value)) facts.declareLength(Number(value));
  else facts.problem = 'a content-length that is no number';
}

function treat(out: OutputBuffer, field: Field, treatment: Treatment, facts: HeadFacts): void {
  switch (treatment) {
    case Treatment.Cookie:
      facts.cookie = joined(facts.cookie, '; ', field.value);
      return;
    case Treatment.ForwardedFor:
      facts.forwardedFor = joined(facts.forwardedFor, ', ', field.value);
      return;
    case Treatment.Trailer:
      facts.trailer = joined(facts.trailer, ', ', field.value);
      return;
    case Treatment.ForwardedProto:
      facts.hasForwardedProto = true;
      break;
    case Treatment.Date:
      facts.hasDate = true;
      break;
    default:
      return;
  }
  writeField(out, field);
}
