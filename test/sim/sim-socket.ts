import { EventEmitter } from 'node:events';
import type { Socket } from 'node:net';
import type { SimClock } from './sim-clock.ts';

/** How bytes travel one way. Asked anew for each piece, so that a fault may change it while bytes are on their way. */
export interface Path {
  latencyMs(): number;
  /** Length of the next piece that arrives, 1 to `available`. */
  pieceBytes(available: number): number;
}

/** Hears what passes one socket. */
export interface SocketTap {
  /** `bytes` were handed to the socket. */
  wrote(bytes: Uint8Array): void;
  /** Something is about to be read from it. */
  arriving(): void;
}

/** What the kernel takes before a writer has to wait, bytes. */
const sendBufferBytes = 131_072;
/** Node's own mark above which `write` says that it is enough, bytes. */
const highWaterMarkBytes = 65_536;

/**
 * As much of a `net.Socket` as a binding uses, in memory and on virtual time, with its order of events: `write` takes
 * what the kernel has room for and keeps a reference to the rest; 'drain', 'end', 'error' and 'close' come in a turn of
 * their own; a socket that is destroyed says nothing but 'close'.
 */
export class SimSocket extends EventEmitter {
  readonly remoteAddress = '127.0.0.1';
  readonly remotePort: number;
  destroyed = false;
  writableLength = 0;
  writableNeedDrain = false;
  peer: SimSocket | null = null;
  tap: SocketTap | null = null;
  /** Nothing arrives before then: a stall, or a process that is stopped. */
  stalledUntilMs = 0;
  /** Breaks once so many more bytes have arrived. */
  cutAfterBytes = Number.POSITIVE_INFINITY;
  path: Path;
  private readonly clock: SimClock;
  private readonly allowHalfOpen: boolean;
  private connected: boolean;
  private paused = false;
  /** Taken from the writer, but not by the kernel: by reference, as in Node. */
  private pending: Buffer[] = [];
  /** On the way here, in order. */
  private inbound: Buffer[] = [];
  private inboundBytes = 0;
  private delivering = false;
  private ended = false;
  private endedByPeer = false;
  private finSent = false;
  private finReceived = false;
  private heardEnd = false;
  private closed = false;

  constructor(
    clock: SimClock,
    path: Path,
    options: { port: number; allowHalfOpen: boolean; connected: boolean },
  ) {
    super();
    this.clock = clock;
    this.path = path;
    this.remotePort = options.port;
    this.allowHalfOpen = options.allowHalfOpen;
    this.connected = options.connected;
  }

  get asSocket(): Socket {
    return this as unknown as Socket;
  }

  setNoDelay(): this {
    return this;
  }
  isPaused(): boolean {
    return this.paused;
  }
  pause(): this {
    this.paused = true;
    return this;
  }
  resume(): this {
    this.paused = false;
    this.deliverSoon();
    return this;
  }

  write(bytes: Buffer): boolean {
    if (this.destroyed) return false;
    if (this.ended) return this.writtenAfterEnd();
    this.tap?.wrote(bytes);
    this.writableLength += bytes.length;
    const enough = this.writableLength >= highWaterMarkBytes;
    if (enough) this.writableNeedDrain = true;
    this.pending.push(bytes);
    this.push();
    // Even what the kernel took at once is reported a turn later.
    if (enough && this.writableLength === 0) this.clock.soon(() => this.drain());
    return !enough;
  }

  /** After an `end` of its own the owner should know better; where the other side's FIN ended it, Node says an error. */
  private writtenAfterEnd(): boolean {
    if (!this.endedByPeer) throw new Error('write after end');
    this.clock.soon(() => this.reset('ERR_STREAM_WRITE_AFTER_END'));
    return false;
  }

  end(): this {
    if (this.ended || this.destroyed) return this;
    this.ended = true;
    this.push();
    return this;
  }

  /** Closes at once. What the kernel has goes on its way, but unread bytes make the other side see a reset. */
  destroy(): this {
    if (this.destroyed) return this;
    const unread = this.inboundBytes > 0;
    this.fell();
    const { peer } = this;
    if (peer === null || peer.destroyed) return this;
    if (unread) this.clock.at(peer.path.latencyMs(), () => peer.reset());
    else this.sendFin();
    return this;
  }
  destroySoon(): void {
    this.end();
  }
  resetAndDestroy(): this {
    const { peer } = this;
    this.fell();
    if (peer !== null) this.clock.at(peer.path.latencyMs(), () => peer.reset());
    return this;
  }

  // What the network does.

  /** A client's connect has come through. */
  connect(peer: SimSocket): void {
    if (this.destroyed) {
      peer.reset();
      return;
    }
    this.peer = peer;
    this.connected = true;
    this.emit('connect');
    this.push();
    if (this.writableLength === 0 && this.writableNeedDrain) this.drain();
  }

  /** The connection is lost: nothing more goes or comes, and the owner is told. */
  reset(code = 'ECONNRESET'): void {
    if (this.destroyed) return;
    this.fell(() => this.emit('error', Object.assign(new Error(`read ${code}`), { code })));
  }

  /** Breaks the connection for both ends, each of which learns of it in its own time. */
  cut(): void {
    const { peer } = this;
    this.reset();
    if (peer !== null) {
      peer.inbound = [];
      peer.inboundBytes = 0;
      peer.stalledUntilMs = Number.POSITIVE_INFINITY;
      this.clock.at(peer.path.latencyMs(), () => peer.reset());
    }
  }

  stall(forMs: number): void {
    this.stalledUntilMs = Math.max(this.stalledUntilMs, this.clock.now() + forMs);
    if (forMs !== Number.POSITIVE_INFINITY) this.clock.at(forMs, () => this.deliverSoon());
  }

  // Inside.

  private fell(first: () => void = () => {}): void {
    if (this.destroyed) return;
    this.destroyed = true;
    this.pending = [];
    this.inbound = [];
    this.inboundBytes = 0;
    this.clock.soon(() => {
      first();
      this.close();
    });
  }

  private close(): void {
    if (this.closed) return;
    this.closed = true;
    this.destroyed = true;
    this.emit('close');
  }

  /** Moves what the kernel has room for. */
  private push(): void {
    const { peer } = this;
    if (!this.connected || peer === null) return;
    while (this.pending.length > 0) {
      const room = sendBufferBytes - peer.inboundBytes;
      if (room <= 0) return;
      const first = this.pending[0];
      const taken = Math.min(room, first.length);
      // A peer that is gone swallows bytes and answers with a reset.
      if (peer.destroyed) this.clock.at(peer.path.latencyMs(), () => this.reset('EPIPE'));
      else {
        peer.inbound.push(Buffer.from(first.subarray(0, taken)));
        peer.inboundBytes += taken;
        peer.deliverSoon();
      }
      this.writableLength -= taken;
      if (taken === first.length) this.pending.shift();
      else this.pending[0] = first.subarray(taken);
    }
    if (this.ended) this.sendFin();
  }

  private sendFin(): void {
    if (this.finSent) return;
    this.finSent = true;
    const peer = this.peer;
    if (peer !== null) {
      peer.finReceived = true;
      peer.deliverSoon();
    }
    if (this.heardEnd) this.clock.soon(() => this.close());
  }

  private drain(): void {
    if (this.destroyed || !this.writableNeedDrain || this.writableLength > 0) return;
    this.writableNeedDrain = false;
    this.emit('drain');
  }

  private deliverSoon(): void {
    if (this.delivering || this.paused || this.destroyed || this.stalledUntilMs > this.clock.now()) return;
    if (this.inboundBytes === 0 && (!this.finReceived || this.heardEnd)) return;
    this.delivering = true;
    this.clock.at(this.path.latencyMs(), () => {
      this.delivering = false;
      if (this.paused || this.destroyed || this.stalledUntilMs > this.clock.now()) return;
      if (this.inboundBytes > 0) this.deliver();
      else this.hearEnd();
      this.deliverSoon();
    });
  }

  private deliver(): void {
    const wanted = Math.min(this.path.pieceBytes(this.inboundBytes), this.inboundBytes, this.cutAfterBytes);
    if (wanted > 0) {
      const piece = this.take(wanted);
      this.cutAfterBytes -= piece.length;
      this.tap?.arriving();
      this.emit('data', piece);
      // Whoever kept a reference instead of a copy reads this.
      piece.fill(0xdd);
    }
    if (this.cutAfterBytes === 0) this.cut();
    const { peer } = this;
    if (peer === null || peer.destroyed || peer.pending.length === 0) return;
    peer.push();
    if (peer.writableLength === 0) this.clock.soon(() => peer.drain());
  }

  private take(bytes: number): Buffer {
    const parts: Buffer[] = [];
    for (let left = bytes; left > 0; ) {
      const first = this.inbound[0];
      const count = Math.min(left, first.length);
      parts.push(first.subarray(0, count));
      if (count === first.length) this.inbound.shift();
      else this.inbound[0] = first.subarray(count);
      left -= count;
    }
    this.inboundBytes -= bytes;
    return Buffer.concat(parts);
  }

  private hearEnd(): void {
    this.heardEnd = true;
    this.emit('end');
    if (!this.allowHalfOpen && !this.ended) {
      this.endedByPeer = true;
      this.end();
    }
    if (this.finSent) this.clock.soon(() => this.close());
  }
}
