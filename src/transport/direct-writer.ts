import { writeSync } from 'node:fs';
import type { Socket } from 'node:net';

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
    this.fd = this.handle?.fd ?? -1;
  }

  /**
   * Returns how many bytes the kernel took: fewer than all where it has no room, and 0 where bytes wait in the socket already, where the
   * connection is broken or ended, or where there is no descriptor. Who calls gives the rest to `socket.write`,
   * which also reports errors.
   */
  write(bytes: Uint8Array, start: number, end: number): number {
    const { fd, handle, socket } = this;
    if (fd < 0 || handle !== handleOf(socket) || socket.writableLength > 0 || socket.writableEnded) return 0;
    try {
      return writeSync(fd, bytes, start, end - start);
    } catch {
      return 0; // EAGAIN, or the connection is broken.
    }
  }
}

function handleOf(socket: Socket): Handle | null {
  return (socket as unknown as { _handle: Handle | null })._handle;
}
