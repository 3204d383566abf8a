import type { Timer } from '../../core/clock.ts';
import { type Ending, endings } from '../../core/ending.ts';
import { ErrorCode } from '../../core/error-code.ts';
import type { Field } from '../../core/field.ts';
import { GrpcStatus, grpcStatusName } from '../../core/grpc-status.ts';
import type { HeaderBlock } from '../../core/header-block.ts';
import { pluralize } from '../../core/pluralize.ts';
import { type ReplyError, replyErrors } from '../../core/reply-error.ts';
import type { AttemptKind, AttemptRecord, EndedBy, WithheldReason } from '../../telemetry/call-record.ts';
import type { Cluster } from '../../upstream/cluster.ts';
import type { Lease } from '../../upstream/lease.ts';
import type { Attempt } from '../attempt.ts';
import { endingOfReply } from '../attempt-endings.ts';
import { noteDropped } from '../call-records.ts';
import { grpcStatusOfReply } from '../reply-status.ts';
import type { AttemptPolicy } from './attempt-policy.ts';
import { BufferedAttempt } from './buffered-attempt.ts';
import type { DispatchedCall } from './dispatcher.ts';
import { OnceDispatcher } from './once.ts';
import { parsePushback } from './pushback.ts';
import type { RetryConditions } from './retry-conditions.ts';

/**
 * The attempts of one call on a route with `retry` or `hedge`. Their replies are held back until the call is committed to
 * one of them: the first whose reply is good enough, or is more than a status. Until then nothing of any reply has reached
 * the client. A committed call goes on as that of a `OnceDispatcher`.
 *
 *        +------+
 *        | idle |
 *        +------+
 *           | start
 *           v
 *     +------------+  another attempt is to follow: takes a place   +-----------+
 *     | attempting | ---------------------------------------------> | scheduled |
 *     |            | <--------------------------------------------- |           |
 *     +------------+  the pause is over and the attempt begins; or  +-----------+
 *           |         it is not to begin: gives the place back            |
 *           |                                                             |
 *           |  a reply is chosen, or the request outgrows the buffer      |
 *           |                     +-----------+                           |
 *           '-------------------> | committed | <-------------------------'
 *                                 +-----------+
 *
 * A place is one in the retry budget of the route and below the retry limit of the cluster.
 * Attempts run while it is attempting or scheduled; a transparent retry does not change the state.
 *
 * A head is held back until something follows it, since many servers say UNAVAILABLE in trailers behind a head (as Linkerd
 * does; Envoy is committed by then). It is not held for long: a client may wait for it before it goes on. Where the client
 * has sent its whole request, the head is held for `headHoldMs` at the most; else only until the event loop has read on.
 */
export abstract class BufferedDispatcher<Policy extends AttemptPolicy> extends OnceDispatcher {
  protected state: 'idle' | 'attempting' | 'scheduled' | 'committed' = 'idle';
  protected readonly policy: Policy;
  /** Attempts that have begun, the first included; transparent retries are not counted. */
  protected attemptsBegun = 1;
  /** Attempts scheduled since the last pushback, which makes the back-off begin again (gRFC A6). */
  protected backoffs = 0;
  protected readonly running: BufferedAttempt[] = [];
  private readonly conditions: RetryConditions;
  /** The pause before a scheduled attempt, or before the next hedge. */
  private pause: Timer | null = null;
  /** Why no other attempt can follow; '' until the call is committed. */
  private committedBecause = '';
  /** An attempt that has ended may have been processed. */
  private processed = false;
  /** A server asked for no further attempt. */
  private pushedBack = false;

  constructor(call: DispatchedCall, policy: Policy, conditions: RetryConditions) {
    super(call);
    this.policy = policy;
    this.conditions = conditions;
  }

  // What a policy decides.

  /** The pause before the next attempt where the server does not say how long, milliseconds. */
  protected abstract pauseMs(): number;
  /** An attempt begins. */
  protected abstract onBegin(attempt: BufferedAttempt): void;

  override get begun(): boolean {
    return super.begun || this.othersMayHaveProcessed;
  }
  override get othersMayHaveProcessed(): boolean {
    return this.processed || this.hasStream;
  }
  /** An attempt that the call is not committed to has a stream. */
  private get hasStream(): boolean {
    return this.running.some(({ stream }) => stream !== null);
  }

  override start(cluster: Cluster, nowMs: number): void {
    this.state = 'attempting';
    this.policy.budget.calls++;
    super.start(cluster, nowMs);
  }

  // The request.

  override data(bytes: Uint8Array, start: number, end: number, last: boolean): void {
    // Before there is a stream, and once the call is committed, there is one place for the data at the most.
    if (!this.hasStream) return super.data(bytes, start, end, last);
    const kept = this.keep(bytes, start, end, Number.POSITIVE_INFINITY);
    for (const { stream } of [...this.running]) stream?.data(bytes, start, end, last);
    if (kept || this.running.length === 0) return;
    // No other attempt can be sent the whole request any more.
    const furthest = this.running.reduce((a, b) => (b.progress > a.progress ? b : a));
    this.commit(furthest, 'the request is larger than the replay buffer');
  }

  override trailers(trailers: HeaderBlock): void {
    super.trailers(trailers);
    for (const attempt of [...this.running]) this.sendTrailers(attempt, trailers);
  }

  protected override get previousAttempts(): number {
    return this.call.grpc ? this.attemptsBegun - 1 : 0;
  }

  // The attempts.

  protected override newAttempt(lease: Lease, record: AttemptRecord, traceparent: Field | null): Attempt {
    const attempt = new BufferedAttempt(this, lease, record, traceparent);
    const isScheduled = this.state === 'scheduled' && record.kind === this.policy.kind;
    if (isScheduled) {
      attempt.holdsPlace = true;
      this.state = 'attempting';
    }
    this.running.push(attempt);
    this.onBegin(attempt);
    this.exclude(attempt);
    return attempt;
  }

  protected override onNoEndpoint(
    why: 'full' | 'none',
    failure: ReplyError | null,
    kind: AttemptKind,
  ): boolean {
    // The attempts that run may still answer the call.
    return this.running.length === 0 && super.onNoEndpoint(why, failure, kind);
  }

  /** The attempt runs no longer. */
  protected override forget(attempt: BufferedAttempt): void {
    this.remove(attempt);
  }

  /** Removes an attempt from those that run, and gives its place back. */
  private remove(attempt: BufferedAttempt): void {
    this.running.splice(this.running.indexOf(attempt), 1);
    attempt.timer?.cancel();
    this.givePlaceBack(attempt);
  }

  // The reply.

  override onInterim(attempt: BufferedAttempt, head: HeaderBlock): void {
    if (this.state === 'committed') super.onInterim(attempt, head);
    else attempt.interimReplies.push(head);
  }

  override onHead(attempt: BufferedAttempt, head: HeaderBlock, end: boolean): void {
    if (this.state === 'committed') return super.onHead(attempt, head, end);
    const { clock, grpc, requestEnded } = this.call;
    attempt.timer?.cancel();
    attempt.replyHead = head;
    if (!grpc) return this.onHttpHead(attempt, head, end);
    if (end || head.status !== 200) return this.onStatus(attempt, head, null, end);
    const holdMs = requestEnded ? this.policy.headHoldMs : 0;
    attempt.timer = clock.after(holdMs, () =>
      this.commit(attempt, 'the headers of the reply were already forwarded'),
    );
  }

  override onData(
    attempt: BufferedAttempt,
    bytes: Uint8Array,
    start: number,
    end: number,
    last: boolean,
  ): void {
    // A message, or the body of an HTTP reply: the reply is more than a status.
    if (this.state !== 'committed') this.commit(attempt, 'a message was already forwarded');
    super.onData(attempt, bytes, start, end, last);
  }

  override onTrailers(attempt: BufferedAttempt, trailers: HeaderBlock): void {
    if (this.state === 'committed') super.onTrailers(attempt, trailers);
    else this.onStatus(attempt, attempt.replyHead!, trailers, false);
  }

  private onHttpHead(attempt: BufferedAttempt, head: HeaderBlock, end: boolean): void {
    const isNamed = this.conditions.http(head.status);
    if (this.maybeRetry(attempt, isNamed, `HTTP ${head.status}`, null)) this.drop(attempt, -1, head);
    else this.relay(attempt, null, end);
  }

  private onStatus(
    attempt: BufferedAttempt,
    head: HeaderBlock,
    trailers: HeaderBlock | null,
    end: boolean,
  ): void {
    const code = grpcStatusOfReply(head.status, trailers ?? head);
    const isNamed = this.conditions.grpc(code) || this.conditions.http(head.status);
    const pushbackMs = isNamed ? parsePushback(head, trailers) : null;
    if (this.maybeRetry(attempt, isNamed, grpcStatusName(code), pushbackMs))
      this.drop(attempt, code, trailers ?? head);
    else this.relay(attempt, trailers, end);
  }

  private relay(attempt: BufferedAttempt, trailers: HeaderBlock | null, end: boolean): void {
    this.commit(attempt, 'the reply was already forwarded', end);
    if (trailers !== null) super.onTrailers(attempt, trailers);
  }

  /** Relays the reply of this attempt from now on, and cancels all others. `because` is why no other attempt can follow. */
  private commit(attempt: BufferedAttempt, because: string, end = false): void {
    const { number } = attempt.record;
    this.remove(attempt);
    this.unschedule();
    this.pause?.cancel();
    this.state = 'committed';
    this.committedBecause = because;
    this.call.record.chosen = number;
    this.cancelRunning(
      endings.superseded,
      this.call.clock.now(),
      `cancelled: attempt ${number} answered first`,
    );
    this.attempt = attempt;
    for (const head of attempt.interimReplies) super.onInterim(attempt, head);
    if (attempt.replyHead !== null) super.onHead(attempt, attempt.replyHead, end);
  }

  /** Ends an attempt whose reply the client does not get; `last` holds its status. */
  private drop(attempt: BufferedAttempt, code: number, last: HeaderBlock): void {
    const { clock, grpc, record } = this.call;
    const head = attempt.replyHead!;
    this.remove(attempt);
    this.processed = true;
    noteDropped(record, attempt.record, code, head, last);
    attempt.end(endingOfReply(grpc, head.status, code, last), clock.now());
    attempt.stream!.reset(ErrorCode.CANCEL);
  }

  protected override noteStatus(attempt: AttemptRecord, code: number): void {
    const isNamed = attempt.withheld === '' && this.conditions.grpc(code);
    if (isNamed) this.note(`not retried: ${this.committedBecause}`, 'committed', attempt);
  }

  // Another attempt, or none.

  protected override attemptFailed(attempt: BufferedAttempt | null, error: ReplyError): void {
    if (this.state === 'committed') {
      this.note(`not retried: ${this.committedBecause}`, 'committed', attempt?.record);
      return this.call.fail(error);
    }
    if (attempt !== null) this.remove(attempt);
    if (error.mayHaveProcessed) this.processed = true;
    if (this.maybeRetry(attempt, this.isRetried(error), error.code, null, error)) return;
    // Where others run, an attempt that never began does not decide about the call.
    if (!error.mayHaveProcessed && this.running.length > 0) return;
    this.call.fail(error);
  }

  /** The policy names this error, or the reply that it would become. */
  private isRetried(error: ReplyError): boolean {
    const { conditions } = this;
    const { grpcStatus, httpStatus, origin } = replyErrors[error.code];
    // This process refused the attempt because a limit was reached, or there is no endpoint: another attempt cannot help.
    if (origin === 'outrigger' || error.code === 'no_healthy_endpoint') return false;
    const asReply = this.call.grpc
      ? conditions.grpc(error.grpcStatus ?? grpcStatus)
      : conditions.http(httpStatus);
    return asReply || conditions.error(error.code);
  }

  /** The time of one attempt is up. `error` is that of the call where no other attempt follows. */
  protected timedOut(attempt: BufferedAttempt, error: ReplyError, what: string): void {
    this.remove(attempt);
    if (error.mayHaveProcessed) this.processed = true;
    if (!this.maybeRetry(attempt, true, what, null, error)) this.call.fail(error);
  }

  /**
   * Decides about an attempt that ended as `what`; `isNamed` says whether the policy names this ending. Returns true where
   * the client does not get this ending, because another attempt follows or others run.
   */
  private maybeRetry(
    attempt: BufferedAttempt | null,
    isNamed: boolean,
    what: string,
    pushbackMs: number | null,
    error: ReplyError | null = null,
  ): boolean {
    if (!isNamed) return false;
    this.unschedule();
    if (attempt !== null) this.givePlaceBack(attempt);
    if (pushbackMs !== null && pushbackMs < 0) this.pushedBack = true;
    const pauseMs = pushbackMs ?? this.pauseMs();
    const denial = this.retryDenial(pauseMs);
    const record = attempt?.record;
    if (denial !== null) {
      const [reason, words] = denial;
      const othersRun = this.running.some((one) => one !== attempt);
      this.note(
        othersRun ? `${what}: other attempts are still running` : `not retried: ${words}`,
        reason,
        record,
      );
      return othersRun;
    }
    if (pushbackMs === null) this.backoffs++;
    else this.backoffs = 0;
    this.note(`${what}: retried after ${Math.round(pauseMs * 10) / 10} ms`, '', record);
    this.state = 'scheduled';
    this.after(pauseMs, () => this.beginScheduled(error));
    return true;
  }

  /** Begins another attempt beside those that run. */
  protected maybeHedge(): void {
    const full = ['limit', 'the cluster is at its limit of requests in flight'] as const;
    const denial = this.cluster.full ? full : this.retryDenial(0);
    if (denial !== null) return this.note(`not hedged: ${denial[1]}`, denial[0]);
    this.state = 'scheduled';
    this.beginScheduled(null);
  }

  /** Begins the scheduled attempt. Where no endpoint is available for it, the attempts that run go on without it. */
  private beginScheduled(error: ReplyError | null): void {
    this.attemptsBegun++;
    if (this.next(error, this.call.clock.now(), this.policy.kind)) return;
    this.attemptsBegun--;
    this.unschedule();
  }

  /** The scheduled attempt does not begin. */
  private unschedule(): void {
    if (this.state !== 'scheduled') return;
    this.state = 'attempting';
    this.pause?.cancel();
    this.releasePlace();
  }

  protected after(ms: number, then: () => void): void {
    this.pause?.cancel();
    this.pause = this.call.clock.after(ms, then);
  }

  /** Takes a place for another attempt; where there must not be one, returns the reason and the same in words. */
  private retryDenial(pauseMs: number): readonly [WithheldReason, string] | null {
    const { call, cluster, policy } = this;
    const { attemptsMax, budget } = policy;
    if (this.pushedBack) return ['pushback', 'the server forbids retries (grpc-retry-pushback-ms)'];
    if (!this.replayable) return ['replay', 'the request is larger than the replay buffer'];
    if (this.attemptsBegun >= attemptsMax)
      return ['attempts', `the route allows at most ${this.attemptsBegun} attempts`];
    if (call.deadline !== null && call.deadline.atMs - call.clock.now() <= pauseMs)
      return ['deadline', 'the deadline would pass first'];
    if (!cluster.takeRetry())
      return ['limit', `the cluster is at its limit of ${cluster.retries} retries in flight`];
    if (budget.take()) return null;
    cluster.giveRetry();
    const retries = `${budget.retries} ${budget.retries === 1 ? 'retry' : 'retries'}`;
    return [
      'budget',
      `the retry budget is used up (${retries} for ${pluralize(budget.calls, 'request')} in flight)`,
    ];
  }

  private givePlaceBack(attempt: BufferedAttempt): void {
    if (attempt.holdsPlace) this.releasePlace();
    attempt.holdsPlace = false;
  }

  private releasePlace(): void {
    this.policy.budget.give();
    this.cluster.giveRetry();
  }

  // The end.

  override expire(nowMs: number): EndedBy {
    for (const { record } of this.running) record.verdict ||= 'cancelled: the deadline passed';
    return super.expire(nowMs);
  }

  protected override unfinished(): readonly Attempt[] {
    return [...super.unfinished(), ...this.removeAll()];
  }

  override cancel(ending: Ending, nowMs: number): void {
    super.cancel(ending, nowMs);
    // A request that one endpoint cannot be sent is no reason to say the same of the others.
    this.cancelRunning(ending === endings.unsendable ? endings.terminated : ending, nowMs, '');
  }

  override stop(): void {
    super.stop();
    this.unschedule();
    this.pause?.cancel();
    if (this.state !== 'idle') this.policy.budget.calls--;
  }

  private cancelRunning(ending: Ending, nowMs: number, verdict: string): void {
    for (const attempt of this.removeAll()) {
      attempt.record.verdict ||= verdict;
      attempt.cancel(ErrorCode.CANCEL, ending, nowMs);
      if (this.call.grpc) attempt.record.grpcStatus = GrpcStatus.CANCELLED;
    }
  }

  /** Removes all attempts that run, and gives their places back; the caller ends them. */
  private removeAll(): BufferedAttempt[] {
    const attempts = this.running.splice(0);
    for (const attempt of attempts) {
      attempt.timer?.cancel();
      if (attempt.stream !== null) this.processed = true;
      this.givePlaceBack(attempt);
    }
    return attempts;
  }

  /** Adds to the verdict of an attempt, by default the latest. There is one whenever there is something to say. */
  protected note(
    verdict: string,
    withheld: WithheldReason | '',
    record = this.call.record.attempts.at(-1)!,
  ): void {
    record.verdict = record.verdict === '' ? verdict : `${record.verdict}; ${verdict}`;
    if (withheld !== '') record.withheld = withheld;
  }
}
