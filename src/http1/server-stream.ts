import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { Clock, Timer } from '../core/clock.ts';
import { ErrorCode } from '../core/error-code.ts';
import type { HeaderBlock } from '../core/header-block.ts';
import type { MessageStream, StreamFailure, StreamReceiver } from '../core/message-stream.ts';
import { BodyReader } from './body-reader.ts';
import { abortSocket } from './error-reply.ts';
import { pushFraming, removeField, writeFields, writeTrailers } from './fields.ts';

/** How long, in milliseconds, a client may go on sending a body that nobody wants once its reply is out. */
export const discardMs = 2000;

/** What a stream needs of its connection. */
export interface ServerStreamOwner {
  readonly socket: Socket;
  readonly clock: Clock;
  /** The reply that begins now is to be the last one of the connection. */
  readonly isLastReply: boolean;
  /** A reply has said `connection: close`. */
  saidClose: boolean;
  /** Runs what the socket calls: an exception ends the connection. */
  contained(run: () => void): void;
  /** Both messages are through; the connection may go on to its next request. */
  streamOver(): void;
}

const noSkip: ReadonlySet<string> = new Set();

/**
 * The downstream side of one HTTP/1.1 exchange: pushes the request to its receiver, takes the reply.
 *
 *     request:  reading ──end──▶ read
 *     reply:    waiting ──head──▶ sending ──last byte, trailers──▶ ended ──kernel took it──▶ flushed
 *     over:     read and flushed, or failed, or reset
 */
export class ServerStream implements MessageStream {
  receiver: StreamReceiver | null = null;
  private readonly request: IncomingMessage;
  private readonly response: ServerResponse;
  private readonly owner: ServerStreamOwner;
  private reader: BodyReader | null = null;
  private requestRead: boolean;
  private reply: 'waiting' | 'sending' | 'ended' | 'flushed' = 'waiting';
  private over = false;
  /** After `reset`: the receiver hears nothing more. */
  private detached = false;
  private readonly awaitsContinue: boolean;
  private hasBody = true;
  /** HTTP/1.0 without content-length: the body ends where the connection does. */
  private closeDelimited = false;
  /** Bytes that content-length promises, or -1. */
  private contentLength = -1;
  private bodyBytes = 0;
  private discardTimer: Timer | null = null;

  constructor(
    request: IncomingMessage,
    response: ServerResponse,
    owner: ServerStreamOwner,
    expects: { end: boolean; continue: boolean },
  ) {
    this.request = request;
    this.response = response;
    this.owner = owner;
    this.requestRead = expects.end;
    this.awaitsContinue = expects.continue;
    response.on('error', () => {}); // A write after the socket died; the connection reports that itself.
    response.on('finish', () => {
      this.reply = 'flushed';
      // Whoever answered may be gone, and take no more of it; yet the rest of the request must be read before the connection
      // can be used again (RFC 9112 section 9.3). The HTTP/2 engine refuses that rest by itself.
      if (!this.requestRead) {
        this.detached = true;
        this.reader?.discard();
        this.limitDiscard();
      }
      owner.contained(() => this.settle());
    });
  }

  /** Whether the body of the request is in, so that a parse error can only belong to what follows it. */
  get requestComplete(): boolean {
    return this.requestRead || this.request.complete;
  }
  /** Whether any of the reply may be on the wire, so that nothing else can be said in its place. */
  get replyStarted(): boolean {
    return this.reply !== 'waiting';
  }

  /** Begins to push the body, once the handler has set the receiver. */
  start(): void {
    if (this.over || this.requestRead) return;
    // A reply that was made at once, such as an unknown route, spares the client its body.
    if (this.awaitsContinue && this.reply === 'waiting') this.response.writeContinue();
    this.reader = new BodyReader(
      this.request,
      () => (this.over || this.detached ? null : this.receiver),
      () => {
        this.requestRead = true;
        this.settle();
      },
      (run) => this.owner.contained(run),
    );
  }

  consumed(bytes: number): void {
    this.reader?.consumed(bytes);
  }

  head(head: HeaderBlock, end: boolean): void {
    if (this.over || this.reply !== 'waiting') return;
    const status = head.status;
    const written = writeFields(head, noSkip);
    if (!(status >= 200 && status <= 999) || written.error !== undefined) {
      this.breakOff(written.error ?? `a reply with status ${head.status}`);
      return;
    }
    const { raw, contentLength } = written.value;
    const old = this.request.httpVersionMinor === 0;
    this.hasBody = this.request.method !== 'HEAD' && status !== 204 && status !== 304;
    this.contentLength = this.hasBody ? (end ? 0 : contentLength) : -1;
    const chunked = this.hasBody && !end && contentLength < 0 && !old;
    if (!chunked) removeField(raw, 'trailer');
    this.closeDelimited = this.hasBody && !end && contentLength < 0 && old;
    // A client that still waits for 100-continue may send its body or not: this connection cannot be read any further.
    const uninvited = this.awaitsContinue && this.reader === null && !this.requestRead;
    if (this.owner.isLastReply || uninvited) {
      raw.push('connection', 'close');
      this.owner.saidClose = true;
    }
    if (chunked) pushFraming(raw, 'chunked');
    else if (this.hasBody && end) pushFraming(raw, 0);
    else if (contentLength >= 0 && status !== 204) pushFraming(raw, contentLength);
    this.response.writeHead(status, raw);
    this.reply = 'sending';
    if (end) this.finish();
    // The first bytes of the body usually follow in this turn and share the head's packet; else it goes alone.
    else setImmediate(() => this.flushHead());
  }

  data(bytes: Uint8Array, start: number, end: number, last: boolean): void {
    if (this.over || this.reply !== 'sending') return;
    const length = end - start;
    this.bodyBytes += length;
    if (this.contentLength >= 0) {
      const short = last && this.bodyBytes < this.contentLength;
      if (short || this.bodyBytes > this.contentLength) {
        this.breakOff('a body of another length than its content-length');
        return;
      }
    }
    if (length > 0) {
      this.response.write(Buffer.from(bytes.subarray(start, end)), (error) => {
        if (!error && !this.over && !this.detached) this.owner.contained(() => this.receiver?.sent(length));
      });
    }
    if (last) this.finish();
  }

  trailers(trailers: HeaderBlock): void {
    if (this.over || this.reply !== 'sending') return;
    if (this.contentLength >= 0 && this.bodyBytes < this.contentLength) {
      this.breakOff('a body shorter than its content-length');
      return;
    }
    // Without chunks there is no place for them, and node leaves them out.
    this.response.addTrailers(writeTrailers(trailers));
    this.finish();
  }

  reset(code: number): void {
    if (this.over || this.detached) return;
    this.detached = true;
    const replied = this.reply === 'ended' || this.reply === 'flushed';
    if (code === ErrorCode.NO_ERROR && replied) {
      // RFC 9112 section 9.3: the rest of the request must be read before the connection can be used again.
      this.reader?.discard();
      if (this.reply === 'flushed') this.limitDiscard();
      return;
    }
    this.end();
    this.abort();
  }

  /** The connection was lost, or its parser gave up on this request. */
  fail(failure: StreamFailure): void {
    if (this.over) return;
    this.end();
    if (!this.detached) this.receiver?.failed(failure);
  }

  /** Closes so that the client sees a broken reply. A missing last chunk or byte says it, where there is one. */
  private abort(): void {
    if (this.closeDelimited) abortSocket(this.owner.socket);
    else this.owner.socket.destroy();
  }

  /** Only from the moment the reply is out: a client may take its time to read it. */
  private limitDiscard(): void {
    if (this.over || this.requestRead) return;
    this.discardTimer = this.owner.clock.after(discardMs, () => this.owner.socket.destroy());
  }

  private flushHead(): void {
    // Not `flushHeaders`, which writes the head as UTF-8 and so changes bytes above 0x7f.
    if (!this.over && this.reply === 'sending') this.response.write('', 'latin1');
  }

  private finish(): void {
    this.reply = 'ended';
    this.response.end();
  }

  private settle(): void {
    if (this.over || this.reply !== 'flushed' || !this.requestRead) return;
    this.end();
    this.owner.streamOver();
  }

  private end(): void {
    this.over = true;
    this.discardTimer?.cancel();
    this.discardTimer = null;
  }

  /** The reply cannot be expressed in HTTP/1.1: the client sees it break off, the receiver hears of it a tick later. */
  private breakOff(what: string): void {
    this.end();
    this.abort();
    const message = `the reply to the client had ${what}`;
    const failure: StreamFailure = { kind: 'protocol', code: ErrorCode.INTERNAL_ERROR, message };
    process.nextTick(() => {
      if (!this.detached) this.receiver?.failed(failure);
    });
  }
}
