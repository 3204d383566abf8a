/** Who a call is for: the matching of `:authority` or `Host` (RFC 9110 section 7.2, RFC 3986 section 3.2). */

/**
 * A host and what stood after its colon, in the form to compare: lower case, without the dot of a complete domain name (RFC
 * 1034 section 3.1), the port without leading zeros. `port` is '' where none was given.
 */
export interface Authority {
  readonly host: string;
  readonly port: string;
}

/** Splits `host`, `host:port`, `[v6]` or `[v6]:port`; text that is none of them is all host. Never throws. */
export function splitAuthority(text: string): Authority {
  const lower = text.toLowerCase();
  const colon = lower.lastIndexOf(':');
  const bracketed = lower.startsWith('[');
  const hasPort = bracketed ? colon > lower.indexOf(']') : colon >= 0 && colon === lower.indexOf(':');
  if (!hasPort) return { host: withoutLastDot(lower), port: '' };
  return {
    host: withoutLastDot(lower.slice(0, colon)),
    port: lower.slice(colon + 1).replace(/^0+(?=\d)/, ''),
  };
}

function withoutLastDot(host: string): string {
  return host.length > 1 && host.endsWith('.') ? host.slice(0, -1) : host;
}

/**
 * Compiles `greeter`, `greeter:8080`, `*.example.com` (any host below it, not itself) or `*`; null where every authority
 * will do. A pattern without a port takes any port.
 */
export function compileAuthority(pattern: string): ((authority: Authority) => boolean) | null {
  const { host, port } = splitAuthority(pattern);
  const portWill = (authority: Authority): boolean => port === '' || authority.port === port;
  if (host === '*') return port === '' ? null : portWill;
  if (host.startsWith('*.')) {
    const suffix = host.slice(1);
    return (authority) =>
      authority.host.length > suffix.length && authority.host.endsWith(suffix) && portWill(authority);
  }
  return (authority) => authority.host === host && portWill(authority);
}
