import type { ErrorCode } from '../core/error-code.ts';
import type { HeaderBlock } from '../core/header-block.ts';
import type { MessageStream, StreamReceiver } from '../core/message-stream.ts';
import type { OutputBuffer } from '../transport/output-buffer.ts';
import { type RequestFraming, writeChunk, writeLastChunk } from './message-writer.ts';
import { maybeEmpty } from './method-traits.ts';

/** What a stream needs of its connection; an interface so that the two files do not import each other. */
export interface ClientStreamHost {
  readonly out: OutputBuffer;
  /** Writes the head of the request; returns null, or what cannot be written, and then nothing was. */
  writeHead(
    stream: ClientStream,
    head: HeaderBlock,
    framing: RequestFraming,
    bodyBytes: number,
  ): string | null;
  /** Something was written to `out`. */
  written(): void;
  /** The request has no form in HTTP/1.1; `words` follow "the request had ". */
  unsendable(stream: ClientStream, words: string): void;
  /** The receiver has disposed of this many bytes of the reply. */
  consumed(stream: ClientStream, bytes: number): void;
  /** The owner of the stream has ended it. */
  reset(stream: ClientStream): void;
}

/**
 * The states of a request:
 *
 *     new ──head──▶ held ──first byte, end──▶ sending ──last byte, trailers──▶ sent
 *      └────────────────head─────────────────────^
 *
 * `over` from any of them: the reply is whole, or the stream has failed or was reset.
 */
export const RequestState = { New: 0, Held: 1, Sending: 2, Sent: 3, Over: 4 } as const;
export type RequestState = (typeof RequestState)[keyof typeof RequestState];

/** Of a chunked body. */
const unknownLength = -1;

/** One request on a `ClientConnection` and its reply, as the call path sees them. */
export class ClientStream implements MessageStream {
  receiver: StreamReceiver | null;
  state: RequestState = RequestState.New;
  method = '';
  /** For `x-forwarded-for`; '' where it is unknown, null where the head says all that the endpoint is to know. */
  readonly clientAddress: string | null;
  /** Bytes of the request that were written and not yet reported as sent. */
  unreportedBytes = 0;
  private readonly host: ClientStreamHost;
  /** A head that waits for the first byte to say whether there is a body. */
  private held: HeaderBlock | null = null;
  /** Bytes of the body to come, or `unknownLength`. */
  private leftBytes = unknownLength;

  constructor(host: ClientStreamHost, receiver: StreamReceiver, clientAddress: string | null) {
    this.host = host;
    this.receiver = receiver;
    this.clientAddress = clientAddress;
  }

  /** Nothing of the request is missing on the wire, though its owner may not have said so. */
  get isComplete(): boolean {
    return this.state === RequestState.Sent || (this.state === RequestState.Sending && this.leftBytes === 0);
  }

  head(head: HeaderBlock, end: boolean): void {
    if (this.state !== RequestState.New) return;
    // Many HTTP/2 clients end a GET with an empty DATA frame; it should not become a chunked body.
    if (end || !maybeEmpty(head)) return this.begin(head, end);
    this.held = head;
    this.state = RequestState.Held;
  }

  data(bytes: Uint8Array, start: number, end: number, last: boolean): void {
    if (this.state === RequestState.Held) {
      if (start === end && !last) return;
      this.begin(this.held!, start === end);
    }
    if (this.state !== RequestState.Sending) return;
    const length = end - start;
    if (this.leftBytes !== unknownLength) {
      this.leftBytes -= length;
      if (this.leftBytes < 0 || (last && this.leftBytes > 0)) return this.wrongLength();
      writeBytes(this.host.out, bytes, start, end);
    } else {
      if (length > 0) writeChunk(this.host.out, bytes, start, end);
      if (last) writeLastChunk(this.host.out, null);
    }
    this.unreportedBytes += length;
    if (last) this.state = RequestState.Sent;
    this.host.written();
  }

  trailers(trailers: HeaderBlock): void {
    if (this.state === RequestState.Held) this.begin(this.held!, false);
    if (this.state !== RequestState.Sending) return;
    if (this.leftBytes > 0) return this.wrongLength();
    // Only a chunked body has a place for them.
    if (this.leftBytes === unknownLength) writeLastChunk(this.host.out, trailers);
    this.state = RequestState.Sent;
    this.host.written();
  }

  consumed(bytes: number): void {
    if (this.state !== RequestState.Over) this.host.consumed(this, bytes);
  }

  reset(_code: ErrorCode): void {
    this.receiver = null;
    if (this.state === RequestState.Over) return;
    this.finish();
    this.host.reset(this);
  }

  /** Takes nothing more from its owner. */
  finish(): void {
    this.state = RequestState.Over;
    this.held = null;
  }

  private begin(head: HeaderBlock, end: boolean): void {
    this.held = null;
    this.method = head.method;
    const { contentLength } = head;
    if (end && contentLength > 0) return this.host.unsendable(this, 'a content-length without a body');
    // A length where one is known, else chunks, for every method alike: a body can never be taken for the next request.
    const framing = end ? 'none' : contentLength === -1 ? 'chunked' : 'length';
    this.leftBytes = end ? 0 : contentLength === -1 ? unknownLength : contentLength;
    const words = this.host.writeHead(this, head, framing, Math.max(this.leftBytes, 0));
    if (words !== null) return this.host.unsendable(this, words);
    this.state = end ? RequestState.Sent : RequestState.Sending;
    this.host.written();
  }

  /** A body of another length than promised would run into the next request on the connection. */
  private wrongLength(): void {
    this.host.unsendable(this, 'a body of another length than its content-length');
  }
}

function writeBytes(out: OutputBuffer, bytes: Uint8Array, start: number, end: number): void {
  const length = end - start;
  if (length === 0) return;
  out.reserve(length);
  out.bytes.set(start === 0 && end === bytes.length ? bytes : bytes.subarray(start, end), out.length);
  out.length += length;
}
