import type { Socket } from 'node:net';

/**
 * Finds sockets whose peer takes nothing of what waits for it, by looking at them at regular times: as many bytes wait as
 * did the time before. For protocols that, unlike HTTP/2, leave a socket to one reply at a time.
 */
export class StalledSockets {
  private seen = new Map<Socket, { waitingBytes: number; looks: number }>();

  /** Destroys those that were found so at more than `looksMax` looks in a row. */
  look(sockets: Iterable<Socket>, looksMax: number): void {
    const seen = new Map<Socket, { waitingBytes: number; looks: number }>();
    for (const socket of sockets) {
      const waitingBytes = socket.writableLength;
      if (waitingBytes === 0) continue;
      const before = this.seen.get(socket);
      const looks = before?.waitingBytes === waitingBytes ? before.looks + 1 : 0;
      if (looks > looksMax) socket.destroy();
      else seen.set(socket, { waitingBytes, looks });
    }
    this.seen = seen;
  }
}
