import { Field, FieldKind } from '../core/field.ts';
import type { HeaderBlock } from '../core/header-block.ts';
import type { Result } from '../core/result.ts';

/**
 * Header fields between the two worlds: node's raw list (`name, value, name, value`, as on the wire) and a
 * `HeaderBlock`. The raw list is used both ways because node's header objects join repeated fields, drop others
 * (a second `etag`), and make outside names property names.
 */

/** Fields that end at this hop, RFC 9110 section 7.6.1 and RFC 9113 section 8.2.2. */
const hopByHop: ReadonlySet<string> = new Set([
  'connection',
  'proxy-connection',
  'keep-alive',
  'te',
  'transfer-encoding',
  'upgrade',
  'http2-settings',
]);

/** What a section said of its own framing, beside the fields that go on to the next hop. */
export interface ReadFields {
  readonly fields: Field[];
  /** Every `host` value, in order; they are not among `fields`. */
  readonly hosts: readonly string[];
  /** Every transfer coding, lower case, in order. */
  readonly codings: readonly string[];
  /** Bytes of `content-length`, or -1 where there is none. The field itself is among `fields`, once. */
  readonly contentLength: number;
}

/** Reads a header section from node's raw list. Errors are sentences; never throws. */
export function readFields(raw: readonly string[]): Result<ReadFields> {
  const nominated = connectionOptions(raw);
  const fields: Field[] = [];
  const hosts: string[] = [];
  const codings: string[] = [];
  let contentLength = -1;
  for (let i = 0; i < raw.length; i += 2) {
    const name = raw[i].toLowerCase();
    const value = raw[i + 1];
    if (name === 'host') hosts.push(value);
    else if (name === 'transfer-encoding') codings.push(...listItems(value));
    else if (name === 'content-length') {
      const length = parseContentLength(value);
      if (length < 0) return { error: 'content-length is not a number' };
      if (contentLength >= 0 && contentLength !== length) return { error: 'two content-lengths differ' };
      if (contentLength < 0) fields.push(new Field(name, String(length)));
      contentLength = length;
    } else if (!hopByHop.has(name) && !nominated.has(name)) {
      const field = new Field(name, value);
      if (field.kind === FieldKind.Malformed) return { error: 'a header has bytes that no header may hold' };
      fields.push(field);
    }
  }
  return { value: { fields, hosts, codings, contentLength } };
}

/** A header section as node writes it. */
export interface WrittenFields {
  /** `name, value, name, value`, without content-length. */
  readonly raw: string[];
  /** Bytes that `content-length` promises, or -1. */
  readonly contentLength: number;
}

/**
 * The end-to-end fields of a block for an HTTP/1.1 section. `skip` names those the caller writes itself. Pseudo-headers,
 * hop-by-hop fields and content-length are left out; a field that could split or merge messages is an error.
 */
export function writeFields(head: HeaderBlock, skip: ReadonlySet<string>): Result<WrittenFields> {
  const raw: string[] = [];
  let contentLength = -1;
  for (const field of head.allFields) {
    if (field.kind === FieldKind.Malformed) return { error: 'a header has bytes that no header may hold' };
    if (field.name.charCodeAt(0) === 0x3a || hopByHop.has(field.name) || skip.has(field.name)) continue;
    if (field.kind !== FieldKind.ContentLength) {
      raw.push(field.name, field.value);
      continue;
    }
    const length = parseContentLength(field.value);
    if (length < 0) return { error: 'content-length is not a number' };
    if (contentLength >= 0 && contentLength !== length) return { error: 'two content-lengths differ' };
    contentLength = length;
  }
  return { value: { raw, contentLength } };
}

/** Says how a body is framed, last in a section: node re-reads content-disposition as UTF-8 once it knows a length. */
export function pushFraming(raw: string[], framing: 'chunked' | number): void {
  if (framing === 'chunked') raw.push('transfer-encoding', 'chunked');
  else raw.push('content-length', String(framing));
}

/** Removes every field of a name from a raw list. */
export function removeField(raw: string[], name: string): void {
  for (let i = raw.length - 2; i >= 0; i -= 2) if (raw[i] === name) raw.splice(i, 2);
}

/** RFC 9110 section 8.6: digits only. Up to 15 of them, so that the number is exact. -1 where it is none. */
function parseContentLength(text: string): number {
  return /^\d{1,15}$/.test(text) ? Number(text) : -1;
}

/** The names that `connection` nominates as ending at this hop too. */
function connectionOptions(raw: readonly string[]): ReadonlySet<string> {
  let names: Set<string> | null = null;
  for (let i = 0; i < raw.length; i += 2) {
    if (raw[i].length !== 10 || raw[i].toLowerCase() !== 'connection') continue;
    names ??= new Set();
    for (const name of listItems(raw[i + 1])) names.add(name);
  }
  return names ?? none;
}
const none: ReadonlySet<string> = new Set();

function listItems(value: string): string[] {
  const items: string[] = [];
  for (const item of value.toLowerCase().split(',')) if (item.trim() !== '') items.push(item.trim());
  return items;
}
