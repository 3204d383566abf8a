import type { Candidate } from './candidate.ts';
import type { EndpointReport } from './endpoint-report.ts';
import type { LatencyEstimator } from './latency.ts';

/** Learns from the load reports of endpoints; part of a policy that uses them. */
export interface ReportLearner {
  /** Metrics of which the greatest is the utilization where the application reports none: `named_metrics.queue`. */
  readonly metricNames: readonly string[];
  /** The policy needs reports: its cluster accepts them without being told to. */
  readonly isNeeded: boolean;
  /** The latest report of an endpoint is in place. */
  reported(report: EndpointReport, nowMs: number, endpoint: Candidate): void;
  /** Learns from answers too. */
  readonly estimator?: LatencyEstimator;
}
