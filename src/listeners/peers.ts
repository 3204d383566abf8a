import type { Socket } from 'node:net';
import type { TLSSocket } from 'node:tls';
import type { Peer } from '../call/peer.ts';
import { formatAddress } from '../core/address.ts';

/** Where certificates are optional, one that is shown must still be good: an unknown identity is worse than none. */
export function showsBadCertificate(socket: TLSSocket): boolean {
  return !socket.authorized && Object.keys(socket.getPeerCertificate() ?? {}).length > 0;
}

/** `host:port` of a client; undefined on a Unix socket. */
export function peerText(socket: Socket): string | undefined {
  const { address, port } = peerOf(socket);
  return address === '' ? undefined : formatAddress({ kind: 'tcp', host: address, port });
}

export function peerOf(socket: Socket): Peer {
  return { address: socket.remoteAddress ?? '', port: socket.remotePort ?? 0 };
}
