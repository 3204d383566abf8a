import type { EndpointReport } from './endpoint-report.ts';
import type { ReportLearner } from './report-learner.ts';

/** The parameters of gRFC A58, and of A114 for the names of metrics. */
export interface WeightedRoundRobinSettings {
  /** An endpoint reports for so long before its weight is used, milliseconds. */
  readonly blackoutPeriodMs: number;
  /** A weight is not used for longer than this after its report, milliseconds. */
  readonly weightExpirationPeriodMs: number;
  /** From one calculation of the shares to the next, milliseconds. */
  readonly weightUpdatePeriodMs: number;
  /** Utilization that is added for each error per request. */
  readonly errorUtilizationPenalty: number;
  /** Metrics of which the greatest is the utilization where the application reports none. */
  readonly metricNamesForComputingUtilization: readonly string[];
}

export const defaultWeightedRoundRobin: WeightedRoundRobinSettings = {
  blackoutPeriodMs: 10_000,
  weightExpirationPeriodMs: 180_000,
  weightUpdatePeriodMs: 1000,
  errorUtilizationPenalty: 1,
  metricNamesForComputingUtilization: [],
};

/** Bounds of a weight: between them, sums and ratios of weights stay exact. */
const weightMin = 1e-6;
const weightMax = 1e12;

/** The weight by one report: requests per second that the replica would do at a utilization of 1; 0 where it does not say. */
export function reportedWeight(
  { utilization, requestsPerSecond, errorsPerSecond }: EndpointReport,
  errorUtilizationPenalty: number,
): number {
  if (utilization <= 0 || requestsPerSecond <= 0) return 0;
  const errors = errorsPerSecond > 0 ? errorsPerSecond / requestsPerSecond : 0;
  const weight = requestsPerSecond / (utilization + errors * errorUtilizationPenalty);
  return Math.min(weightMax, Math.max(weightMin, weight));
}

/** Notes the weight with each report (gRFC A58, `UpdateWeight`). */
export function weightLearner(settings: WeightedRoundRobinSettings): ReportLearner {
  return {
    isNeeded: true,
    metricNames: settings.metricNamesForComputingUtilization,
    reported(report, nowMs) {
      const weight = reportedWeight(report, settings.errorUtilizationPenalty);
      if (weight === 0) return;
      if (report.weightSinceMs === Number.POSITIVE_INFINITY) report.weightSinceMs = nowMs;
      report.weightAtMs = nowMs;
      report.weight = weight;
    },
  };
}

/** Returns whether the weight of the latest report counts now, or why it does not (gRFC A58, `GetWeight`). */
export function weightState(
  report: EndpointReport | null,
  { blackoutPeriodMs, weightExpirationPeriodMs }: WeightedRoundRobinSettings,
  nowMs: number,
): 'none' | 'expired' | 'blackout' | 'used' {
  if (report === null || report.weight === 0) return 'none';
  if (nowMs - report.weightAtMs >= weightExpirationPeriodMs) return 'expired';
  // After an interruption it is infinity, and the difference is below 0.
  if (blackoutPeriodMs > 0 && nowMs - report.weightSinceMs < blackoutPeriodMs) return 'blackout';
  return 'used';
}
