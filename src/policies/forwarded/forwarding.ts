import { Field } from '../../core/field.ts';
import type { HeaderBlock } from '../../core/header-block.ts';
import { withHeaders } from '../with-headers.ts';

/** The headers that say from whom a request came, in the order in which they are written. */
export const forwardedHeaders = [
  'x-forwarded-for',
  'x-forwarded-proto',
  'x-forwarded-host',
  'x-forwarded-port',
  'forwarded',
] as const;
export type ForwardedHeader = (typeof forwardedHeaders)[number];

export interface ForwardingSettings {
  /** `append` keeps what came, `set` replaces all of it. */
  readonly mode: 'append' | 'set';
  readonly headers: readonly ForwardedHeader[];
  /** Proxies in front of Outrigger whose values are kept; infinity for whatever came. */
  readonly trustedHops: number;
}

/** What is known of a request without what its client says of others. */
export interface Connection {
  /** IP address of whoever sent the request; '' where it is not known. */
  readonly address: string;
  readonly scheme: 'http' | 'https';
  readonly authority: string;
}

const all: ReadonlySet<string> = new Set(forwardedHeaders);

/** The head as endpoints get it. */
export function forward(
  head: HeaderBlock,
  connection: Connection,
  { mode, headers, trustedHops }: ForwardingSettings,
): HeaderBlock {
  const hops = mode === 'set' ? 0 : trustedHops;
  const added: Field[] = [];
  const removed = new Set<string>(mode === 'set' ? all : []);
  for (const name of headers) {
    const came = hops === 0 ? [] : head.all(name);
    const value = headerValue(name, came, hops, connection);
    if (value === null) continue;
    removed.add(name);
    if (value !== '') added.push(new Field(name, value));
  }
  return withHeaders(head, removed, added);
}

/** The new value of a header: '' for none, null where what came is kept. */
function headerValue(
  name: ForwardedHeader,
  came: readonly string[],
  hops: number,
  { address, scheme, authority }: Connection,
): string | null {
  switch (name) {
    case 'x-forwarded-for':
      return joined(lastOf(came.flatMap(listed), hops), address);
    case 'forwarded':
      return joined(lastOf(came.flatMap(elements), hops), elementOf({ address, scheme, authority }));
    case 'x-forwarded-proto':
      return trustedOr(scheme, came, hops);
    case 'x-forwarded-host':
      return trustedOr(authority, came, hops);
    case 'x-forwarded-port':
      return trustedOr(portOf(authority, scheme), came, hops);
  }
}

/** What the trusted proxies say of the first connection, else `own`. A proxy may add its value behind one that a client made up. */
function trustedOr(own: string, came: readonly string[], hops: number): string | null {
  if (came.length === 0) return own;
  const values = came.flatMap(listed);
  return values.length <= hops ? null : lastOf(values, hops).join(', ');
}

/** Each trusted proxy has added one value at the end; what is before those may be anybody's. */
function lastOf(items: readonly string[], hops: number): readonly string[] {
  const values = items.filter((item) => item !== '');
  return values.slice(Math.max(0, values.length - hops));
}

function joined(items: readonly string[], last: string): string {
  return (last === '' ? items : [...items, last]).join(', ');
}

function listed(value: string): string[] {
  return value.split(',').map((item) => item.trim());
}

/**
 * The elements of a `Forwarded` header (RFC 7239 section 4): commas in quoted strings separate nothing. None where a quoted string
 * has no end, which would take in the element behind it.
 */
function elements(value: string): string[] {
  const items: string[] = [];
  let quoted = false;
  let from = 0;
  for (let i = 0; i < value.length; i++) {
    const c = value[i];
    if (quoted && c === '\\') i += 1;
    else if (c === '"') quoted = !quoted;
    else if (c === ',' && !quoted) {
      items.push(value.slice(from, i).trim());
      from = i + 1;
    }
  }
  return quoted ? [] : [...items, value.slice(from).trim()];
}

/** One element of `Forwarded` (RFC 7239 section 4). */
function elementOf({ address, scheme, authority }: Connection): string {
  const host = authority === '' ? '' : `;host=${tokenOrQuoted(authority)}`;
  return `for=${nodeOf(address)}${host};proto=${scheme}`;
}

/** RFC 7239 section 6: an IPv6 address stands in brackets, and in quotes because of its colons. */
function nodeOf(address: string): string {
  if (address === '') return 'unknown';
  return address.includes(':') ? `"[${address}]"` : address;
}

function tokenOrQuoted(text: string): string {
  return /^[\w!#$%&'*+.^`|~-]+$/.test(text) ? text : `"${text.replace(/["\\]/g, '\\$&')}"`;
}

/** The port that the client connected to, as it wrote it, else that of the scheme. */
function portOf(authority: string, scheme: Connection['scheme']): string {
  const [, port] = /:(\d{1,5})$/.exec(authority) ?? [];
  return port ?? (scheme === 'https' ? '443' : '80');
}
