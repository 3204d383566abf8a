import { ErrorCode } from '../core/error-code.ts';
import type { StreamReceiver } from '../core/message-stream.ts';
import type { Engine } from '../transport/engine.ts';
import { ConnectionCore, type ConnectionListener, streamIdMax } from './connection-core.ts';
import { windowBytesDefault } from './flow-window.ts';
import { clientPreface } from './frame.ts';
import { dataBegins, dataPiece, handleFrame, sectionWork } from './frame-handlers.ts';
import { type FrameListener, FrameReader } from './frame-reader.ts';
import type { ConnectionOptions } from './options.ts';
import { SettingId } from './settings.ts';
import type { Http2Stream } from './stream.ts';

/** Of which nothing is ever read again. */
const pingBytes = new Uint8Array(8);

const nothingUnfinished = -1;

/**
 * One HTTP/2 connection, either role, without any I/O: `receive` takes bytes, `out` holds bytes to send,
 * the listener hears the rest. It knows no socket, no clock and no randomness, so property tests, fuzzers and
 * simulations run the very code that serves.
 */
export class Http2Connection extends ConnectionCore implements FrameListener, Engine {
  readonly seam = 'http2';
  /** Flow control bounds what comes; a socket is read at all times. */
  readonly readyForInput = true;
  private readonly reader: FrameReader;
  /** Bytes of the client's preface still to come (server role). */
  private prefaceLeft: number;
  /** Consecutive checks that found it inside the same frame or header section. */
  private unfinishedChecks = 0;
  private unfinishedAt = nothingUnfinished;
  /** Frames of any type so far, modulo 2^31. */
  private frames = 0;
  private readonly workMax: number;

  constructor(role: 'client' | 'server', options: ConnectionOptions, listener: ConnectionListener) {
    super(role, options, listener);
    this.reader = new FrameReader(this, options.frameBytesMax);
    this.workMax = options.streamsPerTurnMax * sectionWork;
    this.prefaceLeft = role === 'server' ? clientPreface.length : 0;
  }

  /** Says the preface and our SETTINGS; the first thing on every connection (RFC 9113 section 3.4). */
  start(): void {
    const o = this.options;
    if (this.role === 'client') this.writer.raw(clientPreface);
    const parameters: Array<readonly [number, number]> = [
      [SettingId.INITIAL_WINDOW_SIZE, o.streamWindowBytes],
      [SettingId.MAX_HEADER_LIST_SIZE, o.headerListBytesMax],
    ];
    if (this.role === 'server') {
      parameters.push([SettingId.MAX_CONCURRENT_STREAMS, o.maxConcurrentStreams]);
      parameters.push([SettingId.ENABLE_CONNECT_PROTOCOL, 1]);
    } else parameters.push([SettingId.ENABLE_PUSH, 0]);
    if (o.headerTableBytesMax !== 4096) parameters.push([SettingId.HEADER_TABLE_SIZE, o.headerTableBytesMax]);
    if (o.frameBytesMax !== 16_384) parameters.push([SettingId.MAX_FRAME_SIZE, o.frameBytesMax]);
    this.writer.settings(parameters);
    const extra = o.connectionWindowBytes - windowBytesDefault;
    if (extra > 0) this.writer.windowUpdate(0, extra);
  }

  /**
   * Bytes from the peer; `nowMs` is the time of the read. Nothing of `bytes` is kept. Never throws for input. Returns where
   * it stopped: before `end` when they are more work than a turn has room for; the rest is to be given again once others
   * had their turn. `sameTurn` when they have not had it since the last time.
   */
  receive(bytes: Uint8Array, start: number, end: number, nowMs: number, sameTurn = false): number {
    if (this.over) return end;
    this.nowMs = nowMs;
    if (!sameTurn) this.workLeft = this.workMax;
    let at = start;
    while (this.prefaceLeft > 0 && at < end) {
      if (bytes[at++] !== clientPreface[clientPreface.length - this.prefaceLeft]) {
        this.fail(ErrorCode.PROTOCOL_ERROR, 'no HTTP/2 connection preface');
        return end;
      }
      this.prefaceLeft--;
    }
    return this.reader.receive(bytes, at, end);
  }

  /** Was what came in this turn more than a little work? */
  get busy(): boolean {
    return this.workLeft < this.workMax * 0.875;
  }

  /** Client role: a new stream, or null when this connection takes no more (or no more for now). */
  open(receiver: StreamReceiver): Http2Stream | null {
    if (!this.mayOpen || this.nextStreamId > streamIdMax) return null;
    const stream = this.newStream(this.nextStreamId);
    this.nextStreamId += 2;
    stream.receiver = receiver;
    return stream;
  }

  /** Client role: is there room for a stream right now? */
  get mayOpen(): boolean {
    return this.accepting && this.streams.size < this.peer.maxConcurrentStreams;
  }

  /** Streams that are open now. */
  get active(): number {
    return this.streams.size;
  }

  /** Asks the peer for a sign of life. Whatever it sends next is one, see `nowMs`; the PING's own answer at the latest. */
  ping(): void {
    if (!this.over) this.writer.ping(false, pingBytes, 0);
  }

  /** First step of a graceful end: no new streams, please; those on their way are still served. */
  announceShutdown(): void {
    if (!this.over && this.goawaySentLastId === Number.POSITIVE_INFINITY) {
      this.writer.goaway(streamIdMax, ErrorCode.NO_ERROR, '');
    }
  }

  /** Last step: nothing after the streams seen so far; the connection ends when they have. */
  shutdown(): void {
    if (this.over) return;
    this.sendGoaway(ErrorCode.NO_ERROR, '');
    this.endIfDone();
  }

  /** What is in `out` is about to be handed to the transport: of what is written from here on `written` is to be told. */
  beginFlush(): void {
    this.writer.notified = false;
  }

  /** What was written has been handed to the transport, and `out` is free: more may follow. */
  flushed(): void {
    this.flushCount++;
    this.serveQueue();
  }

  /** The transport takes more, or not for now. */
  setTransportReady(ready: boolean): void {
    this.transportReady = ready;
    if (ready) this.serveQueue();
  }

  /** The peer's FIN ends the connection: an HTTP/2 peer that stops sending can acknowledge nothing. */
  peerEnded(): void {
    this.transportClosed('the peer closed the connection');
  }

  /** An exception of our own: the peer is told of an internal error. */
  crashed(message: string): void {
    this.sendGoaway(ErrorCode.INTERNAL_ERROR, message);
    this.end({ code: ErrorCode.INTERNAL_ERROR, message, local: false, internal: true });
  }

  /** The transport is gone; `message` says how. Every open stream fails with it. */
  transportClosed(message: string): void {
    // A peer that gave a reason before it closed closed for that reason.
    this.end({ code: this.goawayCode, message, local: false });
  }

  /**
   * To be called at regular times (server role): ends what gets no further. That is a stream, or the connection, whose
   * reader has taken next to nothing of what waits for it at more than `checksMax` consecutive checks, and a connection that
   * `checkUnfinished` ends.
   */
  checkStalls(checksMax: number, sectionChecksMax: number): void {
    this.checkUnfinished(sectionChecksMax);
    if (!this.over) this.checkStalledReaders(checksMax);
  }

  /** Ends a connection that is inside one frame or header section at more than `checksMax` checks after the first: slowloris, one layer up. */
  checkUnfinished(checksMax: number): void {
    if (this.over) return;
    const at = this.unfinished();
    if (at === nothingUnfinished || at !== this.unfinishedAt) {
      this.unfinishedAt = at;
      this.unfinishedChecks = 0;
    } else if (++this.unfinishedChecks > checksMax) {
      this.fail(ErrorCode.ENHANCE_YOUR_CALM, 'a frame or header section takes too long');
    }
  }

  /**
   * Which frame or header section it is inside of. A section is the same one however many CONTINUATIONs of it come; a frame
   * is another one after any other, a WINDOW_UPDATE too: on a slow path a check mostly falls into one of them.
   */
  private unfinished(): number {
    if (this.assembly.expecting) return nothingUnfinished - 1 - this.assembly.sections;
    return this.reader.insideFrame ? this.frames : nothingUnfinished;
  }

  frame(type: number, flags: number, streamId: number, bytes: Uint8Array, start: number, end: number): void {
    handleFrame(this, type, flags, streamId, bytes, start, end);
    this.worked();
  }

  dataBegins(flags: number, streamId: number, lengthBytes: number): void {
    dataBegins(this, flags, streamId, lengthBytes);
    this.worked();
  }

  dataPiece(
    flags: number,
    streamId: number,
    bytes: Uint8Array,
    start: number,
    end: number,
    whole: boolean,
  ): void {
    dataPiece(this, flags, streamId, bytes, start, end, whole);
    if (this.over) this.reader.stop();
  }

  private worked(): void {
    this.frames = (this.frames + 1) & 0x7fff_ffff;
    if (this.over) this.reader.stop();
    else if (--this.workLeft <= 0) this.reader.hold();
  }

  frameTooLong(lengthBytes: number): void {
    this.fail(ErrorCode.FRAME_SIZE_ERROR, `a frame of ${lengthBytes} bytes is longer than allowed`);
  }
}
