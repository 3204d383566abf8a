import { normalizeEncodings } from './normal-path.ts';

/** Who a call is for: the matching of `:authority` or `Host` (RFC 9110 section 7.2, RFC 3986 section 3.2). */

/**
 * A host and what stood after its colon, in the form to compare: lower case, needless percent-encodings decoded (RFC 3986 section
 * 6.2.2.2), without the dot of a complete domain name (RFC 1034 section 3.1), the port without leading zeros. `port` is ''
 * where none was given.
 */
export interface Authority {
  readonly host: string;
  readonly port: string;
}

/** Splits `host`, `host:port`, `[v6]` or `[v6]:port`; text that is none of them is all host. Never throws. */
export function splitAuthority(text: string): Authority {
  const lower = (text.includes('%') ? normalizeEncodings(text) : text).toLowerCase();
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
 * Finds what was put under `greeter`, `greeter:8080`, `*.example.com` (any host below it, not itself), `*:8080` or `*`. A
 * pattern without a port takes any port. The cost of a look-up grows with the labels of the host, not with the patterns.
 */
export class AuthorityIndex<T> {
  private readonly byHost = new Map<string, Map<string, T>>();
  private readonly bySuffix = new Map<string, Map<string, T>>();
  private readonly ofAnyHost = new Map<string, T>();

  /** What is under a pattern; made by `make` where nothing is. */
  under(pattern: string, make: () => T): T {
    const { host, port } = splitAuthority(pattern);
    const byPort =
      host === '*'
        ? this.ofAnyHost
        : host.startsWith('*.')
          ? portsUnder(this.bySuffix, host.slice(1))
          : portsUnder(this.byHost, host);
    const known = byPort.get(port);
    if (known !== undefined) return known;
    const made = make();
    byPort.set(port, made);
    return made;
  }

  /** What is under all patterns that match. */
  find(text: string): T[] {
    const { host, port } = splitAuthority(text);
    const found: T[] = [];
    const add = (byPort: ReadonlyMap<string, T> | undefined): void => {
      const ofAnyPort = byPort?.get('');
      if (ofAnyPort !== undefined) found.push(ofAnyPort);
      const ofPort = port === '' ? undefined : byPort?.get(port);
      if (ofPort !== undefined) found.push(ofPort);
    };
    add(this.ofAnyHost);
    add(this.byHost.get(host));
    if (this.bySuffix.size === 0) return found;
    for (let dot = host.indexOf('.', 1); dot > 0; dot = host.indexOf('.', dot + 1))
      add(this.bySuffix.get(host.slice(dot)));
    return found;
  }
}

function portsUnder<T>(index: Map<string, Map<string, T>>, key: string): Map<string, T> {
  let ports = index.get(key);
  if (ports === undefined) {
    ports = new Map();
    index.set(key, ports);
  }
  return ports;
}
