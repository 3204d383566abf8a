import { ErrorCode } from '../core/error-code.ts';
import type { HeaderBlock } from '../core/header-block.ts';
import type { StreamFailure, StreamReceiver } from '../core/message-stream.ts';
import { noteReasonPhrase } from '../core/reason-phrase.ts';
import type { Engine, EngineHost } from '../transport/engine.ts';
import { eagerFlushBytes, OutputBuffer } from '../transport/output-buffer.ts';
import { lossFailure } from './client-loss.ts';
import { ClientStream, type ClientStreamHost } from './client-stream.ts';
import type { HeadCache } from './head-cache.ts';
import type { MessageError, MessageHead, MessageListener, ParserLimits } from './message.ts';
import { MessageParser } from './message-parser.ts';
import { type RequestFraming, writeRequestHead } from './message-writer.ts';

/** Interim replies to one request; one more and the endpoint is taken for hostile. */
export const interimRepliesMax = 32;

/** Bytes of replies pushed and not yet consumed; at this many the socket is no longer read. */
export const replyWindowBytes = 65_536;

export interface ClientConnectionOptions {
  /** The endpoint as failures name it: `10.0.0.1:80`. */
  readonly name: string;
  /** What `host` says where the request has no authority. */
  readonly fallbackHost: string;
  readonly limits: ParserLimits;
  readonly heads: HeadCache;
}

/** What a connection tells its owner. */
export interface ClientConnectionListener extends Pick<EngineHost, 'written' | 'flush' | 'readable'> {
  /** The exchange is over, and the connection may serve another. */
  idle(): void;
  /** The endpoint violated HTTP/1.1. The connection ends for it. */
  refused(error: MessageError): void;
  /** Over, once. Where `atOnce` is set the socket is destroyed, else what is written is flushed before. */
  ended(atOnce: boolean): void;
}

const noBytes = new Uint8Array(0);

/** How a connection ended of which nothing more is known. */
const closed = 'the connection closed';

const notHttp1 =
  'did not answer in HTTP/1.1; if it serves HTTP/2 alone, write protocol: http2 in the cluster';

/**
 * The upstream end of one HTTP/1.1 connection, without any I/O: one exchange at a time, and another one only where nobody
 * can doubt whose byte comes next. That is after a request that has left as a whole, a reply that is framed by itself and
 * keeps the connection open, and not a byte behind it (RFC 9112 sections 6.3 and 9.3).
 *
 *     idle ──open──▶ exchange ──both messages whole──▶ idle
 *      └── a byte, FIN ──▶ over ◀── anything else ──┘
 */
export class ClientConnection implements Engine, MessageListener, ClientStreamHost {
  readonly seam = 'http1';
  readonly busy = false;
  readonly out = new OutputBuffer();
  over = false;
  /** Exchanges that were completed. */
  served = 0;
  /** Seconds for which the endpoint keeps the connection idle, by its latest reply; -1 for unknown. */
  keepAliveSeconds = -1;
  /** The connection must not count as one that ever worked: its TLS handshake was refused after all. */
  handshakeRefused = false;
  /** It was lost with a request to which not a byte was said: other connections that were kept may be as dead. */
  wasStale = false;
  /** How the transport was lost, without an exchange to which it mattered. */
  lossReason = '';
  /** TLS ended without close_notify: a reply that ends with its connection may be incomplete. */
  truncated = false;
  private readonly options: ClientConnectionOptions;
  private readonly listener: ClientConnectionListener;
  private readonly parser: MessageParser;
  private readonly headOptions: { readonly fallbackHost: string; clientAddress: string | null };
  private stream: ClientStream | null = null;
  /** A request that cannot be sent, to be reported by the next flush: its owner is still speaking. */
  private refusal: { readonly stream: ClientStream; readonly failure: StreamFailure } | null = null;
  private notified = false;
  private transportReady = true;
  private flushCount = 0;
  /** `flushCount` when the head of the request was written; -1 before. */
  private headWrittenAt = -1;
  /** The parser expects the reply. */
  private expecting = false;
  /** `parser.offset` when it began to. */
  private replyOffset = 0;
  private interimReplies = 0;
  /** The connection may serve another exchange after this one, by what is known so far. */
  private keepsOpen = false;
  /** Bytes of the reply to come; -1 where it has no length. */
  private leftBytes = -1;
  /** The reply is whole, and its receiver knows. */
  private replyEnded = false;
  private unconsumedBytes = 0;

  constructor(options: ClientConnectionOptions, listener: ClientConnectionListener) {
    this.options = options;
    this.listener = listener;
    this.headOptions = { fallbackHost: options.fallbackHost, clientAddress: null };
    this.parser = new MessageParser('reply', 'http', options.limits, options.heads, this);
  }

  /** A new exchange; only where the connection is idle. See `ClientStream.clientAddress`. */
  open(receiver: StreamReceiver, clientAddress: string | null): ClientStream {
    if (this.over || this.stream !== null)
      throw new Error('an exchange was begun on a connection that is not idle');
    const stream = new ClientStream(this, receiver, clientAddress);
    this.stream = stream;
    this.headWrittenAt = -1;
    this.expecting = false;
    this.interimReplies = 0;
    this.keepsOpen = false;
    this.leftBytes = -1;
    this.replyEnded = false;
    return stream;
  }

  /** Closes it now; the exchange that there is fails. */
  close(): void {
    if (this.over) return;
    if (this.stream === null) this.finish(false);
    else this.transportClosed('the sidecar closed the connection');
  }

  get readyForInput(): boolean {
    return this.unconsumedBytes < replyWindowBytes;
  }

  // What the stream asks for.

  writeHead(
    stream: ClientStream,
    head: HeaderBlock,
    framing: RequestFraming,
    bodyBytes: number,
  ): string | null {
    this.headOptions.clientAddress = stream.clientAddress;
    const words = writeRequestHead(this.out, head, framing, bodyBytes, this.headOptions);
    if (words === null) this.headWrittenAt = this.flushCount;
    return words;
  }

  written(): void {
    if (this.over) return;
    if (this.out.length >= eagerFlushBytes) return this.listener.flush();
    if (this.notified) return;
    this.notified = true;
    this.listener.written();
  }

  unsendable(stream: ClientStream, words: string): void {
    stream.finish();
    const message = `the request had ${words}`;
    this.refusal = { stream, failure: { kind: 'unsendable', code: ErrorCode.PROTOCOL_ERROR, message } };
    this.written();
  }

  consumed(stream: ClientStream, bytes: number): void {
    if (stream !== this.stream) return;
    const waited = !this.readyForInput;
    this.unconsumedBytes -= bytes;
    if (waited && this.readyForInput) this.listener.readable();
  }

  reset(stream: ClientStream): void {
    if (stream === this.stream) this.abandon();
  }

  /** Ends the exchange without its reply. A request that is taken back before anything of it has left does no harm. */
  private abandon(): void {
    if (this.hasLeft) return this.finish(true);
    this.out.clear();
    this.release();
    this.listener.idle();
  }

  /** Something of the request was handed to the transport. */
  private get hasLeft(): boolean {
    return this.headWrittenAt >= 0 && this.headWrittenAt !== this.flushCount;
  }

  // What the transport says.

  start(): void {}

  receive(bytes: Uint8Array, start: number, end: number): number {
    if (this.over) return end;
    this.parser.receive(bytes, start, end);
    if (this.replyEnded) this.settle();
    return end;
  }

  peerEnded(): void {
    if (this.over) return;
    if (this.truncated) return this.transportClosed('the connection ended without close_notify');
    this.parser.peerEnded();
    if (this.over) return;
    // A reply may end with its connection; without one it may as well be a loss.
    if (this.stream === null || this.replyEnded) this.finish(false);
    else this.transportClosed(closed);
  }

  beginFlush(): void {
    this.notified = false;
    const { refusal } = this;
    if (refusal === null) return;
    this.refusal = null;
    const { receiver } = refusal.stream;
    refusal.stream.receiver = null;
    if (refusal.stream === this.stream) this.abandon();
    receiver?.failed(refusal.failure);
  }

  flushed(): void {
    this.flushCount++;
    if (this.stream === null) return;
    // Not before: what comes while the request has not left is no reply to it.
    if (!this.expecting && this.headWrittenAt >= 0) {
      this.expecting = true;
      this.replyOffset = this.parser.offset;
      this.parser.expectReply(this.stream.method, false);
    }
    this.reportSent();
  }

  setTransportReady(ready: boolean): void {
    this.transportReady = ready;
    if (ready) this.reportSent();
  }

  private reportSent(): void {
    const { stream } = this;
    if (stream === null || !this.transportReady || stream.unreportedBytes === 0) return;
    const bytes = stream.unreportedBytes;
    stream.unreportedBytes = 0;
    stream.receiver?.sent(bytes);
  }

  transportClosed(message: string): void {
    if (this.over) return;
    this.lossReason = message.replace(/^the connection broke: /, '');
    if (this.stream === null || this.replyEnded) this.finish(true);
    else this.lost(this.stream, message === closed ? '' : this.lossReason);
  }

  crashed(message: string): void {
    if (this.over) return;
    const what = `${this.options.name} was given up: ${message}`;
    this.fail({ kind: 'internal', code: ErrorCode.INTERNAL_ERROR, message: what });
  }

  // What the parser says. A receiver may end the exchange on any of these, and the parser goes on with the rest of its bytes.

  head(head: MessageHead): void {
    const { stream } = this;
    if (stream === null) return;
    const { block, framing, bodyBytes } = head;
    if (block.status < 200) return this.interim(block);
    this.keepsOpen = head.keepAlive && framing !== 'close';
    this.keepAliveSeconds = head.keepAliveSeconds;
    this.leftBytes = framing === 'chunked' || framing === 'close' ? -1 : bodyBytes;
    noteReasonPhrase(block, head.reasonPhrase, '');
    const { receiver } = stream;
    const ended = this.leftBytes === 0;
    if (ended) this.endReply(stream);
    receiver?.head(block, ended);
  }

  private interim(block: HeaderBlock): void {
    this.interimReplies++;
    if (this.interimReplies <= interimRepliesMax) return this.stream!.receiver?.interim?.(block);
    const words = `more than ${interimRepliesMax} interim replies`;
    this.failed({ status: 400, reason: 'interim_flood', words, offset: this.parser.offset });
  }

  data(bytes: Uint8Array, start: number, end: number): void {
    const { stream } = this;
    if (stream === null || this.replyEnded) return;
    const { receiver } = stream;
    this.unconsumedBytes += end - start;
    if (this.leftBytes > 0) this.leftBytes -= end - start;
    const last = this.leftBytes === 0;
    if (last) this.endReply(stream);
    receiver?.data(bytes, start, end, last);
  }

  end(trailers: HeaderBlock | null): void {
    const { stream } = this;
    // The end of a reply with a length was known with its last byte.
    if (stream === null || this.replyEnded) return;
    const { receiver } = stream;
    this.endReply(stream);
    if (trailers === null) receiver?.data(noBytes, 0, 0, true);
    else receiver?.trailers(trailers);
  }

  failed(error: MessageError): void {
    if (this.over) return;
    const { reason } = error;
    if (reason === 'incomplete') return this.transportClosed(closed);
    this.listener.refused(error);
    // Bytes behind a reply, or on an idle connection: there is nobody to whom they could belong.
    if (this.stream === null || this.replyEnded) this.finish(true);
    else if (reason === 'surplus') this.transportClosed('bytes arrived before the request had left');
    else this.violated(error);
  }

  // Inside.

  /** The reply is whole. What its owner says of the request from now on is unwanted. */
  private endReply(stream: ClientStream): void {
    this.replyEnded = true;
    const hasLeft = this.out.length === 0 && this.transportReady;
    if (!hasLeft || !stream.isComplete) this.keepsOpen = false;
    stream.finish();
  }

  /** Decides about the connection behind an exchange, when all that had come with the reply is known. */
  private settle(): void {
    if (this.over) return;
    if (!this.keepsOpen) return this.finish(true);
    this.served++;
    this.release();
    this.listener.idle();
  }

  private release(): void {
    this.stream?.finish();
    this.stream = null;
    this.replyEnded = false;
    this.unconsumedBytes = 0;
  }

  private violated({ reason, words, offset }: MessageError): void {
    const isForeign = reason === 'start_line' || reason === 'version';
    const what = isForeign ? notHttp1 : `sent ${words}, at byte ${offset} of the connection`;
    const code = reason === 'interim_flood' ? ErrorCode.ENHANCE_YOUR_CALM : ErrorCode.PROTOCOL_ERROR;
    this.fail({ kind: 'protocol', code, message: `${this.options.name} ${what}` });
  }

  /** The connection is lost, or ends in the middle. */
  private lost(stream: ClientStream, reason: string): void {
    const { hasLeft, handshakeRefused } = this;
    const hasReply = hasLeft && this.parser.offset !== this.replyOffset;
    const wasKept = this.served > 0;
    this.wasStale = wasKept && !hasReply;
    const { name } = this.options;
    const { method } = stream;
    this.fail(lossFailure({ name, reason, method, hasLeft, hasReply, wasKept, handshakeRefused }));
  }

  /** The exchange fails, if there is one that does not have its reply, and with it the connection. */
  private fail(failure: StreamFailure): void {
    const { stream, replyEnded } = this;
    const receiver = stream?.receiver ?? null;
    this.finish(true);
    if (!replyEnded) receiver?.failed(failure);
  }

  private finish(atOnce: boolean): void {
    if (this.over) return;
    this.over = true;
    this.refusal = null;
    this.parser.pause();
    this.parser.release();
    this.release();
    if (atOnce) this.out.clear();
    this.listener.ended(atOnce);
  }
}
