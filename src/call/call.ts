import type { Clock } from '../core/clock.ts';
import { endings } from '../core/ending.ts';
import { ErrorCode } from '../core/error-code.ts';
import type { Field } from '../core/field.ts';
import { HeaderBlock } from '../core/header-block.ts';
import type { MessageStream, StreamFailure, StreamReceiver } from '../core/message-stream.ts';
import type { ReplyError } from '../core/reply-error.ts';
import type { CallRecord, EndedBy } from '../telemetry/call-record.ts';
import type { RouteTelemetry } from '../telemetry/route-telemetry.ts';
import type { Telemetry } from '../telemetry/telemetry.ts';
import type { CallTrace } from '../telemetry/tracing.ts';
import type { Cluster } from '../upstream/cluster.ts';
import type { Endpoint } from '../upstream/endpoint.ts';
import type { MethodRef } from '../upstream/method-slots.ts';
import type { Attempt } from './attempt.ts';
import { deadlineError, drainingError } from './call-errors.ts';
import * as records from './call-records.ts';
import { type Deadline, deadlineWithin } from './deadline.ts';
import type { DispatchedCall, Dispatcher } from './dispatch/dispatcher.ts';
import { newOnceDispatcher } from './dispatch/once.ts';
import { Followers } from './followers.ts';
import { errorReply, errorTrailers } from './local-reply.ts';
import { MessageCounter } from './message-counter.ts';
import type { Peer } from './peer.ts';
import {
  attemptHead,
  ownReplyHead,
  ownReplyTrailers,
  type PipelineRequest,
  replyHeadOf,
  replyTrailersOf,
  runPipeline,
} from './pipeline.ts';
import type { Abortable, ProxyContext } from './plan.ts';
import type { ReplayBudget } from './replay-buffer.ts';
import { mayReach, type RoutePlan, type StageLists } from './route-plan.ts';
import { type RoutedRequest, routeRequest } from './routed-request.ts';
import type { DirectReply, Follower, Traffic } from './stage.ts';
import { withTrueScheme } from './true-scheme.ts';

const continueHead = HeaderBlock.of([':status', '100']);

/**
 * One gRPC call or web request, from its head to its settlement. It owns the client's stream, the deadline and the record;
 * its dispatcher owns the attempts.
 *
 *                   head of the request
 *                           |
 *                           v
 *                    +-------------+  a policy or the pipeline answers or refuses it;
 *                    |  admitting  |  the client cancels; the deadline passes; abort
 *                    +-------------+ ---------------------------------.
 *                           | the pipeline admits it                  |
 *                           v                                         |
 *                    +-------------+  no endpoint is available; all   |
 *                    | dispatching |  attempts failed; as above       |
 *                    +-------------+ ---------------------------------|
 *                           | the dispatcher relays a reply's head    |
 *                           v                                         v
 *                    +-------------+  end of the reply; it     +-------------+
 *                    |  relaying   |  breaks off; as above     |   settled   |
 *                    +-------------+ ------------------------> +-------------+
 *
 *  - admitting: the pipeline runs, and may wait. What the client sends is kept by the dispatcher.
 *  - dispatching: the dispatcher makes attempts. Nothing of a reply has reached the client: an error becomes a reply.
 *  - relaying: the client gets the reply of one attempt. An error ends the client's stream.
 *  - settled: all that was counted is released, the record is final, and what the client still sends is discarded.
 *
 * Push-style: the client's connection calls the methods of `StreamReceiver`, the dispatcher those of `DispatchedCall`.
 */
export class Call implements StreamReceiver, DispatchedCall, Abortable, PipelineRequest {
  counted = false;
  previousCall: Abortable | null = null;
  nextCall: Abortable | null = null;
  readonly traffic: Traffic;
  readonly requestHead: HeaderBlock;
  readonly context: ProxyContext;
  readonly routed: RoutedRequest;
  readonly record: CallRecord;
  readonly peer: Peer;
  cluster: Cluster | null;
  outgoing: HeaderBlock;
  trace: CallTrace | null = null;
  deadline: Deadline | null = null;
  affinityKey = '';
  requestEnded: boolean;
  requestMovedMs = 0;
  private state: 'admitting' | 'dispatching' | 'relaying' | 'settled' = 'admitting';
  private readonly client: MessageStream;
  /** What the policies of its route do; null where there is none that acts on requests like this one. */
  private readonly stages: StageLists | null;
  private followers: Followers | null = null;
  private readonly requestMessages = new MessageCounter();
  private readonly replyMessages = new MessageCounter();
  /** Ends the wait of a stage; null once the call is admitted. */
  private cancelWait: (() => void) | null = null;
  private readonly dispatcher: Dispatcher;

  constructor(context: ProxyContext, client: MessageStream, peer: Peer, head: HeaderBlock, end: boolean) {
    this.context = context;
    this.client = client;
    this.peer = peer;
    this.requestHead = head;
    this.requestEnded = end;
    const { replaced, requestText } = context.telemetry;
    const routed = routeRequest(head, context.router, replaced, requestText, peer.address);
    const { plan } = routed;
    this.routed = routed;
    this.traffic = routed.grpc ? 'grpc' : 'http';
    this.stages = plan === null || plan.stages === null ? null : plan.stages[this.traffic];
    this.cluster = plan === null ? null : plan.cluster;
    this.outgoing = withTrueScheme(routed.base, peer, plan);
    this.record = records.newCallRecord(context, routed, peer);
    this.dispatcher = (plan?.newDispatcher ?? newOnceDispatcher)(this);
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
    const { observer } = this.context.watch;
    if (observer !== null) observer.started(this);
    runPipeline(this);
  }

  /** Answers with an error, without a pipeline: for what the listener has already found wrong. */
  refuse(error: ReplyError): void {
    this.trace = this.context.telemetry.begin(this.requestHead, this.record, this.routeTelemetry);
    this.context.watch.observer?.started(this);
    this.fail(error, 'client');
  }

  // Admitting: what the pipeline decides.

  /** The deadline counts over all attempts; a route's own limit caps it. */
  timed(plan: RoutePlan): void {
    const withinMs = Math.min(this.routed.timeoutMs, plan.timeoutMs);
    this.deadline = deadlineWithin(this.clock, this.record.startedMs, withinMs, () => this.expire());
  }
  waiting(cancel: () => void): void {
    this.cancelWait = cancel;
  }
  refused(error: ReplyError, endedBy: EndedBy): void {
    this.fail(error, endedBy);
  }
  admitted(): void {
    if (this.state !== 'admitting') return;
    this.state = 'dispatching';
    this.cancelWait = null;
    const cluster = this.cluster!;
    this.affinityKey = cluster.affinity?.keyOf(this.requestHead, this.record.clientAddress) ?? '';
    // Where no stage has waited, it is still the moment at which the call began.
    const nowMs = this.stages === null ? this.record.startedMs : this.clock.now();
    this.dispatcher.start(cluster, nowMs);
  }
  /** Sends a reply that a policy gives, for which no endpoint is asked. */
  answered({ head, body }: DirectReply): void {
    if (this.state === 'settled') return;
    records.noteDirectReply(this.record, head);
    this.settle('outrigger', this.clock.now());
    this.sendReply(head, this.routed.method === 'HEAD' ? null : body);
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
  traceContext(): readonly Field[] {
    return this.trace!.context();
  }
  follow(follower: Follower): void {
    // A follower before this one may have ended the request with what had arrived.
    if (this.state === 'settled') return follower.settled?.(this.record);
    if (this.followers === null) this.followers = new Followers(follower);
    else this.followers.add(follower);
    this.showArrived(follower);
  }

  /** Shows a follower what came of the body while a stage before it delayed the request. */
  private showArrived(follower: Follower): void {
    const { keptBody, requestTrailers } = this.dispatcher;
    if (keptBody !== null && keptBody.length > 0) {
      const last = this.requestEnded && requestTrailers === null;
      const error = follower.data?.(keptBody.bytes, 0, keptBody.length, last) ?? null;
      if (error !== null) return this.fail(error, 'client');
    }
    if (requestTrailers !== null) follower.trailers?.(requestTrailers);
  }

  // The request, from the client.

  head(): void {
    // The head came with the stream; there is no second one.
  }

  data(bytes: Uint8Array, start: number, end: number, last: boolean): void {
    if (this.state === 'settled') return this.client.consumed(end - start);
    this.record.requestBytes += end - start;
    if (this.followers !== null) {
      const error = this.followers.data(bytes, start, end, last);
      if (error !== null) return this.fail(error, 'client');
    }
    if (this.cluster?.measuresLatency === true) this.requestMovedMs = this.clock.now();
    if (this.routed.grpc) this.requestMessages.add(bytes, start, end);
    if (last) this.requestEnded = true;
    this.dispatcher.data(bytes, start, end, last);
  }

  trailers(trailers: HeaderBlock): void {
    if (this.state === 'settled') return;
    this.requestEnded = true;
    if (this.followers !== null) this.followers.trailers(trailers);
    this.requestMovedMs = this.clock.now();
    this.dispatcher.trailers(trailers);
  }

  sent(bytes: number): void {
    this.dispatcher.consumed(bytes);
  }

  /** The client cancelled the call, or its connection is gone. */
  failed(failure: StreamFailure): void {
    if (this.state === 'settled') return;
    const nowMs = this.clock.now();
    this.dispatcher.cancel(endings.cancelled, nowMs);
    records.noteClientEnded(this.record, failure);
    this.settle('client', nowMs);
  }

  // Dispatching: what the dispatcher asks for.

  get telemetry(): Telemetry {
    return this.context.telemetry;
  }
  get replayBudget(): ReplayBudget {
    return this.context.replayBudget;
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
  get rpcMethod(): MethodRef | null {
    return this.routed.rpcMethod;
  }
  get clientSetDeadline(): boolean {
    return this.routed.timeoutMs <= this.routed.plan!.timeoutMs;
  }
  attemptHead(head: HeaderBlock, endpoint: Endpoint): HeaderBlock | null {
    return this.orFail(attemptHead(this, this.stages, head, endpoint));
  }
  /** Null, and the call has failed, where a stage gave an error. */
  private orFail(block: HeaderBlock | ReplyError): HeaderBlock | null {
    if (block instanceof HeaderBlock) return block;
    this.fail(block);
    return null;
  }
  requestSent(bytes: number): void {
    this.client.consumed(bytes);
  }

  bodyExpected(): void {
    // A client that has begun to send the body does not wait for it.
    const isAwaited = this.client.expectsContinue === true && this.record.requestBytes === 0;
    if (isAwaited && this.state === 'dispatching') this.client.interim?.(continueHead);
  }

  // Relaying: the reply, from the dispatcher.

  /** Clients of gRPC expect none. */
  replyInterim(head: HeaderBlock): void {
    if (this.state === 'dispatching' && !this.routed.grpc) this.client.interim?.(head);
  }

  replyHead(attempt: Attempt, head: HeaderBlock, end: boolean): void {
    if (this.state === 'settled') return;
    this.record.headMs = this.clock.now();
    records.noteHead(this.record, attempt.record, head);
    const { affinity } = this.cluster!;
    const bound = affinity === null ? head : affinity.bind(head, this.affinityKey, attempt.endpoint);
    const { stages } = this;
    const shown = stages === null ? bound : this.orFail(replyHeadOf(this, stages, bound, attempt.endpoint));
    if (shown === null) return;
    this.state = 'relaying';
    if (this.followers !== null) this.followers.replyHead(shown);
    this.client.head(shown, end);
  }

  replyData(bytes: Uint8Array, start: number, end: number, last: boolean): void {
    // A stage failed at the head, and more of the reply was held back behind it.
    if (this.state === 'settled') return;
    this.record.responseBytes += end - start;
    if (this.routed.grpc) this.replyMessages.add(bytes, start, end);
    if (this.followers !== null) this.followers.replyData(bytes, start, end);
    this.client.data(bytes, start, end, last);
  }

  replyTrailers({ endpoint }: Attempt, trailers: HeaderBlock): void {
    if (this.state === 'settled') return;
    const { stages } = this;
    const shown = stages === null ? trailers : this.orFail(replyTrailersOf(this, stages, trailers, endpoint));
    if (shown === null) return;
    if (this.followers !== null) this.followers.replyTrailers(shown);
    this.client.trailers(shown);
  }

  replyEnded(nowMs: number): void {
    this.settle('upstream', nowMs);
  }

  private ownTrailers(trailers: HeaderBlock): HeaderBlock {
    return this.stages === null ? trailers : ownReplyTrailers(this, this.stages, trailers);
  }

  /** A reply that Outrigger gives itself. The policies of the route see its head as they see that of an endpoint. */
  private sendReply(head: HeaderBlock, body: Uint8Array | null): void {
    const empty = body === null || body.length === 0;
    this.client.head(this.stages === null ? head : ownReplyHead(this, this.stages, head), empty);
    if (!empty) this.client.data(body, 0, body.length, true);
  }

  // The end.

  expire(): void {
    const nowMs = this.clock.now();
    const { begun } = this.dispatcher;
    const endedBy = this.dispatcher.expire(nowMs);
    this.fail(deadlineError(this.record, nowMs, begun), endedBy);
  }

  /** The sidecar shuts down, and its grace period is over. */
  abort(): void {
    this.fail(drainingError(this.dispatcher.begun));
  }

  mayReach(cluster: Cluster): boolean {
    const { plan } = this.routed;
    if (this.state === 'admitting') return plan !== null && mayReach(plan, cluster);
    return this.cluster === cluster;
  }

  /** Ends the call with an error of ours, in whatever form the client still understands. `endedBy` is who caused it. */
  fail(cause: ReplyError, endedBy: EndedBy = 'outrigger'): void {
    const { dispatcher, state } = this;
    if (state === 'settled') return;
    // An attempt before may have done what the last one did not even begin.
    const error = dispatcher.othersMayHaveProcessed ? { ...cause, mayHaveProcessed: true } : cause;
    const nowMs = this.clock.now();
    dispatcher.cancel(endedBy === 'client' ? endings.unsendable : endings.terminated, nowMs);
    records.noteError(this.record, error, state === 'relaying');
    // Settled first: the reply below may end the stream, and its last events are no longer ours.
    this.settle(endedBy, nowMs);
    if (state === 'relaying') return this.endReply(error);
    const { head, body } = errorReply(error, this.routed, this.record.id);
    this.sendReply(head, body);
  }

  /** Ends a reply whose head the client has: gRPC has trailers for that, and in HTTP the reply breaks off. */
  private endReply(error: ReplyError): void {
    if (this.grpc) this.client.trailers(this.ownTrailers(errorTrailers(error, this.record.id)));
    else this.client.reset(ErrorCode.INTERNAL_ERROR);
  }

  /** Exactly once, whichever way it ended: timers, counters, metrics, span, log. */
  private settle(endedBy: EndedBy, nowMs: number): void {
    if (this.state === 'settled') return;
    this.state = 'settled';
    this.deadline?.cancel();
    this.cancelWait?.();
    this.dispatcher.stop();
    const { record } = this;
    record.endedBy = endedBy;
    record.endedMs = nowMs;
    record.requestMessages = this.requestMessages.count;
    record.responseMessages = this.replyMessages.count;
    if (this.followers !== null) this.followers.settled(record);
    // Counted first: a bug in what reports calls must not leave one in flight for ever.
    this.context.calls.end(this);
    this.context.telemetry.settled(record, this.trace!, this.routeTelemetry);
  }
}
