import type { Candidate } from '../candidate.ts';
import type { EndpointReport } from '../endpoint-report.ts';
import type { LatencyEstimator } from '../latency.ts';
import type { ReportLearner } from '../report-learner.ts';
import { EndpointSpeed } from './endpoint-speed.ts';
import { notJudged, type PickBasis, ReportGuard } from './report-guard.ts';

/** Time constant with which a latency estimate falls, milliseconds. It rises at once. */
const decayMs = 10_000;
/** Time constant with which an endpoint that was slower than the others is forgiven, milliseconds. */
export const forgiveMs = 500;
/** A latest reply that took this many times the mean makes an endpoint slow. */
const slowRatio = 2;
/** Weight of a reply in the mean over all endpoints, and the most that it counts as, in means. */
const meanAlpha = 1 / 64;
const meanRatioMax = 3;
/** Endpoints that reported last, and are compared besides those that are drawn. */
const latestMax = 8;
/** Without a report of any endpoint for so long, own requests in flight alone count, milliseconds. */
const silenceMs = 10_000;

/**
 * What a sidecar learns from load reports and replies, so that many sidecars in front of the same replicas balance as one. It
 * belongs to the cluster and outlives balancers. See `shared-load-metric.ts` for how it counts.
 */
export class SharedLoad implements ReportLearner, LatencyEstimator {
  readonly isNeeded = false;
  readonly metricNames: readonly string[] = [];
  readonly estimator: LatencyEstimator = this;
  readonly guard = new ReportGuard();
  /** Mean of the estimated latencies, milliseconds; 0 before the first. Belongs to the balancer. */
  meanLatencyMs = 0;
  /** Those that reported last, for balancers that do not compare all endpoints. */
  readonly latest: Array<Candidate | null> = new Array(latestMax).fill(null);
  private next = 0;
  private reportedAtMs = Number.NEGATIVE_INFINITY;
  private meanTookMs = 0;

  /** Do reports come? */
  isHeard(nowMs: number): boolean {
    return nowMs - this.reportedAtMs < silenceMs;
  }

  reported(report: EndpointReport, nowMs: number, endpoint: Candidate): void {
    if (report.inFlight < 0) return;
    this.reportedAtMs = nowMs;
    if (this.latest.includes(endpoint)) return;
    this.latest[this.next] = endpoint;
    this.next = (this.next + 1) % latestMax;
  }

  answered(endpoint: Candidate, tookMs: number, nowMs: number, basis: PickBasis = notJudged): void {
    const { meanLatencyMs } = this;
    const silentMs = nowMs - endpoint.latencyAtMs;
    let latencyMs = endpoint.latencyMs;
    if (meanLatencyMs > 0 && latencyMs > meanLatencyMs)
      latencyMs = meanLatencyMs + (latencyMs - meanLatencyMs) * Math.exp(-silentMs / forgiveMs);
    const old = Math.exp(-silentMs / decayMs);
    if (latencyMs === 0 || tookMs > latencyMs * old) latencyMs = tookMs;
    else latencyMs = latencyMs * old + tookMs * (1 - old);
    endpoint.latencyMs = latencyMs;
    endpoint.latencyAtMs = nowMs;
    const { meanTookMs } = this;
    endpoint.speed ??= new EndpointSpeed(nowMs);
    endpoint.speed.replied(nowMs);
    endpoint.speed.isSlow = meanTookMs > 0 && tookMs > slowRatio * meanTookMs;
    this.meanTookMs =
      meanTookMs === 0
        ? tookMs
        : meanTookMs + meanAlpha * (Math.min(tookMs, meanRatioMax * meanTookMs) - meanTookMs);
    this.guard.answered(basis, tookMs, nowMs);
  }

  failed(endpoint: Candidate, tookMs: number, nowMs: number): void {
    // A time-out is a reply of at least so long; anything quicker would only flatter the endpoint.
    if (tookMs <= endpoint.latencyMs) return;
    endpoint.latencyMs = tookMs;
    endpoint.latencyAtMs = nowMs;
  }
}
