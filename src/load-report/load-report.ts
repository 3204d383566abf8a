/** Upper bounds of what a replica may claim. Everything above counts as the bound, so no value can swamp a sum or a mean. */
export const loadReportMax = {
  /** 1 is all that the replica has; ten times that is as overloaded as anybody can tell. */
  utilization: 10,
  perSecond: 1_000_000,
  inFlight: 1_000_000,
  latencyMs: 600_000,
} as const;

/** Encoded bytes of a report, and characters of one in text. A longer one is ignored. */
export const loadReportBytesMax = 2048;

/** Names of metrics that a cluster looks for in a report. */
export const metricNamesMax = 8;

/** The metrics that Outrigger writes about its replica, as bytes and as text. */
export const ownMetrics = {
  inFlight: 'outrigger.in_flight',
  latencyMs: 'outrigger.latency_ms',
  limit: 'outrigger.limit',
} as const;

/** What a report does not say. */
export const notReported = -1;

/**
 * The parts of an ORCA load report (`xds.data.orca.v3.OrcaLoadReport`) that decide anything. One object is filled over and over.
 * Each value is within its bound of `loadReportMax`, or `notReported`.
 */
export class LoadReport {
  /** Utilization of the application, from 0; 1 is all it has. */
  application = notReported;
  /** Utilization of the processor, and of the memory. */
  cpu = notReported;
  memory = notReported;
  /** Requests and errors per second. */
  requestsPerSecond = notReported;
  errorsPerSecond = notReported;
  /** Requests in flight at the replica, over all of its clients. */
  inFlight = notReported;
  /** How long the replica takes to begin a reply, milliseconds. */
  latencyMs = notReported;
  /** Requests in flight that the replica accepts. */
  limit = notReported;
  /** The greatest of the named metrics that were looked for. */
  named = notReported;

  /** Forgets what was reported before. */
  clear(): void {
    this.application = notReported;
    this.cpu = notReported;
    this.memory = notReported;
    this.requestsPerSecond = notReported;
    this.errorsPerSecond = notReported;
    this.inFlight = notReported;
    this.latencyMs = notReported;
    this.limit = notReported;
    this.named = notReported;
  }

  /** Whether the report says anything at all. */
  get isEmpty(): boolean {
    return (
      this.application < 0 &&
      this.cpu < 0 &&
      this.memory < 0 &&
      this.requestsPerSecond < 0 &&
      this.errorsPerSecond < 0 &&
      this.inFlight < 0 &&
      this.latencyMs < 0 &&
      this.limit < 0 &&
      this.named < 0
    );
  }

  /**
   * How busy the replica is: the application's own word, else the greatest of the named metrics, else the processor (gRFC A58 and
   * A114); `notReported` where none of them is above 0.
   */
  get utilization(): number {
    if (this.application > 0) return this.application;
    if (this.named > 0) return this.named;
    return this.cpu > 0 ? this.cpu : notReported;
  }
}

/** Returns a reported value within 0 and `max`; `notReported` for what is negative or no number. */
export function clamped(value: number, max: number): number {
  if (!(value >= 0)) return notReported;
  return value > max ? max : value;
}
