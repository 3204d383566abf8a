import { Socket } from 'node:net';
import type { Duplex } from 'node:stream';

/** Breaks a connection so that its peer cannot take what it has for a whole message: with RST where that is possible. */
export function abortSocket(socket: Duplex): void {
  if (socket.destroyed) return;
  try {
    // Tunnels are broken by being destroyed.
    if (socket instanceof Socket) socket.resetAndDestroy();
    else socket.destroy();
  } catch {
    // Only plain TCP knows RST; TLS shows the break by the missing close_notify.
    socket.destroy();
  }
}
