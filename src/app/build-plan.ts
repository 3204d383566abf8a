import type { RouteConfig } from '../config/table.ts';
import type { Random } from '../core/random.ts';
import type { RoutePlan } from '../proxy/plan.ts';
import { RetryBudget } from '../resilience/retry-budget.ts';
import { compileRetryConditions } from '../resilience/retry-conditions.ts';
import type { TriesPlan } from '../resilience/tries-plan.ts';
import type { Cluster } from '../upstream/cluster.ts';

const infinity = Number.POSITIVE_INFINITY;

/** What the calls of a route share: all that can be worked out ahead of them. */
export function buildPlan(
  route: RouteConfig,
  clusters: ReadonlyMap<string, { readonly cluster: Cluster }>,
  random: Random,
): RoutePlan {
  const { cluster } = clusters.get(route.cluster)!;
  return {
    route: route.name,
    cluster,
    timeoutMs: route.timeoutMs ?? infinity,
    tries: triesOf(route, random),
  };
}

function triesOf({ retry, hedge }: RouteConfig, random: Random): TriesPlan | null {
  const written = retry ?? hedge;
  if (written === undefined) return null;
  const shared = {
    attemptsMax: written.attempts,
    headHoldMs: written.headHoldMs,
    budget: new RetryBudget(written.budget),
    random,
  };
  if (retry !== undefined) {
    const { perTryTimeoutMs = infinity, backoff } = retry;
    return {
      ...shared,
      policy: { kind: 'retry', on: compileRetryConditions(retry.on), perTryTimeoutMs, backoff },
    };
  }
  const { nonFatal, delayMs } = hedge!;
  return { ...shared, policy: { kind: 'hedge', nonFatal: compileRetryConditions(nonFatal), delayMs } };
}
