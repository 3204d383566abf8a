import { ByteQueue } from '../core/byte-queue.ts';
import { ErrorCode, errorCodeName } from '../core/error-code.ts';
import { FieldKind } from '../core/field.ts';
import type { HeaderBlock } from '../core/header-block.ts';
import type { MessageStream, StreamFailure, StreamReceiver } from '../core/message-stream.ts';
import { UploadWatch } from '../core/upload-watch.ts';
import { type ReceiveWindow, SendWindow } from './flow-window.ts';
import type { StreamHost, WaitingStream } from './stream-host.ts';
import { afterReceivingEnd, afterSendingEnd, mayReceive, maySend, StreamState } from './stream-state.ts';

/** Consecutive empty DATA frames without END_STREAM that a stream takes before it is an attack (CVE-2019-9518). */
const emptyFramesMax = 100;

/** Interim replies that a peer may send before the reply to one request. */
const interimRepliesMax = 32;

/** A reader that takes this many bytes while it is watched is slow and not stalled. */
const progressBytes = 1024;

/**
 * One stream of an `Http2Connection`: what the call path holds of it is the `MessageStream`; the `receive…`
 * methods are for the connection.
 */
export class Http2Stream implements MessageStream, WaitingStream {
  receiver: StreamReceiver | null = null;
  nextInSlot: this | null = null;
  expectsContinue = false;
  readonly id: number;
  /** Time of the read that began it, or of the latest one before: milliseconds modulo 2^32, since those cost no object. */
  readonly begunMs: number;
  private readonly host: StreamHost;
  private readonly sendWindow: SendWindow;
  private readonly receiveWindow: ReceiveWindow;
  private state: StreamState = StreamState.Open;
  /** DATA that waits for a window, and what follows it. */
  private waiting: ByteQueue | null = null;
  private waitingTrailers: HeaderBlock | null = null;
  private waitingLast = false;
  private headReceived = false;
  /** Bytes still to come by the peer's content-length; -1 where it declared none. */
  private expectedBytes = -1;
  /** RFC 9110 section 9.3.2: a reply to HEAD declares a length and has no body. */
  private bodyless = false;
  /** RFC 9110 section 9.3.6: a reply from 200 to 299 to CONNECT has no length, whatever it declares. */
  private tunnel = false;
  private emptyFrames = 0;
  private interimReplies = 0;
  /** `flushCount` of the connection when our head was written; -1 until then. */
  private headWrittenAt = -1;
  /** Received bytes that nobody has disposed of yet. */
  private unconsumed = 0;
  /** Consecutive checks at which DATA waited and hardly any had been sent, and the bytes that had. */
  private stalledChecks = 0;
  /** Null where the body may take its time: a gRPC client speaks when it has something to say, and so does a tunnel. */
  private upload: UploadWatch | null = null;
  private movedBytes = 0;

  constructor(
    id: number,
    host: StreamHost,
    sendBytes: number,
    receiveWindow: ReceiveWindow,
    begunMs: number,
  ) {
    this.id = id;
    this.begunMs = begunMs;
    this.host = host;
    this.sendWindow = new SendWindow(sendBytes);
    this.receiveWindow = receiveWindow;
  }

  get headListBytesMax(): number {
    return this.host.peer.headerListBytesMax;
  }
  get isRetiring(): boolean {
    return !this.host.accepting;
  }
  get takesExtendedConnect(): boolean {
    return this.host.peer.extendedConnect;
  }

  // What this side says.

  head(head: HeaderBlock, end: boolean): void {
    if (!maySend(this.state)) return;
    if (this.host.role === 'client') {
      const { method } = head;
      if (method === 'HEAD') this.bodyless = true;
      else if (method === 'CONNECT') this.tunnel = true;
    }
    this.headWrittenAt = this.host.flushCount;
    this.host.writer.headers(this.id, head, end, this.host.role === 'client');
    if (end) this.sentEnd();
  }

  /** Nothing bounds what waits of it but the transport: where that takes no more, only what a client waits for is sent. */
  interim(head: HeaderBlock): void {
    if (this.host.role === 'client' || this.headWrittenAt >= 0 || !maySend(this.state)) return;
    if (head.status === 100) this.expectsContinue = false;
    else if (!this.host.takesData) return;
    this.host.writer.headers(this.id, head, false);
  }

  data(bytes: Uint8Array, start: number, end: number, last: boolean): void {
    if (!maySend(this.state) || this.waitingLast) return;
    let at = start;
    if (this.waiting === null || this.waiting.length === 0) {
      if (start === end) {
        if (last) this.sendEmptyEnd(bytes, start);
        return;
      }
      at = this.sendNow(bytes, start, end, last);
    }
    if (at < end) {
      this.waiting ??= new ByteQueue();
      this.waiting.push(bytes, at, end);
      // Without room in its own window it waits for a WINDOW_UPDATE of its own, not for the connection.
      if (this.sendWindow.available > 0) this.host.wait(this);
      if (!this.host.queued(end - at)) return this.tooSlow('it takes too little of what waits for it');
    }
    if (this.waiting !== null && this.waiting.length > 0) this.waitingLast = last;
    if (at > start) this.receiver?.sent(at - start);
  }

  trailers(trailers: HeaderBlock): void {
    if (!maySend(this.state) || this.waitingLast) return;
    if (this.waiting !== null && this.waiting.length > 0) {
      this.waitingTrailers = trailers;
      this.waitingLast = true;
      return;
    }
    this.host.writer.headers(this.id, trailers, true);
    this.sentEnd();
  }

  consumed(bytes: number): void {
    if (bytes === 0 || this.state === StreamState.Closed) return;
    this.unconsumed -= bytes;
    this.host.released(bytes);
    if (!mayReceive(this.state)) return;
    const increment = this.receiveWindow.release(bytes, this.host.mayGrow ? 0 : this.unconsumed);
    if (increment > 0) this.host.writer.windowUpdate(this.id, increment);
  }

  reset(code: ErrorCode): void {
    if (this.state === StreamState.Closed) return;
    this.receiver = null;
    // A stream that the peer has never heard of is idle to it: RST_STREAM there would end the connection.
    const known = this.host.role === 'server' || (this.headWrittenAt >= 0 && !this.revokeHead());
    if (known) this.host.resetStream(this.id, code);
    this.close(known);
  }

  // What the peer says.

  /** True while the peer has not ended its message. */
  get open(): boolean {
    return mayReceive(this.state);
  }
  get hasHead(): boolean {
    return this.headReceived;
  }
  /** DATA that waits for the peer to take it, bytes. */
  get waitingBytes(): number {
    return this.waiting?.length ?? 0;
  }
  /** True once our head was written. */
  get replyBegun(): boolean {
    return this.headWrittenAt >= 0;
  }

  /** A 1xx reply, which comes before the head. */
  receiveInterim(head: HeaderBlock): void {
    if (++this.interimReplies <= interimRepliesMax) return this.receiver?.interim?.(head);
    const message = `it sent more than ${interimRepliesMax} interim replies`;
    this.failed({ kind: 'protocol', code: ErrorCode.ENHANCE_YOUR_CALM, message });
  }

  /** False when the section contradicts itself; the stream has failed then. */
  receiveHead(head: HeaderBlock, end: boolean): boolean {
    this.headReceived = true;
    if (!end && this.host.role === 'server' && !head.isGrpc && head.method !== 'CONNECT')
      this.upload = new UploadWatch();
    if (!end && head.hasAny(expectKind)) this.expectsContinue = expectsContinue(head);
    // Of a request it is 0.
    const { status } = head;
    if (this.tunnel && status < 300) this.expectedBytes = -1;
    else this.expectedBytes = this.bodyless || status === 304 || status === 204 ? 0 : head.contentLength;
    if (end && this.expectedBytes > 0) {
      this.protocolError('content-length without a body');
      return false;
    }
    const over = end && this.receivedEnd();
    this.receiver?.head(head, end);
    if (over) this.close(false);
    return true;
  }

  /** A request head that is refused as too large: what follows it is read and dropped. */
  receiveOversizeHead(end: boolean): void {
    this.headReceived = true;
    if (end) this.receivedEnd();
  }

  receiveTrailers(trailers: HeaderBlock): void {
    if (this.expectedBytes > 0) return this.protocolError('fewer bytes than content-length');
    const over = this.receivedEnd();
    this.receiver?.trailers(trailers);
    if (over) this.close(false);
  }

  /**
   * A DATA frame of `length` bytes, of which `contentBytes` are no padding: they count to the windows all at once, though
   * they may come in pieces. False when it is one that must not be; the stream has failed then.
   */
  acceptData(length: number, contentBytes: number, last: boolean): boolean {
    if (!this.receiveWindow.receive(length)) {
      const message = 'it sent more than its window';
      this.failed({ kind: 'protocol', code: ErrorCode.FLOW_CONTROL_ERROR, message });
      return false;
    }
    if (contentBytes > 0) this.emptyFrames = 0;
    else if (!last && ++this.emptyFrames > emptyFramesMax) {
      const message = 'it sent empty DATA on and on';
      this.failed({ kind: 'protocol', code: ErrorCode.ENHANCE_YOUR_CALM, message });
      return false;
    }
    if (this.expectedBytes < 0) return true;
    this.expectedBytes -= contentBytes;
    if (this.expectedBytes >= 0 && (!last || this.expectedBytes === 0)) return true;
    this.protocolError('the body does not match content-length');
    return false;
  }

  /**
   * Data that was accepted, from `start` to `end`: a whole frame or a piece of one, `last` with the last piece of the last.
   * `padding` bytes came with it and count to the windows alone.
   */
  receiveData(bytes: Uint8Array, start: number, end: number, padding: number, last: boolean): void {
    const length = end - start;
    this.unconsumed += length + padding;
    this.upload?.moved(length);
    const over = last && this.receivedEnd();
    if (padding > 0) this.consumed(padding);
    if (this.receiver === null) this.consumed(length);
    else if (length > 0 || last) this.receiver.data(bytes, start, end, last);
    // The receiver hears of the end before the connection, which may be over with its last stream.
    if (over) this.close(false);
  }

  /** RST_STREAM came. After a whole reply it only says that the rest of the request is unwanted. */
  receiveReset(code: ErrorCode): void {
    const replied = !mayReceive(this.state);
    const receiver = this.receiver;
    this.receiver = null;
    this.close(false);
    if (replied && this.host.role === 'client') return;
    receiver?.failed({
      kind: code === ErrorCode.REFUSED_STREAM ? 'refused' : 'reset',
      code,
      message: `it reset the stream with ${errorCodeName(code)}`,
    });
  }

  /** The increment of a WINDOW_UPDATE; one that overflows the window ends the stream (RFC 9113 section 6.9.1). */
  receiveCredit(bytes: number): void {
    if (this.adjustSendWindow(bytes)) return;
    this.failed({ kind: 'protocol', code: ErrorCode.FLOW_CONTROL_ERROR, message: 'it overflowed a window' });
  }

  /** What a new SETTINGS_INITIAL_WINDOW_SIZE makes of the window; false when it overflows it (section 6.9.2). */
  adjustSendWindow(bytes: number): boolean {
    if (!this.sendWindow.add(bytes)) return false;
    if (this.mayGoOn()) this.host.wait(this);
    return true;
  }

  /** The peer has acknowledged that its windows are smaller than it began with. */
  shrinkReceiveWindow(bytes: number): void {
    this.receiveWindow.shrink(bytes);
  }

  /** The connection is lost or has refused the stream: nothing more can be sent. */
  abandon(failure: StreamFailure): void {
    if (this.state === StreamState.Closed) return;
    const receiver = this.receiver;
    const replied = !mayReceive(this.state) && this.host.role === 'client';
    this.receiver = null;
    this.close(false);
    if (replied) return;
    // A call that was still in our buffer when the connection went has not left, whatever became of the others.
    const unsent =
      this.host.role === 'client' && (this.headWrittenAt < 0 || this.headWrittenAt === this.host.flushCount);
    receiver?.failed(unsent ? { ...failure, kind: 'unsent' } : failure);
  }

  /** A stream error: the peer gets RST_STREAM, the receiver hears of it (RFC 9113 section 5.4.2). */
  failed(failure: StreamFailure): void {
    if (this.state === StreamState.Closed) return;
    const receiver = this.receiver;
    this.receiver = null;
    this.close(true);
    this.host.peerViolation(this.id, failure.code);
    receiver?.failed(failure);
  }

  protocolError(message: string): void {
    this.failed({ kind: 'protocol', code: ErrorCode.PROTOCOL_ERROR, message });
  }

  sendOneFrame(): boolean {
    const waiting = this.waiting;
    if (waiting === null || waiting.length === 0 || !maySend(this.state)) return false;
    const room = this.room();
    if (room <= 0) return false;
    const sent = waiting.shift(room, (bytes, start, end) => {
      const last = this.waitingLast && this.waitingTrailers === null && waiting.length === 0;
      this.writeData(bytes, start, end, last);
    });
    this.movedBytes += sent;
    this.host.queued(-sent);
    if (waiting.length === 0 && this.waitingLast) {
      if (this.waitingTrailers !== null) this.host.writer.headers(this.id, this.waitingTrailers, true);
      this.sentEnd();
    }
    this.receiver?.sent(sent);
    // Asked only now: whoever heard of the credit may have queued more at once.
    return this.mayGoOn();
  }

  /**
   * To be called at regular times. A stream whose DATA waited at more than `checksMax` consecutive checks, while fewer bytes
   * left than `progressBytes`, has a reader that is gone or means no good (CVE-2019-9517): it is reset.
   */
  checkStall(checksMax: number): void {
    if (this.waiting === null || this.waiting.length === 0 || this.movedBytes >= progressBytes) {
      this.stalledChecks = 0;
      this.movedBytes = 0;
    } else if (++this.stalledChecks > checksMax)
      this.tooSlow('it has not taken what waits for it for too long');
  }

  /** To be called at regular times: a request of whose body next to nothing came at more than `checksMax` checks is reset. */
  checkUpload(checksMax: number): void {
    const { upload } = this;
    if (upload === null) return;
    // Once the reply has begun the two may be talking, and it is for them to know whose turn it is.
    if (!mayReceive(this.state) || this.replyBegun || this.unconsumed > 0) upload.reset();
    else if (upload.isStalled(checksMax))
      this.tooSlow('it has sent next to nothing of its request body for too long');
  }

  /** Ends it for what its reader does not take. */
  tooSlow(message: string): void {
    this.failed({ kind: 'protocol', code: ErrorCode.ENHANCE_YOUR_CALM, message });
  }

  // Inside.

  /** A call that its client takes back in the same read never reaches the server (CVE-2023-44487). */
  private revokeHead(): boolean {
    return this.headWrittenAt === this.host.flushCount && this.host.writer.revoke(this.id);
  }

  /** Has it DATA, and room for it in its own window? */
  private mayGoOn(): boolean {
    return this.waiting !== null && this.waiting.length > 0 && this.sendWindow.available > 0;
  }

  /** Sends what the windows allow at once; returns where it stopped. */
  private sendNow(bytes: Uint8Array, start: number, end: number, last: boolean): number {
    let at = start;
    while (at < end) {
      const count = Math.min(this.room(), end - at);
      if (count <= 0) break;
      const lastFrame = last && at + count === end;
      this.writeData(bytes, at, at + count, lastFrame);
      at += count;
      if (lastFrame) this.sentEnd();
    }
    return at;
  }

  /** An empty DATA frame needs no window (RFC 9113 section 6.9.1). */
  private sendEmptyEnd(bytes: Uint8Array, at: number): void {
    this.host.writer.data(this.id, bytes, at, at, true);
    this.sentEnd();
  }

  private writeData(bytes: Uint8Array, start: number, end: number, last: boolean): void {
    this.sendWindow.take(end - start);
    this.host.sendWindow.take(end - start);
    this.host.writer.data(this.id, bytes, start, end, last);
  }

  private room(): number {
    if (!this.host.takesData) return 0;
    return Math.min(
      this.sendWindow.available,
      this.host.sendWindow.available,
      this.host.writer.maxFrameBytes,
    );
  }

  private sentEnd(): void {
    this.state = afterSendingEnd(this.state);
    if (this.state === StreamState.Closed) this.close(false);
    else if (this.host.role === 'server') {
      // The reply is whole before the request is: the rest of it is unwanted (RFC 9113 section 8.1).
      this.host.writer.rstStream(this.id, ErrorCode.NO_ERROR);
      this.close(true);
    }
  }

  /** True when that was the last of the stream; the caller closes it once the receiver has heard. */
  private receivedEnd(): boolean {
    this.state = afterReceivingEnd(this.state);
    return this.state === StreamState.Closed;
  }

  private close(resetByUs: boolean): void {
    this.state = StreamState.Closed;
    if (this.waiting !== null && this.waiting.length > 0) {
      this.host.queued(-this.waiting.length);
      this.waiting.clear();
    }
    this.waiting = null;
    this.waitingTrailers = null;
    if (this.unconsumed > 0) this.host.released(this.unconsumed);
    this.unconsumed = 0;
    this.host.streamClosed(this.id, resetByUs, this.receiveWindow.outstanding);
  }
}

const expectKind = 1 << FieldKind.Expect;

function expectsContinue(head: HeaderBlock): boolean {
  return head.ofKind(FieldKind.Expect)!.toLowerCase() === '100-continue';
}
