import type { Random } from '../core/random.ts';
import type { Balancer, Candidate } from './candidate.ts';
import { defaultFailPenalty, type FailPenaltySettings, failPenalty } from './fail-penalty.ts';
import {
  defaultPeakEwma,
  type LatencyEstimator,
  movingAverage,
  type PeakEwmaSettings,
  peakEwma,
} from './latency.ts';
import { type Choices, leastLoaded } from './least-loaded.ts';
import { expectedWaitPerWeight, inFlightPerWeight, slowGuarded } from './load-metric.ts';
import { randomPick } from './random.ts';
import { roundRobin } from './round-robin.ts';

export const policyNames = ['least_request', 'peak_ewma', 'round_robin', 'random'] as const;
export type PolicyName = (typeof policyNames)[number];

export interface BalancerSettings {
  readonly policy: PolicyName;
  /** For `least_request`. */
  readonly choices: Choices;
  /** For `least_request`: exponent on the calls in flight. */
  readonly bias: number;
  /** For `least_request`: see `slowGuarded`. */
  readonly slowGuard: boolean;
  /** For `least_request` and `peak_ewma`; the caller penalises and forgives with the same settings. */
  readonly failPenalty: FailPenaltySettings;
  /** For `peak_ewma`. */
  readonly peakEwma: PeakEwmaSettings;
}

export const defaultBalancerSettings: BalancerSettings = {
  policy: 'least_request',
  choices: 'auto',
  bias: 1,
  slowGuard: false,
  failPenalty: defaultFailPenalty,
  peakEwma: defaultPeakEwma,
};

/** What the caller tells of answers and failures, where the policy learns from latency; null where it does not. */
export function latencyEstimator(settings: BalancerSettings): LatencyEstimator | null {
  if (settings.policy === 'peak_ewma') return peakEwma(settings.peakEwma);
  return settings.policy === 'least_request' && settings.slowGuard ? movingAverage : null;
}

type Build = <E extends Candidate>(
  endpoints: readonly E[],
  settings: BalancerSettings,
  random: Random,
) => Balancer<E>;

const policies = {
  least_request: leastRequest,
  peak_ewma: leastPeakEwma,
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

function leastRequest<E extends Candidate>(
  endpoints: readonly E[],
  settings: BalancerSettings,
  random: Random,
): Balancer<E> {
  const inFlight = inFlightPerWeight(failPenalty(settings.failPenalty), settings.bias);
  const loadOf = settings.slowGuard ? slowGuarded(inFlight, endpoints) : inFlight;
  return leastLoaded(endpoints, loadOf, settings.choices, random, (picked, nowMs) => {
    const load = rounded(loadOf(picked, nowMs));
    return `load ${load} (${picked.active} in flight, weight ${picked.weight})`;
  });
}

/** The power of two choices over what a call would have to wait for (Finagle, Linkerd). */
function leastPeakEwma<E extends Candidate>(
  endpoints: readonly E[],
  settings: BalancerSettings,
  random: Random,
): Balancer<E> {
  const ewma = peakEwma(settings.peakEwma);
  const loadOf = expectedWaitPerWeight(failPenalty(settings.failPenalty), settings.peakEwma);
  return leastLoaded(endpoints, loadOf, 2, random, (picked, nowMs) => {
    const latency = rounded(ewma.estimateMs(picked, nowMs));
    return `load ${rounded(loadOf(picked, nowMs))} (latency ${latency} ms, ${picked.active} in flight, weight ${picked.weight})`;
  });
}

const rounded = (value: number): number => Math.round(value * 1000) / 1000;

function firstPriority<E extends Candidate>(usable: readonly E[]): readonly E[] {
  let lowest = Number.POSITIVE_INFINITY;
  for (const endpoint of usable) lowest = Math.min(lowest, endpoint.priority);
  return usable.filter((endpoint) => endpoint.priority === lowest);
}
