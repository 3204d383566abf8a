import { ErrorCode } from '../core/error-code.ts';
import type { HeaderBlock } from '../core/header-block.ts';
import type { MessageStream, StreamFailure, StreamReceiver } from '../core/message-stream.ts';
import type { OutputBuffer } from '../transport/output-buffer.ts';
import type { Framing, MessageHead } from './message.ts';
import { writeChunk, writeInterimHead, writeLastChunk, writeReplyHead } from './message-writer.ts';

/** What a stream needs of its connection. */
export interface ServerStreamHost {
  readonly out: OutputBuffer;
  /** The reply that begins now is to be the last one of the connection. */
  readonly isLastReply: boolean;
  /** The value of `date` for a reply without one. */
  readonly date: string;
  /** Something was put into `out`. */
  written(): void;
  /** The reply is in `out` as a whole. */
  replyWritten(): void;
  /** The receiver has disposed of bytes: there may be room for more of the request. */
  credited(): void;
  /** Breaks the connection once `out` has left. The receiver hears of `failure` by then; null for nothing. */
  abort(failure: StreamFailure | null): void;
}

/** Where no body has a known length. */
const unknownLength = -1;

const noBytes = new Uint8Array(0);

/**
 * The downstream side of one HTTP/1.1 exchange: pushes the request to its receiver, takes the reply.
 *
 *     request:  reading ──last byte, trailers──▶ ended
 *     reply:    waiting ──head──▶ sending ──last byte, trailers──▶ written ──the transport took it──▶ sent
 *     over:     ended and sent, or failed, or reset
 */
export class ServerStream implements MessageStream {
  receiver: StreamReceiver | null = null;
  /** The request is in as a whole. */
  requestEnded: boolean;
  /** The reply says that the connection closes after it. */
  closes = false;
  private readonly request: MessageHead;
  private readonly host: ServerStreamHost;
  private reply: 'waiting' | 'sending' | 'written' | 'sent' = 'waiting';
  private over = false;
  /** After `reset`, and once the reply is sent: the receiver hears nothing more. */
  private detached = false;
  /** The client got 100 (Continue), or began to send its body without it. */
  private invited = false;
  /** Bytes of the request's body to come, or `unknownLength`. */
  private requestLeftBytes: number;
  /** Bytes that were pushed and are not yet consumed. */
  private unconsumedBytes = 0;
  private framing: Framing = 'none';
  /** Bytes of the reply's body to come, where it is framed by its length. */
  private replyLeftBytes = 0;
  /** Bytes of the reply that were written and are not yet reported as sent. */
  private unsentBytes = 0;

  constructor(host: ServerStreamHost, request: MessageHead) {
    this.host = host;
    this.request = request;
    this.requestLeftBytes = request.framing === 'chunked' ? unknownLength : request.bodyBytes;
    this.requestEnded = this.requestLeftBytes === 0;
  }

  get expectsContinue(): boolean {
    return this.request.expectsContinue;
  }

  /** Any of the reply may be on the wire, so that nothing else can be said in its place. */
  get replyBegun(): boolean {
    return this.reply !== 'waiting';
  }
  get replyWritten(): boolean {
    return this.reply === 'written' || this.reply === 'sent';
  }
  get replySent(): boolean {
    return this.reply === 'sent';
  }

  /** How much more of a body may be pushed, bytes. */
  roomWithin(windowBytes: number): number {
    return this.detached || this.receiver === null ? windowBytes : windowBytes - this.unconsumedBytes;
  }

  // What this side says.

  interim(head: HeaderBlock): void {
    // RFC 9110 section 15.2: HTTP/1.0 has no interim replies.
    if (this.over || this.reply !== 'waiting' || this.request.minorVersion === 0) return;
    if (head.status === 100) {
      if (this.invited) return;
      this.invited = true;
    }
    writeInterimHead(this.host.out, head);
    this.host.written();
  }

  head(head: HeaderBlock, end: boolean): void {
    if (this.over || this.reply !== 'waiting') return;
    const { status } = head;
    if (!(status >= 200 && status <= 999)) return this.breakOff(`a reply with status ${status}`);
    const { minorVersion } = this.request;
    const length = this.frame(head, end);
    // RFC 9110 section 10.1.1: a client that was not told to go on may send its body or not, so nobody can say what comes next.
    const isUninvited = this.request.expectsContinue && !this.invited && !this.requestEnded;
    const keepAlive =
      this.request.keepAlive && this.framing !== 'close' && !isUninvited && !this.host.isLastReply;
    const { date } = this.host;
    const words = writeReplyHead(this.host.out, head, this.framing, length, {
      minorVersion,
      keepAlive,
      date,
    });
    if (words !== null) return this.breakOff(words);
    this.closes = !keepAlive;
    this.reply = 'sending';
    if (end) this.finish();
    else this.host.written();
  }

  data(bytes: Uint8Array, start: number, end: number, last: boolean): void {
    if (this.over || this.reply !== 'sending') return;
    const { out } = this.host;
    const length = end - start;
    switch (this.framing) {
      case 'none':
        // A body that has no place in this reply is as good as sent.
        if (length > 0 && !this.detached) this.receiver?.sent(length);
        break;
      case 'chunked':
        if (length > 0) writeChunk(out, bytes, start, end);
        break;
      default:
        if (this.framing === 'length') {
          const left = this.replyLeftBytes - length;
          if (left < 0 || (last && left > 0))
            return this.breakOff('a body of another length than its content-length');
          this.replyLeftBytes = left;
        }
        out.append(bytes, start, end);
    }
    if (this.framing !== 'none') this.unsentBytes += length;
    if (last) {
      if (this.framing === 'chunked') writeLastChunk(out, null);
      this.finish();
    } else this.host.written();
  }

  trailers(trailers: HeaderBlock): void {
    if (this.over || this.reply !== 'sending') return;
    if (this.framing === 'length' && this.replyLeftBytes > 0)
      return this.breakOff('a body shorter than its content-length');
    // Without chunks there is no place for them.
    if (this.framing === 'chunked') writeLastChunk(this.host.out, trailers);
    this.finish();
  }

  consumed(bytes: number): void {
    this.unconsumedBytes -= bytes;
    if (!this.over && !this.requestEnded) this.host.credited();
  }

  reset(code: ErrorCode): void {
    if (this.over || this.detached) return;
    this.detached = true;
    if (code === ErrorCode.NO_ERROR && this.replyWritten) {
      // RFC 9112 section 9.3: the rest of the request must be read before the connection can be used again.
      this.host.credited();
      return;
    }
    this.over = true;
    this.host.abort(null);
  }

  // What the client says, from the connection.

  requestData(bytes: Uint8Array, start: number, end: number): void {
    const length = end - start;
    this.invited = true;
    if (this.requestLeftBytes !== unknownLength) this.requestLeftBytes -= length;
    if (this.requestLeftBytes === 0) this.requestEnded = true;
    if (this.detached || this.receiver === null) return;
    this.unconsumedBytes += length;
    this.receiver.data(bytes, start, end, this.requestEnded);
  }

  /** The end of a body whose last byte was not known as such. */
  requestEnd(trailers: HeaderBlock | null): void {
    if (this.requestEnded) return;
    this.requestEnded = true;
    if (this.detached) return;
    if (trailers !== null) this.receiver?.trailers(trailers);
    else this.receiver?.data(noBytes, 0, 0, true);
  }

  /** The transport has taken what was written. */
  flushed(): void {
    const bytes = this.unsentBytes;
    this.unsentBytes = 0;
    if (bytes > 0 && !this.detached) this.receiver?.sent(bytes);
    if (this.over || this.reply !== 'written') return;
    this.reply = 'sent';
    // Whoever replied may be gone, and take no more of the request.
    this.detached = true;
  }

  /** The connection was lost, or what it carries makes no sense any more. */
  fail(failure: StreamFailure): void {
    if (this.over) return;
    this.over = true;
    if (!this.detached) this.receiver?.failed(failure);
  }

  /** Reports a failure of this side's own making; the stream is over already. */
  report(failure: StreamFailure): void {
    if (!this.detached) this.receiver?.failed(failure);
  }

  /** Decides how the body is framed (RFC 9112 section 6.3); returns its length, -1 where none is to be said. */
  private frame(head: HeaderBlock, end: boolean): number {
    const { contentLength, status } = head;
    const declared = contentLength >= 0 ? contentLength : unknownLength;
    if (status === 204 || status === 304 || this.request.block.method === 'HEAD') {
      this.framing = 'none';
      return status === 204 ? unknownLength : declared;
    }
    if (end || declared >= 0) {
      this.framing = 'length';
      this.replyLeftBytes = end ? 0 : declared;
      return this.replyLeftBytes;
    }
    this.framing = this.request.minorVersion === 0 ? 'close' : 'chunked';
    return unknownLength;
  }

  private finish(): void {
    this.reply = 'written';
    this.host.replyWritten();
  }

  /** The reply cannot be expressed in HTTP/1.1: the client sees it break off. */
  private breakOff(what: string): void {
    this.over = true;
    const message = `the reply to the client had ${what}`;
    this.host.abort({ kind: 'protocol', code: ErrorCode.INTERNAL_ERROR, message });
  }
}
