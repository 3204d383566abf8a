import type { Clock, Timer } from '../../core/clock.ts';
import { counted } from '../../core/counted.ts';
import { type Ending, endings } from '../../core/ending.ts';
import { ErrorCode } from '../../core/error-code.ts';
import { GrpcStatus, grpcStatusName } from '../../core/grpc-status.ts';
import type { HeaderBlock } from '../../core/header-block.ts';
import { type ReplyError, replyErrors } from '../../core/reply-error.ts';
import type { AttemptKind, AttemptRecord, CallRecord, WithheldReason } from '../../telemetry/call-record.ts';
import type { Cluster } from '../../upstream/cluster.ts';
import type { Attempt, AttemptOwner } from '../attempt.ts';
import { endAtDeadline, endingAtDeadline, endingOfReply } from '../attempt-endings.ts';
import { noteDropped } from '../call-records.ts';
import { grpcStatusOfReply } from '../reply-status.ts';
import { HeldAttempt, type ReplyJudge } from './held-attempt.ts';
import { parsePushback } from './pushback.ts';
import { retryBackoffMs } from './retry-backoff.ts';
import type { RetryConditions } from './retry-conditions.ts';
import type { TriesPlan } from './tries-plan.ts';

/** What the tries of a call need of it; an interface so that the two files do not import each other. */
export interface TriesCall extends AttemptOwner {
  readonly grpc: boolean;
  readonly requestEnded: boolean;
  /** All of the request that came so far can be sent again. */
  readonly replayable: boolean;
  /** `Clock.now()` milliseconds, infinity for none. */
  readonly deadlineMs: number;
  /** The endpoint has all that came of a request that is not whole. */
  awaitsClient(attempt: Attempt): boolean;
  /** Does the peer take a header section so large? If not, the call has failed. */
  takes(attempt: Attempt, section: HeaderBlock): boolean;
  /** The attempt is the call's from now on. */
  adopt(attempt: Attempt): void;
  /** Picks an endpoint and tries it. `failure` is what is said if there is none. */
  next(failure: ReplyError | null, nowMs: number, kind: AttemptKind): void;
  fail(error: ReplyError): void;
}

/**
 * The attempts of one call on a route with `retry` or `hedge`, until one of them is chosen: the first whose reply is good
 * enough, or is more than a status. Until then nothing of any reply has reached the client and all of the request is at
 * hand. Calls on other routes have no such object.
 *
 * A head is held back until something follows it, since many servers say UNAVAILABLE in trailers behind a head (Linkerd's
 * peek; Envoy is committed by then). It is not held for long: a client may wait for it before it goes on. One that has
 * sent its whole request waits `headHoldMs` at the most; one that has not, only until the event loop has read on.
 */
export class Tries implements ReplyJudge {
  /** Attempts begun, the first included; transparent ones are not counted. */
  begun = 1;
  /** Why no other attempt can follow; '' until one was chosen. */
  private chosenBecause = '';
  private readonly plan: TriesPlan;
  private readonly call: TriesCall;
  private readonly cluster: Cluster;
  private readonly clock: Clock;
  private readonly record: CallRecord;
  private readonly running: HeldAttempt[] = [];
  /** The back-off, or the wait for the next hedge. */
  private pause: Timer | null = null;
  /** A retry has been decided on and has not begun: it has its place in the budget. */
  private pending = false;
  /** Until it is known what came of the wish to begin another attempt. */
  private beginning = false;
  /** Places in the budget that this call holds. */
  private slots = 0;
  /** Retries since the last pushback: it makes the back-off begin anew (gRFC A6). */
  private backoffs = 0;
  private processed = false;
  /** A server asked for no further attempt. */
  private pushedBack = false;

  constructor(plan: TriesPlan, call: TriesCall, cluster: Cluster, clock: Clock, record: CallRecord) {
    this.plan = plan;
    this.call = call;
    this.cluster = cluster;
    this.clock = clock;
    this.record = record;
    plan.budget.calls++;
  }

  /** An endpoint may have begun to work on the call. */
  get mayBeProcessed(): boolean {
    return this.processed || this.open;
  }

  /** Some attempt has a stream and may be sent the request. */
  get open(): boolean {
    return this.running.some(({ attempt }) => attempt.stream !== null);
  }

  // The request.

  /** Attempts run, and the call can do without another. */
  get busy(): boolean {
    return this.running.length > 0;
  }

  /** Whom a new attempt belongs to. */
  hold(kind: AttemptKind): HeldAttempt {
    const decided = kind === 'retry' || kind === 'hedge';
    const held = new HeldAttempt(this, this.call, decided && this.pending);
    if (decided) this.pending = false;
    this.beginning = false;
    this.running.push(held);
    const { policy, attemptsMax } = this.plan;
    if (policy.kind === 'retry') {
      const { perTryTimeoutMs } = policy;
      if (perTryTimeoutMs !== Number.POSITIVE_INFINITY)
        held.timer = this.clock.after(perTryTimeoutMs, () => this.timedOut(held, perTryTimeoutMs));
    } else if (this.begun < attemptsMax && !this.pending) this.wait(policy.delayMs, () => this.hedge());
    return held;
  }

  /** `kept`: the octets are in the replay buffer. Once they are not, nobody else can be sent the whole request. */
  data(bytes: Uint8Array, start: number, end: number, last: boolean, kept: boolean): void {
    for (const { attempt } of [...this.running]) attempt.stream?.data(bytes, start, end, last);
    if (kept || this.running.length === 0) return;
    const furthest = this.running.reduce((a, b) => (progress(b) > progress(a) ? b : a));
    this.choose(furthest, 'the request outgrew the replay buffer');
  }

  trailers(trailers: HeaderBlock): void {
    for (const { attempt } of [...this.running])
      if (attempt.stream !== null && this.call.takes(attempt, trailers)) attempt.stream.trailers(trailers);
  }

  // The reply.

  headCame(held: HeldAttempt, head: HeaderBlock, end: boolean): void {
    const { grpc, requestEnded } = this.call;
    held.timer?.cancel();
    held.head = head;
    if (!grpc) return this.httpReply(held, head, end);
    if (end || head.status !== 200) return this.statusCame(held, head, null, end);
    const holdMs = requestEnded ? this.plan.headHoldMs : 0;
    held.timer = this.clock.after(holdMs, () => this.choose(held, 'the head of the reply was relayed'));
  }

  trailersCame(held: HeldAttempt, trailers: HeaderBlock): void {
    this.statusCame(held, held.head!, trailers, false);
  }

  private httpReply(held: HeldAttempt, head: HeaderBlock, end: boolean): void {
    const wanted = this.conditions.http(head.status);
    if (this.another(held, wanted, `HTTP ${head.status}`, null)) this.drop(held, -1, head);
    else this.relay(held, null, end);
  }

  private statusCame(held: HeldAttempt, head: HeaderBlock, trailers: HeaderBlock | null, end: boolean): void {
    const code = grpcStatusOfReply(head.status, trailers ?? head);
    const wanted = this.conditions.grpc(code) || this.conditions.http(head.status);
    if (this.another(held, wanted, grpcStatusName(code), wanted ? parsePushback(head, trailers) : null))
      this.drop(held, code, trailers ?? head);
    else this.relay(held, trailers, end);
  }

  private relay(held: HeldAttempt, trailers: HeaderBlock | null, end: boolean): void {
    this.choose(held, 'the reply was relayed', end);
    if (trailers !== null) this.call.replyTrailers(trailers);
  }

  choose(held: HeldAttempt, because: string, end = false): void {
    const { attempt, head } = held;
    this.forget(attempt);
    this.chosenBecause = because;
    this.record.chosen = attempt.record.number;
    this.cancelRunning(
      () => endings.superseded,
      `cancelled: attempt ${attempt.record.number} answered first`,
    );
    this.pause?.cancel();
    this.releaseAll();
    attempt.owner = this.call;
    this.call.adopt(attempt);
    if (head !== null) this.call.replyHead(attempt, head, end);
  }

  // What goes wrong.

  /** An attempt broke off, or none could be made; false when the call has to tell its client. */
  lost(attempt: Attempt | null, error: ReplyError): boolean {
    if (this.chosenBecause !== '') {
      this.note(`not retried: ${this.chosenBecause}`, 'committed', attempt?.record);
      return false;
    }
    const held = this.forget(attempt);
    if (error.mayHaveProcessed) this.processed = true;
    const kind = replyErrors[error.code];
    const { conditions } = this;
    const asReply = this.call.grpc
      ? conditions.grpc(error.grpcStatus ?? kind.grpcStatus)
      : conditions.http(kind.httpStatus);
    // What this process refuses for want of room is not to be asked for again, nor an endpoint that is not there.
    const ours = kind.origin === 'outrigger' || error.code === 'no_healthy_endpoint';
    if (this.another(held, !ours && (asReply || conditions.error(error.code)), error.code, null, error))
      return true;
    // Where others are at work, one that never began says nothing of the call.
    return !error.mayHaveProcessed && this.running.length > 0;
  }

  /** The reply had begun when its status came: for the record. */
  tooLate(record: AttemptRecord, code: number): void {
    const wanted = record.withheld === '' && this.conditions.grpc(code);
    if (wanted) this.note(`not retried: ${this.chosenBecause}`, 'committed', record);
  }

  private timedOut(held: HeldAttempt, afterMs: number): void {
    const { attempt } = held;
    const mayHaveProcessed = attempt.stream !== null;
    const nowMs = this.clock.now();
    const request = { awaited: this.call.awaitsClient(attempt), replyBegun: false };
    const ending = endingAtDeadline(attempt, request, attempt.record.startedMs + afterMs);
    endAtDeadline(attempt, ending, this.call.grpc, nowMs);
    attempt.record.error = 'per_try_timeout';
    this.forget(attempt);
    this.processed ||= mayHaveProcessed;
    const detail = `endpoint ${attempt.endpoint.address} began no reply within ${afterMs} ms (perTryTimeout)`;
    const error: ReplyError = { code: 'deadline_exceeded', detail, mayHaveProcessed };
    attempt.record.message = detail;
    if (!this.another(held, true, `no reply within ${afterMs} ms`, null, error)) this.call.fail(error);
  }

  /** The attempts that run are over because the call is. */
  cancelRunning(endingOf: (attempt: Attempt) => Ending, verdict: string, atDeadline = false): void {
    const nowMs = this.clock.now();
    for (const { attempt, timer } of this.running.splice(0)) {
      timer?.cancel();
      this.processed ||= attempt.stream !== null;
      attempt.record.verdict ||= verdict;
      if (atDeadline) {
        endAtDeadline(attempt, endingOf(attempt), this.call.grpc, nowMs);
        continue;
      }
      attempt.cancel(ErrorCode.CANCEL, endingOf(attempt), nowMs);
      if (this.call.grpc) attempt.record.grpcStatus = GrpcStatus.CANCELLED;
    }
  }

  /** The call is settled. */
  stop(): void {
    this.cancelRunning(() => endings.terminated, '');
    this.pause?.cancel();
    this.releaseAll();
    this.plan.budget.calls--;
  }

  /** The attempt runs no longer, and gives its place in the budget back. Returns null for one that did not run. */
  forget(attempt: Attempt | null): HeldAttempt | null {
    const index = this.running.findIndex((one) => one.attempt === attempt);
    if (index < 0) return null;
    const [held] = this.running.splice(index, 1);
    held.timer?.cancel();
    this.payBack(held);
    return held;
  }

  private drop(held: HeldAttempt, code: number, last: HeaderBlock): void {
    const { attempt, head } = held;
    this.forget(attempt);
    this.processed = true;
    noteDropped(this.record, attempt.record, code, head!, last);
    attempt.end(endingOfReply(this.call.grpc, head!.status, code, last), this.clock.now());
    attempt.stream!.reset(ErrorCode.CANCEL);
  }

  // Another attempt, or none.

  private get conditions(): RetryConditions {
    const { policy } = this.plan;
    return policy.kind === 'retry' ? policy.on : policy.nonFatal;
  }

  /**
   * Decides about an attempt that ended as `what`: true when the client need not hear of it, because another follows or
   * others run. `wanted`: the route's policy names this ending.
   */
  private another(
    held: HeldAttempt | null,
    wanted: boolean,
    what: string,
    pushbackMs: number | null,
    error: ReplyError | null = null,
  ): boolean {
    this.takeBack();
    if (held !== null) this.payBack(held);
    if (!wanted) return false;
    if (pushbackMs !== null && pushbackMs < 0) this.pushedBack = true;
    const pauseMs = pushbackMs ?? this.backoffMs();
    const why = this.whyNot(pauseMs);
    const record = held?.attempt.record;
    if (why !== null) {
      const others = this.running.filter((one) => one !== held).length;
      this.note(
        others > 0 ? `${what}: left to the attempts that run` : `not retried: ${why[1]}`,
        why[0],
        record,
      );
      return others > 0;
    }
    this.pending = true;
    if (pushbackMs === null) this.backoffs++;
    else this.backoffs = 0;
    this.note(`${what}: retried after ${Math.round(pauseMs * 10) / 10} ms`, '', record);
    this.wait(pauseMs, () => this.begin(error));
    return true;
  }

  /** Begins what was decided on. Where nobody is to be had, those that run go on without. */
  private begin(error: ReplyError | null): void {
    this.begun++;
    this.beginning = true;
    this.call.next(error, this.clock.now(), this.plan.policy.kind);
    if (!this.beginning) return;
    this.begun--;
    this.takeBack();
  }

  /** What was decided on does not come about. */
  private takeBack(): void {
    this.beginning = false;
    if (!this.pending) return;
    this.pending = false;
    this.pause?.cancel();
    this.release();
  }

  /** A hedge that failed is followed by the next one at once (gRFC A6). */
  private backoffMs(): number {
    const { policy, random } = this.plan;
    return policy.kind === 'retry' ? retryBackoffMs(policy.backoff, this.backoffs, random) : 0;
  }

  /** The attempts that run take their time: another beside them, elsewhere. */
  private hedge(): void {
    const full = ['limit', 'the cluster has as many calls in flight as it may'] as const;
    const why = this.cluster.full ? full : this.whyNot(0);
    if (why !== null) return this.note(`not hedged: ${why[1]}`, why[0]);
    this.pending = true;
    this.begin(null);
  }

  /** Takes a place in the budget, or says why there is to be no other attempt. */
  private whyNot(pauseMs: number): readonly [WithheldReason, string] | null {
    const { attemptsMax, budget } = this.plan;
    const { call, cluster } = this;
    if (this.pushedBack) return ['pushback', 'the server said not to'];
    if (!call.replayable) return ['replay', 'the request is larger than what is kept of it'];
    if (this.begun >= attemptsMax)
      return ['attempts', `${this.begun} attempts are all that the route allows`];
    if (call.deadlineMs - this.clock.now() <= pauseMs)
      return ['deadline', 'the deadline would have passed before'];
    if (!cluster.takeRetry())
      return ['limit', `the cluster has ${cluster.retries} retries in flight, its limit`];
    if (!budget.take()) {
      cluster.giveRetry();
      return [
        'budget',
        `the budget is used up (${budget.retries} ${budget.retries === 1 ? 'retry' : 'retries'} among ${counted(budget.calls, 'call')} in flight)`,
      ];
    }
    this.slots++;
    return null;
  }

  private payBack(held: HeldAttempt): void {
    if (held.paid) this.release();
    held.paid = false;
  }

  private release(): void {
    this.slots--;
    this.plan.budget.give();
    this.cluster.giveRetry();
  }

  private releaseAll(): void {
    // The attempt that is about to begin may be what ended the call: its place is among those given back.
    this.pending = false;
    while (this.slots > 0) this.release();
  }

  private wait(ms: number, then: () => void): void {
    this.pause?.cancel();
    this.pause = this.clock.after(ms, then);
  }

  /** Adds to the verdict of an attempt, by default the latest. There is one whenever there is something to say. */
  private note(verdict: string, withheld: WithheldReason | '', record = this.record.attempts.at(-1)!): void {
    record.verdict = record.verdict === '' ? verdict : `${record.verdict}; ${verdict}`;
    if (withheld !== '') record.withheld = withheld;
  }
}

/** How far an attempt has come, for when only one can go on: a reply, then the octets it was sent. */
function progress({ attempt, head }: HeldAttempt): number {
  if (head !== null) return Number.POSITIVE_INFINITY;
  return attempt.stream === null ? -1 : attempt.sentBytes;
}
