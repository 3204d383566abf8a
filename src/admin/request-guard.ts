import { isIP } from 'node:net';
import { canonicalIp, isLoopbackHost } from '../core/loopback.ts';

/** What of a request decides whether the admin server answers it at all. */
export interface GuardedRequest {
  readonly method: string;
  /** `Host`; undefined where HTTP/1.0 sent none. */
  readonly host: string | undefined;
  readonly origin: string | undefined;
  /** `Sec-Fetch-Site`. */
  readonly fetchSite: string | undefined;
  /** Whether the answer is a stream that lasts, of which there may be few. */
  readonly isStream?: boolean;
  /** Whether it came over a Unix socket. */
  readonly unix: boolean;
  /** Any IP address may stand in `Host`, and not just ours: where nothing can be changed, and nothing secret is read. */
  readonly anyAddress?: boolean;
  /** Address of our end of a TCP connection; undefined once that is closed. */
  readonly localAddress: string | undefined;
}

/**
 * Says why a request must be refused, or undefined where it may pass.
 *
 * A page that the operator happens to visit can make the operator's browser talk to a loopback port. Two ways are
 * closed here. *DNS rebinding*: the page's own name is pointed at 127.0.0.1, so to the browser it is the same origin;
 * only `Host` gives it away, so names are allowed one by one. An IP literal cannot be rebound, but one that is not
 * ours tells of a proxy that forwards blindly, so it has to be the address that was really connected to. *Cross-site
 * requests*: the browser sends them without asking and marks them with `Origin` or `Sec-Fetch-Site`.
 *
 * The port of `Host` is ignored: port forwarding changes it. That of `Origin` is, against `Host`: another
 * program's page on another port of localhost is foreign too.
 */
export function refusalOf(request: GuardedRequest, allowedHosts: readonly string[]): string | undefined {
  const { host, origin, fetchSite } = request;
  // No browser reaches a Unix socket, and clients put anything into Host there.
  if (host !== undefined && !request.unix) {
    const name = hostName(host);
    if (name === undefined || !hostAllowed(name, request, allowedHosts))
      return `The Host "${printable(host)}" is not a name of this admin server, so this may be a DNS rebinding attack; use its address or localhost, or add the name to admin.allowedHosts.`;
  }
  if (origin !== undefined && !sameOrigin(origin, host))
    return `The request comes from a page of "${printable(origin)}", not from this admin server; a page of another origin may not use it.`;
  if (fetchSite !== 'cross-site' && fetchSite !== 'same-site') return undefined;
  if (request.method !== 'GET' && request.method !== 'HEAD')
    return 'The request was sent by a page of another site (Sec-Fetch-Site); only a page of this admin server may change anything.';
  // An image of any page could otherwise hold a tap, and the places of those who may read it.
  if (request.isStream === true)
    return 'The request was sent by a page of another site (Sec-Fetch-Site); only a page of this admin server may open a stream.';
  return undefined;
}

/** The name of `Host` in lower case, without port, brackets or a final dot; undefined if it is no host at all. */
function hostName(host: string): string | undefined {
  const match = /^(?:\[([0-9a-fA-F:.]+)\]|([A-Za-z0-9._-]+))(?::\d{0,5})?$/.exec(host);
  return (match?.[1] ?? match?.[2])?.toLowerCase().replace(/\.$/, '');
}

function hostAllowed(
  name: string,
  { localAddress, anyAddress = false }: GuardedRequest,
  allowedHosts: readonly string[],
): boolean {
  if (name === 'localhost' || allowedHosts.some((allowed) => isSameHost(allowed, name))) return true;
  if (isIP(name) === 0) return false;
  if (anyAddress || isLoopbackHost(name)) return true;
  return localAddress !== undefined && canonicalIp(name) === canonicalIp(localAddress);
}

function isSameHost(allowed: string, name: string): boolean {
  const host = allowed.toLowerCase().replace(/\.$/, '');
  return host === name || (isIP(name) !== 0 && isIP(host) !== 0 && canonicalIp(host) === canonicalIp(name));
}

/** `Origin` is `scheme://host[:port]`; ours repeats `Host`. `null` (a sandboxed frame, a file) is foreign. */
function sameOrigin(origin: string, host: string | undefined): boolean {
  const match = /^https?:\/\/(.+)$/i.exec(origin);
  return match !== null && host !== undefined && match[1].toLowerCase() === host.toLowerCase();
}

/** Quoted text may hold nothing that changes the line it is quoted in. */
function printable(text: string): string {
  return text.replace(/[^\x21-\x7e]/g, '?').slice(0, 100);
}
