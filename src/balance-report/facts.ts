import type { BucketCounts } from '../telemetry/metrics/registry.ts';

/** What the report needs to know of one endpoint. Counters are cumulative; they may start again after a reload. */
export interface EndpointFacts {
  readonly address: string;
  /** Attempts that were sent to it. */
  readonly picks: number;
  /** Attempts that count as errors. */
  readonly errors: number;
  /** Attempts in flight. */
  readonly active: number;
  readonly weight: number;
  /** The weight now, slow start applied. */
  readonly effectiveWeight: number;
  /** Part of the attempts that the weights, priorities and zones give it now, 0 to 1; 0 if it gets none. */
  readonly share: number;
  /** `Clock.now()` of when it became usable; null while it is not. */
  readonly usableSinceMs: number | null;
  /** Median duration of its recent attempts; null if there were none. Computed only if a report needs it. */
  readonly p50Ms: () => number | null;
}

/** What the report needs to know of one cluster. */
export interface ClusterFacts {
  readonly name: string;
  /** The balancing policy as configured, such as `least_request`. */
  readonly policy: string;
  readonly endpoints: readonly EndpointFacts[];
  /** Requests that wait for a stream or a connection now. */
  readonly waiting: number;
  readonly streamWaits: StreamWaitCounts;
}

/** How long requests waited for a stream, by what they waited for. */
export interface StreamWaitCounts {
  /** A connection was being opened, and there was no other. */
  readonly connect: BucketCounts;
  /** Every connection carried as many streams as it may. */
  readonly limit: BucketCounts;
}

/** Requests to one cluster that ended and had an attempt, and their attempts. Both only grow. */
export interface RequestCount {
  readonly requests: number;
  readonly attempts: number;
}
