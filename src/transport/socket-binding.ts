import type { Socket } from 'node:net';
import { blockPool } from '../core/block-pool.ts';
import type { Clock, Timer } from '../core/clock.ts';
import { connectionErrorText } from '../core/connection-error.ts';
import { contain, type InternalErrors } from '../core/internal-errors.ts';
import { abortSocket } from './abort-socket.ts';
import { DirectWriter } from './direct-writer.ts';
import type { Engine, EngineHost } from './engine.ts';
import type { FlushScheduler } from './flush-scheduler.ts';
import type { OutputBuffer } from './output-buffer.ts';

/** Bytes in `out` while the peer does not read, before we stop reading from it: acks it asked for pile up there. */
const unreadOutputBytesMax = 1_048_576;
/** And before we give it up: heads and trailers of replies know no flow control. */
const stuckOutputBytesMax = 8_388_608;
/** How long a connection that ended by an error may take to get rid of its last bytes (GOAWAY), milliseconds. */
const lingerMs = 1000;
/** The same for one that ended in good order: what it still has are replies, and the peer may be slow. */
const gracefulLingerMs = 30_000;

export interface BindingDeps {
  readonly clock: Clock;
  readonly scheduler: FlushScheduler;
  /** Without it an exception of our own is thrown on. */
  readonly internalErrors?: InternalErrors;
}

/**
 * Ties an engine to a socket (TCP, TLS or Unix): bytes in as they come, bytes out once per event-loop turn, back-pressure in
 * both directions, and an end that lets the last bytes reach the peer.
 */
export class SocketBinding<E extends Engine> {
  readonly connection: E;
  readonly socket: Socket;
  /** What the peer is to the one that reports its errors. */
  private readonly peer: 'client' | 'server';
  private readonly clock: Clock;
  private readonly scheduler: FlushScheduler;
  private readonly internalErrors: InternalErrors | undefined;
  /** The system's code of the error that broke the connection (`ECONNRESET`), or of Node; '' where there was none. */
  errorCode = '';
  private dirty = false;
  private ending = false;
  private aborting = false;
  private linger: Timer | null = null;
  /** What was read and is deferred, since it is a lot of work. */
  private rest: Buffer | null = null;
  /** The other sockets had no turn since it was busy last: a readable socket is read up to 32 times in one. */
  private sameTurn = false;
  /** Once the socket is connected. */
  private direct: DirectWriter | null = null;
  /** Blocks that the socket has not yet written. */
  private readonly held: Buffer[] = [];

  /** `peer` is what is at the other end of the socket; `create` makes the engine, which tells the host what it needs. */
  constructor(socket: Socket, peer: 'client' | 'server', deps: BindingDeps, create: (host: EngineHost) => E) {
    this.socket = socket;
    this.peer = peer;
    this.clock = deps.clock;
    this.scheduler = deps.scheduler;
    this.internalErrors = deps.internalErrors;
    this.connection = create({
      written: () => this.written(),
      flush: () => this.flush(),
      readable: () => this.readable(),
      ended: (inGoodOrder) => this.ended(inGoodOrder),
      aborted: () => this.aborted(),
    });
    socket.setNoDelay(true);
    socket.on('data', (chunk: Buffer) => this.received(chunk, chunk.length));
    socket.on('drain', () => this.contained(() => this.drained()));
    socket.on('end', () => this.contained(() => this.peerEnded()));
    socket.on('error', (error) => this.broke(error));
    socket.on('close', () => this.closed());
  }

  /** Says what comes first. `first` holds bytes that were read before the protocol was known. */
  start(first: Buffer | null = null): void {
    this.connection.start();
    if (first !== null) this.received(first, first.length);
  }

  flush(): void {
    try {
      this.flushNow();
    } catch (error) {
      this.crashed(error);
    }
  }

  private flushNow(): void {
    this.dirty = false;
    this.connection.beginFlush();
    if (this.socket.destroyed) return;
    // While the peer does not read, bytes gather in `out`, where `received` sees how many; `drained` sends them.
    if (this.socket.writableNeedDrain && !this.ending) {
      if (this.connection.out.length > stuckOutputBytesMax) this.destroy('it reads none of its replies');
      return;
    }
    if (this.connection.out.length > 0) this.write();
    // What the engine wrote when it had room again leaves with the next flush.
    if (this.dirty) return;
    if (this.aborting) abortSocket(this.socket);
    else if (this.ending) this.socket.end();
  }

  /** Ends at once, without a word to the peer. */
  destroy(message: string): void {
    this.lost(message);
    this.socket.destroy();
  }

  /** The first `length` bytes of `chunk` were read; nothing of it is kept. For sockets that do not say `data`. */
  received(chunk: Buffer, length: number): void {
    // Whoever resumes the socket meanwhile (a listener that has told its protocol) must not put bytes out of order.
    if (this.rest !== null) {
      this.rest = Buffer.concat([this.rest, chunk.subarray(0, length)]);
      return;
    }
    const nowMs = this.clock.hold();
    this.scheduler.beginRead();
    try {
      const at = this.connection.receive(chunk, 0, length, nowMs, this.sameTurn);
      if (!this.sameTurn && this.connection.busy) {
        this.sameTurn = true;
        this.scheduler.afterTurn(this.onNextTurn);
      }
      if (at < length) this.defer(chunk.subarray(at, length));
    } catch (error) {
      this.crashed(error);
    } finally {
      this.scheduler.endRead();
      this.clock.release();
    }
    // A peer that asks for answers and reads none must not fill our memory with them (CVE-2019-9512, -9515).
    if ((this.backedUp && !this.ending) || !this.connection.readyForInput) this.socket.pause();
  }

  private readonly onNextTurn = (): void => {
    this.sameTurn = false;
  };

  /** What was read is the work of more than a turn (CVE-2023-44487): before more, the others have theirs. */
  private defer(rest: Buffer): void {
    this.rest = Buffer.from(rest);
    this.socket.pause();
    this.scheduler.afterTurn(() => {
      const chunk = this.rest;
      this.rest = null;
      if (chunk === null || this.socket.destroyed) return;
      this.received(chunk, chunk.length);
      this.resume();
    });
  }

  /** Reads on, where nothing stands against it. */
  private resume(): void {
    if (this.rest === null && !this.backedUp && this.connection.readyForInput) this.socket.resume();
  }

  private readable(): void {
    if (!this.socket.destroyed && this.socket.isPaused()) this.resume();
  }

  /** What came before the FIN and is deferred comes first. */
  private peerEnded(): void {
    if (this.rest === null) this.connection.peerEnded();
    else this.scheduler.afterTurn(() => this.contained(() => this.peerEnded()));
  }

  /** Does it read none of what it asked for? */
  private get backedUp(): boolean {
    return this.connection.out.length > unreadOutputBytesMax && this.socket.writableNeedDrain;
  }

  private write(): void {
    const { connection, socket } = this;
    const { out } = connection;
    const taken = this.writeDirectly(out);
    // The kernel refused all of it: nothing has left, and the engine is going to hear of the loss.
    if (socket.destroyed) return;
    if (taken === out.length) {
      out.clear();
      this.release();
      connection.flushed();
      return;
    }
    const chunk = out.bytes.subarray(taken, out.length);
    // A notification costs a tick, so only for memory that an idle connection should not keep.
    const accepted = out.isPooled ? socket.write(chunk, this.onWritten) : socket.write(chunk);
    // Once the kernel has taken it all the memory is free again; otherwise the socket still holds it.
    if (socket.writableLength > 0) this.held.push(out.renew());
    else {
      out.clear();
      this.release();
    }
    if (!accepted) connection.setTransportReady(false);
    connection.flushed();
  }

  private writeDirectly(out: OutputBuffer): number {
    if (this.direct === null) {
      if (this.socket.connecting) return 0;
      this.direct = new DirectWriter(this.socket);
    }
    return this.direct.write(out.bytes, 0, out.length);
  }

  private readonly onWritten = (): void => this.release();

  /** Gives back what the socket held, once nothing that was written waits in it any more. */
  private release(): void {
    if (this.socket.writableLength > 0 || this.socket.destroyed) return;
    while (this.held.length > 0) blockPool.release(this.held.pop()!);
  }

  private drained(): void {
    this.release();
    this.flush();
    if (this.socket.writableNeedDrain) return;
    this.connection.setTransportReady(true);
    if (this.socket.isPaused()) this.resume();
  }

  private broke(error: NodeJS.ErrnoException): void {
    this.errorCode = typeof error.code === 'string' ? error.code : '';
    this.lost(lossOf(error, this.peer));
  }

  /** The transport is gone. */
  private lost(message: string): void {
    this.contained(() => this.connection.transportClosed(message));
  }

  private contained(run: () => void): void {
    try {
      run();
    } catch (error) {
      this.crashed(error);
    }
  }

  /** An exception of our own: this connection ends, and the others go on. */
  private crashed(error: unknown): void {
    const { connection, internalErrors, socket } = this;
    if (internalErrors === undefined) throw error;
    internalErrors.caught(connection.seam, error);
    if (connection.over) return void socket.destroy();
    contain(internalErrors, connection.seam, null, () =>
      connection.crashed('an internal error of the sidecar'),
    );
  }

  private written(): void {
    if (this.dirty) return;
    this.dirty = true;
    this.scheduler.add(this);
  }

  private ended(inGoodOrder: boolean): void {
    this.ending = true;
    if (this.socket.destroyed) return;
    this.written();
    if (this.connection.readyForInput) this.socket.resume();
    const ms = inGoodOrder ? gracefulLingerMs : lingerMs;
    this.linger ??= this.clock.after(ms, () => this.socket.destroy());
  }

  private aborted(): void {
    this.ending = true;
    this.aborting = true;
    if (!this.socket.destroyed) this.written();
  }

  private closed(): void {
    this.linger?.cancel();
    this.linger = null;
    this.lost('the connection closed');
  }
}

/** Before a connection stands, the reason says all. */
function lossOf(error: NodeJS.ErrnoException, peer: 'client' | 'server'): string {
  const reason = connectionErrorText(error, peer);
  return error.syscall === 'connect' || error.syscall === 'getaddrinfo'
    ? reason
    : `the connection broke: ${reason}`;
}
