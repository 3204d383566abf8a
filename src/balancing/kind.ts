import type { Random } from '../core/random.ts';
import type { Keys } from '../schema/shape.ts';
import type { Draft } from '../schema/typed.ts';
import type { Affinity } from './affinity.ts';
import type { Balancer, Candidate } from './candidate.ts';
import type { LatencyEstimator } from './latency.ts';
import type { Group } from './priorities.ts';
import type { ReportLearner } from './report-learner.ts';
import type { BalancerSettings } from './settings.ts';

/**
 * One policy of balancing. It brings its name, what the reference page says of it, the keys of `balancer` that it reads, its
 * checks and its constructor, and is registered by a line in `list.ts`. Two policies that read the same key share it.
 */
export interface BalancerKind<N extends string = string, K extends Keys = Keys> {
  readonly name: N;
  /** A clause for the reference page: `the fewest calls in flight for its weight`. */
  readonly doc: string;
  readonly keys: K;
  /**
   * Whether a client can choose the endpoint of its request: by its key, or by what turn it is in, where each endpoint has its
   * turn and the client sends every other request as bad. Then a comparison of endpoints compares requests.
   */
  readonly clientsChoose: boolean;
  /** Reports what the schema alone cannot see, where this policy is the one that is configured. */
  check?(draft: BalancerDraft, context: BalancerContext): void;
  /** Reports keys that only this policy reads, where another one is configured. */
  checkUnused?(draft: BalancerDraft, context: BalancerContext): void;
  /** What makes the keys that picks are given. */
  affinity?(settings: BalancerSettings): Affinity;
  /** What learns from answers and failures; null where the settings enable nothing. */
  estimator?(settings: BalancerSettings): LatencyEstimator | null;
  /** What learns from load reports. A cluster whose policy has it accepts them, unless it is configured otherwise. */
  reports?(settings: BalancerSettings): ReportLearner | null;
  create<E extends Candidate>(build: BalancerBuild<E>): Balancer<E>;
}

/** The settings, of which any part may be missing because it was wrong. */
export type BalancerDraft = Draft<BalancerSettings>;

/** What the checks of a policy may look at, and where they report. */
export interface BalancerContext {
  /** The policy that is configured. */
  readonly policy: string;
  /** What the endpoints of the cluster speak, where that is known. */
  readonly protocol: string | undefined;
  /** `path` is within `balancer`: `.hash[0]`. */
  problem(path: string, message: string): void;
}

/** What a balancer is made over. */
export interface BalancerBuild<E extends Candidate> {
  readonly settings: BalancerSettings;
  readonly random: Random;
  /** What `reports` made for the cluster; null where it accepts none. */
  readonly reports: ReportLearner | null;
  /** Who gets which part of the calls, by priority and zone. */
  readonly groups: readonly Group<E>[];
  /** The same choice within each group. */
  over(choose: (endpoints: readonly E[]) => Balancer<E>): Balancer<E>;
}

/** Infers the types of a policy from its parts. */
export function balancerKind<const N extends string, K extends Keys>(
  kind: BalancerKind<N, K>,
): BalancerKind<N, K> {
  return kind;
}
