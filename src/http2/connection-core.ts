import { ErrorCode } from '../core/error-code.ts';
import type { HeaderBlock } from '../core/header-block.ts';
import { OutputBuffer } from '../transport/output-buffer.ts';
import type { BufferBudget } from './buffer-budget.ts';
import { ReceiveWindow, SendWindow, windowBytesDefault } from './flow-window.ts';
import { FrameWriter } from './frame-writer.ts';
import { earlyResetMs, GlitchCounter, type GlitchVerdict } from './glitches.ts';
import { HeaderAssembly } from './header-assembly.ts';
import { HpackDecoder } from './hpack/decoder.ts';
import { HpackEncoder } from './hpack/encoder.ts';
import type { ConnectionOptions } from './options.ts';
import { ResetPacer } from './reset-pacer.ts';
import { SendQueue } from './send-queue.ts';
import { defaultPeerSettings } from './settings.ts';
import { Http2Stream } from './stream.ts';
import type { StreamHost, WaitingStream } from './stream-host.ts';
import { StreamTable } from './stream-table.ts';

/** Why a connection ended, for the log and for the failure of its streams. */
export interface ConnectionError {
  readonly code: ErrorCode;
  readonly message: string;
  /** True when the peer broke the protocol, false when it closed or said GOAWAY with this code. */
  readonly local: boolean;
  /** True for an exception of this process. */
  readonly internal?: boolean;
}

/** Hears what happens on a connection. Called synchronously from `receive` and the commands. */
export interface ConnectionListener {
  /** Server role: a request. The listener sets `stream.receiver` before it returns. */
  stream(stream: Http2Stream, head: HeaderBlock, end: boolean): void;
  /** Server role: a request whose header section passed the limit; `head` holds what came before. */
  oversize(stream: Http2Stream, head: HeaderBlock): void;
  /** The peer's first SETTINGS came: it speaks HTTP/2. */
  ready(): void;
  /** A stream ended, or the peer allows more: there may be room for another. */
  capacity(): void;
  /** There are no new streams on this connection any more: the peer takes none, or it had to be spared. */
  goaway(): void;
  /** Over: flush what is written, then close the transport. Null when it ended in good order. */
  ended(error: ConnectionError | null): void;
  /** Something is to be flushed: told once, until `beginFlush`. */
  written(): void;
}

/** Bytes written and not yet flushed above which DATA waits: a large window is not emptied into memory in one turn. */
const outputBytesMax = 262_144;

/** Streams we reset and whose late frames we still expect; the oldest are forgotten. */
const recentResetsMax = 2048;

/** The last stream id there is; also what the first GOAWAY of a graceful end names (RFC 9113 section 6.8). */
export const streamIdMax = 0x7fff_ffff;

/** The state of a connection, and what its streams ask of it. What frames do to it is `frame-handlers.ts`. */
export class ConnectionCore implements StreamHost {
  readonly role: 'client' | 'server';
  readonly options: ConnectionOptions;
  readonly listener: ConnectionListener;
  readonly out = new OutputBuffer();
  readonly writer: FrameWriter;
  readonly decoder: HpackDecoder;
  readonly sendWindow = new SendWindow(windowBytesDefault);
  readonly receiveWindow: ReceiveWindow;
  readonly streams = new StreamTable<Http2Stream>();
  readonly assembly: HeaderAssembly;
  readonly peer = defaultPeerSettings();
  transportReady = true;
  flushCount = 0;
  settingsReceived = false;
  /** The highest stream id the peer opened (server role). */
  lastPeerStreamId = 0;
  /** The ids between these were left out by the peer, the latest such gap (server role). */
  skippedAbove = 0;
  skippedBelow = 0;
  /** The next stream id we open (client role). */
  nextStreamId = 1;
  /** Set once we said which streams we still take; later ones are ignored (RFC 9113 section 6.8). */
  goawaySentLastId = Number.POSITIVE_INFINITY;
  goawayReceived = false;
  /** What the peer gave as its reason. */
  goawayCode: ErrorCode = ErrorCode.NO_ERROR;
  over = false;
  /** Time of the input being handled, for the glitch counter. */
  nowMs = 0;
  /** What may still be done in this turn for what is being read: a frame is one unit. */
  workLeft = 0;
  /** Frames of messages that came so far: heads, DATA with something in it, trailers. */
  messageFrames = 0;
  /** Client role: replies that have begun. */
  answers = 0;
  /** Client role: consecutive streams that the peer reset before their reply. */
  unansweredResets = 0;
  protected readonly queue = new SendQueue();
  private readonly glitches: GlitchCounter;
  private readonly pacer: ResetPacer | null;
  private readonly resets = new Set<number>();
  private forgotResets = false;
  /** DATA that may still come for them: what was left of their windows. */
  private lateBytes = 0;
  private buffered = 0;
  private withheld = 0;
  /** Bytes that wait in its streams. */
  private unsent = 0;
  private readonly budget: BufferBudget;
  /** Consecutive checks at which the transport took nothing, and `flushCount` at the first of them. */
  private stuckChecks = 0;
  private stuckAt = -1;
  private serving = false;
  private acknowledged = false;

  constructor(role: 'client' | 'server', options: ConnectionOptions, listener: ConnectionListener) {
    this.role = role;
    this.options = options;
    this.listener = listener;
    this.writer = new FrameWriter(this.out, new HpackEncoder(), () => listener.written());
    this.decoder = new HpackDecoder({
      tableBytesMax: options.headerTableBytesMax,
      listBytesMax: options.headerListBytesMax,
      fieldsMax: options.headerFieldsMax,
      caches: options.hpackCaches,
    });
    this.receiveWindow = new ReceiveWindow(Math.max(options.connectionWindowBytes, windowBytesDefault));
    // A compressed section is rarely longer than what it decodes to; twice is generous and still a bound.
    this.assembly = new HeaderAssembly(options.headerListBytesMax * 2, options.continuationsMax);
    this.glitches = new GlitchCounter(options);
    this.budget = options.budget;
    this.pacer = role === 'client' ? new ResetPacer() : null;
  }

  /** Client role: false once this connection will never take another stream. */
  get accepting(): boolean {
    return (
      !this.over &&
      !this.goawayReceived &&
      this.goawaySentLastId === Number.POSITIVE_INFINITY &&
      this.nextStreamId <= streamIdMax
    );
  }

  // For streams.

  wait(stream: WaitingStream): void {
    this.queue.add(stream);
    this.serveQueue();
  }

  queued(bytes: number): boolean {
    this.unsent += bytes;
    this.budget.add(bytes);
    // What waits for a replica is held back at its clients, see `received`; of clients there may be any number.
    return this.role === 'client' || this.unsent <= this.budget.shareBytes;
  }

  get mayGrow(): boolean {
    return !this.budget.filling;
  }

  released(bytes: number): void {
    this.buffered -= bytes;
    if (this.withheld > 0 && this.mayBuffer) {
      const owed = this.withheld;
      this.withheld = 0;
      this.returnCredit(owed);
    }
  }

  streamClosed(id: number, resetByUs: boolean, lateBytes: number): void {
    this.streams.delete(id);
    this.queue.delete(id);
    if (resetByUs) this.rememberReset(id, lateBytes);
    if (this.over) return;
    this.glitches.streamEnded();
    this.listener.capacity();
    this.endIfDone();
  }

  peerViolation(id: number, code: ErrorCode): void {
    this.resetStream(id, code);
    this.earlyReset();
    this.glitch(10);
  }

  resetStream(id: number, code: ErrorCode): void {
    const pacer = this.pacer;
    if (pacer === null || pacer.take(id, code, this.nowMs)) this.writer.rstStream(id, code);
    if (!pacer?.low || this.over || this.goawaySentLastId !== Number.POSITIVE_INFINITY) return;
    this.sendGoaway(ErrorCode.NO_ERROR, 'many streams were reset');
    this.listener.goaway();
  }

  get takesData(): boolean {
    return this.transportReady && this.out.length < outputBytesMax;
  }

  // For frames.

  /** RST_STREAM for a request that never became a stream. */
  refuse(id: number, code: ErrorCode): void {
    this.writer.rstStream(id, code);
    this.rememberReset(id, Math.max(this.options.streamWindowBytes, windowBytesDefault));
  }

  private rememberReset(id: number, lateBytes: number): void {
    if (lateBytes > 0) this.lateBytes += lateBytes;
    this.resets.add(id);
    if (this.resets.size <= recentResetsMax) return;
    this.forgotResets = true;
    for (const oldest of this.resets) {
      this.resets.delete(oldest);
      break;
    }
  }

  /** The peer keeps to our SETTINGS from here on (RFC 9113 section 6.5.3). False when it had said so before. */
  settingsAcknowledged(): boolean {
    if (this.acknowledged) return false;
    this.acknowledged = true;
    this.decoder.setTableBytesMax(this.options.headerTableBytesMax);
    const excess = windowBytesDefault - this.options.streamWindowBytes;
    if (excess > 0) for (const stream of this.streams.all()) stream.shrinkReceiveWindow(excess);
    return true;
  }

  /** DATA for a stream that we reset. More than was left of the windows of all of them is from nobody who keeps to any. */
  receivedLate(bytes: number): void {
    this.lateBytes -= bytes;
    if (this.lateBytes >= 0) return this.control();
    this.fail(ErrorCode.FLOW_CONTROL_ERROR, 'more DATA for streams that were reset than their windows allow');
  }

  /** The peer has ended a stream that we have, or have yet, to reset. */
  endedMeanwhile(id: number): void {
    this.pacer?.forget(id);
  }

  /** Sends the RST_STREAM frames whose time has come. */
  serveResets(nowMs: number): void {
    if (!this.over) this.pacer?.serve(nowMs, (id, code) => this.writer.rstStream(id, code));
  }

  /** Was the stream reset by us, so that late frames of it are no offence? */
  wasReset(id: number): 'yes' | 'no' | 'perhaps' {
    if (this.resets.has(id)) return 'yes';
    return this.forgotResets ? 'perhaps' : 'no';
  }

  /** Received DATA, counted against the connection's window before: gives the credit back, unless too much is held. */
  received(bytes: number): void {
    this.buffered += bytes;
    if (this.mayBuffer) this.returnCredit(bytes);
    else this.withheld += bytes;
  }

  /** A connection to a server carries the calls of many clients, and one of them must not stop it for the others. */
  private get mayBuffer(): boolean {
    if (this.role === 'client') return true;
    return this.buffered < this.options.bufferedBytesMax && this.buffered < this.budget.shareBytes;
  }

  private returnCredit(bytes: number): void {
    const increment = this.receiveWindow.release(bytes);
    if (increment > 0 && !this.over) this.writer.windowUpdate(0, increment);
  }

  serveQueue(): void {
    if (this.serving || this.queue.empty) return;
    this.serving = true;
    this.queue.serve(this.mayServe);
    this.serving = false;
  }

  private readonly mayServe = (): boolean => this.takesData && this.sendWindow.available > 0;

  newStream(id: number): Http2Stream {
    const { streamWindowBytes, streamWindowBytesMax } = this.options;
    // Until our SETTINGS are acknowledged a peer may rightly use the RFC's default window.
    const granted = this.acknowledged ? streamWindowBytes : Math.max(streamWindowBytes, windowBytesDefault);
    const window = new ReceiveWindow(
      streamWindowBytes,
      Math.max(streamWindowBytes, streamWindowBytesMax),
      granted,
    );
    const stream = new Http2Stream(id, this, this.peer.initialWindowBytes, window, this.nowMs | 0);
    this.streams.set(stream);
    this.messageFrames++;
    return stream;
  }

  /** Counts what honest peers rarely do. */
  glitch(points: number): void {
    if (!this.over) this.judge(this.glitches.add(points, this.nowMs));
  }

  /** Counts a frame that steers the connection, or is late: nothing an honest peer sends much of without messages. */
  control(): void {
    if (!this.over) {
      this.judge(this.glitches.control(this.messageFrames + this.writer.messageFrames, this.nowMs));
    }
  }

  private judge(verdict: GlitchVerdict): void {
    if (verdict === 'hard') this.fail(ErrorCode.ENHANCE_YOUR_CALM, 'too many needless frames');
    else if (verdict === 'soft' && this.goawaySentLastId === Number.POSITIVE_INFINITY) {
      this.sendGoaway(ErrorCode.ENHANCE_YOUR_CALM, 'too many needless frames');
      this.endIfDone();
    }
  }

  /** RST_STREAM came for a stream that is open. */
  peerReset(stream: Http2Stream): void {
    this.control();
    if (!stream.hasHead) this.unansweredResets++;
    const openMs = (this.nowMs - stream.begunMs) | 0;
    if (!stream.replyBegun && openMs < earlyResetMs) this.earlyReset();
  }

  private earlyReset(): void {
    if (this.role === 'client' || this.over || !this.glitches.earlyReset(this.nowMs)) return;
    this.fail(ErrorCode.ENHANCE_YOUR_CALM, 'too many streams taken back at once');
  }

  protected checkStalledReaders(checksMax: number): void {
    if (this.transportReady || this.flushCount !== this.stuckAt) {
      this.stuckAt = this.flushCount;
      this.stuckChecks = 0;
    } else if (++this.stuckChecks > checksMax) {
      return this.fail(ErrorCode.ENHANCE_YOUR_CALM, 'it reads nothing');
    }
    if (this.unsent > 0) for (const stream of this.streams.all()) stream.checkStall(checksMax);
    if (this.budget.pressed) this.shed();
  }

  /**
   * To be called at regular times (server role): resets requests of whose body next to nothing came at more than `checksMax`
   * consecutive checks, before their reply.
   */
  checkUploads(checksMax: number): void {
    // While the connection gets no credit, it is not the client that holds a body up.
    if (!this.over && this.withheld === 0)
      for (const stream of this.streams.all()) stream.checkUpload(checksMax);
  }

  /** Ends calls, those of which most waits first, until it holds no more than its share. */
  private shed(): void {
    if (this.unsent <= this.budget.shareBytes) return;
    for (const stream of this.streams.all().sort((a, b) => b.waitingBytes - a.waitingBytes)) {
      if (this.over || this.unsent <= this.budget.shareBytes) return;
      stream.tooSlow('memory is short, and it takes too little of what waits for it');
    }
  }

  /** No streams after those seen so far. The id never grows from one GOAWAY to the next (RFC 9113 section 6.8). */
  sendGoaway(code: ErrorCode, debug: string): void {
    this.goawaySentLastId = Math.min(this.goawaySentLastId, this.lastPeerStreamId);
    this.writer.goaway(this.goawaySentLastId, code, debug);
  }

  /** A connection error: GOAWAY, every stream fails, nothing more is read (RFC 9113 section 5.4.1). */
  fail(code: ErrorCode, message: string): void {
    if (this.over) return;
    this.sendGoaway(code, message);
    this.end({ code, message, local: true });
  }

  /** Over for all streams; idempotent. */
  end(error: ConnectionError | null): void {
    if (this.over) return;
    this.over = true;
    const failure = {
      kind: error?.internal ? 'internal' : error?.local ? 'protocol' : 'closed',
      code: error?.code ?? ErrorCode.NO_ERROR,
      message: error?.message ?? 'the connection closed',
    } as const;
    let thrown: unknown = null;
    for (const stream of this.streams.all()) {
      // A call that cannot bear the news, which is a bug, must not keep it from the others.
      try {
        stream.abandon(failure);
      } catch (bug) {
        thrown = bug;
      }
    }
    this.listener.ended(error);
    if (thrown !== null) throw thrown;
  }

  /**
   * After GOAWAY a connection without streams has nothing left to do. One from a client says only that it takes no
   * pushed streams: it may still make requests, and closes when it will.
   */
  endIfDone(): void {
    if (this.streams.size > 0) return;
    const refusedByPeer = this.role === 'client' && this.goawayReceived;
    if (refusedByPeer || this.goawaySentLastId <= this.lastPeerStreamId) this.end(null);
  }
}
