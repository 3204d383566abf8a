import type { EndpointReport } from './endpoint-report.ts';
import type { PickReason } from './pick-reason.ts';
import type { EndpointSpeed } from './shared-load/endpoint-speed.ts';

/**
 * What a policy may know of an endpoint. The numbers are live: whoever owns the endpoint changes them in place,
 * and they outlive every balancer that reads them (a reload must not forget what is in flight).
 */
export interface Candidate {
  /** `formatAddress` of the endpoint: its identity, for what people read. */
  readonly address: string;
  /** Relative share of calls now, above 0; need not be whole. Fixed while a balancer stands. */
  readonly weight: number;
  /** The same once slow start is over. */
  readonly configuredWeight: number;
  /** Failure domain, '' where unknown. See `priorities.ts` for this and the priority. */
  readonly zone: string;
  /** 0 is used first. */
  readonly priority: number;
  /** Attempts in flight from this process: one more from the pick on, one less when the attempt ends (gRPC A48). */
  active: number;
  /** Load pretended after a failed attempt, as it was at `phantomAtMs`; 0 for none. See `fail-penalty.ts`. */
  phantomLoad: number;
  /** `Clock.now()` of the latest failed attempt. */
  phantomAtMs: number;
  /** How long it takes to begin an answer, as the policy of its cluster learns it; 0 before the first. See `latency.ts`. */
  latencyMs: number;
  /** `Clock.now()` of the latest such answer; of when the endpoint came, before the first. */
  latencyAtMs: number;
  /** Its latest load report; null where its cluster accepts none, or none has come. */
  report: EndpointReport | null;
  /** What `SharedLoad` learned of it; null before. */
  speed: EndpointSpeed | null;
}

/**
 * One question to a pool: who gets this call? An immutable snapshot over usable endpoints, replaced when
 * membership, weight or health changes, never mutated; what it keeps for itself (a round-robin position) is lost with it.
 */
export interface Balancer<E extends Candidate> {
  /** The endpoints that a pick may give. */
  readonly endpoints: readonly E[];
  /**
   * The endpoint for one call, or null when every endpoint is excluded or there is none. Allocates nothing and
   * changes no endpoint: the caller counts it active at once, before it picks again.
   *
   * @param nowMs `Clock.now()`, read once per socket read rather than once per pick
   * @param excluded endpoints that this call has used already; null for none
   * @param key what ties this call to others (`Affinity.keyOf`); '' for nothing, and for policies that ask for no key
   */
  pick(nowMs: number, excluded: ReadonlySet<E> | null, key: string): E | null;
  /**
   * Returns why `picked` was the answer of the latest `pick`, which had the same arguments. To be called before the endpoint
   * is counted active and before the next pick: it reads the loads again. It makes one small object and no text.
   */
  explain(picked: E, nowMs: number, key: string): PickReason;
}
