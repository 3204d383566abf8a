import { createHash, timingSafeEqual } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import type { TLSSocket } from 'node:tls';
import { isLoopbackHost } from '../core/loopback.ts';
import { type Reply, text } from './reply.ts';

/** What clients on other machines show to be let in. */
export interface AdminCredentials {
  /** Null where none is configured. */
  readonly token: string | null;
  /** Client certificates are asked for and verified. */
  readonly clientCertificates: boolean;
  /** Whether the certificate of a connection was verified with the authorities of today; a connection may outlive them. */
  readonly isVerified: (socket: Socket) => boolean;
}

/**
 * `probe`: `/ready`, `/live` and `/metrics`, which the kubelet and Prometheus ask for and cannot authenticate for.
 * `read`: calls, endpoints, configuration. `messages`: what the messages of calls hold. `change`: whatever is no GET.
 */
export type Need = 'probe' | 'read' | 'messages' | 'change';

/** How a request came: a proxy on this machine speaks for others. */
export type Origin = 'local' | 'proxied' | 'remote';

/**
 * Headers that reverse proxies, content delivery networks and meshes add, in lower case: `X-Client-IP`, `True-Client-IP`,
 * `CF-Connecting-IP`, `X-Azure-ClientIP` and more end in one of a few words.
 */
const proxyHeader =
  /^(forwarded|forwarded-for|via|cdn-loop|x-real-ip|x-forwarded|x-forwarded-.*|x-original-.*|x-envoy-.*|x-amzn-.*|l5d-.*|.*(client|connecting|user)-?ip)$/;

/**
 * Returns where a request came from, by the address of the peer; a client of a socket file (`unix`) is on this machine. A
 * request that a proxy on this machine forwarded has a peer on loopback too, so the headers that proxies add make it one of
 * another machine.
 */
export function originOf(
  request: IncomingMessage,
  unix: boolean,
  isLocal: (socket: Socket) => boolean,
): Origin {
  if (!unix && !isLocal(request.socket)) return 'remote';
  return Object.keys(request.headers).some((name) => proxyHeader.test(name)) ? 'proxied' : 'local';
}

/**
 * Whether a TCP connection is one of this machine, from loopback to loopback; false once it is closed. The sidecar of a
 * service mesh passes on what it took from other machines from a loopback address as well (Istio: 127.0.0.6), but to the
 * address of the pod.
 */
export function isLocalPeer({ remoteAddress = '', localAddress = '' }: PeerAddresses): boolean {
  return isLoopbackHost(remoteAddress) && isLoopbackHost(localAddress);
}

type PeerAddresses = Pick<Socket, 'remoteAddress' | 'localAddress'>;

/**
 * Returns the reply to a request that may not have what it needs, or undefined where it may. Without a credential that
 * is configured other machines may read, as the operator who opened the address decided, and change nothing.
 */
export function denial(
  request: IncomingMessage,
  need: Need,
  origin: Origin,
  { token, clientCertificates, isVerified }: AdminCredentials,
): Reply | undefined {
  if (need === 'probe' || origin === 'local') return undefined;
  const guarded = token !== null || clientCertificates;
  if (need === 'read' && !guarded) return undefined;
  const certified = clientCertificates && (request.socket as TLSSocket).authorized === true;
  if (certified && isVerified(request.socket)) return undefined;
  const { authorization } = request.headers;
  if (token !== null && authorization !== undefined && tokenMatches(token, authorization)) return undefined;
  const reply = denied(need, origin, { token, clientCertificates }, authorization !== undefined);
  // Verified by authorities that have been replaced since: the next connection is verified by those of today.
  return certified ? { ...reply, headers: { ...reply.headers, connection: 'close' } } : reply;
}

function denied(
  need: Need,
  origin: Origin,
  { token, clientCertificates }: Pick<AdminCredentials, 'token' | 'clientCertificates'>,
  wrongToken: boolean,
): Reply {
  const who =
    origin === 'proxied'
      ? 'a request that a proxy forwarded counts as one of another machine, which'
      : 'a request of another machine';
  const certificate = clientCertificates ? 'a client certificate of admin.tls.clientCa' : '';
  if (token === null && certificate === '')
    return text(
      `Refused: ${who} may ${need === 'messages' ? 'see no messages' : 'change nothing'} here; set admin.token, admin.tokenFile or admin.tls.clientCa, or ask on the machine itself.`,
      403,
    );
  if (token === null) return text(`Refused: ${who} needs ${certificate}.`, 403);
  const wrong = wrongToken ? 'the token is wrong; ' : '';
  const or = certificate === '' ? '' : ` or ${certificate}`;
  return text(
    `Refused: ${wrong}${who} needs the token of admin.token as "Authorization: Bearer TOKEN"${or}; commands take --admin-token-file.`,
    401,
    // The second one makes browsers ask: any user name, and the token as the password.
    { 'www-authenticate': ['Bearer realm="outrigger"', 'Basic realm="outrigger", charset="UTF-8"'] },
  );
}

/** Compares in constant time what `Bearer` (RFC 6750) or the password of `Basic` (RFC 7617) holds. */
function tokenMatches(token: string, authorization: string): boolean {
  const space = authorization.indexOf(' ');
  const scheme = authorization.slice(0, Math.max(0, space)).toLowerCase();
  const value = authorization.slice(space + 1).trim();
  if (scheme === 'bearer') return isEqual(value, token);
  if (scheme !== 'basic') return false;
  const pair = Buffer.from(value, 'base64').toString('utf8');
  return isEqual(pair.slice(pair.indexOf(':') + 1), token);
}

/** Digests have one length, so that not even the length of the token shows. */
function isEqual(a: string, b: string): boolean {
  const digest = (value: string): Buffer => createHash('sha256').update(value).digest();
  return timingSafeEqual(digest(a), digest(b));
}
