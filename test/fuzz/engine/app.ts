import type { HeaderBlock } from '../../../src/core/header-block.ts';
import type { MessageStream, StreamFailure, StreamReceiver } from '../../../src/core/message-stream.ts';
import { assertForwardable } from '../reference/heads.ts';
import { check } from '../target.ts';

/**
 * Whoever holds a stream of the connection under test: does what it is told, keeps to the contract of `MessageStream`,
 * and checks that the connection keeps to its own.
 */
export class AppStream implements StreamReceiver {
  readonly stream: MessageStream;
  readonly client: boolean;
  /** Heard so far, for comparison with what the other end said. */
  headsHeard = 0;
  bodyHeard: Buffer = Buffer.alloc(0);
  bodyBytesHeard = 0;
  /** Whether the bytes of bodies are kept; with a hostile peer only their number is. */
  keepBody = false;
  /** Bytes that the head declares, -1 where it does not or where there is no body whatever it says. */
  declaredBytes = -1;
  trailersHeard: HeaderBlock | null = null;
  ended = false;
  failure: StreamFailure | null = null;
  /** Received and not yet given back. */
  unread = 0;
  reads: boolean;
  /** Said so far. */
  headSaid = false;
  private bodyless = false;
  private tunnel = false;
  endSaid = false;
  resetSaid = false;
  queued = 0;
  sentBytes = 0;
  bodySaid: Buffer = Buffer.alloc(0);
  trailersSaid = false;
  /** A request that was too large: answered unheard. */
  discards = false;

  constructor(stream: MessageStream, client: boolean, reads: boolean) {
    this.stream = stream;
    this.client = client;
    this.reads = reads;
  }

  // What is heard.

  /** `direct` for the request head, which the server's listener hears in place of the receiver. */
  head(head: HeaderBlock, end: boolean): void {
    this.mayHear('a head');
    check(this.headsHeard === 0, 'one head');
    this.headsHeard++;
    assertForwardable(head, this.client ? 'response' : 'request');
    this.ended = end;
    // A 2xx to CONNECT has no body, whatever its content-length says (RFC 9110 section 9.3.6).
    const opened = this.tunnel && head.status < 300;
    const bodyless = this.client && (this.bodyless || opened || head.status === 204 || head.status === 304);
    const length = head.get('content-length');
    if (length !== undefined && !bodyless) this.declaredBytes = Number(length);
    this.judgeLength();
  }

  /** RFC 9113 section 8.1.1: a body is as long as its head says, or the message is malformed. */
  private judgeLength(): void {
    const { declaredBytes, bodyBytesHeard } = this;
    if (declaredBytes < 0) return;
    check(bodyBytesHeard <= declaredBytes, `${bodyBytesHeard} bytes of ${declaredBytes} that were declared`);
    if (this.ended) check(bodyBytesHeard === declaredBytes, 'a message ends before its declared length');
  }

  data(bytes: Uint8Array, start: number, end: number, last: boolean): void {
    this.mayHear('data');
    check(this.headsHeard === 1, 'data after a head');
    check(0 <= start && start <= end && end <= bytes.length, 'bytes inside of their buffer');
    check(end > start || last, 'an empty piece only to end with');
    this.bodyBytesHeard += end - start;
    if (this.keepBody) this.bodyHeard = Buffer.concat([this.bodyHeard, bytes.subarray(start, end)]);
    this.ended = last;
    this.judgeLength();
    this.unread += end - start;
    if (this.reads) this.consume(this.unread);
  }

  trailers(trailers: HeaderBlock): void {
    this.mayHear('trailers');
    check(this.headsHeard === 1, 'trailers after a head');
    assertForwardable(trailers, 'trailers');
    this.trailersHeard = trailers;
    this.ended = true;
    this.judgeLength();
  }

  failed(failure: StreamFailure): void {
    check(!this.resetSaid, 'nothing is heard after reset()');
    check(this.failure === null, 'a stream fails once');
    this.failure = failure;
  }

  sent(bytes: number): void {
    check(!this.resetSaid && this.failure === null, 'nothing is sent after the end');
    check(bytes > 0, 'credit is for bytes');
    this.sentBytes += bytes;
    check(this.sentBytes <= this.queued, 'no more bytes leave than were queued');
  }

  private mayHear(what: string): void {
    check(!this.resetSaid, `${what} after reset()`);
    check(this.failure === null, `${what} after a failure`);
    check(!this.ended, `${what} after the end`);
  }

  // What is said. Order and ends are the app's own duty, so what would break them is left out.

  get maySay(): boolean {
    return !this.endSaid && !this.resetSaid && this.failure === null;
  }

  sayHead(head: HeaderBlock, end: boolean): void {
    if (!this.maySay || this.headSaid) return;
    this.headSaid = true;
    this.endSaid = end;
    this.bodyless = head.method === 'HEAD';
    this.tunnel = head.method === 'CONNECT';
    this.stream.head(head, end);
  }

  sayData(bytes: Buffer, last: boolean): void {
    if (!this.maySay || !this.headSaid) return;
    this.queued += bytes.length;
    this.endSaid = last;
    if (this.keepBody) this.bodySaid = Buffer.concat([this.bodySaid, bytes]);
    const lent = Buffer.from(bytes);
    this.stream.data(lent, 0, lent.length, last);
    lent.fill(0xdd);
  }

  sayTrailers(trailers: HeaderBlock): void {
    if (!this.maySay || !this.headSaid) return;
    this.endSaid = true;
    this.trailersSaid = true;
    this.stream.trailers(trailers);
  }

  sayReset(code: number): void {
    if (this.resetSaid) return;
    this.resetSaid = true;
    this.stream.reset(code as 0);
  }

  consume(bytes: number): void {
    const count = Math.min(bytes, this.unread);
    this.unread -= count;
    if (count > 0) this.stream.consumed(count);
  }

  resume(): void {
    this.reads = true;
    this.consume(this.unread);
  }
}
