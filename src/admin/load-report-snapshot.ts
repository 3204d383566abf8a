/** The latest load report of an endpoint; what it did not report is null. */
export interface LoadReportSnapshot {
  /** Milliseconds since it came. */
  readonly ageMs: number;
  /** Reports so far. */
  readonly count: number;
  /** From 0; 1 is all that the replica has. */
  readonly utilization: number | null;
  readonly requestsPerSecond: number | null;
  readonly errorsPerSecond: number | null;
  /** Requests in flight at the replica, from all clients, and how many it may have. */
  readonly inFlight: number | null;
  readonly limit: number | null;
  /** How long the replica takes to begin a reply. */
  readonly latencyMs: number | null;
  /** For `weighted_round_robin`: the weight by its reports; null where none is used now. */
  readonly weight: number | null;
}

/** The stream on which an endpoint reports its load. */
export interface ReportStreamSnapshot {
  /** `idle` until the next attempt, `connecting`, `open`, or `refused` by an endpoint that has no such service. */
  readonly state: 'idle' | 'connecting' | 'open' | 'refused';
  /** Why it is not open, in plain words; '' where nothing has failed. */
  readonly reason: string;
}
