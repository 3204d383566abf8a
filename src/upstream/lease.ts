import type { FailPenalty } from '../balancing/fail-penalty.ts';
import type { LatencyEstimator } from '../balancing/latency.ts';
import type { LoadLog } from '../balancing/load-log.ts';
import type { PickReason } from '../balancing/pick-reason.ts';
import type { Clock } from '../core/clock.ts';
import { type Ending, endings } from '../core/ending.ts';
import type { HeaderBlock } from '../core/header-block.ts';
import { othersWithAttempts } from '../health/unclear-failures.ts';
import type { ConcurrencyLimiter, WaitOutcome } from './concurrency-limiter.ts';
import type { Endpoint } from './endpoint.ts';
import type { MethodRef } from './method-slots.ts';
import type { ReportIntake } from './report-intake.ts';

/** What a lease needs of its cluster; an interface so that the two files do not import each other. */
export interface LeaseOwner {
  /** Leases that have not ended. */
  active: number;
  readonly clock: Clock;
  readonly penalty: FailPenalty;
  /** Null for a balancer that does not learn from latency. */
  readonly estimator: LatencyEstimator | null;
  /** Every change of the active leases of an endpoint. */
  readonly loads: LoadLog;
  /** Takes load reports from replies; null where the cluster accepts none. */
  readonly reports: ReportIntake | null;
  all(): readonly Endpoint[];
  /** Asks discovery for news: an endpoint has failed. */
  refreshDiscovery(): void;
}

/**
 * One endpoint for one attempt, counted as active from the pick until `end` (gRPC A48). The only way to an endpoint for gRPC
 * calls, web requests, WebSockets, TCP connections and UDP sessions alike: whatever counts, limits or learns from attempts sees all of them.
 */
export class Lease {
  readonly endpoint: Endpoint;
  /** Why the balancer gave this endpoint: numbers, which become words when asked for. */
  readonly reason: PickReason;
  /** `Clock.now()` of the pick, milliseconds. */
  readonly startedMs: number;
  private readonly owner: LeaseOwner;
  /** The method of a gRPC call; null for any other traffic. */
  private readonly method: MethodRef | null;
  /** Where the wait for the reply is counted; null where it is not, or is over. */
  private limiter: ConcurrencyLimiter | null;
  private hasAnswered = false;
  ended = false;

  constructor(
    owner: LeaseOwner,
    endpoint: Endpoint,
    reason: PickReason,
    startedMs: number,
    method: MethodRef | null,
    limiter: ConcurrencyLimiter | null = null,
  ) {
    this.owner = owner;
    this.endpoint = endpoint;
    this.reason = reason;
    this.startedMs = startedMs;
    this.method = method;
    this.limiter = limiter;
    owner.active++;
    endpoint.active++;
    owner.loads.began(endpoint.slot);
    endpoint.outlier?.picked();
  }

  /** Returns a head or trailers of the reply as the client gets them: a load report in them is noted with the endpoint. */
  withoutReport(block: HeaderBlock): HeaderBlock {
    const { reports } = this.owner;
    return reports === null ? block : reports.take(block, this.endpoint, this.owner.clock.now());
  }

  /**
   * The endpoint began to answer; only the first time counts. `sinceMs` is when it could have begun: a client that takes its
   * time to send says nothing of the endpoint. A long stream ends a probation with its first answer, not with its end.
   */
  answered(sinceMs: number): void {
    if (this.hasAnswered) return;
    this.hasAnswered = true;
    const { endpoint, owner } = this;
    if (endpoint.outlier?.state === 'trial') endpoint.outlier.succeeded();
    if (owner.estimator === null && this.limiter === null) return;
    const nowMs = owner.clock.now();
    owner.estimator?.answered(endpoint, nowMs - sinceMs, nowMs, this.reason.basis);
    this.endWait('answered', nowMs - sinceMs, nowMs);
  }

  /** Takes the attempt out of the limit that follows latency: it opens a connection, which has no reply to measure. */
  leaveLimiter(): void {
    this.endWait('unknown', 0, this.startedMs);
  }

  private endWait(outcome: WaitOutcome, latencyMs: number, nowMs: number): void {
    const { limiter } = this;
    if (limiter === null) return;
    this.limiter = null;
    limiter.released(outcome, latencyMs, nowMs);
  }

  /** Releases the endpoint and counts how the attempt went; only the first time counts. */
  end(ending: Ending, nowMs: number): void {
    if (this.ended) return;
    this.ended = true;
    const { endpoint, owner, method } = this;
    const { outcome, tally } = ending;
    const durationMs = nowMs - this.startedMs;
    this.endWait(ending === endings.timedOut ? 'timed_out' : 'unknown', durationMs, nowMs);
    owner.active--;
    endpoint.active--;
    owner.loads.ended(endpoint.slot);
    endpoint.rate.add(nowMs);
    endpoint.series.record(tally, durationMs);
    if (method !== null) endpoint.series.recordMethod(method, ending);
    if (tally === 'ok') endpoint.success++;
    else if (tally === 'error') endpoint.error++;
    else endpoint.other++;
    if (outcome === 'success') {
      endpoint.answers++;
      endpoint.latency.record(durationMs, nowMs);
      endpoint.outlier?.succeeded();
      endpoint.suspicion = null;
      endpoint.gaps.succeeded(nowMs);
      if (endpoint.phantomLoad !== 0) owner.penalty.forgive(endpoint);
    } else if (outcome === 'failure') this.failed(0, durationMs, nowMs);
    else if (outcome === 'unclear') this.failedUnclear(durationMs, nowMs);
    else endpoint.outlier?.abandoned();
  }

  /** `held` failures before this one were unclear and are now known to be the endpoint's. */
  private failed(held: number, durationMs: number, nowMs: number): void {
    const { endpoint, owner } = this;
    endpoint.outlier?.failed(held);
    owner.penalty.penalise(endpoint, nowMs);
    // The penalty begins with the second consecutive failure.
    if (held > 0) owner.penalty.penalise(endpoint, nowMs);
    owner.estimator?.failed(endpoint, durationMs, nowMs);
    endpoint.watch?.hint();
    owner.refreshDiscovery();
  }

  /** The attempt failed, and the request may be the reason: that counts only where other endpoints do better. */
  private failedUnclear(durationMs: number, nowMs: number): void {
    const { endpoint, owner } = this;
    const failures = endpoint.suspect(() => othersWithAttempts(owner.all(), endpoint), nowMs);
    if (failures > 0) return this.failed(failures - 1, durationMs, nowMs);
    endpoint.outlier?.unclear();
    // A probe asks no more of the endpoint than its interval allows, and shows whether it works.
    endpoint.watch?.hint();
  }
}
