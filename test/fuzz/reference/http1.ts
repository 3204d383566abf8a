import { STATUS_CODES } from 'node:http';
import type { MessageError, ParserLimits } from '../../../src/http1/message.ts';

/**
 * HTTP/1.1 messages by the letter of RFC 9110 and 9112, slow and plain: the whole input as one text, read with regular expressions
 * that are the grammar. What our parser says of any input must be what this says.
 */

export interface ReferenceHead {
  /** `name: value`, pseudo-headers first; fields of different names in any order. */
  readonly fields: string[];
  readonly minorVersion: number;
  readonly framing: string;
  readonly bodyBytes: number;
  readonly keepAlive: boolean;
  readonly expectsContinue: boolean;
  readonly websocket: boolean;
  readonly keepAliveSeconds: number;
  readonly reasonPhrase: string;
}
export type ReferenceEvent =
  | { readonly head: ReferenceHead }
  | { readonly data: string }
  | { readonly end: string[] | null }
  | { readonly failed: Pick<MessageError, 'status' | 'reason'> };

/** Ends the reading: an error, or the end of the input. */
class Stop extends Error {
  readonly failed: Pick<MessageError, 'status' | 'reason'> | null;
  constructor(failed: Pick<MessageError, 'status' | 'reason'> | null) {
    super('stop');
    this.failed = failed;
  }
}

function refuse(status: MessageError['status'], reason: MessageError['reason']): never {
  throw new Stop({ status, reason });
}

type Section = Array<{ name: string; value: string }>;

const token = "[!#$%&'*+\\-.^_`|~0-9A-Za-z]+";
const quoted = '"(?:[\\t\\x20\\x21\\x23-\\x5b\\x5d-\\x7e\\x80-\\xff]|\\\\[\\t\\x20-\\x7e\\x80-\\xff])*"';
const requestLine = new RegExp(`^(${token}) ([\\x21-\\x7e\\x80-\\xff]+) (\\S+)\\r\\n$`);
const statusLine = /^HTTP\/1\.([01]) ([1-9]\d\d)(?: ([\t\x20-\x7e\x80-\xff]*))?\r\n$/;
const fieldLine = new RegExp(
  `^(${token}):[ \\t]*((?:[\\t\\x20-\\x7e\\x80-\\xff]*[\\x21-\\x7e\\x80-\\xff])?)[ \\t]*\\r\\n$`,
);
const chunkLine = new RegExp(`^([0-9A-Fa-f]{1,13})((?:;${token}(?:=(?:${token}|${quoted}))?)*)\\r\\n`);
const hop = [
  'connection',
  'proxy-connection',
  'keep-alive',
  'te',
  'transfer-encoding',
  'upgrade',
  'http2-settings',
];
const notInTrailers = [
  ...[
    'authorization',
    'cache-control',
    'content-encoding',
    'content-length',
    'content-range',
    'content-type',
  ],
  ...['cookie', 'expect', 'forwarded', 'host', 'max-forwards', 'proxy-authorization', 'range', 'set-cookie'],
  'trailer',
];

function listOf(section: Section, name: string): string[] {
  return valuesOf(section, name)
    .flatMap((value) => value.toLowerCase().split(','))
    .map((member) => member.replace(/^[ \t]+|[ \t]+$/g, ''))
    .filter((member) => member !== '');
}

function valuesOf(section: Section, name: string): string[] {
  return section.filter((field) => field.name === name).map(({ value }) => value);
}

/** The names that `connection` removes: not what the next hop relies on. */
function nominatedBy(section: Section): string[] {
  return listOf(section, 'connection').filter(
    (name) =>
      !['close', 'keep-alive', 'upgrade', 'content-length', 'forwarded', 'host', 'via', 'x-real-ip'].includes(
        name,
      ) && !name.startsWith('x-forwarded-'),
  );
}

function isHost(text: string): boolean {
  if (text === '') return true;
  const parts = /^(\[[0-9A-Fa-f:.]+\]|[^[\]:]+)(?::([0-9]*))?$/.exec(text);
  if (parts === null || text.length > 1024) return false;
  const port = parts[2] ?? '';
  if (port.length > 5 || Number(port) > 65_535) return false;
  return (
    parts[1].startsWith('[') || /^(?:[A-Za-z0-9._~!$&'()*+;=-]|%[0-9A-Fa-f][0-9A-Fa-f])+$/.test(parts[1])
  );
}

function targetOf(method: string, target: string): { authority: string | null; path: string } {
  if (/[#]/.test(target)) return refuse(400, 'target');
  if (target.startsWith('/')) return { authority: null, path: target };
  if (target === '*' && method === 'OPTIONS') return { authority: null, path: '*' };
  const absolute = /^https?:\/\/([^/?]+)(\/.*|\?.*|)$/i.exec(target);
  if (absolute === null || !isHost(absolute[1])) return refuse(400, 'target');
  const rest = absolute[2];
  if (rest === '') return { authority: absolute[1], path: method === 'OPTIONS' ? '*' : '/' };
  return { authority: absolute[1], path: rest.startsWith('?') ? `/${rest}` : rest };
}

export class ReferenceParser {
  private readonly events: ReferenceEvent[] = [];
  private readonly text: string;
  private readonly role: 'request' | 'reply';
  private readonly limits: ParserLimits;
  private readonly methods: string[];
  private readonly websocket: boolean;
  private at = 0;
  private nominated: string[] = [];

  /** `methods`: of the requests whose replies are due, in the reply role. */
  constructor(
    role: 'request' | 'reply',
    text: string,
    limits: ParserLimits,
    methods: readonly string[] = [],
    websocket = false,
  ) {
    this.role = role;
    this.text = text;
    this.limits = limits;
    this.methods = [...methods];
    this.websocket = websocket;
  }

  parse(): ReferenceEvent[] {
    try {
      while (this.role === 'request' ? this.request() : this.reply());
    } catch (error) {
      if (!(error instanceof Stop)) throw error;
      if (error.failed !== null) this.events.push({ failed: error.failed });
    }
    return this.events;
  }

  private get rest(): string {
    return this.text.slice(this.at);
  }

  private endOfInput(): never {
    throw new Stop(null);
  }

  /** The lines of a section, without the empty one. `first` is what its first line is. */
  private lines(first: 'request' | 'reply' | 'field', take: (line: string, index: number) => void): void {
    const start = this.at;
    const { headBytesMax, fieldsMax } = this.limits;
    for (let index = 0; ; index++) {
      const lineEnd = this.text.indexOf('\n', this.at) + 1;
      const end = lineEnd === 0 ? this.text.length : lineEnd;
      if (end - start > headBytesMax) refuse(first === 'request' && index === 0 ? 414 : 431, 'too_large');
      if (lineEnd === 0) this.endOfInput();
      const line = this.text.slice(this.at, lineEnd);
      if (line === '\r\n' && (index > 0 || first === 'field')) {
        this.at = lineEnd;
        return;
      }
      if ((first === 'field' ? index : index - 1) >= fieldsMax) refuse(431, 'too_large');
      take(line, index);
      this.at = lineEnd;
    }
  }

  private field(line: string, reason: 'field' | 'trailers'): { name: string; value: string } {
    const match = fieldLine.exec(line);
    if (match === null) return refuse(400, reason);
    const name = match[1].toLowerCase();
    const value = match[2];
    if (name === 'content-length' && !/^\d{1,15}$/.test(value)) refuse(400, 'content_length');
    return { name, value };
  }

  private request(): boolean {
    if (this.text.startsWith('\r\n', this.at)) this.at += 2;
    else if (this.rest === '\r') return false;
    else if (this.rest.startsWith('\r')) refuse(400, 'start_line');
    if (this.rest === '') return false;
    if (!new RegExp(token).test(this.rest[0])) refuse(400, 'start_line');
    let start: string[] = [];
    const section: Section = [];
    this.lines('request', (line, index) => {
      if (index === 0) start = this.requestStart(line);
      else section.push(this.field(line, 'field'));
    });
    const [method, target, version] = start;
    return this.requestMessage(method, target, version === 'HTTP/1.0' ? 0 : 1, section);
  }

  private requestStart(line: string): string[] {
    if (!line.endsWith('\r\n')) refuse(400, 'start_line');
    const parts = /^([^ ]*) ([^ ]*) (.*)\r\n$/s.exec(line);
    if (!new RegExp(`^${token} `).test(line)) refuse(400, 'start_line');
    const target = /^[^ ]* ([^ ]*)/.exec(line.slice(0, -2))![1];
    // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is searched for
    if (/[\x00-\x1f\x7f]/.test(target)) refuse(400, 'target');
    if (parts === null) return refuse(400, 'start_line');
    const [, method, , version] = parts;
    if (!/^HTTP\/1\.[01]$/.test(version))
      refuse(
        /^[A-Z]+\/\d\.\d$/.test(version) ? 505 : 400,
        /^[A-Z]+\/\d\.\d$/.test(version) ? 'version' : 'start_line',
      );
    if (method === 'CONNECT') refuse(405, 'method');
    if (requestLine.exec(line) === null) refuse(400, 'target');
    targetOf(method, target);
    return [method, target, version];
  }

  private requestMessage(method: string, target: string, minorVersion: number, section: Section): boolean {
    const { framing, bodyBytes } = this.framing(section, minorVersion);
    const hosts = valuesOf(section, 'host');
    if (hosts.length === 0 && minorVersion === 1) refuse(400, 'host');
    if (hosts.length === 1 && !isHost(hosts[0])) refuse(400, 'host');
    const expectations = minorVersion === 1 ? listOf(section, 'expect') : [];
    if (!expectations.every((member) => member === '100-continue')) refuse(417, 'expectation');
    const { authority, path } = targetOf(method, target);
    const options = listOf(section, 'connection');
    const websocket =
      method === 'GET' &&
      minorVersion === 1 &&
      framing === 'none' &&
      options.includes('upgrade') &&
      listOf(section, 'upgrade').includes('websocket');
    this.nominated = nominatedBy(section);
    const pseudo = [
      `:method: ${method}`,
      ':scheme: http',
      `:authority: ${authority ?? hosts[0] ?? ''}`,
      `:path: ${path}`,
    ];
    this.events.push({
      head: {
        fields: [...pseudo, ...this.endToEnd(section, true)],
        minorVersion,
        framing,
        bodyBytes,
        keepAlive: this.persists(options, minorVersion),
        expectsContinue: expectations.length > 0 && (framing === 'chunked' || bodyBytes > 0),
        websocket,
        keepAliveSeconds: -1,
        reasonPhrase: '',
      },
    });
    this.body(framing, bodyBytes);
    return !websocket;
  }

  private reply(): boolean {
    if (this.rest === '') return false;
    if (this.methods.length === 0) refuse(400, 'surplus');
    if (this.rest[0] !== 'H') refuse(400, 'start_line');
    let start: RegExpExecArray | null = null;
    const section: Section = [];
    this.lines('reply', (line, index) => {
      if (index === 0) start = this.replyStart(line);
      else section.push(this.field(line, 'field'));
    });
    const [, minor, status, phrase] = start as unknown as RegExpExecArray;
    return this.replyMessage(Number(minor), Number(status), phrase ?? '', section);
  }

  private replyStart(line: string): RegExpExecArray {
    if (!line.endsWith('\r\n')) refuse(400, 'start_line');
    const version = line.slice(0, -2).slice(0, 8);
    if (!/^HTTP\/1\.[01]$/.test(version))
      refuse(
        /^[A-Z]+\/\d\.\d$/.test(version) ? 505 : 400,
        /^[A-Z]+\/\d\.\d$/.test(version) ? 'version' : 'start_line',
      );
    if (!/^.{8} [1-9]\d\d(?: |\r\n$)/s.test(line)) refuse(400, 'status');
    return statusLine.exec(line) ?? refuse(400, 'start_line');
  }

  private replyMessage(minorVersion: number, status: number, phrase: string, section: Section): boolean {
    const { framing: declared, bodyBytes: length } = this.framing(section, minorVersion);
    const options = listOf(section, 'connection');
    const switches =
      minorVersion === 1 && options.includes('upgrade') && listOf(section, 'upgrade').includes('websocket');
    if (status === 101 && !(this.websocket && switches)) refuse(400, 'status');
    const interim = status < 200;
    const bodiless = interim || status === 204 || status === 304 || this.methods[0] === 'HEAD';
    const framing = bodiless ? 'none' : declared === 'none' ? 'close' : declared;
    const bodyBytes = bodiless ? 0 : framing === 'close' ? -1 : length;
    const keepAlive = this.persists(options, minorVersion) && framing !== 'close' && status !== 101;
    const timeout = /(?:^|[,; \t])timeout=(\d{1,9})(?:$|[,; \t])/i.exec(
      valuesOf(section, 'keep-alive').join(','),
    );
    this.nominated = nominatedBy(section);
    this.events.push({
      head: {
        fields: [`:status: ${status}`, ...this.endToEnd(section, !interim && status !== 204)],
        minorVersion,
        framing,
        bodyBytes,
        keepAlive,
        expectsContinue: false,
        websocket: status === 101,
        keepAliveSeconds: timeout === null ? -1 : Number(timeout[1]),
        reasonPhrase: phrase === STATUS_CODES[status] ? '' : phrase,
      },
    });
    if (status === 101) return false;
    if (interim) return true;
    this.methods.shift();
    this.body(framing, bodyBytes);
    return true;
  }

  private persists(options: readonly string[], minorVersion: number): boolean {
    return !options.includes('close') && (minorVersion === 1 || options.includes('keep-alive'));
  }

  /** RFC 9112 section 6.3, as the sender says it. */
  private framing(section: Section, minorVersion: number): { framing: string; bodyBytes: number } {
    // Line by line, since the first line that contradicts one before it decides.
    let length: number | null = null;
    let seenHost = false;
    for (const { name, value } of section) {
      if (name === 'host') {
        if (seenHost) refuse(400, 'host');
        seenHost = true;
      }
      if (name !== 'content-length') continue;
      if (length !== null && length !== Number(value)) refuse(400, 'content_length');
      length = Number(value);
    }
    const codings = valuesOf(section, 'transfer-encoding').join(',').toLowerCase();
    if (section.some(({ name }) => name === 'transfer-encoding')) {
      if (codings !== 'chunked') {
        const members = listOf(section, 'transfer-encoding');
        const odd = /[^!#$%&'*+\-.^_`|~0-9a-z, \t;="]/.test(codings);
        if (odd || members.every((member) => member === 'chunked')) refuse(400, 'transfer_encoding');
        if (members.at(-1) !== 'chunked') refuse(400, 'transfer_encoding');
        refuse(501, 'transfer_encoding');
      }
      if (minorVersion === 0 || length !== null) refuse(400, 'transfer_encoding');
      return { framing: 'chunked', bodyBytes: -1 };
    }
    return length === null ? { framing: 'none', bodyBytes: 0 } : { framing: 'length', bodyBytes: length };
  }

  private endToEnd(section: Section, withLength: boolean): string[] {
    const fields: string[] = [];
    let length = false;
    for (const { name, value } of section) {
      if (hop.includes(name) || name === 'host' || name === 'expect') continue;
      if (name === 'content-length') {
        if (withLength && !length) fields.push(`${name}: ${Number(value)}`);
        length = true;
      } else if (!this.nominated.includes(name)) fields.push(`${name}: ${value}`);
    }
    return fields;
  }

  private body(framing: string, bodyBytes: number): void {
    if (framing === 'length') this.data(bodyBytes);
    else if (framing === 'close') {
      this.data(this.text.length - this.at);
      this.endOfInput();
    } else if (framing === 'chunked') return this.chunks();
    this.events.push({ end: null });
  }

  private data(length: number): void {
    const data = this.text.slice(this.at, this.at + length);
    const last = this.events.at(-1) as ReferenceEvent;
    if ('data' in last) this.events[this.events.length - 1] = { data: last.data + data };
    else if (data !== '') this.events.push({ data });
    this.at += data.length;
    if (data.length < length) this.endOfInput();
  }

  private chunks(): void {
    let extensionBytes = 0;
    for (;;) {
      const [line, size, extensions] = this.chunkLine(extensionBytes);
      extensionBytes += extensions.length;
      this.at += line.length;
      const length = Number.parseInt(size, 16);
      if (length === 0) break;
      this.data(length);
      const end = this.text.slice(this.at, this.at + 2);
      if (!'\r\n'.startsWith(end)) refuse(400, 'chunk');
      this.at += end.length;
      if (end.length < 2) this.endOfInput();
    }
    const section: Section = [];
    this.lines('field', (line) => section.push(this.trailer(line)));
    const kept = section.filter(
      ({ name }) =>
        !hop.includes(name) &&
        !notInTrailers.includes(name) &&
        !name.startsWith('x-forwarded-') &&
        !this.nominated.includes(name),
    );
    this.events.push({ end: kept.length === 0 ? null : kept.map(({ name, value }) => `${name}: ${value}`) });
  }

  private trailer(line: string): { name: string; value: string } {
    return this.field(line, 'trailers');
  }

  /** The line of a chunk, byte by byte: the first byte after which no line can come of it any more is the error. */
  private chunkLine(extensionBytes: number): [line: string, size: string, extensions: string] {
    const { rest } = this;
    for (let length = 1; length <= rest.length; length++) {
      const begun = rest.slice(0, length);
      const semicolon = begun.indexOf(';');
      const lineFeed = begun.endsWith('\r\n') ? 1 : 0;
      const extension = semicolon < 0 ? 0 : length - semicolon - 1 - lineFeed;
      if (extensionBytes + extension > this.limits.chunkExtensionBytesMax) refuse(413, 'too_large');
      const whole = chunkLine.exec(begun);
      if (whole !== null) return [whole[0], whole[1], whole[2]];
      const completions = ['\n', '\r\n', '0\r\n', 'a\r\n', '"\r\n', 'a"\r\n'];
      if (!completions.some((completion) => chunkLine.test(begun + completion))) refuse(400, 'chunk');
    }
    return this.endOfInput();
  }
}
