import type { Socket } from 'node:net';

/**
 * Finds sockets whose peer takes nothing of what waits for it, by regular checks: as many bytes wait as
 * did the time before. For protocols that, unlike HTTP/2, leave a socket to one reply at a time.
 */
export class StalledSockets {
  private seen = new Map<Socket, { waitingBytes: number; checks: number }>();

  /** Destroys those that were found so at more than `checksMax` consecutive checks. */
  check(sockets: Iterable<Socket>, checksMax: number): void {
    const seen = new Map<Socket, { waitingBytes: number; checks: number }>();
    for (const socket of sockets) {
      const waitingBytes = socket.writableLength;
      if (waitingBytes === 0) continue;
      const before = this.seen.get(socket);
      const checks = before?.waitingBytes === waitingBytes ? before.checks + 1 : 0;
      if (checks > checksMax) socket.destroy();
      else seen.set(socket, { waitingBytes, checks });
    }
    this.seen = seen;
  }
}
