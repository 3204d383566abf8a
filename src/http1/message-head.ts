import { STATUS_CODES } from 'node:http';
import { Field } from '../core/field.ts';
import { HeaderBlock } from '../core/header-block.ts';
import type { HeadLine } from './head-line.ts';
import { LineRole } from './head-name.ts';
import type { Framing, MessageError, MessageErrorReason, MessageHead } from './message.ts';

/** What the lines of a head mean together. */
export class BuiltHead {
  readonly head: MessageHead;
  /** The sender keeps the connection open, as far as its fields say; a body that ends with it still speaks against that. */
  readonly persistent: boolean;
  /** Names that `connection` nominates, null for none. */
  readonly nominated: ReadonlySet<string> | null;
  /** A `content-length` more would frame the body, and change nothing else. */
  readonly takesLength: boolean;
  /** A reply that says it switches to WebSocket. */
  readonly switches: boolean;
  readonly fault: undefined = undefined;

  constructor(
    head: MessageHead,
    persistent: boolean,
    nominated: ReadonlySet<string> | null,
    takesLength: boolean,
    switches: boolean,
  ) {
    this.head = head;
    this.persistent = persistent;
    this.nominated = nominated;
    this.takesLength = takesLength;
    this.switches = switches;
  }
}

/** Why lines that are each in order make no head together; `line` is the index of the one that shows it. */
export interface HeadFault {
  readonly status: MessageError['status'];
  readonly reason: MessageErrorReason;
  readonly words: string;
  readonly line: number;
}
export type HeadResult = BuiltHead | { readonly fault: HeadFault };

/** What the fields of a section say of the message itself. */
interface Control {
  /** Index of the line, or -1. */
  host: number;
  contentLength: number;
  transferEncoding: number;
  expect: number;
  /** Values of all fields of the name, joined and in lower case; null for none. */
  codings: string | null;
  connection: string | null;
  upgrade: string | null;
  keepAlive: string | null;
  expectations: string | null;
}

function failed(
  status: MessageError['status'],
  reason: MessageErrorReason,
  words: string,
  line: number,
): { fault: HeadFault } {
  return { fault: { status, reason, words, line } };
}

/** Reads the control fields of `lines`, whose first is the start line. */
function readControl(lines: readonly HeadLine[], count: number): Control | { fault: HeadFault } {
  const control: Control = {
    host: -1,
    contentLength: -1,
    transferEncoding: -1,
    expect: -1,
    codings: null,
    connection: null,
    upgrade: null,
    keepAlive: null,
    expectations: null,
  };
  for (let i = 1; i < count; i++) {
    const line = lines[i];
    switch (line.role) {
      case LineRole.Host:
        if (control.host >= 0) return failed(400, 'host', 'more than one host', i);
        control.host = i;
        break;
      case LineRole.ContentLength:
        if (control.contentLength < 0) control.contentLength = i;
        else if (lines[control.contentLength].number !== line.number)
          return failed(400, 'content_length', 'two content-length headers that differ', i);
        break;
      case LineRole.TransferEncoding:
        control.transferEncoding = i;
        control.codings = joined(control.codings, line.text);
        break;
      case LineRole.Connection:
        control.connection = joined(control.connection, line.text);
        break;
      case LineRole.Upgrade:
        control.upgrade = joined(control.upgrade, line.text);
        break;
      case LineRole.KeepAlive:
        control.keepAlive = joined(control.keepAlive, line.text);
        break;
      case LineRole.Expect:
        control.expect = i;
        control.expectations = joined(control.expectations, line.text);
        break;
    }
  }
  return control;
}

function joined(before: string | null, value: string): string {
  return before === null ? value.toLowerCase() : `${before},${value.toLowerCase()}`;
}

/** The members of a comma-separated list (RFC 9110 section 5.6.1), empty ones left out. */
function membersOf(list: string | null): string[] {
  if (list === null) return [];
  const members: string[] = [];
  for (const part of list.split(',')) {
    const member = part.replace(/^[ \t]+|[ \t]+$/g, '');
    if (member !== '') members.push(member);
  }
  return members;
}

/** The rules of RFC 9112 sections 6.1 and 6.3 that hold in both directions; null where none is broken. */
function framingFault(control: Control, minorVersion: number): { fault: HeadFault } | null {
  const { codings, transferEncoding: line } = control;
  if (codings === null) return null;
  // Another coding would reach the next hop without the word that says so: transfer-encoding ends here.
  if (codings !== 'chunked') {
    const members = membersOf(codings);
    const known = members.every((member) => member === 'chunked');
    // Bytes that are no list of codings are a trick, or a mistake that others read in another way.
    if (members.length === 0 || known || !/^[!#$%&'*+\-.^_`|~0-9a-z, \t;="]+$/.test(codings))
      return failed(400, 'transfer_encoding', 'a malformed transfer-encoding', line);
    // RFC 9112 section 6.3: nobody can say where such a request ends.
    if (members.at(-1) !== 'chunked')
      return failed(400, 'transfer_encoding', 'a transfer-encoding that does not end with chunked', line);
    return failed(501, 'transfer_encoding', 'a transfer coding other than chunked', line);
  }
  if (minorVersion === 0) return failed(400, 'transfer_encoding', 'transfer-encoding in HTTP/1.0', line);
  if (control.contentLength >= 0)
    return failed(400, 'transfer_encoding', 'both transfer-encoding and content-length', line);
  return null;
}

/** What `connection` of either direction says. */
function readConnection(
  control: Control,
  minorVersion: number,
): { persistent: boolean; upgrades: boolean; nominated: ReadonlySet<string> | null } {
  if (control.connection === null)
    return { persistent: minorVersion === 1, upgrades: false, nominated: null };
  let close = false;
  let keepAlive = false;
  let upgrades = false;
  let nominated: Set<string> | null = null;
  for (const option of membersOf(control.connection)) {
    if (option === 'close') close = true;
    else if (option === 'keep-alive') keepAlive = true;
    else if (option === 'upgrade') upgrades = true;
    else if (!isProtected(option)) {
      nominated ??= new Set();
      nominated.add(option);
    }
  }
  return { persistent: !close && (minorVersion === 1 || keepAlive), upgrades, nominated };
}

/** Fields that say who asks and by which way, which whoever stands behind us relies on. */
const protectedNames: ReadonlySet<string> = new Set([
  'content-length',
  'forwarded',
  'host',
  'via',
  'x-real-ip',
]);

/** `connection` may not remove these: a client would strip what a trusted proxy before us has set (CVE-2024-45410). */
function isProtected(name: string): boolean {
  return protectedNames.has(name) || name.startsWith('x-forwarded-');
}

/** What a request is made of; `lines` holds its request line and `count - 1` field lines. */
export function buildRequest(lines: readonly HeadLine[], count: number, scheme: Field): HeadResult {
  const control = readControl(lines, count);
  if ('fault' in control) return control;
  const start = lines[0];
  const minorVersion = start.number as 0 | 1;
  const broken = framingFault(control, minorVersion) ?? hostFault(control, lines, minorVersion);
  if (broken !== null) return broken;
  const connection = readConnection(control, minorVersion);
  const framing: Framing =
    control.codings !== null ? 'chunked' : control.contentLength >= 0 ? 'length' : 'none';
  const bodyBytes = bodyBytesOf(control, lines, framing);
  // RFC 9110 section 10.1.1: an expectation in HTTP/1.0 is ignored.
  const expectations = minorVersion === 1 ? membersOf(control.expectations) : [];
  if (expectations.some((member) => member !== '100-continue'))
    return failed(417, 'expectation', 'an expectation other than 100-continue', control.expect);
  // RFC 9112 section 3.2.2: the authority of an absolute form wins over host.
  const authority =
    start.text === '' && control.host >= 0
      ? (lines[control.host].field as Field)
      : new Field(':authority', start.text);
  const method = start.field as Field;
  const websocket =
    minorVersion === 1 &&
    framing === 'none' &&
    method.value === 'GET' &&
    connection.upgrades &&
    membersOf(control.upgrade).includes('websocket');
  const fields = [method, scheme, authority, start.path as Field];
  pushEndToEnd(fields, lines, count, connection.nominated, control.contentLength);
  const head: MessageHead = {
    block: new HeaderBlock(fields),
    minorVersion,
    framing,
    bodyBytes,
    keepAlive: connection.persistent,
    expectsContinue: expectations.length > 0 && (framing === 'chunked' || bodyBytes > 0),
    websocket,
    keepAliveSeconds: -1,
    reasonPhrase: '',
  };
  const takesLength = framing === 'none' && control.expect < 0 && !websocket;
  return new BuiltHead(head, connection.persistent, connection.nominated, takesLength, false);
}

/** RFC 9112 section 3.2: exactly one host in HTTP/1.1. */
function hostFault(
  control: Control,
  lines: readonly HeadLine[],
  minorVersion: number,
): { fault: HeadFault } | null {
  if (control.host < 0) return minorVersion === 0 ? null : failed(400, 'host', 'no host', 0);
  return lines[control.host].valid ? null : failed(400, 'host', 'a malformed host', control.host);
}

/** What a reply is made of, whatever it answers; `lines` holds its status line and `count - 1` field lines. */
export function buildReply(lines: readonly HeadLine[], count: number): HeadResult {
  const control = readControl(lines, count);
  if ('fault' in control) return control;
  const start = lines[0];
  const minorVersion = start.number as 0 | 1;
  const statusField = start.field as Field;
  const status = Number(statusField.value);
  const interim = status < 200;
  // RFC 9110 sections 15.2, 15.3.5 and 15.4.5.
  const bodiless = interim || status === 204 || status === 304;
  const broken = framingFault(control, minorVersion);
  if (broken !== null) return broken;
  const connection = readConnection(control, minorVersion);
  const framing: Framing = bodiless
    ? 'none'
    : control.codings !== null
      ? 'chunked'
      : control.contentLength >= 0
        ? 'length'
        : 'close';
  const fields = [statusField];
  // RFC 9110 section 8.6: these have no content-length.
  const contentLength = interim || status === 204 ? -1 : control.contentLength;
  pushEndToEnd(fields, lines, count, connection.nominated, contentLength);
  const phrase = start.text;
  const head: MessageHead = {
    block: new HeaderBlock(fields),
    minorVersion,
    framing,
    bodyBytes: bodyBytesOf(control, lines, framing),
    keepAlive: connection.persistent && framing !== 'close',
    expectsContinue: false,
    websocket: false,
    keepAliveSeconds: keepAliveSecondsOf(control.keepAlive),
    reasonPhrase: phrase === STATUS_CODES[status] ? '' : phrase,
  };
  const switches =
    status === 101 &&
    minorVersion === 1 &&
    connection.upgrades &&
    membersOf(control.upgrade).includes('websocket');
  return new BuiltHead(head, connection.persistent, connection.nominated, framing === 'close', switches);
}

function bodyBytesOf(control: Control, lines: readonly HeadLine[], framing: Framing): number {
  if (framing === 'none') return 0;
  return framing === 'length' ? lines[control.contentLength].number : -1;
}

function keepAliveSecondsOf(text: string | null): number {
  const match = /(?:^|[,; \t])timeout=(\d{1,9})(?:$|[,; \t])/.exec(text ?? '');
  return match === null ? -1 : Number(match[1]);
}

/** Appends the fields that go on to the next hop; of content-length the line `contentLength` alone. */
function pushEndToEnd(
  fields: Field[],
  lines: readonly HeadLine[],
  count: number,
  nominated: ReadonlySet<string> | null,
  contentLength: number,
): void {
  for (let i = 1; i < count; i++) {
    const line = lines[i];
    if (line.role === LineRole.Ordinary) {
      const field = line.field as Field;
      if (nominated === null || !nominated.has(field.name)) fields.push(field);
    } else if (i === contentLength) fields.push(line.field as Field);
  }
}

/** Framing, routing and credentials must not be said after the body: who reads them there may act on them (RFC 9110 section 6.5.1). */
const neverTrailing: ReadonlySet<string> = new Set([
  'authorization',
  'cache-control',
  'content-encoding',
  'content-range',
  'content-type',
  'cookie',
  'expect',
  'forwarded',
  'max-forwards',
  'proxy-authorization',
  'range',
  'set-cookie',
  'te',
  'trailer',
]);

/** True for the name of a field that may stand in trailers; hop-by-hop fields are judged by their role. */
export function mayTrail(name: string): boolean {
  return !neverTrailing.has(name) && !name.startsWith('x-forwarded-');
}

/** The trailers that may be passed on, null for none. */
export function buildTrailers(
  lines: readonly HeadLine[],
  count: number,
  nominated: ReadonlySet<string> | null,
): HeaderBlock | null {
  const fields: Field[] = [];
  for (let i = 0; i < count; i++) {
    const { role, field } = lines[i];
    if (role !== LineRole.Ordinary || field === null) continue;
    if (mayTrail(field.name) && nominated?.has(field.name) !== true) fields.push(field);
  }
  return fields.length === 0 ? null : new HeaderBlock(fields);
}
