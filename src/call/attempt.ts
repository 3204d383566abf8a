import { didNoWork, type Ending, endingOfHttp } from '../core/ending.ts';
import { ErrorCode } from '../core/error-code.ts';
import type { Field } from '../core/field.ts';
import type { HeaderBlock } from '../core/header-block.ts';
import type { MessageStream, StreamFailure } from '../core/message-stream.ts';
import type { StreamWait } from '../core/stream-wait.ts';
import type { AttemptRecord } from '../telemetry/call-record.ts';
import type { Endpoint } from '../upstream/endpoint.ts';
import type { Lease } from '../upstream/lease.ts';
import type { OpenFailure, StreamOpener } from '../upstream/stream-opener.ts';

/** The dispatcher that began an attempt, and hears what becomes of it. */
export interface AttemptOwner {
  readonly clientAddress: string;
  /** See `StreamOpener.forwardsClient`. */
  readonly forwardsClient: boolean;
  /** When the client last sent a part of the request, `Clock.now()`; kept only where its cluster learns from latency. */
  readonly requestMovedMs: number;
  /** There is a stream: send the request. */
  onOpened(attempt: Attempt): void;
  /** No stream is available; nothing was sent. */
  onOpenFailed(attempt: Attempt, failure: OpenFailure): void;
  /** The stream ended before the reply was whole. */
  onFailed(attempt: Attempt, failure: StreamFailure): void;
  onInterim(attempt: Attempt, head: HeaderBlock): void;
  onHead(attempt: Attempt, head: HeaderBlock, end: boolean): void;
  onData(attempt: Attempt, bytes: Uint8Array, start: number, end: number, last: boolean): void;
  onTrailers(attempt: Attempt, trailers: HeaderBlock): void;
  /** Part of the request body has left: `sentBytes` has grown. */
  onSent(attempt: Attempt): void;
}

/** One attempt at one endpoint. The endpoint counts it as active until it has ended, whichever way (gRPC A48). */
export class Attempt implements StreamOpener {
  readonly endpoint: Endpoint;
  readonly record: AttemptRecord;
  /** The trace context that its endpoint gets; null for none of ours. */
  readonly traceparent: Field | null;
  /** Null until a connection had room. */
  stream: MessageStream | null = null;
  /** Bytes of the request body that left for the endpoint. */
  sentBytes = 0;
  private readonly owner: AttemptOwner;
  private readonly lease: Lease;

  constructor(owner: AttemptOwner, lease: Lease, record: AttemptRecord, traceparent: Field | null) {
    this.owner = owner;
    this.lease = lease;
    this.endpoint = lease.endpoint;
    this.record = record;
    this.traceparent = traceparent;
  }

  get clientAddress(): string {
    return this.owner.clientAddress;
  }
  get forwardsClient(): boolean {
    return this.owner.forwardsClient;
  }

  get ended(): boolean {
    return this.lease.ended;
  }

  /** Stops it without a verdict from the endpoint. */
  cancel(code: ErrorCode, ending: Ending, nowMs: number): void {
    if (this.lease.ended) return;
    if (this.stream === null) this.endpoint.pool.cancel(this);
    else this.stream.reset(code);
    this.end(ending, nowMs);
  }

  /** It is over: the endpoint is released. Exactly once; later calls do nothing. */
  end(ending: Ending, nowMs: number): void {
    const { lease, record } = this;
    if (lease.ended) return;
    record.endedMs = nowMs;
    record.tally = ending.tally;
    if (didNoWork(ending)) record.mayHaveProcessed = false;
    if (ending.outcome === 'success') this.answer();
    lease.end(ending, nowMs);
  }

  opened(stream: MessageStream, wait: StreamWait | null): void {
    this.stream = stream;
    this.record.mayHaveProcessed = true;
    this.record.wait = wait;
    this.owner.onOpened(this);
  }
  openFailed(failure: OpenFailure): void {
    this.owner.onOpenFailed(this, failure);
  }
  interim(head: HeaderBlock): void {
    this.owner.onInterim(this, head);
  }
  head(head: HeaderBlock, end: boolean): void {
    // An error, or a head that is all there is (gRPC's Trailers-Only), may be a failure, and a quick failure is no quick
    // answer: a probing endpoint would pass by it, and one that fails in 0.2 ms look fast. The end decides.
    if (!end && endingOfHttp(head.status).outcome === 'success') this.answer();
    // A gRPC server reports in its last block (gRFC A51), an HTTP server in its head.
    this.owner.onHead(this, end || !head.isGrpc ? this.lease.withoutReport(head) : head, end);
  }
  data(bytes: Uint8Array, start: number, end: number, last: boolean): void {
    this.owner.onData(this, bytes, start, end, last);
  }
  trailers(trailers: HeaderBlock): void {
    this.owner.onTrailers(this, this.lease.withoutReport(trailers));
  }
  failed(failure: StreamFailure): void {
    this.owner.onFailed(this, failure);
  }
  sent(bytes: number): void {
    this.sentBytes += bytes;
    this.owner.onSent(this);
  }

  private answer(): void {
    // How long a client takes to send its request says nothing of the endpoint.
    this.lease.answered(Math.max(this.lease.startedMs, this.owner.requestMovedMs));
  }
}

/** The code for a request whose reply is whole already: the rest of it is unwanted, nobody is to blame. */
export const unwanted = ErrorCode.NO_ERROR;
