import type { Candidate } from './candidate.ts';
import type { PickBasis } from './shared-load/report-guard.ts';

/**
 * Learns from answers how long an endpoint takes to begin one, milliseconds. To begin and not to end: how long a stream
 * lives says nothing of its server. What it learns is `latencyMs` of the endpoint, as of `latencyAtMs`; a cluster has one
 * estimator at the most, that of its policy.
 */
export interface LatencyEstimator {
  /** An attempt had the head of its reply after so long; `basis` is that of its pick. */
  answered(endpoint: Candidate, tookMs: number, nowMs: number, basis?: PickBasis): void;
  /** An attempt failed after so long. A quick failure is no quick answer. */
  failed(endpoint: Candidate, tookMs: number, nowMs: number): void;
}

export interface PeakEwmaSettings {
  /** Time constant with which an estimate falls, milliseconds. It rises at once. */
  readonly decayMs: number;
  /** What an endpoint is taken to need before its first answer, milliseconds. */
  readonly initialMs: number;
}

export const defaultPeakEwma: PeakEwmaSettings = { decayMs: 10_000, initialMs: 30 };

/** An estimate that is quick to see trouble and slow to forget it (Finagle and Linkerd). */
export interface PeakEwma extends LatencyEstimator {
  /** Milliseconds; falls towards 0 while nothing is heard, so that an endpoint that was slow once is asked again. */
  estimateMs(endpoint: Candidate, nowMs: number): number;
}

export function peakEwma({ decayMs, initialMs }: PeakEwmaSettings = defaultPeakEwma): PeakEwma {
  const left = (endpoint: Candidate, nowMs: number): number =>
    Math.exp((endpoint.latencyAtMs - nowMs) / decayMs);
  const estimateMs = (endpoint: Candidate, nowMs: number): number =>
    (endpoint.latencyMs || initialMs) * left(endpoint, nowMs);
  const answered = (endpoint: Candidate, tookMs: number, nowMs: number): void => {
    if (endpoint.latencyMs === 0 || tookMs > estimateMs(endpoint, nowMs)) endpoint.latencyMs = tookMs;
    else {
      const old = left(endpoint, nowMs);
      endpoint.latencyMs = endpoint.latencyMs * old + tookMs * (1 - old);
    }
    endpoint.latencyAtMs = nowMs;
  };
  return {
    estimateMs,
    answered,
    failed(endpoint, tookMs, nowMs) {
      if (tookMs > estimateMs(endpoint, nowMs)) answered(endpoint, tookMs, nowMs);
    },
  };
}

/** Part of each new answer in the average that the slow guard compares. */
const averageAlpha = 0.1;

/** A plain moving average over answers, whatever the time between them. */
export const movingAverage: LatencyEstimator = {
  answered(endpoint, tookMs, nowMs) {
    endpoint.latencyMs =
      endpoint.latencyMs === 0 ? tookMs : endpoint.latencyMs + averageAlpha * (tookMs - endpoint.latencyMs);
    endpoint.latencyAtMs = nowMs;
  },
  failed(endpoint, tookMs, nowMs) {
    // A time-out is an answer of at least so long; anything quicker than the average would only flatter it.
    if (endpoint.latencyMs > 0 && tookMs > endpoint.latencyMs)
      movingAverage.answered(endpoint, tookMs, nowMs);
  },
};
