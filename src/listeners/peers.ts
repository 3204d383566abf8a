import type { Socket } from 'node:net';
import { TLSSocket } from 'node:tls';
import type { Peer } from '../call/peer.ts';
import { formatAddress } from '../core/address.ts';
import { boundedText } from '../core/bounded-text.ts';
import { clientIdentity, identityOf } from '../security/client-identity.ts';

/** Where certificates are optional, one that is shown must still be good: an unknown identity is worse than none. */
export function showsBadCertificate(socket: TLSSocket): boolean {
  return !socket.authorized && Object.keys(socket.getPeerCertificate() ?? {}).length > 0;
}

/** Characters of a name in a certificate that nobody has verified. */
const nameCharsMax = 100;

/** Whom the certificate of a client names, verified or not; undefined without one. */
export function certificateName(socket: TLSSocket): string | undefined {
  const name = identityOf(socket.getPeerCertificate() ?? {});
  return name === '' ? undefined : boundedText(name, nameCharsMax);
}

/** What lies beneath a TLS socket that is closed: it alone still knows the address. */
function transportOf(socket: Socket): Socket {
  const { _parent: beneath } = socket as Socket & { readonly _parent?: Socket | null };
  return socket.destroyed && beneath != null ? beneath : socket;
}

/** `host:port` of a client; undefined on a Unix socket. */
export function peerText(socket: Socket): string | undefined {
  const { address, port } = peerOf(transportOf(socket));
  return address === '' ? undefined : formatAddress({ kind: 'tcp', host: address, port });
}

export function peerOf(socket: Socket, httpVersion?: Peer['httpVersion']): Peer {
  const address = socket.remoteAddress ?? '';
  const port = socket.remotePort ?? 0;
  if (socket instanceof TLSSocket) return new TlsPeer(address, port, httpVersion, socket);
  return { address, port, httpVersion, scheme: 'http', reportDueMs: Number.NEGATIVE_INFINITY };
}

/** A client over TLS. Most requests have nobody who asks for the identity, so the certificate is read at the first question. */
class TlsPeer implements Peer {
  readonly scheme = 'https';
  readonly address: string;
  readonly port: number;
  readonly httpVersion: Peer['httpVersion'];
  reportDueMs = Number.NEGATIVE_INFINITY;
  private readonly socket: TLSSocket;
  private known: string | undefined;

  constructor(address: string, port: number, httpVersion: Peer['httpVersion'], socket: TLSSocket) {
    this.address = address;
    this.port = port;
    this.httpVersion = httpVersion;
    this.socket = socket;
  }

  get identity(): string {
    this.known ??= clientIdentity(this.socket);
    return this.known;
  }
}
