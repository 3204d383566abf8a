import { ErrorCode } from '../core/error-code.ts';
import type { HeaderBlock } from '../core/header-block.ts';
import type { MessageStream, StreamFailure } from '../core/message-stream.ts';
import { UploadWatch } from '../core/upload-watch.ts';
import type { Engine, EngineHost } from '../transport/engine.ts';
import { eagerFlushBytes, OutputBuffer } from '../transport/output-buffer.ts';
import { refusalReply } from './error-reply.ts';
import type { HeadCache } from './head-cache.ts';
import type { MessageError, MessageHead, MessageListener, ParserLimits } from './message.ts';
import { MessageParser } from './message-parser.ts';
import { ServerStream, type ServerStreamHost } from './server-stream.ts';
import { ServerTunnel, type ServerTunnelHost } from './server-tunnel.ts';
import type { Tunnel } from './tunnel.ts';

/**
 * Bytes of a body that are pushed and not yet consumed; no more are ever pushed. It is what is kept of a request until it has
 * left for an endpoint, so that it can go to another.
 */
export const windowBytes = 65_536;

/** Bytes of requests sent ahead of their replies that are read, and wait; what a single read brings comes on top. */
const pipelinedBytesMax = 8192;

/** More than this is waited for before the FIN is sent, bytes: what is left then has a limited time. */
const lastBytesMax = 65_536;

export interface ServerConnectionOptions {
  readonly scheme: 'http' | 'https';
  readonly limits: ParserLimits;
  readonly heads: HeadCache;
  /** What a reply without `date` gets. */
  readonly date: { readonly value: string };
}

/** Hears what happens on a connection. Called synchronously from `receive` and the commands. */
export interface ServerConnectionListener {
  /** A request. The listener sets `stream.receiver` before it returns. */
  stream(stream: MessageStream, head: HeaderBlock, end: boolean): void;
  /** A request to switch to WebSocket. The listener sets `tunnel.receiver` before it returns. */
  tunnel(head: HeaderBlock, tunnel: Tunnel): void;
  /** The bytes of the client are refused; it gets a reply that says why, where that is possible. */
  refused(error: MessageError): void;
  /** An exchange began or ended: `active` has changed. */
  activity(): void;
  /** The client sent its FIN, and a reply is still due. */
  halfClosed(): void;
  /** A reply is out, and the rest of its request is dropped as it comes. */
  discarding(): void;
  /** Over, once; nothing more is told. */
  ended(): void;
}

/**
 * The downstream end of one HTTP/1.1 connection, without any I/O: its requests one after the other.
 *
 *     idle ──head──▶ exchange ──both messages whole──▶ idle
 *       │               └──a reply that says close, an error──▶ over
 *       └──WebSocket──▶ tunnel ──▶ over
 *
 * Requests that are sent ahead wait unparsed until the reply before them is out: requests that are not all safe must not
 * run side by side (RFC 9112 section 9.3.2), and none that follows a reply with `connection: close` is ever looked at
 * (section 9.6).
 */
export class ServerConnection implements Engine, MessageListener, ServerStreamHost, ServerTunnelHost {
  readonly seam = 'http1';
  readonly busy = false;
  readonly out = new OutputBuffer();
  over = false;
  /** The next reply says `connection: close`, unless a request waits behind it. */
  draining = false;
  /** Requests so far, WebSockets included. */
  requests = 0;
  /** How often something was handed to the transport. */
  flushCount = 0;
  /** Time of the read that brought the first byte of the head that is being read; NaN where there is none. */
  headSinceMs = Number.NaN;
  private readonly host: EngineHost;
  private readonly options: ServerConnectionOptions;
  private readonly listener: ServerConnectionListener;
  private readonly parser: MessageParser;
  private current: ServerStream | null = null;
  private tunnel: ServerTunnel | null = null;
  /** What came and cannot be taken yet: requests sent ahead, a body beyond its window. */
  private held: Buffer | null = null;
  /** The parser or the tunnel is being fed, perhaps by what calls us. */
  private feeding = false;
  private nowMs = 0;
  private peerClosed = false;
  /** Closes once it is idle, whether or not a reply could say so. */
  private closing = false;
  private notified = false;
  private transportReady = true;
  /** A failure of our own making, to be reported by the next flush: whoever caused it is still speaking. */
  private broken: { readonly stream: ServerStream; readonly failure: StreamFailure } | null = null;
  private readonly upload = new UploadWatch();
  /** Consecutive checks at which it took nothing of what waits for it, and `flushCount` at the first of them. */
  private outputChecks = 0;
  private outputCheckedAt = 0;

  constructor(options: ServerConnectionOptions, host: EngineHost, listener: ServerConnectionListener) {
    this.options = options;
    this.host = host;
    this.listener = listener;
    this.parser = new MessageParser('request', options.scheme, options.limits, options.heads, this);
  }

  /** Exchanges under way: 1 or 0. */
  get active(): number {
    return this.current === null ? 0 : 1;
  }

  /** In the middle of the head of a request. */
  get readsHead(): boolean {
    return this.current === null && this.tunnel === null && !this.parser.idle;
  }

  /** Between two requests, with no byte of the next. */
  get idle(): boolean {
    return this.current === null && this.tunnel === null && this.held === null && this.parser.idle;
  }

  // Commands.

  /** Closes as soon as nothing is lost by it. The first request of a new connection is answered: it is on its way. */
  drain(): void {
    this.draining = true;
    this.closing = true;
    if (this.idle && this.requests > 0) this.close(true);
  }

  /** Closes an idle connection without a word: its client would take bytes for the reply to its next request. */
  closeIdle(): void {
    if (this.idle) this.close(true);
  }

  /** Ends the wait for the head of a request. */
  headTimedOut(): void {
    if (this.over || this.current !== null || this.tunnel !== null) return;
    if (this.parser.idle) this.close(true);
    else this.timedOut('no complete request head in time');
  }

  /**
   * To be called at regular times: ends a connection whose client takes nothing of what waits for it at more than `checksMax`
   * consecutive checks.
   */
  checkStalls(checksMax: number): void {
    if (this.transportReady || this.flushCount !== this.outputCheckedAt) {
      this.outputCheckedAt = this.flushCount;
      this.outputChecks = 0;
    } else if (++this.outputChecks > checksMax) this.stuck();
  }

  /**
   * To be called at regular times: ends a request of whose body next to nothing came at more than `checksMax` consecutive
   * checks, while nothing else held it up.
   */
  checkUploads(checksMax: number): void {
    const { current } = this;
    // Once the reply has begun the two may be talking, and it is for them to know whose turn it is.
    if (current === null || current.requestEnded || current.replyBegun || !this.readyForInput) {
      this.upload.reset();
      return;
    }
    if (this.upload.isStalled(checksMax)) this.timedOut('next to nothing of its request body for too long');
  }

  // What the transport says.

  start(): void {
    // The client speaks first.
  }

  get readyForInput(): boolean {
    if (this.over) return true;
    const isWhole = this.current?.requestEnded === true;
    // Behind a whole request a little is read and kept: who does not read does not hear that the client has gone.
    if (this.held !== null) return isWhole && this.held.length < pipelinedBytesMax;
    return isWhole || this.room > 0;
  }

  receive(bytes: Uint8Array, start: number, end: number, nowMs: number): number {
    if (this.over) return end;
    this.nowMs = nowMs;
    if (this.held === null) {
      const at = this.feed(bytes, start, end);
      if (at < end && !this.over) this.hold(bytes, at, end);
      if (this.closing) this.rest();
    } else this.hold(bytes, start, end);
    return end;
  }

  peerEnded(): void {
    if (this.over) return;
    this.peerClosed = true;
    if (this.held === null) this.takePeerEnd();
    if (this.current !== null) this.listener.halfClosed();
  }

  beginFlush(): void {
    this.notified = false;
    const { broken } = this;
    this.broken = null;
    broken?.stream.report(broken.failure);
  }

  flushed(): void {
    this.flushCount++;
    if (this.transportReady) this.delivered();
  }

  setTransportReady(ready: boolean): void {
    this.transportReady = ready;
    // What is still in `out` is told of by its own flush.
    if (ready && this.out.length === 0) this.delivered();
  }

  transportClosed(message: string): void {
    const { current, tunnel } = this;
    this.finish();
    tunnel?.lost(message);
    current?.fail({ kind: 'closed', code: ErrorCode.CANCEL, message: 'the client closed the connection' });
  }

  crashed(message: string): void {
    const { current, tunnel } = this;
    this.abort(null);
    tunnel?.lost(message);
    current?.fail({ kind: 'internal', code: ErrorCode.INTERNAL_ERROR, message });
  }

  // What the parser says.

  head(head: MessageHead): void {
    this.requests++;
    if (head.websocket) {
      this.tunnel = new ServerTunnel(this);
      this.listener.tunnel(head.block, this.tunnel);
      return;
    }
    const stream = new ServerStream(this, head);
    this.current = stream;
    this.upload.reset();
    this.listener.activity();
    this.listener.stream(stream, head.block, stream.requestEnded);
  }

  data(bytes: Uint8Array, start: number, end: number): void {
    this.upload.moved(end - start);
    this.current?.requestData(bytes, start, end);
  }

  end(trailers: HeaderBlock | null): void {
    const { current } = this;
    if (current === null) return;
    current.requestEnd(trailers);
    if (this.over) return;
    if (current.replySent) this.exchangeOver();
    else this.parser.pause();
  }

  failed(error: MessageError): void {
    const { current } = this;
    // The rest of a request that has its reply.
    if (current?.replySent === true) return this.close(false);
    this.listener.refused(error);
    if (current?.replyBegun === true) this.abort(null);
    else {
      const reply = refusalReply(error);
      this.out.append(reply, 0, reply.length);
      this.close(false);
    }
    const lost = error.reason === 'incomplete';
    current?.fail({
      kind: lost ? 'closed' : 'protocol',
      code: lost ? ErrorCode.CANCEL : ErrorCode.PROTOCOL_ERROR,
      message: `it sent ${error.words}`,
    });
  }

  // What the stream and the tunnel say.

  get isLastReply(): boolean {
    return (this.draining || this.peerClosed) && this.held === null;
  }

  get date(): string {
    return this.options.date.value;
  }

  written(): void {
    if (this.out.length >= eagerFlushBytes) return this.host.flush();
    if (this.notified) return;
    this.notified = true;
    this.host.written();
  }

  replyWritten(): void {
    const { current } = this;
    const isWhole = this.transportReady && this.out.length <= lastBytesMax;
    // The FIN leaves with the last bytes, where these leave at once and the client has nothing more to say.
    if (current?.closes === true && current.requestEnded && isWhole) this.close(true);
    else this.written();
  }

  credited(): void {
    if (this.held !== null) this.pump();
    else if (this.readyForInput) this.host.readable();
  }

  abort(failure: StreamFailure | null): void {
    if (this.over) return;
    if (failure !== null && this.current !== null) this.broken = { stream: this.current, failure };
    this.finish();
    this.host.aborted();
  }

  saidLast(): void {
    this.host.ended(true);
  }

  // Inside.

  /** The client takes nothing of what waits for it. */
  private stuck(): void {
    const { current, tunnel } = this;
    const message = 'it has not taken what waits for it for too long';
    this.abort(null);
    tunnel?.lost(message);
    current?.fail({ kind: 'protocol', code: ErrorCode.ENHANCE_YOUR_CALM, message });
  }

  private timedOut(words: string): void {
    this.failed({ status: 408, reason: 'timeout', words, offset: this.parser.offset });
  }

  /** How many bytes may be taken now. */
  private get room(): number {
    if (this.tunnel !== null) return this.tunnel.roomWithin(windowBytes);
    const { current } = this;
    if (current === null) return windowBytes;
    return current.requestEnded ? 0 : current.roomWithin(windowBytes);
  }

  /** Takes as much as there is room for; returns where it stopped. */
  private feed(bytes: Uint8Array, start: number, end: number): number {
    let at = start;
    this.feeding = true;
    while (at < end && !this.over) {
      const to = Math.min(end, at + this.room);
      if (to <= at) break;
      if (this.tunnel !== null) {
        this.tunnel.receive(bytes, at, to);
        at = to;
      } else {
        const next = this.parser.receive(bytes, at, to);
        if (next === at && this.tunnel === null) break;
        at = next;
      }
    }
    this.feeding = false;
    if (this.current !== null || this.parser.idle) this.headSinceMs = Number.NaN;
    else if (Number.isNaN(this.headSinceMs)) this.headSinceMs = this.nowMs;
    return at;
  }

  private hold(bytes: Uint8Array, start: number, end: number): void {
    const more = bytes.subarray(start, end);
    this.held = this.held === null ? Buffer.from(more) : Buffer.concat([this.held, more]);
  }

  /** Takes of what is held as much as there is room for. */
  private pump(): void {
    const { held } = this;
    if (held === null || this.feeding || this.over) return;
    this.held = null;
    const at = this.feed(held, 0, held.length);
    if (this.over) return;
    if (at < held.length) this.held = held.subarray(at);
    this.rest();
    if (!this.over && this.readyForInput) this.host.readable();
  }

  /** Sees to what waited until nothing more is there to be taken. */
  private rest(): void {
    if (this.over || this.held !== null) return;
    if (this.peerClosed) this.takePeerEnd();
    else if (this.closing && this.idle) this.close(true);
  }

  private takePeerEnd(): void {
    const { current, tunnel } = this;
    if (tunnel !== null) tunnel.peerEnded();
    else if (current === null && this.parser.idle) this.close(true);
    else if (current?.requestEnded !== true) this.parser.peerEnded();
  }

  /** The transport has taken all that was written. */
  private delivered(): void {
    this.tunnel?.flushed();
    const { current } = this;
    if (current === null || current.replySent) return;
    current.flushed();
    if (this.over || !current.replySent) return;
    if (current.closes) this.close(true);
    else if (current.requestEnded) this.exchangeOver();
    else {
      // RFC 9112 section 9.3: the rest of the request must be read before the connection can be used again.
      this.listener.discarding();
      this.credited();
    }
  }

  private exchangeOver(): void {
    this.current = null;
    this.parser.resume();
    this.listener.activity();
    if (this.feeding) return;
    if (this.held !== null) this.pump();
    else this.rest();
  }

  /** Closes once what is written has left. `inGoodOrder` as for `EngineHost.ended`. */
  private close(inGoodOrder: boolean): void {
    if (this.over) return;
    this.finish();
    this.host.ended(inGoodOrder);
  }

  private finish(): void {
    if (this.over) return;
    this.over = true;
    this.current = null;
    this.held = null;
    this.parser.pause();
    this.parser.release();
    this.listener.activity();
    this.listener.ended();
  }
}
