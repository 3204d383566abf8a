import type { Socket } from 'node:net';
import { Pump } from './pump.ts';

/** Which side broke the connection; '' where both ended it. */
export type Broken = 'client' | 'upstream' | '';

/**
 * Moves bytes both ways between two open sockets (`allowHalfOpen` on both). A FIN of one side reaches the other and leaves
 * the opposite direction open; a break of one side becomes an RST to the other, since a clean end would say that
 * all was sent. Reading stops while the other side does not take what was read.
 */
export class Relay {
  readonly fromClient: Pump;
  readonly fromUpstream: Pump;
  private readonly done: (broken: Broken) => void;
  private over = false;

  /** `done` is called once, when both sockets are closed or being closed. */
  constructor(client: Socket, upstream: Socket, done: (broken: Broken) => void) {
    this.done = done;
    client.setNoDelay(true);
    this.fromClient = new Pump(client, upstream);
    this.fromUpstream = new Pump(upstream, client);
    passFin(client, upstream);
    passFin(upstream, client);
    client.once('close', () => this.closed(client, upstream, 'client'));
    upstream.once('close', () => this.closed(upstream, client, 'upstream'));
    // A side may be gone already: its `close` will not come again.
    if (client.closed) this.closed(client, upstream, 'client');
  }

  /** Grows with every byte, whichever way. */
  get bytesMoved(): number {
    return this.fromClient.bytes + this.fromUpstream.bytes;
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

function passFin(from: Socket, to: Socket): void {
  // A FIN that came before there was an endpoint was reported then, and is not again.
  if (from.readableEnded) to.end();
  else from.on('end', () => to.end());
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
