import type { Socket } from 'node:net';
import { blockPool } from '../core/block-pool.ts';
import type { Clock, Timer } from '../core/clock.ts';
import { connectionErrorText } from '../core/connection-error.ts';
import { ErrorCode } from '../core/error-code.ts';
import type { HeaderBlock } from '../core/header-block.ts';
import { contain, type InternalErrors } from '../core/internal-errors.ts';
import { Http2Connection } from './connection.ts';
import type { ConnectionError } from './connection-core.ts';
import type { FlushScheduler } from './flush-scheduler.ts';
import type { ConnectionOptions } from './options.ts';
import type { Http2Stream } from './stream.ts';

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

/** Hears of a bound connection; all but `stream` may be left out. */
export interface BindingListener {
  stream?(stream: Http2Stream, head: HeaderBlock, end: boolean): void;
  oversize?(stream: Http2Stream, head: HeaderBlock): void;
  ready?(): void;
  capacity?(): void;
  goaway?(): void;
  /** Once, when the connection is of no more use; streams have failed by then. */
  ended(error: ConnectionError | null): void;
}

/**
 * Ties an `Http2Connection` to a socket (TCP, TLS or Unix): bytes in as they come, bytes out once per event-loop
 * turn, back-pressure in both directions, and an end that lets the last frame reach the peer.
 */
export class SocketBinding {
  readonly connection: Http2Connection;
  readonly socket: Socket;
  private readonly clock: Clock;
  private readonly scheduler: FlushScheduler;
  private readonly listener: BindingListener;
  private readonly internalErrors: InternalErrors | undefined;
  private dirty = false;
  private ending = false;
  private linger: Timer | null = null;
  /** What was read and is deferred, since it is a lot of work. */
  private rest: Buffer | null = null;
  /** The other sockets had no turn since it was busy last: a readable socket is read up to 32 times in one. */
  private sameTurn = false;
  /** Blocks that the socket has not yet written. */
  private readonly held: Buffer[] = [];

  constructor(
    socket: Socket,
    role: 'client' | 'server',
    options: ConnectionOptions,
    deps: BindingDeps,
    listener: BindingListener,
  ) {
    this.socket = socket;
    this.clock = deps.clock;
    this.scheduler = deps.scheduler;
    this.listener = listener;
    this.internalErrors = deps.internalErrors;
    this.connection = new Http2Connection(role, options, {
      stream: (stream, head, end) => listener.stream?.(stream, head, end),
      oversize: (stream, head) => listener.oversize?.(stream, head),
      ready: () => listener.ready?.(),
      capacity: () => listener.capacity?.(),
      goaway: () => listener.goaway?.(),
      ended: (error) => this.ended(error),
      written: () => this.written(),
    });
    socket.setNoDelay(true);
    socket.on('data', (chunk: Buffer) => this.received(chunk, chunk.length));
    socket.on('drain', () => this.contained(() => this.drained()));
    // The other side's FIN ends the connection: an HTTP/2 peer that stops sending can acknowledge nothing.
    socket.on('end', () => this.lost('the peer closed the connection'));
    socket.on('error', (error) => this.lost(lossOf(error, this.connection.role)));
    socket.on('close', () => this.closed());
  }

  /** Says the preface. `first` holds bytes that were read before the protocol was known. */
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
    if (this.ending) this.socket.end();
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
    if (!this.ending && this.backedUp) this.socket.pause();
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
      if (this.rest === null && !this.backedUp) this.socket.resume();
    });
  }

  /** Does it read none of what it asked for? */
  private get backedUp(): boolean {
    return this.connection.out.length > unreadOutputBytesMax && this.socket.writableNeedDrain;
  }

  private write(): void {
    const { connection, socket } = this;
    const { out } = connection;
    const chunk = out.bytes.subarray(0, out.length);
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
    if (this.rest === null && this.socket.isPaused()) this.socket.resume();
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

  /** An exception of our own, in the middle of who knows what: this connection ends, and the others go on. */
  private crashed(error: unknown): void {
    const { connection, internalErrors, socket } = this;
    if (internalErrors === undefined) throw error;
    internalErrors.caught('http2', error);
    if (connection.over) return void socket.destroy();
    const message = 'an internal error of the sidecar';
    contain(internalErrors, 'http2', null, () => {
      connection.sendGoaway(ErrorCode.INTERNAL_ERROR, message);
      connection.end({ code: ErrorCode.INTERNAL_ERROR, message, local: false, internal: true });
    });
  }

  private written(): void {
    if (this.dirty) return;
    this.dirty = true;
    this.scheduler.add(this);
  }

  private ended(error: ConnectionError | null): void {
    this.ending = true;
    if (!this.socket.destroyed) {
      this.written();
      this.socket.resume();
      const ms = error === null ? gracefulLingerMs : lingerMs;
      this.linger ??= this.clock.after(ms, () => this.socket.destroy());
    }
    // Notified last: whatever comes of it, the socket is seen to.
    this.listener.ended(error);
  }

  private closed(): void {
    this.linger?.cancel();
    this.linger = null;
    this.lost('the connection closed');
  }
}

/** Before a connection stands, the reason says all. */
function lossOf(error: NodeJS.ErrnoException, role: 'client' | 'server'): string {
  const reason = connectionErrorText(error, role === 'client' ? 'server' : 'client');
  return error.syscall === 'connect' || error.syscall === 'getaddrinfo'
    ? reason
    : `the connection broke: ${reason}`;
}
