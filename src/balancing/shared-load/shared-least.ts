import type { Random } from '../../core/random.ts';
import type { Balancer, Candidate } from '../candidate.ts';
import { failPenalty } from '../fail-penalty.ts';
import { type Choices, leastLoaded } from '../least-loaded.ts';
import { activePerWeight, ofThousandths } from '../pick-reason.ts';
import type { BalancerSettings } from '../settings.ts';
import { byOwnCounts, type PickBasis } from './report-guard.ts';
import type { SharedLoad } from './shared-load.ts';
import { SharedLoadMetric } from './shared-load-metric.ts';

/** With reports `auto` compares all of so many: a few draws of a hundred would mostly miss those that reported lately. */
const scanEndpointsMax = 128;

function choicesOf({ length }: readonly unknown[], { choices }: BalancerSettings): Choices {
  return choices === 'auto' && length <= scanEndpointsMax ? scanEndpointsMax : choices;
}

/** `least_request` with load reports, and `own` while none come. */
export function sharedLeast<E extends Candidate>(
  endpoints: readonly E[],
  settings: BalancerSettings,
  random: Random,
  shared: SharedLoad,
  own: Balancer<E>,
): Balancer<E> {
  const metric = new SharedLoadMetric(shared, endpoints, failPenalty(settings.failPenalty));
  const least = leastLoaded(endpoints, metric.load, choicesOf(endpoints, settings), random, {
    least: 'the least load by requests in flight and load reports',
    side: (active, weight, load) =>
      `${activePerWeight(active, weight)} of its own, counted as ${ofThousandths(load)}`,
  });
  let basis: PickBasis = byOwnCounts;
  let isShared = false;
  return {
    endpoints,
    pick(nowMs, excluded, key) {
      basis = byOwnCounts;
      isShared = shared.isHeard(nowMs);
      if (!isShared) return own.pick(nowMs, excluded, key);
      metric.begin(nowMs);
      const picked = least.pick(nowMs, excluded, key);
      if (picked !== null) basis = metric.picked(picked, nowMs);
      return picked;
    },
    explain(picked, nowMs, key) {
      const reason = (isShared ? least : own).explain(picked, nowMs, key);
      reason.basis = basis;
      return reason;
    },
  };
}
