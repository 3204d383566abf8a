import { createSocket, type Socket } from 'node:dgram';
import { isIPv6 } from 'node:net';
import { type DatagramEvents, type DatagramPort, datagramPort } from './datagram-port.ts';
import { numericLookup } from './numeric-lookup.ts';

/** Bytes that wait for one client because the system does not take them, at most. */
const queuedBytesMax = 256 << 10;

/**
 * Sockets of single clients, bound to the address of a listener that another process shares (SO_REUSEPORT) and connected to the
 * client. The kernel gives a datagram to a connected socket before any other, so the sessions of this process go on when its
 * listening socket has closed, and new clients reach the other process alone.
 */
export class ClientSockets {
  private readonly events: DatagramEvents;
  private readonly byHost = new Map<string, Map<number, DatagramPort>>();

  constructor(events: DatagramEvents) {
    this.events = events;
  }

  /** Opens a socket for a client. False where the system gives none. */
  open(local: { readonly host: string; readonly port: number }, host: string, port: number): boolean {
    const type = isIPv6(local.host) ? 'udp6' : 'udp4';
    const socket = createSocket({ type, lookup: numericLookup, reusePort: true });
    let failed = false;
    socket.on('error', () => {
      failed = true;
    });
    // With a lookup that answers at once, the socket is bound and connected when `connect` returns.
    socket.bind({ address: local.host, port: local.port, exclusive: true });
    if (!failed) socket.connect(port, host);
    if (failed || !isConnected(socket)) {
      socket.close();
      return false;
    }
    socket.removeAllListeners('error');
    let ofHost = this.byHost.get(host);
    if (ofHost === undefined) {
      ofHost = new Map();
      this.byHost.set(host, ofHost);
    }
    ofHost.set(port, datagramPort(socket, true, queuedBytesMax, this.events));
    return true;
  }

  /** The socket of a client; null where it has none. */
  of(host: string, port: number): DatagramPort | null {
    return this.byHost.get(host)?.get(port) ?? null;
  }

  close(host: string, port: number): void {
    this.of(host, port)?.close();
    this.byHost.get(host)?.delete(port);
  }

  closeAll(): void {
    for (const ofHost of this.byHost.values()) for (const socket of ofHost.values()) socket.close();
    this.byHost.clear();
  }
}

/** Whether a socket has the peer that it was to be connected to. */
export function isConnected(socket: Socket): boolean {
  try {
    socket.remoteAddress();
    return true;
  } catch {
    return false;
  }
}
