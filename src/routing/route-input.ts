import type { HeaderBlock } from '../core/header-block.ts';
import { parseIp } from './address-range.ts';

/** Cookies, and parameters of the query, that routes can match in one request; further ones are not there for them. */
export const namedValuesMax = 200;

/** Where a named value stands in a request. */
export type ValueKind = 'header' | 'cookie' | 'query';

/** Names and values in turn: `[name, value, name, value]`. */
type Pairs = readonly string[];

/** What routes look at. One object serves all requests of a router, one after the other; what few routes need is read once they ask. */
export class RouteInput {
  head!: HeaderBlock;
  /** The path without its query. */
  path = '';
  private source = '';
  private sourceBytesMemo: Uint8Array | null = null;
  private cookiesMemo: Pairs | null = null;
  private queryMemo: Pairs | null = null;

  /** `source` is the address of the client; '' where it has none. */
  set(head: HeaderBlock, source: string): void {
    const target = head.path;
    const query = target.indexOf('?');
    this.head = head;
    this.path = query < 0 ? target : target.slice(0, query);
    this.cookiesMemo = null;
    this.queryMemo = null;
    if (source === this.source) return;
    this.source = source;
    this.sourceBytesMemo = source === '' ? null : parseIp(source);
  }

  /** The address of the client as 16 bytes; null where it has none. */
  get sourceBytes(): Uint8Array | null {
    return this.sourceBytesMemo;
  }
  get cookies(): Pairs {
    this.cookiesMemo ??= cookiesOf(this.head);
    return this.cookiesMemo;
  }
  get query(): Pairs {
    this.queryMemo ??= queryOf(this.head.path);
    return this.queryMemo;
  }

  /** Whether a value of that name passes the test. */
  some(kind: ValueKind, name: string, test: (value: string) => boolean): boolean {
    if (kind === 'header') return this.someHeader(name, test);
    const pairs = kind === 'cookie' ? this.cookies : this.query;
    for (let i = 0; i < pairs.length; i += 2) if (pairs[i] === name && test(pairs[i + 1])) return true;
    return false;
  }

  /** Loops rather than `head.allFields`, which would make an array on every call. */
  private someHeader(name: string, test: (value: string) => boolean): boolean {
    for (let block: HeaderBlock | null = this.head; block !== null; block = block.base) {
      for (const field of block.fields) if (field.name === name && test(field.value)) return true;
    }
    return false;
  }
}

/** RFC 6265 section 5.4; a client may send its cookies in several headers (RFC 9113 section 8.2.3). Quotes belong to the value. */
function cookiesOf(head: HeaderBlock): Pairs {
  const pairs: string[] = [];
  for (const { name, value } of head.allFields) {
    if (name !== 'cookie') continue;
    for (const item of parts(value, ';', pairs.length)) {
      const equals = item.indexOf('=');
      if (equals >= 0) pairs.push(item.slice(0, equals).trim(), item.slice(equals + 1).trim());
    }
  }
  return pairs;
}

/** As forms write it (WHATWG URL, "application/x-www-form-urlencoded"), decoded to bytes. */
function queryOf(target: string): Pairs {
  const at = target.indexOf('?');
  if (at < 0) return [];
  const pairs: string[] = [];
  for (const item of parts(target.slice(at + 1), '&', 0)) {
    if (item === '') continue;
    const equals = item.indexOf('=');
    if (equals < 0) pairs.push(decoded(item), '');
    else pairs.push(decoded(item.slice(0, equals)), decoded(item.slice(equals + 1)));
  }
  return pairs;
}

/** `taken`: how many names and values there are already. */
function parts(text: string, separator: string, taken: number): string[] {
  return text.split(separator, namedValuesMax - taken / 2);
}

function decoded(text: string): string {
  const spaced = text.includes('+') ? text.replaceAll('+', ' ') : text;
  if (!spaced.includes('%')) return spaced;
  return spaced.replace(/%([0-9A-Fa-f]{2})/g, (_, hex: string) =>
    String.fromCharCode(Number.parseInt(hex, 16)),
  );
}
