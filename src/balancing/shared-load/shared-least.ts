import type { Random } from '../../core/random.ts';
import type { Balancer, Candidate } from '../candidate.ts';
import { failPenalty } from '../fail-penalty.ts';
import { leastLoaded, type Others } from '../least-loaded.ts';
import { activePerWeight, ofThousandths } from '../pick-reason.ts';
import type { BalancerSettings } from '../settings.ts';
import { byOwnCounts, type PickBasis } from './report-guard.ts';
import type { SharedLoad } from './shared-load.ts';
import { SharedLoadMetric } from './shared-load-metric.ts';

/** The endpoints of a balancer among those that reported last: a few draws of a hundred would mostly miss them. */
class LatestReports<E extends Candidate> implements Others<E> {
  readonly count: number;
  private readonly latest: ReadonlyArray<Candidate | null>;
  private readonly known: ReadonlySet<Candidate>;

  constructor({ latest }: SharedLoad, endpoints: readonly E[]) {
    this.latest = latest;
    this.count = latest.length;
    this.known = new Set(endpoints);
  }

  at(index: number): E | null {
    const endpoint = this.latest[index];
    return endpoint !== null && endpoint.report?.used === false && this.known.has(endpoint)
      ? (endpoint as E)
      : null;
  }
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
  const least = leastLoaded(
    endpoints,
    metric.load,
    settings.choices,
    random,
    {
      least: 'the least load by requests in flight and load reports',
      found: 'that were drawn at random or reported last',
      side: (active, weight, load) =>
        `${activePerWeight(active, weight)} of its own, counted as ${ofThousandths(load)}`,
    },
    new LatestReports(shared, endpoints),
  );
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
