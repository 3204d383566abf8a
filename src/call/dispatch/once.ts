import { type Ending, endingOfHttp, endings } from '../../core/ending.ts';
import { ErrorCode } from '../../core/error-code.ts';
import type { Field } from '../../core/field.ts';
import { GrpcStatus } from '../../core/grpc-status.ts';
import type { HeaderBlock } from '../../core/header-block.ts';
import type { StreamFailure } from '../../core/message-stream.ts';
import type { ReplyError } from '../../core/reply-error.ts';
import type { AttemptKind, AttemptRecord, EndedBy } from '../../telemetry/call-record.ts';
import type { Cluster } from '../../upstream/cluster.ts';
import type { Lease } from '../../upstream/lease.ts';
import type { OpenFailure } from '../../upstream/stream-opener.ts';
import { Attempt, type AttemptOwner, unwanted } from '../attempt.ts';
import { endAtDeadline, endingOfFailure, endingOfOpenFailure, endingOfReply } from '../attempt-endings.ts';
import {
  failureError,
  headTooLarge,
  noEndpointError,
  openFailureError,
  replayFullError,
} from '../call-errors.ts';
import { newAttemptRecord, noteAttemptError, noteGrpcStatus } from '../call-records.ts';
import { headOfAttempt } from '../outgoing-head.ts';
import { ReplayBuffer } from '../replay-buffer.ts';
import type { DispatchedCall, Dispatcher } from './dispatcher.ts';
import { TransparentRetries, transparentRetryDenial } from './transparent-retries.ts';

/** The dispatcher of a route without `retry` and `hedge`. */
export function newOnceDispatcher(call: DispatchedCall): Dispatcher {
  return new OnceDispatcher(call);
}

/**
 * Makes one attempt at a time. Where no endpoint began to work on the call, the next attempt follows transparently
 * (gRFC A6, "Transparent Retries"). Any other failure ends the call.
 */
export class OnceDispatcher implements Dispatcher, AttemptOwner {
  protected readonly call: DispatchedCall;
  /** Set by `start`. */
  protected cluster!: Cluster;
  /** The attempt whose reply the client gets; null while there is none. */
  protected attempt: Attempt | null = null;
  /** The request so far, until the reply begins: another attempt may need it. Null where there is nothing to keep. */
  private replay: ReplayBuffer | null;
  requestTrailers: HeaderBlock | null = null;
  /** Null until an attempt did no work. */
  private transparent: TransparentRetries | null = null;
  /** Stops waiting for the endpoints of a cluster that has just started; null where nothing is awaited. */
  private stopWaiting: (() => void) | null = null;
  /** Bytes of the request for which the client has its credit back. */
  private creditedBytes = 0;
  private replyBegun = false;

  constructor(call: DispatchedCall) {
    this.call = call;
    this.replay = call.requestEnded ? null : new ReplayBuffer(call.replayBudget);
  }

  get keptBody(): ReplayBuffer | null {
    return this.replay;
  }
  get begun(): boolean {
    return this.attempt !== null && this.attempt.stream !== null;
  }
  get othersMayHaveProcessed(): boolean {
    return false;
  }

  start(cluster: Cluster, nowMs: number): void {
    this.cluster = cluster;
    this.next(null, nowMs, 'first');
  }

  // The request.

  data(bytes: Uint8Array, start: number, end: number, last: boolean): void {
    const { attempt } = this;
    const stream = attempt === null ? null : attempt.stream;
    const kept = this.keep(bytes, start, end, stream === null ? -1 : attempt!.sentBytes);
    if (stream !== null) stream.data(bytes, start, end, last);
    // The client has no credit before there is a stream, so it can send no more than a first window: that is kept, unless
    // the memory for all calls together is used up.
    else if (!kept) this.call.fail(replayFullError());
  }

  trailers(trailers: HeaderBlock): void {
    this.requestTrailers = trailers;
    if (this.attempt !== null) this.sendTrailers(this.attempt, trailers);
  }

  /** Keeps part of the request for further attempts; false where not all of the request is kept. See `ReplayBuffer.push`. */
  protected keep(bytes: Uint8Array, start: number, end: number, leftBytes: number): boolean {
    return this.replay?.push(bytes, start, end, leftBytes) === true;
  }

  /** The whole request so far can be sent again. */
  protected get replayable(): boolean {
    return this.replay === null ? this.call.record.requestBytes === 0 : this.replay.complete;
  }

  /** The number of attempts before this one that the endpoint gets. */
  protected get previousAttempts(): number {
    return 0;
  }

  /** Sends the request so far on the stream of a new attempt. */
  onOpened(attempt: Attempt): void {
    const stream = attempt.stream!;
    // Sending what is kept may make room for more of the request, which is then sent before this returns.
    const { replay, requestTrailers } = this;
    const keptBytes = replay === null ? 0 : replay.length;
    const last = this.call.requestEnded && requestTrailers === null;
    const head = this.headOf(attempt);
    if (head === null || !this.accepts(attempt, head)) return;
    stream.head(head, last && keptBytes === 0);
    if (keptBytes > 0) stream.data(replay!.bytes, 0, keptBytes, last);
    if (requestTrailers !== null) stream.trailers(requestTrailers);
    if (!this.call.requestEnded) this.call.bodyExpected();
  }

  private headOf(attempt: Attempt): HeaderBlock | null {
    const { call } = this;
    const { deadline } = call;
    const hasTimeout = call.grpc && deadline !== null;
    const leftMs = hasTimeout ? deadline.atMs - call.clock.now() : Number.POSITIVE_INFINITY;
    const head = headOfAttempt(call.outgoing, attempt, call.trace!, leftMs, this.previousAttempts);
    return call.attemptHead(head, attempt.endpoint);
  }

  protected sendTrailers(attempt: Attempt, trailers: HeaderBlock): void {
    if (attempt.stream !== null && this.accepts(attempt, trailers)) attempt.stream.trailers(trailers);
  }

  /** False, and the call has failed, where the endpoint accepts no header section of this size (RFC 9113 section 10.5.1). */
  private accepts(attempt: Attempt, section: HeaderBlock): boolean {
    const error = headTooLarge(attempt, section);
    if (error !== null) this.call.fail(error, 'client');
    return error === null;
  }

  onSent(attempt: Attempt): void {
    // A second attempt sends again what the client had its credit for.
    const owedBytes = attempt.sentBytes - this.creditedBytes;
    if (owedBytes <= 0) return;
    this.creditedBytes += owedBytes;
    this.call.requestSent(owedBytes);
  }

  // The attempts.

  get clientAddress(): string {
    return this.call.clientAddress;
  }
  get forwardsClient(): boolean {
    return this.call.forwardsClient;
  }
  get requestMovedMs(): number {
    return this.call.requestMovedMs;
  }

  /**
   * Acquires an endpoint and begins an attempt there. `failure` is why the attempt before failed, and the error of the call
   * where no endpoint is available. Returns false where no attempt follows and the call goes on with those that run. An attempt
   * that waits for endpoints follows as soon as there is one.
   */
  protected next(failure: ReplyError | null, nowMs: number, kind: AttemptKind): boolean {
    const { call, transparent } = this;
    const { record } = call;
    const mayRepeat = this.mayRepeat(kind) || transparent?.mayRepeat(record.attempts.length) === true;
    const usedEndpoints = transparent === null ? null : transparent.usedEndpoints;
    const lease = this.cluster.acquire(nowMs, usedEndpoints, mayRepeat, call.affinityKey, call.rpcMethod);
    if (typeof lease === 'string') return this.onNoEndpoint(lease, failure, kind);
    if (kind === 'transparent') transparent!.followedBy(lease.endpoint);
    const attemptRecord = newAttemptRecord(record, lease, kind);
    const traceparent = call.telemetry.attempt(record, call.trace!, attemptRecord);
    lease.endpoint.pool.open(this.newAttempt(lease, attemptRecord, traceparent));
    return true;
  }

  /** An attempt of this kind may go to an endpoint that the call has used, where there is no other. */
  protected mayRepeat(_kind: AttemptKind): boolean {
    return false;
  }

  protected newAttempt(lease: Lease, record: AttemptRecord, traceparent: Field | null): Attempt {
    const attempt = new Attempt(this, lease, record, traceparent);
    this.attempt = attempt;
    return attempt;
  }

  /** `why` is what `Cluster.acquire` returned. See `next`. */
  protected onNoEndpoint(why: 'full' | 'none', failure: ReplyError | null, kind: AttemptKind): boolean {
    const { call, cluster } = this;
    if (why === 'full') {
      call.fail(cluster.fullError());
      return true;
    }
    // Right after the start, or when all endpoints were replaced, one may be available in a moment.
    this.stopWaiting = cluster.whenWarm(() => void this.next(failure, call.clock.now(), kind));
    if (this.stopWaiting !== null) return true;
    this.attemptFailed(null, failure ?? noEndpointError(cluster));
    return true;
  }

  // What goes wrong.

  onOpenFailed(attempt: Attempt, failure: OpenFailure): void {
    const error = openFailureError(failure);
    noteAttemptError(attempt.record, error);
    attempt.end(endingOfOpenFailure(attempt.endpoint, failure), this.call.clock.now());
    this.retryTransparently(attempt, error);
  }

  onFailed(attempt: Attempt, failure: StreamFailure): void {
    const { call } = this;
    const nowMs = call.clock.now();
    // The endpoint knows the deadline too. Where its timer is the faster one, it resets the stream with CANCEL.
    if (failure.kind === 'reset' && failure.code === ErrorCode.CANCEL && call.deadline?.isAt(nowMs))
      return call.expire();
    const error = failureError(attempt.endpoint, failure, call.grpc);
    noteAttemptError(attempt.record, error);
    attempt.record.grpcStatus = call.grpc ? (error.grpcStatus ?? GrpcStatus.UNAVAILABLE) : -1;
    const ending = endingOfFailure(failure, call.grpc);
    attempt.end(ending, nowMs);
    if (ending === endings.unsendable) return call.fail(error, 'client');
    const noWorkDone = failure.kind === 'unsent' || failure.kind === 'refused';
    this.transparent ??= new TransparentRetries();
    const { endpointCount } = this.cluster;
    if (!noWorkDone || !this.transparent.allow(failure.kind, endpointCount) || this.replyBegun)
      return this.attemptFailed(attempt, error);
    this.retryTransparently(attempt, error);
  }

  /** The attempt has ended, and no endpoint began to work on it. */
  private retryTransparently(attempt: Attempt, error: ReplyError): void {
    this.exclude(attempt);
    const denial = transparentRetryDenial(this.replayable, this.call.record.attempts.length);
    if (denial !== '') {
      attempt.record.verdict = denial;
      return this.attemptFailed(attempt, error);
    }
    this.transparent!.cameToNothing(attempt.record);
    this.forget(attempt);
    this.next(error, this.call.clock.now(), 'transparent');
  }

  /** Further attempts go to other endpoints, as long as there are any. */
  protected exclude({ endpoint }: Attempt): void {
    this.transparent ??= new TransparentRetries();
    this.transparent.usedEndpoints.add(endpoint);
  }

  /** The attempt runs no longer, and another one takes its place. */
  protected forget(_attempt: Attempt): void {
    this.attempt = null;
  }

  /** An attempt failed and is not retried transparently; or, where `attempt` is null, no endpoint was available for one. */
  protected attemptFailed(_attempt: Attempt | null, error: ReplyError): void {
    this.call.fail(error);
  }

  // The reply.

  onInterim(_attempt: Attempt, head: HeaderBlock): void {
    this.call.replyInterim(head);
  }

  onHead(attempt: Attempt, head: HeaderBlock, end: boolean): void {
    // The reply begins: no other attempt can follow.
    this.dropReplay();
    this.replyBegun = true;
    this.call.replyHead(attempt, head, end);
    if (end) this.replyEnded(attempt, head);
  }

  onData(attempt: Attempt, bytes: Uint8Array, start: number, end: number, last: boolean): void {
    this.call.replyData(bytes, start, end, last);
    if (last) this.replyEnded(attempt, null);
  }

  onTrailers(attempt: Attempt, trailers: HeaderBlock): void {
    this.call.replyTrailers(attempt, trailers);
    this.replyEnded(attempt, trailers);
  }

  consumed(bytes: number): void {
    this.attempt?.stream?.consumed(bytes);
  }

  /** The whole reply was relayed; `last` holds its status, null where it has none. */
  private replyEnded(attempt: Attempt, last: HeaderBlock | null): void {
    // A stage gave an error for it, with which the call has ended.
    if (attempt.ended) return;
    const { call } = this;
    const { record } = call;
    const nowMs = call.clock.now();
    if (call.grpc) {
      const code = noteGrpcStatus(record, attempt.record, last);
      attempt.end(endingOfReply(true, record.httpStatus, code, last), nowMs);
      this.noteStatus(attempt.record, code);
    } else attempt.end(endingOfHttp(record.httpStatus), nowMs);
    if (!call.requestEnded) attempt.stream!.reset(unwanted);
    call.replyEnded(nowMs);
  }

  /** Notes what the status of a relayed reply would have led to before it was relayed. */
  protected noteStatus(_attempt: AttemptRecord, _code: number): void {
    // Whatever the status is, it does not lead to another attempt.
  }

  // The end.

  expire(nowMs: number): EndedBy {
    const { call } = this;
    const { atMs } = call.deadline!;
    const attempts = this.unfinished();
    let isClients = call.clientSetDeadline || !call.requestEnded;
    for (const attempt of attempts) {
      const ending = endAtDeadline(attempt, call, this.replyBegun, atMs, nowMs);
      // The endpoint had a fair chance.
      if (ending !== endings.clientDeadline) isClients = false;
    }
    return isClients && attempts.length > 0 ? 'client' : 'outrigger';
  }

  /** The attempts that run; the caller ends them. */
  protected unfinished(): readonly Attempt[] {
    return this.attempt === null ? [] : [this.attempt];
  }

  cancel(ending: Ending, nowMs: number): void {
    this.attempt?.cancel(ErrorCode.CANCEL, ending, nowMs);
  }

  stop(): void {
    this.stopWaiting?.();
    this.dropReplay();
  }

  private dropReplay(): void {
    this.replay?.drop();
    this.replay = null;
  }
}
