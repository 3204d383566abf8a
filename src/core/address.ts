import { isIP, isIPv6 } from 'node:net';

/** Where to listen or connect: a TCP host and port, or a Unix socket. */
export type Address =
  | { readonly kind: 'tcp'; readonly host: string; readonly port: number }
  | { readonly kind: 'unix'; readonly path: string };

export type AddressResult = { value: Address; error?: undefined } | { value?: undefined; error: string };

/** Parses `host:port`, `[::1]:port` or `unix:/path`. Port 0 asks the system for one. Never throws. */
export function parseAddress(text: string): AddressResult {
  if (text.startsWith('unix:')) {
    const path = text.slice(5);
    if (path === '') return { error: `${quote(text)} has no path; write unix:/path` };
    if (path.includes('\0'))
      return { error: `${quote(text)} has a NUL character in its path; write a path without one` };
    return { value: { kind: 'unix', path } };
  }
  const [host, portText] = split(text);
  if (host === undefined || portText === undefined) return { error: `${quote(text)} ${shapeError(text)}` };
  if (host === '') return { error: `${quote(text)} has no host; write host:port` };
  if (!/^\d{1,15}$/.test(portText))
    return { error: `${quote(text)}: ${quote(portText)} is not a port; write a number from 0 to 65535` };
  const port = Number(portText);
  if (port > 65_535)
    return { error: `${quote(text)}: port ${port} is too high; write a number from 0 to 65535` };
  return { value: { kind: 'tcp', host, port } };
}

/** Returns the host by which a client on this machine reaches who listens on `host`: a wildcard is no destination. */
export function reachableHost(host: string): string {
  if (host === '0.0.0.0') return '127.0.0.1';
  return host === '::' ? '::1' : host;
}

/** Host and port of a text of the right shape. */
function split(text: string): [host?: string, port?: string] {
  const bracketed = /^\[([^[\]]*)\]:(.+)$/s.exec(text);
  if (bracketed !== null) {
    const [, host, port] = bracketed;
    return host === '' || isIPv6(host) ? [host, port] : [];
  }
  const plain = /^([^:[\]]*):([^:]+)$/s.exec(text);
  return plain === null ? [] : [plain[1], plain[2]];
}

/** What is wrong with a text that `split` does not take, and what to write instead. */
function shapeError(text: string): string {
  if (text.includes('[') || text.includes(']')) return bracketError(text);
  const colon = text.lastIndexOf(':');
  if (colon < 0) return `has no port; write host:port, such as ${exampleHost(text)}:50051`;
  const host = text.slice(0, colon);
  const port = text.slice(colon + 1);
  // Before the whole, since `::1:80` is an IPv6 address too, but hardly what was meant.
  if (isIPv6(host) && /^\d{1,5}$/.test(port))
    return `is an IPv6 address without brackets; write [${host}]:${port}`;
  if (isIPv6(text)) return `is an IPv6 address without a port; write [${text}]:port`;
  if (host.includes(':')) return 'has more than one colon; write one host and one port, host:port';
  return `has no port after the colon; write host:port, such as ${exampleHost(host)}:50051`;
}

function bracketError(text: string): string {
  const match = /^\[([^[\]]*)\](.*)$/s.exec(text);
  if (match === null) return 'has brackets that do not match; write an IPv6 address as [::1]:port';
  const [, host, rest] = match;
  if (host !== '' && !isIPv6(host)) {
    const fix = isIP(host) === 4 || /^[\w.-]+$/.test(host) ? `; write ${host}:port` : '';
    return `has ${quote(host)} in brackets, which is not an IPv6 address${fix}`;
  }
  return `has no port; write [${host === '' ? '::1' : host}]:port, such as [::1]:${/\d+$/.exec(rest)?.[0] ?? '50051'}`;
}

/** The host that was written, where a sentence can show it as it is. */
function exampleHost(host: string): string {
  return /^[\w.-]{1,63}$/.test(host) ? host : '127.0.0.1';
}

/** The text `parseAddress` reads; also the stable name of an endpoint. */
export function formatAddress(address: Address): string {
  if (address.kind === 'unix') return `unix:${address.path}`;
  return address.host.includes(':') ? `[${address.host}]:${address.port}` : `${address.host}:${address.port}`;
}

/** Longer texts are truncated in messages. */
const quotedCharsMax = 80;

/** As a sentence shows it: one line, whatever a file held (a line break, the escape of a terminal). */
function quote(text: string): string {
  return JSON.stringify(text.length > quotedCharsMax ? `${text.slice(0, quotedCharsMax)}…` : text);
}
