import type { Random } from '../core/random.ts';
import type { Balancer, Candidate } from './candidate.ts';
import { defaultFailPenalty, type FailPenaltySettings, failPenalty } from './fail-penalty.ts';
import { type Choices, leastRequest } from './least-request.ts';
import { inFlightPerWeight } from './load-metric.ts';
import { randomPick } from './random.ts';
import { roundRobin } from './round-robin.ts';

export const policyNames = ['least_request', 'round_robin', 'random'] as const;
export type PolicyName = (typeof policyNames)[number];

export interface BalancerSettings {
  readonly policy: PolicyName;
  /** For `least_request`. */
  readonly choices: Choices;
  /** For `least_request`; the caller penalises and forgives with the same settings. */
  readonly failPenalty: FailPenaltySettings;
}

export const defaultBalancerSettings: BalancerSettings = {
  policy: 'least_request',
  choices: 'auto',
  failPenalty: defaultFailPenalty,
};

type Build = <E extends Candidate>(
  endpoints: readonly E[],
  settings: BalancerSettings,
  random: Random,
) => Balancer<E>;

const policies = {
  least_request: (endpoints, settings, random) =>
    leastRequest(endpoints, inFlightPerWeight(failPenalty(settings.failPenalty)), settings.choices, random),
  round_robin: (endpoints, _settings, random) => roundRobin(endpoints, random),
  random: (endpoints, _settings, random) => randomPick(endpoints, random),
} satisfies Record<PolicyName, Build>;

/**
 * A balancer over the usable endpoints (healthy, not ejected, not draining, below their limits).
 *
 * Of these it uses only the lowest-numbered priority that has any: the next one takes over when the last usable
 * endpoint of this one is gone, all at once. Spilling over by share is to come, and will take place here.
 */
export function buildBalancer<E extends Candidate>(
  usable: readonly E[],
  settings: BalancerSettings,
  random: Random,
): Balancer<E> {
  const build: Build = policies[settings.policy];
  return build(firstPriority(usable), settings, random);
}

function firstPriority<E extends Candidate>(usable: readonly E[]): readonly E[] {
  let lowest = Number.POSITIVE_INFINITY;
  for (const endpoint of usable) lowest = Math.min(lowest, endpoint.priority);
  return usable.filter((endpoint) => endpoint.priority === lowest);
}
