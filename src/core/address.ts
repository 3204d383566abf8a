import { isIPv6 } from 'node:net';

/** Where to listen or connect: a TCP host and port, or a Unix socket. */
export type Address =
  | { readonly kind: 'tcp'; readonly host: string; readonly port: number }
  | { readonly kind: 'unix'; readonly path: string };

export type AddressResult = { value: Address; error?: undefined } | { value?: undefined; error: string };

/** Parses `host:port`, `[::1]:port` or `unix:/path`. Port 0 asks the system for one. Never throws. */
export function parseAddress(text: string): AddressResult {
  if (text.startsWith('unix:')) {
    const path = text.slice(5);
    return path === ''
      ? { error: `${quote(text)} has no path; write unix:/path` }
      : { value: { kind: 'unix', path } };
  }
  const colon = text.lastIndexOf(':');
  if (colon < 0 || (text.startsWith('[') && text.endsWith(']')))
    return { error: `${quote(text)} has no port; write host:port` };
  let host = text.slice(0, colon);
  const portText = text.slice(colon + 1);
  if (host.startsWith('[') && host.endsWith(']')) {
    host = host.slice(1, -1);
    if (host !== '' && !isIPv6(host))
      return { error: `${quote(text)}: ${quote(host)} is no IPv6 address; only those stand in brackets` };
  } else if (host.includes(':'))
    return { error: `${quote(text)}: write an IPv6 address in brackets, [::1]:port` };
  if (host === '') return { error: `${quote(text)} has no host; write host:port` };
  const port = /^\d{1,5}$/.test(portText) ? Number(portText) : Number.NaN;
  if (!(port <= 65535))
    return { error: `${quote(text)}: ${quote(portText)} is not a port; write a number from 0 to 65535` };
  return { value: { kind: 'tcp', host, port } };
}

/** The text `parseAddress` reads; also the stable name of an endpoint. */
export function formatAddress(address: Address): string {
  if (address.kind === 'unix') return `unix:${address.path}`;
  return address.host.includes(':') ? `[${address.host}]:${address.port}` : `${address.host}:${address.port}`;
}

/** Longer texts are cut in messages. */
const quotedCharsMax = 80;

/** As a sentence shows it: one line, whatever a file held (a line break, the escape of a terminal). */
function quote(text: string): string {
  return JSON.stringify(text.length > quotedCharsMax ? `${text.slice(0, quotedCharsMax)}…` : text);
}
