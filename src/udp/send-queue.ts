import type { Socket } from 'node:dgram';

/**
 * Bounds what waits in a socket. The system takes nearly every datagram at once, and Node reports that before the next one
 * arrives: only then is anything else asked.
 */
export class SendQueue {
  closed = false;
  private readonly socket: Socket;
  private readonly bytesMax: number;
  private readonly failed: (error: NodeJS.ErrnoException) => void;
  /** Datagrams that Node has not reported as sent. */
  private pending = 0;
  private readonly sent = (error: NodeJS.ErrnoException | null): void => {
    this.pending--;
    if (error !== null && !this.closed) this.failed(error);
  };

  constructor(socket: Socket, bytesMax: number, failed: (error: NodeJS.ErrnoException) => void) {
    this.socket = socket;
    this.bytesMax = bytesMax;
    this.failed = failed;
  }

  hasRoom(bytes: Buffer): boolean {
    return this.pending === 0 || this.socket.getSendQueueSize() + bytes.length <= this.bytesMax;
  }

  /** A datagram is handed to the socket, with what this returns as the callback. */
  began(): (error: NodeJS.ErrnoException | null) => void {
    this.pending++;
    return this.sent;
  }
}
