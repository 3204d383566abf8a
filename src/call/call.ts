import type { Clock } from '../core/clock.ts';
import { endingOfHttp, endings } from '../core/ending.ts';
import { ErrorCode } from '../core/error-code.ts';
import { GrpcStatus } from '../core/grpc-status.ts';
import type { HeaderBlock } from '../core/header-block.ts';
import type { MessageStream, StreamFailure, StreamReceiver } from '../core/message-stream.ts';
import type { ReplyError } from '../core/reply-error.ts';
import type { AttemptKind, CallRecord, EndedBy } from '../telemetry/call-record.ts';
import type { RouteTelemetry } from '../telemetry/route-telemetry.ts';
import type { CallTrace } from '../telemetry/tracing.ts';
import type { Cluster } from '../upstream/cluster.ts';
import type { Endpoint } from '../upstream/endpoint.ts';
import type { OpenFailure } from '../upstream/stream-opener.ts';
import { Attempt, unwanted } from './attempt.ts';
import { endAllAtDeadline, endingOfFailure, endingOfOpenFailure, endingOfReply } from './attempt-endings.ts';
import {
  deadlineError,
  drainingError,
  failureError,
  headTooLarge,
  noEndpointError,
  openFailureError,
  replayFullError,
} from './call-errors.ts';
import * as records from './call-records.ts';
import { type Deadline, deadlineWithin } from './deadline.ts';
import { notElsewhereBecause, TransparentRetries } from './dispatch/transparent-retries.ts';
import { Tries, type TriesCall } from './dispatch/tries.ts';
import { endWithError, errorReply } from './local-reply.ts';
import { MessageCounter } from './message-counter.ts';
import { headOfAttempt } from './outgoing-head.ts';
import type { Peer } from './peer.ts';
import { attemptHead, type PipelineRequest, replyHeadOf, replyTrailersOf, runPipeline } from './pipeline.ts';
import type { Cuttable, ProxyContext } from './plan.ts';
import { ReplayBuffer } from './replay-buffer.ts';
import type { RoutePlan, StageLists } from './route-plan.ts';
import { type RoutedRequest, routeRequest } from './routed-request.ts';
import type { DirectReply, Follower, Traffic } from './stage.ts';

/**
 * One call, from its head to its settlement: route, deadline, trace, pick, attempt, relay, settle. Push-style; the
 * downstream connection calls the `StreamReceiver` methods, the attempt's connection the `AttemptOwner` ones.
 */
export class Call implements StreamReceiver, TriesCall, Cuttable, PipelineRequest {
  counted = false;
  previousCall: Cuttable | null = null;
  nextCall: Cuttable | null = null;
  readonly traffic: Traffic;
  readonly requestHead: HeaderBlock;
  readonly context: ProxyContext;
  readonly routed: RoutedRequest;
  readonly record: CallRecord;
  readonly peer: Peer;
  cluster: Cluster | null;
  outgoing: HeaderBlock;
  private readonly client: MessageStream;
  /** What the policies of its route do; null where there is none that acts on requests like this one. */
  private readonly stages: StageLists | null;
  private followers: Follower[] | null = null;
  private readonly requestMessages = new MessageCounter();
  private readonly replyMessages = new MessageCounter();
  private trace: CallTrace | null = null;
  private deadline: Deadline | null = null;
  /** Whose reply is relayed; before that the one that runs, unless it is among the `tries`. */
  private attempt: Attempt | null = null;
  /** On routes with retries by policy or hedging. */
  private tries: Tries | null = null;
  /** Takes back the wait for a cluster that has only just started, or an injected delay. */
  private stopWaiting: (() => void) | null = null;
  /** Null until an attempt came to nothing. */
  private transparent: TransparentRetries | null = null;
  /** What ties it to others of its client, where the cluster asks for that; '' for nothing. */
  private key = '';
  /** Kept until the reply begins: until then the request may have to be sent again. */
  private replay: ReplayBuffer | null;
  private requestTrailers: HeaderBlock | null = null;
  requestEnded: boolean;
  requestMovedMs = 0;
  /** Octets of the request whose credit the client has back. */
  private credited = 0;
  replyBegun = false;
  private settled = false;

  constructor(context: ProxyContext, client: MessageStream, peer: Peer, head: HeaderBlock, end: boolean) {
    this.context = context;
    this.client = client;
    this.peer = peer;
    this.requestHead = head;
    this.requestEnded = end;
    this.replay = end ? null : new ReplayBuffer(context.replayBudget);
    const { replaced, requestText } = context.telemetry;
    const routed = routeRequest(head, context.router, replaced, requestText);
    const { plan } = routed;
    this.routed = routed;
    this.traffic = routed.grpc ? 'grpc' : 'http';
    this.stages = plan === null || plan.stages === null ? null : plan.stages[this.traffic];
    this.cluster = plan === null ? null : plan.cluster;
    this.outgoing = routed.base;
    this.record = records.newCallRecord(context, routed, peer);
    client.receiver = this;
    context.calls.begin(this);
  }

  private get routeTelemetry(): RouteTelemetry | null {
    const { plan } = this.routed;
    return plan === null ? null : plan.telemetry;
  }

  start(): void {
    // The trace comes first, so that an error of ours is on it too.
    this.trace = this.context.telemetry.begin(this.requestHead, this.record, this.routeTelemetry);
    runPipeline(this);
  }

  /** Answers with an error and goes nowhere: for what the listener already found wrong. */
  refuse(error: ReplyError): void {
    this.trace = this.context.telemetry.begin(this.requestHead, this.record, this.routeTelemetry);
    this.fail(error, 'client');
  }

  // What the pipeline decides.

  /** The deadline counts over all attempts; a route's own bound caps it. */
  timed(plan: RoutePlan): void {
    const withinMs = Math.min(this.routed.timeoutMs, plan.timeoutMs);
    this.deadline = deadlineWithin(this.clock, this.record.startedMs, withinMs, () => this.expire());
  }
  waiting(cancel: () => void): void {
    this.stopWaiting = cancel;
  }
  refused(error: ReplyError, endedBy: EndedBy): void {
    this.fail(error, endedBy);
  }
  admitted(): void {
    if (this.settled) return;
    const cluster = this.cluster!;
    const { tries } = this.routed.plan!;
    this.key = cluster.affinity?.keyOf(this.requestHead, this.record.clientAddress) ?? '';
    if (tries !== null) this.tries = new Tries(tries, this, cluster, this.clock, this.record);
    // Where no stage has waited, it is still the moment at which the call began.
    const nowMs = this.stages === null ? this.record.startedMs : this.clock.now();
    this.next(null, nowMs, 'first');
  }

  // What the stages may do.

  get clock(): Clock {
    return this.context.clock;
  }
  useCluster(cluster: Cluster): void {
    this.cluster = cluster;
    this.record.cluster = cluster.name;
  }
  useHead(outgoing: HeaderBlock): void {
    this.outgoing = outgoing;
  }
  follow(follower: Follower): void {
    if (this.followers === null) this.followers = [follower];
    else this.followers.push(follower);
  }

  /** Acquires an endpoint and begins an attempt there. `failure` is why the one before did not do, and what is said if none is left. */
  next(failure: ReplyError | null, nowMs: number, kind: AttemptKind): void {
    const { tries, transparent } = this;
    const cluster = this.cluster!;
    const byPolicy = kind === 'retry' || (kind === 'hedge' && !tries!.busy);
    const again = byPolicy || transparent?.mayRepeat(this.record.attempts.length) === true;
    const lease = cluster.acquire(nowMs, transparent?.tried ?? null, again, this.key, this.routed.rpcMethod);
    if (typeof lease === 'string') {
      if (tries?.busy) return;
      return lease === 'full' ? this.fail(cluster.fullError()) : this.waitOrFail(failure, kind);
    }
    const { endpoint } = lease;
    if (kind === 'transparent') transparent!.followedBy(endpoint);
    const record = records.newAttemptRecord(this.record, lease, kind);
    const traceparent = this.context.telemetry.attempt(this.record, this.trace!, record);
    const held = tries === null ? null : tries.hold(kind);
    const attempt = new Attempt(held ?? this, lease, record, traceparent);
    if (held === null) this.attempt = attempt;
    else {
      held.attempt = attempt;
      this.exclude(endpoint);
    }
    endpoint.pool.open(attempt);
  }

  /** No endpoint is available: right after the start, or when all replicas were replaced, that may change in a moment. */
  private waitOrFail(failure: ReplyError | null, kind: AttemptKind): void {
    const cluster = this.cluster!;
    this.stopWaiting = cluster.whenWarm(() => this.next(failure, this.clock.now(), kind));
    if (this.stopWaiting === null) this.lose(null, failure ?? noEndpointError(cluster));
  }

  attemptOpened(attempt: Attempt): void {
    const stream = attempt.stream!;
    const replay = this.replay;
    const held = replay === null ? 0 : replay.length;
    const last = this.requestEnded && this.requestTrailers === null;
    const head = this.headOf(attempt);
    if (!this.takes(attempt, head)) return;
    stream.head(head, last && held === 0);
    if (held > 0) stream.data(replay!.bytes, 0, held, last);
    if (this.requestTrailers !== null) stream.trailers(this.requestTrailers);
  }

  /** False, and the call has failed, where the peer has said that it takes no header section so large (RFC 9113 10.5.1). */
  takes(attempt: Attempt, section: HeaderBlock): boolean {
    const error = headTooLarge(attempt, section);
    if (error !== null) this.fail(error, 'client');
    return error === null;
  }

  private headOf(attempt: Attempt): HeaderBlock {
    const { routed, tries } = this;
    const leftMs = routed.grpc ? this.deadlineMs - this.clock.now() : Number.POSITIVE_INFINITY;
    const previous = tries === null || !routed.grpc ? 0 : tries.begun - 1;
    const head = headOfAttempt(this.outgoing, attempt, this.trace!, leftMs, previous);
    return attemptHead(this, this.stages, head, attempt.endpoint);
  }

  get clientAddress(): string {
    return this.record.clientAddress;
  }
  get forwardsClient(): boolean {
    return this.routed.plan!.forwardsClient;
  }
  get grpc(): boolean {
    return this.routed.grpc;
  }
  get deadlineMs(): number {
    return this.deadline?.atMs ?? Number.POSITIVE_INFINITY;
  }

  head(): void {
    // The head came with the stream; there is no second one.
  }

  data(bytes: Uint8Array, start: number, end: number, last: boolean): void {
    if (this.settled) return this.client.consumed(end - start);
    this.record.requestBytes += end - start;
    if (this.followers !== null && !this.followed(bytes, start, end, last)) return;
    if (this.cluster?.estimator != null) this.requestMovedMs = this.clock.now();
    if (this.routed.grpc) this.requestMessages.add(bytes, start, end);
    if (last) this.requestEnded = true;
    const stream = this.attempt?.stream ?? null;
    const open = stream !== null || this.tries?.open === true;
    const leftBytes = open ? (this.attempt?.sentBytes ?? Number.POSITIVE_INFINITY) : -1;
    const kept = this.replay?.push(bytes, start, end, leftBytes) === true;
    if (stream !== null) stream.data(bytes, start, end, last);
    else if (open) this.tries!.data(bytes, start, end, last, kept);
    // Before there is a stream no credit is given, so a first window is all that can come: it is kept, unless the
    // memory for all calls together is used up.
    else if (!kept) this.fail(replayFullError());
  }

  /** Shows the body to those that follow it; false where one of them has ended the request. */
  private followed(bytes: Uint8Array, start: number, end: number, last: boolean): boolean {
    for (const follower of this.followers!) {
      const error = follower.data?.(bytes, start, end, last) ?? null;
      if (error === null) continue;
      this.fail(error, 'client');
      return false;
    }
    return true;
  }

  trailers(trailers: HeaderBlock): void {
    if (this.settled) return;
    this.requestEnded = true;
    if (this.followers !== null) for (const follower of this.followers) follower.trailers?.(trailers);
    this.requestMovedMs = this.clock.now();
    this.requestTrailers = trailers;
    const { attempt } = this;
    if (attempt?.stream != null && this.takes(attempt, trailers)) attempt.stream.trailers(trailers);
    this.tries?.trailers(trailers);
  }

  requestSent(attempt: Attempt): void {
    // A second attempt sends again what the client had its credit for.
    const owed = attempt.sentBytes - this.credited;
    if (owed <= 0) return;
    this.credited += owed;
    this.client.consumed(owed);
  }

  adopt(attempt: Attempt): void {
    this.attempt = attempt;
  }

  replyHead(attempt: Attempt, head: HeaderBlock, end: boolean): void {
    this.commit();
    this.replyBegun = true;
    this.record.headMs = this.clock.now();
    records.noteHead(this.record, attempt.record, head);
    const { affinity } = this.cluster!;
    const bound = affinity === null ? head : affinity.bind(head, this.key, attempt.endpoint);
    this.client.head(this.replyHeadFor(bound, attempt.endpoint), end);
    if (end) this.finish(head);
  }

  replyData(bytes: Uint8Array, start: number, end: number, last: boolean): void {
    this.record.responseBytes += end - start;
    if (this.routed.grpc) this.replyMessages.add(bytes, start, end);
    this.client.data(bytes, start, end, last);
    if (last) this.finish(null);
  }

  private replyHeadFor(head: HeaderBlock, endpoint: Endpoint | null): HeaderBlock {
    return this.stages === null ? head : replyHeadOf(this, this.stages, head, endpoint);
  }

  replyTrailers(trailers: HeaderBlock): void {
    const { stages } = this;
    const { endpoint } = this.attempt!;
    this.client.trailers(stages === null ? trailers : replyTrailersOf(this, stages, trailers, endpoint));
    this.finish(trailers);
  }

  /** Bytes of the reply left for the client: the upstream may send as many more. */
  sent(bytes: number): void {
    this.attempt?.stream?.consumed(bytes);
  }

  /** The reply is whole; `last` holds its status. */
  private finish(last: HeaderBlock | null): void {
    const attempt = this.attempt!;
    const nowMs = this.clock.now();
    if (this.routed.grpc) {
      const code = records.noteGrpcStatus(this.record, attempt.record, last);
      attempt.end(endingOfReply(true, this.record.httpStatus, code, last), nowMs);
      this.tries?.tooLate(attempt.record, code);
    } else attempt.end(endingOfHttp(this.record.httpStatus), nowMs);
    if (!this.requestEnded) attempt.stream!.reset(unwanted);
    this.settle('upstream', nowMs);
  }

  attemptNotOpened(attempt: Attempt, failure: OpenFailure): void {
    const error = openFailureError(failure);
    records.noteAttemptError(attempt.record, error);
    attempt.end(endingOfOpenFailure(attempt.endpoint, failure), this.clock.now());
    this.tryElsewhere(attempt, error);
  }

  attemptFailed(attempt: Attempt, failure: StreamFailure): void {
    const nowMs = this.clock.now();
    // The server was told the deadline too. Where its timer is the faster one, CANCEL is what it says when that passes.
    if (failure.kind === 'reset' && failure.code === ErrorCode.CANCEL && this.deadline?.isAt(nowMs))
      return this.expire();
    const error = failureError(attempt.endpoint, failure, this.routed.grpc);
    records.noteAttemptError(attempt.record, error);
    attempt.record.grpcStatus = this.routed.grpc ? (error.grpcStatus ?? GrpcStatus.UNAVAILABLE) : -1;
    const safe = failure.kind === 'unsent' || failure.kind === 'refused';
    const ending = endingOfFailure(failure, this.grpc);
    attempt.end(ending, nowMs);
    if (ending === endings.unsendable) return this.fail(error, 'client');
    const { endpointCount } = this.cluster!;
    this.transparent ??= new TransparentRetries();
    if (!safe || !this.transparent.allow(failure.kind, endpointCount) || this.replyBegun)
      return this.lose(attempt, error);
    this.tryElsewhere(attempt, error);
  }

  private tryElsewhere(attempt: Attempt, error: ReplyError): void {
    this.exclude(attempt.endpoint);
    this.attempt = null;
    const whyNot = notElsewhereBecause(this.replayable, this.record.attempts.length);
    if (whyNot !== '') {
      attempt.record.verdict = whyNot;
      return this.lose(attempt, error);
    }
    this.transparent!.cameToNothing(attempt.record);
    this.tries?.forget(attempt);
    this.next(error, this.clock.now(), 'transparent');
  }

  private exclude(endpoint: Endpoint): void {
    this.transparent ??= new TransparentRetries();
    this.transparent.tried.add(endpoint);
  }

  /** An attempt, or the want of an endpoint, that nothing makes up for but the route's policy. */
  private lose(attempt: Attempt | null, error: ReplyError): void {
    if (this.tries?.lost(attempt, error) !== true) this.fail(error);
  }

  /** Is all of the request that came so far still here? */
  get replayable(): boolean {
    return this.replay === null ? this.record.requestBytes === 0 : this.replay.complete;
  }

  /** The client gave up, or its connection is gone. */
  failed(failure: StreamFailure): void {
    if (this.settled) return;
    const nowMs = this.clock.now();
    this.attempt?.cancel(ErrorCode.CANCEL, endings.cancelled, nowMs);
    this.tries?.cancelRunning(() => endings.cancelled, '');
    records.noteClientEnded(this.record, failure);
    this.settle('client', nowMs);
  }

  private expire(): void {
    const nowMs = this.clock.now();
    const { begun, attempt, tries } = this;
    const endedBy = endAllAtDeadline(this, attempt, tries, nowMs);
    this.fail(deadlineError(this.record, nowMs, begun), endedBy);
  }

  /** The endpoint has all that came of a request that is not whole. */
  awaitsClient(attempt: Attempt): boolean {
    return !this.requestEnded && attempt.sentBytes >= this.record.requestBytes;
  }

  /** The sidecar goes, and this call has outlasted its grace. */
  cut(): void {
    this.fail(drainingError(this.begun));
  }

  /** Some endpoint may have begun to work on it. */
  private get begun(): boolean {
    return this.attempt?.stream != null || this.tries?.mayBeProcessed === true;
  }

  /** Ends the call with an error of ours, in whatever form the client still understands. `endedBy`: whose doing that is. */
  fail(cause: ReplyError, endedBy: EndedBy = 'outrigger'): void {
    if (this.settled) return;
    // An attempt before may have done what the last one did not even begin.
    const error = this.tries?.mayBeProcessed === true ? { ...cause, mayHaveProcessed: true } : cause;
    const nowMs = this.clock.now();
    const ending = endedBy === 'client' ? endings.unsendable : endings.terminated;
    this.attempt?.cancel(ErrorCode.CANCEL, ending, nowMs);
    records.noteError(this.record, error, this.replyBegun);
    // Settled first: the reply below may end the stream, and its last events are no longer ours.
    this.settle(endedBy, nowMs);
    if (this.replyBegun) return endWithError(this.client, error, this.grpc);
    const { head, body } = errorReply(error, this.routed);
    this.sendReply(head, body);
  }

  /** A reply of a policy, for which no endpoint is asked. */
  answered({ head, body }: DirectReply): void {
    if (this.settled) return;
    records.noteDirectReply(this.record, head);
    this.settle('outrigger', this.clock.now());
    this.sendReply(head, this.routed.method === 'HEAD' ? null : body);
  }

  /** A reply that Outrigger gives itself. The policies of the route see its head as they see that of an endpoint. */
  private sendReply(head: HeaderBlock, body: Uint8Array | null): void {
    const empty = body === null || body.length === 0;
    this.client.head(this.replyHeadFor(head, null), empty);
    if (!empty) this.client.data(body, 0, body.length, true);
  }

  /** No other attempt can follow. */
  private commit(): void {
    this.replay?.drop();
    this.replay = null;
  }

  /** Exactly once, whichever way it ended: timers, counters, metrics, span, log. */
  private settle(endedBy: EndedBy, nowMs: number): void {
    if (this.settled) return;
    this.settled = true;
    this.deadline?.cancel();
    this.stopWaiting?.();
    this.tries?.stop();
    this.commit();
    const { record } = this;
    record.endedBy = endedBy;
    record.endedMs = nowMs;
    if (this.followers !== null) for (const follower of this.followers) follower.settled?.(record);
    record.requestMessages = this.requestMessages.count;
    record.responseMessages = this.replyMessages.count;
    // Counted first: a bug in what tells of calls must not leave one in flight for ever.
    this.context.calls.end(this);
    this.context.telemetry.settled(record, this.trace!, this.routeTelemetry);
  }
}
