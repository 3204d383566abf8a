/** What happened at one endpoint in the time that a report covers. */
export interface EndpointSample {
  readonly endpoint: string;
  readonly picks: number;
  readonly errors: number;
  /** Mean attempts in flight, divided by the weight. */
  readonly activePerWeight: number;
  /** Mean attempts in flight. */
  readonly active: number;
  /** Part of the attempts by weight, above 0. */
  readonly share: number;
  /** Its weight still grows by slow start. */
  readonly isInSlowStart: boolean;
  readonly p50Ms: () => number | null;
}

/** What happened in one cluster in that time, at the endpoints that may get requests now. */
export interface ClusterSample {
  readonly policy: string;
  /** Milliseconds. */
  readonly windowMs: number;
  /** Ticks since endpoints or weights changed, up to the length of the window. */
  readonly ticks: number;
  /** All endpoints of the cluster, usable or not. */
  readonly endpointCount: number;
  readonly endpoints: readonly EndpointSample[];
  /** Attempts at all of these endpoints. */
  readonly picks: number;
  readonly requests: number;
  readonly attempts: number;
  /** Requests that wait now. */
  readonly waiting: number;
  /** Requests that waited at the limit of streams, and the sum of their waits in seconds. */
  readonly waits: number;
  readonly waitSeconds: number;
}

/** The share of the attempts divided by the share of the weight; 1 is as configured. */
export function shareOverWeight({ picks, share }: EndpointSample, clusterPicks: number): number {
  return clusterPicks === 0 ? 0 : picks / (clusterPicks * share);
}

/** The busiest endpoint divided by the mean; null if nothing is in flight. */
export function activeMaxOverMean(endpoints: readonly EndpointSample[]): number | null {
  const sum = endpoints.reduce((total, { activePerWeight }) => total + activePerWeight, 0);
  if (sum === 0) return null;
  const max = endpoints.reduce((most, { activePerWeight }) => Math.max(most, activePerWeight), 0);
  return (max * endpoints.length) / sum;
}
