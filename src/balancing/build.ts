import type { Random } from '../core/random.ts';
import type { Affinity } from './affinity.ts';
import type { Balancer, Candidate } from './candidate.ts';
import { balanceGroups, type Regroup } from './group-balancer.ts';
import type { BalancerKind } from './kind.ts';
import type { LatencyEstimator } from './latency.ts';
import { balancerKinds } from './list.ts';
import { distributeByPriority, type Group, learnZoneLoads, type ZoneSpill } from './priorities.ts';
import type { ReportLearner } from './report-learner.ts';
import type { BalancerSettings } from './settings.ts';

const kinds: ReadonlyMap<string, BalancerKind> = new Map(balancerKinds.map((kind) => [kind.name, kind]));

function kindNamed(policy: string): BalancerKind {
  return kinds.get(policy)!;
}

/** What learns from answers and failures, where the policy does; null where it does not. */
export function latencyEstimator(settings: BalancerSettings): LatencyEstimator | null {
  return kindNamed(settings.policy).estimator?.(settings) ?? null;
}

/** What learns from load reports; null for a policy that uses none. */
export function reportLearner(settings: BalancerSettings): ReportLearner | null {
  return kindNamed(settings.policy).reports?.(settings) ?? null;
}

/** See `BalancerKind.clientsChoose`. */
export function clientsChoose(policy: string): boolean {
  return kindNamed(policy).clientsChoose;
}

/** What makes the keys that picks of this policy are given; null for a policy that uses none. */
export function affinityOf(settings: BalancerSettings): Affinity | null {
  return kindNamed(settings.policy).affinity?.(settings) ?? null;
}

/** What else there is to know of the endpoints than which are usable. */
export interface BalancerContext<E> {
  /** All but those that are to get no calls whatever happens: for priorities, zones and panic. */
  readonly members: readonly E[];
  /** The zone that this process is in, '' where it is not known. */
  readonly localZone: string;
  /** What is learned of the load of zones; it outlives balancers. Null or absent where that is off. */
  readonly spill?: ZoneSpill | null;
  /** What the policy's `reports` made; it outlives balancers. Null or absent where the cluster accepts none. */
  readonly reports?: ReportLearner | null;
}

/**
 * A balancer over the usable endpoints (healthy, not ejected, not draining, below their limits): first the priority and
 * the zone by `priorities.ts`, then the endpoint by the policy.
 */
export function buildBalancer<E extends Candidate>(
  usable: readonly E[],
  settings: BalancerSettings,
  random: Random,
  context: BalancerContext<E> = { members: usable, localZone: '' },
): Balancer<E> {
  const { members, localZone, spill = null } = context;
  const groups = distributeByPriority(usable, members, settings, localZone, spill);
  const regroup = spill === null ? null : regrouping(usable, settings, context, spill);
  return kindNamed(settings.policy).create({
    settings,
    random,
    reports: context.reports ?? null,
    groups,
    over: (choose) => balanceGroups(groups, choose, random, regroup),
  });
}

/** The groups stay the same; only their shares follow the load that is reported. */
function regrouping<E extends Candidate>(
  usable: readonly E[],
  settings: BalancerSettings,
  { members, localZone }: BalancerContext<E>,
  spill: ZoneSpill,
): Regroup<E> {
  return (picks, nowMs) => {
    const probed = learnZoneLoads(usable, members, localZone, spill, picks, nowMs);
    const groups = distributeByPriority(usable, members, settings, localZone, spill);
    const isProbed = ({ endpoints: [{ priority, zone }] }: Group<E>) => probed.get(priority) === zone;
    return groups.map((group) => (isProbed(group) ? { ...group, isProbed: true } : group));
  };
}
