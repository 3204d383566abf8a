/** What a route sets for its requests in place of the settings of the process. A part that is missing leaves those as they are. */
export interface RouteTelemetry {
  readonly accessLog?: AccessLogShare;
  /** Part of the traces that are recorded, 0 to 1, where the sampler and not the client decides. */
  readonly samplingRatio?: number;
}

/** Which requests get a line in the access log. */
export interface AccessLogShare {
  /** Part of them, 0 to 1, chosen at random. */
  readonly sample: number;
  /** Those that count as errors get a line in any case. */
  readonly errors: boolean;
}
