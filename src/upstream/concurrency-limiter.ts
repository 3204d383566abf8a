/** What the end of a wait for a reply says about latency. */
export type WaitOutcome =
  | 'answered' // the reply began
  | 'timed_out' // it did not begin in time: it would have taken longer
  | 'unknown'; // nothing: the attempt failed, or was stopped

/**
 * A limit on the attempts of one cluster that wait for their reply to begin. `Cluster.acquire` asks it before it picks an
 * endpoint, and the lease reports when the wait is over. A refusal is `overloaded`, and never counts against an endpoint.
 */
export interface ConcurrencyLimiter {
  /** Attempts that may wait now. */
  readonly limit: number;
  /** Attempts that wait. */
  readonly inFlight: number;
  /** Attempts that were refused, ever. */
  readonly refused: number;
  /** Latency without queueing as the limiter knows it, milliseconds; 0 while unknown. */
  readonly baseLatencyMs: number;
  /** Counts one more attempt; false where there are as many as may wait. `nowMs` is `Clock.now()`. */
  tryAcquire(nowMs: number): boolean;
  /** An attempt that was acquired waits no longer, after `latencyMs`. Called exactly once for each. */
  released(outcome: WaitOutcome, latencyMs: number, nowMs: number): void;
}

/** How a cluster makes its limiter. Settings with the same `key` keep the limiter, with what it has learned, in a reload. */
export interface LimiterSettings {
  readonly key: string;
  create(): ConcurrencyLimiter;
}
