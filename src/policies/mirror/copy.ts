import { endingOfFailure, endingOfOpenFailure, endingOfReply } from '../../call/attempt-endings.ts';
import { withAuthority } from '../../call/outgoing-head.ts';
import { grpcStatusOfReply } from '../../call/reply-status.ts';
import type { Follower, RequestView } from '../../call/stage.ts';
import { ByteQueue } from '../../core/byte-queue.ts';
import type { Timer } from '../../core/clock.ts';
import { type Ending, endingOfHttp, endings } from '../../core/ending.ts';
import { ErrorCode } from '../../core/error-code.ts';
import { Field, FieldKind } from '../../core/field.ts';
import { HeaderBlock } from '../../core/header-block.ts';
import type { MessageStream, StreamFailure } from '../../core/message-stream.ts';
import type { Lease } from '../../upstream/lease.ts';
import { MethodRef } from '../../upstream/method-slots.ts';
import type { OpenFailure, StreamOpener } from '../../upstream/stream-opener.ts';
import type { DropReason, MirrorRoute } from './mirror-route.ts';

/**
 * Pieces of a body that a stream may hold at a time. An HTTP/1.1 stream has some hundred bytes of objects for each: a client that
 * sends its body byte by byte would take that times `bufferedBytes`. What comes behind these is put together in `waiting`.
 */
const streamPiecesMax = 16;

/**
 * The copy of one request. It follows the original and never acts on it: what it cannot hold, it drops, together with itself.
 *
 *     begin ─▶ opening ─▶ open ─▶ over
 *
 * `opening` has a lease and waits for a stream, with the body so far in `waiting`; `open` has a stream, to which the body goes as
 * it comes. `over` holds nothing. Every path to `over` releases the lease and the memory once.
 */
export class MirrorCopy implements StreamOpener {
  readonly clientAddress: string;
  readonly forwardsClient: boolean;
  private readonly route: MirrorRoute;
  private readonly request: RequestView;
  /** Null before an endpoint was acquired. */
  private lease: Lease | null = null;
  private stream: MessageStream | null = null;
  /** The body that the stream has not been given. */
  private readonly waiting = new ByteQueue();
  /** Pieces of the body that the stream was given since it last held none. */
  private streamPieces = 0;
  private trailersToSend: HeaderBlock | null = null;
  /** Bytes that the endpoint has not taken. */
  private heldBytes = 0;
  private bodyEnded = false;
  /** When a part of the request last went out, for the latency of the endpoint. */
  private movedMs: number;
  private replyStatus = 0;
  private timer: Timer | null = null;
  private isSent = false;
  private isOver = false;
  private originalOver = false;

  constructor(route: MirrorRoute, request: RequestView) {
    this.route = route;
    this.request = request;
    this.clientAddress = request.record.clientAddress;
    this.forwardsClient = request.forwardsClient;
    this.movedMs = request.clock.now();
    route.copies++;
  }

  /** Acquires an endpoint and asks it for a stream. */
  begin(): void {
    const { request, route } = this;
    request.follow(this.follower);
    if (this.isOver) return;
    if (request.requestEnded) this.bodyEnded = true;
    const { cluster } = route;
    const { requestHead, record } = request;
    const key = cluster.affinity?.keyOf(requestHead, record.clientAddress) ?? '';
    const method = request.traffic === 'grpc' ? new MethodRef(record.path) : null;
    const lease = cluster.acquire(request.clock.now(), null, false, key, method);
    if (typeof lease === 'string')
      return this.drop(lease === 'full' ? 'overloaded' : 'no_endpoint', endings.notProcessed);
    this.lease = lease;
    route.note(request, null);
    lease.endpoint.pool.open(this);
  }

  // What the original does.

  private readonly follower: Follower = {
    data: (bytes, start, end, last) => {
      if (!this.isOver) this.originalData(bytes, start, end, last);
      return null;
    },
    trailers: (trailers) => {
      if (this.isOver) return;
      this.bodyEnded = true;
      this.trailersToSend = trailers;
      if (this.stream !== null) this.sendTrailers(this.stream);
    },
    settled: () => {
      this.originalOver = true;
      if (this.isOver) return;
      if (!this.bodyEnded) return this.drop('request_ended', endings.cancelled);
      this.timer = this.request.clock.after(this.route.limits.timeoutMs, () => {
        this.timer = null;
        this.drop('timeout', this.stream === null ? endings.notProcessed : endings.timedOut);
      });
    },
  };

  private originalData(bytes: Uint8Array, start: number, end: number, last: boolean): void {
    const length = end - start;
    if (!this.route.reserve(length, this.heldBytes)) return this.drop('buffer', endings.terminated);
    this.heldBytes += length;
    this.movedMs = this.request.clock.now();
    if (last) this.bodyEnded = true;
    const takesMore = this.waiting.length === 0 && (length === 0 || this.streamPieces < streamPiecesMax);
    if (this.stream === null || !takesMore) this.waiting.push(bytes, start, end);
    else this.give(this.stream, bytes, start, end, last);
  }

  private give(stream: MessageStream, bytes: Uint8Array, start: number, end: number, last: boolean): void {
    this.streamPieces += 1;
    stream.data(bytes, start, end, last);
  }

  /** Gives the stream what waits, in pieces as large as they come out of the queue. */
  private giveWaiting(stream: MessageStream): void {
    const { waiting } = this;
    while (waiting.length > 0 && !this.isOver)
      waiting.shift(waiting.length, (bytes, start, end) =>
        this.give(stream, bytes, start, end, this.endsWithBody && waiting.length === 0),
      );
    if (!this.isOver) this.sendTrailers(stream);
  }

  /** The body has ended, and no trailers come behind it. */
  private get endsWithBody(): boolean {
    return this.bodyEnded && this.trailersToSend === null;
  }

  // What the endpoint does.

  opened(stream: MessageStream): void {
    this.stream = stream;
    const head = this.headOf(this.lease!);
    if (head.listBytes > (stream.headListBytesMax ?? Number.POSITIVE_INFINITY))
      return this.drop('unsendable', endings.unsendable);
    this.route.countSent(this.request);
    this.isSent = true;
    stream.head(head, this.endsWithBody && this.waiting.length === 0);
    this.giveWaiting(stream);
  }

  private headOf({ endpoint }: Lease): HeaderBlock {
    const { request, route } = this;
    const base = request.outgoing;
    const named = base.authority === '' ? withAuthority(base, endpoint) : base;
    const fields = [route.marker, ...request.traceContext()];
    // The copy begins with its original, so the time that the client allows is the same for both.
    const timeout =
      request.traffic === 'grpc' ? request.requestHead.ofKind(FieldKind.GrpcTimeout) : undefined;
    if (timeout !== undefined) fields.push(new Field('grpc-timeout', timeout));
    return new HeaderBlock(fields, named);
  }

  private sendTrailers(stream: MessageStream): void {
    const trailers = this.trailersToSend;
    if (trailers === null || this.waiting.length > 0) return;
    if (trailers.listBytes > (stream.headListBytesMax ?? Number.POSITIVE_INFINITY))
      return this.drop('unsendable', endings.unsendable);
    this.trailersToSend = null;
    stream.trailers(trailers);
  }

  openFailed(failure: OpenFailure): void {
    const reason = failure.code === 'overloaded' ? 'overloaded' : 'connect_failed';
    this.drop(reason, endingOfOpenFailure(this.lease!.endpoint, failure));
  }

  head(head: HeaderBlock, end: boolean): void {
    if (this.isOver) return;
    this.replyStatus = head.status;
    // An error or a head that is all there is may be a failure: the end decides.
    if (!end && endingOfHttp(head.status).outcome === 'success') this.answered();
    if (end) this.finish(head);
  }
  data(_bytes: Uint8Array, start: number, end: number, last: boolean): void {
    if (this.isOver) return;
    this.stream!.consumed(end - start);
    if (last) this.finish(null);
  }
  trailers(trailers: HeaderBlock): void {
    if (!this.isOver) this.finish(trailers);
  }
  failed(failure: StreamFailure): void {
    this.end(endingOfFailure(failure, this.request.traffic === 'grpc'));
  }
  sent(bytes: number): void {
    if (this.isOver) return;
    this.heldBytes -= bytes;
    this.route.bufferedBytes -= bytes;
    const isDrained = this.heldBytes === this.waiting.length;
    if (!isDrained) return;
    this.streamPieces = 0;
    this.giveWaiting(this.stream!);
  }

  /** The reply is whole; `last` ends it. */
  private finish(last: HeaderBlock | null): void {
    const status = this.replyStatus;
    const code = grpcStatusOfReply(status, last);
    // The rest of the request is unwanted, and nobody is to blame.
    if (!this.bodyEnded) this.stream!.reset(ErrorCode.NO_ERROR);
    this.end(endingOfReply(this.request.traffic === 'grpc', status, code, last));
  }

  private answered(): void {
    this.lease!.answered(Math.max(this.lease!.startedMs, this.movedMs));
  }

  private drop(reason: DropReason, ending: Ending): void {
    if (this.isOver) return;
    const { lease, request, route } = this;
    route.countDropped(request, reason);
    // The record of an original that is over is final.
    if (!this.originalOver) route.note(request, reason);
    if (this.stream !== null) this.stream.reset(ErrorCode.CANCEL);
    else lease?.endpoint.pool.cancel(this);
    this.end(ending);
  }

  private end(ending: Ending): void {
    if (this.isOver) return;
    this.isOver = true;
    const { lease, request, route } = this;
    this.timer?.cancel();
    this.waiting.clear();
    route.copies--;
    route.bufferedBytes -= this.heldBytes;
    this.heldBytes = 0;
    if (this.isSent) route.countEnded(request, ending.tally);
    if (lease === null) return;
    if (ending.outcome === 'success') this.answered();
    lease.end(ending, request.clock.now());
  }
}
