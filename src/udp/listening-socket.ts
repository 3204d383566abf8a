import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { isIPv6 } from 'node:net';
import { type DatagramEvents, type DatagramPort, datagramPort } from './datagram-port.ts';
import { numericLookup } from './numeric-lookup.ts';

/** The UDP socket of a listener: datagrams of all clients arrive here, and replies leave from its address. */
export interface ListeningSocket {
  readonly host: string;
  readonly port: number;
  /** Sends a datagram, or queues it. False where the queue is full. The bytes must not change any more. */
  reply(bytes: Buffer, host: string, port: number): boolean;
  close(): void;
}

/** What the kernel may keep while the process is busy, bytes. The kernel allows `net.core.rmem_max` at most. */
const receiveBufferBytes = 4 << 20;
/** Bytes of replies that wait because the system does not take them, at most. */
const queuedBytesMax = 4 << 20;

/** Binds. `direct`: see `datagramPort`. `shared`: another process of the same user may bind the address as well (SO_REUSEPORT). */
export async function openListeningSocket(
  { host, port, shared }: { readonly host: string; readonly port: number; readonly shared: boolean },
  events: DatagramEvents,
  direct = true,
): Promise<ListeningSocket> {
  const socket = createSocket({
    type: isIPv6(host) ? 'udp6' : 'udp4',
    lookup: numericLookup,
    recvBufferSize: receiveBufferBytes,
    reusePort: shared,
  });
  try {
    const listening = once(socket, 'listening');
    // Without `exclusive`, a process of node:cluster would ask its primary for the socket.
    socket.bind({ address: host, port, exclusive: true });
    await listening;
  } catch (error) {
    socket.close();
    throw error;
  }
  return new BoundSocket(socket, datagramPort(socket, false, queuedBytesMax, events, direct));
}

class BoundSocket implements ListeningSocket {
  readonly host: string;
  readonly port: number;
  private readonly datagrams: DatagramPort;

  constructor(socket: Socket, datagrams: DatagramPort) {
    const { address, port } = socket.address();
    this.host = address;
    this.port = port;
    this.datagrams = datagrams;
  }

  reply(bytes: Buffer, host: string, port: number): boolean {
    return this.datagrams.send(bytes, port, host);
  }

  close(): void {
    this.datagrams.close();
  }
}
