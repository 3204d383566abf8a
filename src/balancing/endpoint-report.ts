/** What a replica did not report. */
export const unreported = -1;

/**
 * The latest load report of an endpoint that its cluster accepted, and what the policy learned from reports. It belongs to the
 * endpoint and outlives balancers. Each value is bounded where it is read; `unreported` is what the report did not say.
 */
export class EndpointReport {
  /** `Clock.now()` of the latest report, milliseconds. */
  atMs = 0;
  /** Reports so far. */
  count = 0;
  /** A pick that this report decided has used it up. Belongs to the policy; a new report clears it. */
  used = false;
  /** How busy the replica is, from 0; 1 is all it has. */
  utilization = unreported;
  requestsPerSecond = unreported;
  errorsPerSecond = unreported;
  /** Requests in flight at the replica over all of its clients, ours included. */
  inFlight = unreported;
  /** Those of them that are not ours. */
  others = unreported;
  /** How long the replica takes to begin a reply, milliseconds. */
  latencyMs = unreported;
  /** Requests in flight that the replica accepts. */
  limit = unreported;
  /** For `weighted_round_robin`: the weight by the latest report that gave one, 0 for none (gRFC A58, "Subchannel Weights"). */
  weight = 0;
  /** `Clock.now()` of that report, and of the first one without an interruption since. */
  weightAtMs = 0;
  weightSinceMs = Number.POSITIVE_INFINITY;

  /** The endpoint could not be used, or did not report for long: what it reports from now on counts as new. */
  interrupted(): void {
    this.weightSinceMs = Number.POSITIVE_INFINITY;
  }
}
