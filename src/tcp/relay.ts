import type { Socket } from 'node:net';

/** Which side broke the connection; '' where both ended it. */
export type Broken = 'client' | 'upstream' | '';

/**
 * Moves bytes both ways between two open sockets (`allowHalfOpen` on both). A FIN of one side reaches the other and leaves
 * the opposite direction open; a break of one side becomes an RST to the other, since a clean end would say that
 * all was sent. Reading stops while the other side does not take what was read.
 */
export class Relay {
  bytesFromClient = 0;
  bytesToClient = 0;
  private readonly done: (broken: Broken) => void;
  private over = false;

  /** `done` is called once, when both sockets are closed or being closed. */
  constructor(client: Socket, upstream: Socket, done: (broken: Broken) => void) {
    this.done = done;
    client.setNoDelay(true);
    this.pump(client, upstream, (bytes) => {
      this.bytesFromClient += bytes;
    });
    this.pump(upstream, client, (bytes) => {
      this.bytesToClient += bytes;
    });
    client.once('close', () => this.closed(client, upstream, 'client'));
    upstream.once('close', () => this.closed(upstream, client, 'upstream'));
    // A side may be gone already: its `close` will not come again.
    if (client.closed) this.closed(client, upstream, 'client');
  }

  /** Grows with every byte, whichever way. */
  get bytesMoved(): number {
    return this.bytesFromClient + this.bytesToClient;
  }

  private pump(from: Socket, to: Socket, count: (bytes: number) => void): void {
    from.on('data', (chunk: Buffer) => {
      count(chunk.length);
      if (!to.write(chunk)) from.pause();
    });
    to.on('drain', () => from.resume());
    // A FIN that came before there was an endpoint was reported then, and is not again.
    if (from.readableEnded) to.end();
    else from.on('end', () => to.end());
    from.resume(); // A listener alone does not start a socket that was paused by hand.
  }

  private closed(side: Socket, other: Socket, name: 'client' | 'upstream'): void {
    if (this.over) return;
    const whole = side.readableEnded && side.writableFinished;
    if (!whole) {
      this.over = true;
      abort(other);
      this.done(name);
    } else if (other.closed) {
      this.over = true;
      this.done('');
    }
  }
}

/** Ends a connection so that its peer cannot take what it has for all there is. */
export function abort(socket: Socket): void {
  if (socket.destroyed) return;
  try {
    socket.resetAndDestroy();
  } catch {
    socket.destroy(); // Only plain TCP knows RST.
  }
}
