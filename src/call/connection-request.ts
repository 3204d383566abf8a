import type { Clock } from '../core/clock.ts';
import { didNoWork, type Ending } from '../core/ending.ts';
import type { Field } from '../core/field.ts';
import type { HeaderBlock } from '../core/header-block.ts';
import type { ReplyError } from '../core/reply-error.ts';
import type { AttemptRecord, CallRecord, EndedBy } from '../telemetry/call-record.ts';
import type { CallTrace } from '../telemetry/tracing.ts';
import type { Cluster } from '../upstream/cluster.ts';
import type { Endpoint } from '../upstream/endpoint.ts';
import type { Lease } from '../upstream/lease.ts';
import { acquireError } from './call-errors.ts';
import { newAttemptRecord, newCallRecord, noteAttemptError } from './call-records.ts';
import type { Peer } from './peer.ts';
import { type PipelineRequest, runPipeline } from './pipeline.ts';
import type { ProxyContext } from './plan.ts';
import type { RoutedRequest } from './routed-request.ts';
import type { DirectReply, Follower, Traffic } from './stage.ts';
import { withTrueScheme } from './true-scheme.ts';

/** What came of the pipeline, or of asking for an endpoint. */
export type PipelineOutcome =
  | { readonly kind: 'admitted' }
  | { readonly kind: 'error'; readonly error: ReplyError }
  | { readonly kind: 'reply'; readonly reply: DirectReply };

/** An endpoint for one connection attempt. */
export interface ConnectionAttempt {
  readonly lease: Lease;
  readonly record: AttemptRecord;
  /** The trace context that the endpoint gets; null for none of ours. */
  readonly traceparent: Field | null;
}

/**
 * A request that takes a connection of its own to its endpoint, and whose bytes go their own way from then on: a WebSocket, a
 * TCP connection, or for UDP a session. It runs the pipeline of every request, acquires endpoints as every request does, and uses another one where
 * an endpoint takes no connection.
 */
export abstract class ConnectionRequest implements PipelineRequest {
  readonly traffic: Traffic;
  readonly context: ProxyContext;
  readonly peer: Peer;
  readonly requestHead: HeaderBlock;
  readonly record: CallRecord;
  /** Null for TCP and UDP, which have no trace context. */
  readonly trace: CallTrace | null;
  readonly requestEnded = true;
  routed: RoutedRequest;
  cluster: Cluster | null;
  outgoing: HeaderBlock;
  /** Who is to blame where the pipeline refused the request. */
  refusedBy: EndedBy | null = null;
  protected key = '';
  private readonly usedEndpoints = new Set<Endpoint>();
  private followers: Follower[] | null = null;
  private cancelWait: (() => void) | null = null;
  private decided: (outcome: PipelineOutcome) => void = () => {};

  constructor(
    traffic: Traffic,
    context: ProxyContext,
    peer: Peer,
    requestHead: HeaderBlock,
    routed: RoutedRequest,
  ) {
    this.traffic = traffic;
    this.context = context;
    this.peer = peer;
    this.requestHead = requestHead;
    this.routed = routed;
    this.cluster = routed.plan?.cluster ?? null;
    this.outgoing = withTrueScheme(routed.base, peer, routed.plan);
    this.record = newCallRecord(context, routed, peer);
    this.record.tcp = traffic === 'tcp';
    this.record.udp = traffic === 'udp';
    this.trace =
      traffic === 'tcp' || traffic === 'udp'
        ? null
        : context.telemetry.begin(requestHead, this.record, routed.plan?.telemetry ?? null);
  }

  get clock(): Clock {
    return this.context.clock;
  }

  get forwardsClient(): boolean {
    return this.routed.plan!.forwardsClient;
  }

  /** Runs the pipeline; `decided` is called once, at once where no stage delays the request. */
  protected run(decided: (outcome: PipelineOutcome) => void): void {
    this.decided = (outcome) => {
      this.decided = () => {};
      this.cancelWait = null;
      decided(outcome);
    };
    this.context.watch.observer?.started(this);
    runPipeline(this);
  }

  timed(): void {
    // A connection lives as long as its ends do: a route's time is for requests that are answered.
  }
  waiting(cancel: () => void): void {
    this.cancelWait = cancel;
  }
  admitted(): void {
    this.key = this.cluster!.affinity?.keyOf(this.requestHead, this.record.clientAddress) ?? '';
    this.decided({ kind: 'admitted' });
  }
  refused(error: ReplyError, endedBy: EndedBy): void {
    this.refusedBy = endedBy;
    this.decided({ kind: 'error', error });
  }
  answered(reply: DirectReply): void {
    this.decided({ kind: 'reply', reply });
  }

  useCluster(cluster: Cluster): void {
    this.cluster = cluster;
    this.record.cluster = cluster.name;
  }
  useHead(outgoing: HeaderBlock): void {
    this.outgoing = outgoing;
  }
  traceContext(): readonly Field[] {
    return this.trace?.context() ?? [];
  }
  follow(follower: Follower): void {
    if (this.followers === null) this.followers = [follower];
    else this.followers.push(follower);
  }

  /** The client left while a stage delayed its request. */
  protected stopWaiting(error: ReplyError): void {
    if (this.cancelWait === null) return;
    this.cancelWait();
    this.decided({ kind: 'error', error });
  }

  /** An endpoint for the next connection attempt, another one each time; `mayRepeat` allows the same where there is no other. */
  protected acquire(mayRepeat: boolean): ConnectionAttempt | ReplyError {
    const cluster = this.cluster!;
    const { record } = this;
    const lease = cluster.acquire(this.clock.now(), this.usedEndpoints, mayRepeat, this.key, null);
    if (typeof lease === 'string') return acquireError(cluster, lease);
    lease.leaveLimiter();
    this.usedEndpoints.add(lease.endpoint);
    const attempt = newAttemptRecord(record, lease, record.attempts.length === 0 ? 'first' : 'transparent');
    const { trace } = this;
    const traceparent = trace === null ? null : this.context.telemetry.attempt(record, trace, attempt);
    return { lease, record: attempt, traceparent };
  }

  /** Ends an attempt: `error` is why it failed, null where it did not. */
  protected release({ lease, record }: ConnectionAttempt, ending: Ending, error: ReplyError | null): void {
    const nowMs = this.clock.now();
    record.endedMs = nowMs;
    record.tally = ending.tally;
    record.mayHaveProcessed = !didNoWork(ending);
    if (error !== null) noteAttemptError(record, error);
    lease.end(ending, nowMs);
  }

  /** The record is final. */
  protected followersSettled(): void {
    for (const follower of this.followers ?? []) follower.settled?.(this.record);
  }
}
