import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { isIPv6 } from 'node:net';
import { numericLookup } from './numeric-lookup.ts';
import { SendQueue } from './send-queue.ts';

export interface ListeningSocketEvents {
  received(bytes: Buffer, host: string, port: number): void;
  /** A reply was not sent. */
  failed(error: NodeJS.ErrnoException): void;
}

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

/** Binds. `shared`: another process of the same user may bind the address as well (SO_REUSEPORT). */
export async function openListeningSocket(
  { host, port, shared }: { readonly host: string; readonly port: number; readonly shared: boolean },
  events: ListeningSocketEvents,
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
  return new BoundSocket(socket, events);
}

class BoundSocket implements ListeningSocket {
  readonly host: string;
  readonly port: number;
  private readonly socket: Socket;
  private readonly queue: SendQueue;

  constructor(socket: Socket, events: ListeningSocketEvents) {
    const { address, port } = socket.address();
    this.host = address;
    this.port = port;
    this.socket = socket;
    this.queue = new SendQueue(socket, queuedBytesMax, (error) => events.failed(error));
    socket.on('message', (bytes, from) => events.received(bytes, from.address, from.port));
    socket.on('error', (error) => {
      if (!this.queue.closed) events.failed(error);
    });
  }

  reply(bytes: Buffer, host: string, port: number): boolean {
    const { queue } = this;
    if (queue.closed || !queue.hasRoom(bytes)) return false;
    this.socket.send(bytes, port, host, queue.began());
    return true;
  }

  close(): void {
    if (this.queue.closed) return;
    this.queue.closed = true;
    this.socket.removeAllListeners('message');
    this.socket.close();
  }
}
