import { writeSync } from 'node:fs';
import type { Socket } from 'node:net';
import { TLSSocket } from 'node:tls';

/** What is used of a socket's handle: its descriptor, below 0 or undefined where there is none. */
interface Handle {
  readonly fd?: number;
}

/**
 * Writes to a cleartext socket by one call of the kernel with nothing around it. `socket.write` costs 1 to 2 µs more in objects
 * and callbacks, and keeps the bytes until the kernel has taken them; here they may be reused at once.
 */
export class DirectWriter {
  private readonly socket: Socket;
  /** The handle of `fd`: once the socket has another or none, the number may be that of somebody else's file. */
  private readonly handle: Handle | null;
  private readonly fd: number;

  /** `socket` is connected. */
  constructor(socket: Socket) {
    this.socket = socket;
    this.handle = handleOf(socket);
    // The descriptor of a TLS socket is that of the connection below: what is written there is not encrypted.
    this.fd = socket instanceof TLSSocket ? -1 : (this.handle?.fd ?? -1);
  }

  /**
   * Returns how many bytes the kernel took: fewer than all where it has no room, and 0 where bytes wait in the socket already, where the
   * connection is ended or breaks, which destroys the socket with the error, and with TLS. Who calls gives the rest
   * to `socket.write`.
   */
  write(bytes: Uint8Array, start: number, end: number): number {
    const { fd, handle, socket } = this;
    if (fd < 0 || handle !== handleOf(socket) || socket.writableLength > 0 || socket.writableEnded) return 0;
    try {
      return writeSync(fd, bytes, start, end - start);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EAGAIN') socket.destroy(error as Error);
      return 0;
    }
  }
}

function handleOf(socket: Socket): Handle | null {
  return (socket as unknown as { _handle: Handle | null })._handle;
}
