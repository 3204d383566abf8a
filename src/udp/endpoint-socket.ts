import { createSocket, type Socket } from 'node:dgram';
import { isIP, isIPv6 } from 'node:net';
import { type Address, formatAddress } from '../core/address.ts';
import { isConnected } from './client-sockets.ts';
import { type DatagramPort, datagramPort } from './datagram-port.ts';
import { numericLookup } from './numeric-lookup.ts';

/** What the socket of a session reports. */
export interface EndpointSocketEvents {
  received(bytes: Buffer): void;
  /** A datagram was not sent, or the endpoint refused an earlier one (ICMP). */
  failed(error: NodeJS.ErrnoException): void;
}

/** A UDP socket that is connected to one endpoint, so that the system reports what the endpoint refuses. */
export interface EndpointSocket {
  /** Sends the datagram, or queues it. False where the queue is full. The bytes must not change any more. */
  send(bytes: Buffer): boolean;
  close(): void;
}

/** Bytes that wait in one socket because the system does not take them, at most. */
const queuedBytesMax = 256 << 10;

/**
 * Opens a socket to an endpoint. `hold` gets what closes once, and returns false where the process may open no further socket;
 * then this returns null. Returns an error where the system gives no port or has no route. `direct`: see `datagramPort`.
 */
export function openEndpointSocket(
  address: Address,
  events: EndpointSocketEvents,
  hold: (socket: Socket) => boolean,
  direct = true,
): EndpointSocket | NodeJS.ErrnoException | null {
  if (address.kind === 'unix') return errorOf('EADDRNOTAVAIL', `${address.path} is not a UDP address`);
  const host = address.host === 'localhost' ? '127.0.0.1' : address.host;
  if (isIP(host) === 0) return errorOf('ENOTFOUND', `${host} is not an IP address`);
  const socket = createSocket({ type: isIPv6(host) ? 'udp6' : 'udp4', lookup: numericLookup });
  if (!hold(socket)) {
    socket.close();
    return null;
  }
  let bindError: NodeJS.ErrnoException | null = null;
  socket.on('error', (error: NodeJS.ErrnoException) => {
    bindError ??= error;
  });
  // With a lookup that answers at once, the socket is bound and connected when `connect` returns; only its event comes later.
  socket.connect(address.port, host);
  if (bindError === null && isConnected(socket)) {
    socket.removeAllListeners('error');
    return new ConnectedSocket(datagramPort(socket, true, queuedBytesMax, events, direct));
  }
  socket.close();
  return bindError ?? errorOf('ENETUNREACH', `no route to ${formatAddress(address)}`);
}

function errorOf(code: string, message: string): NodeJS.ErrnoException {
  return Object.assign(new Error(message), { code });
}

class ConnectedSocket implements EndpointSocket {
  private readonly port: DatagramPort;

  constructor(port: DatagramPort) {
    this.port = port;
  }

  send(bytes: Buffer): boolean {
    return this.port.send(bytes, 0, '');
  }

  close(): void {
    this.port.close();
  }
}
