import type { Admission } from '../call/admit.ts';
import { RetryBudget } from '../call/dispatch/retry-budget.ts';
import { compileRetryConditions } from '../call/dispatch/retry-conditions.ts';
import type { TriesPlan } from '../call/dispatch/tries-plan.ts';
import type { RoutePlan } from '../call/plan.ts';
import type { RouteConfig } from '../config/table.ts';
import type { Random } from '../core/random.ts';
import { grpcStatusOfCondition } from '../core/retry-condition.ts';
import { Fault } from '../policies/fault/fault.ts';
import { RateLimit } from '../policies/rate-limit/rate-limit.ts';
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
    admission: admissionOf(route, random),
    tries: triesOf(route, random),
  };
}

function admissionOf({ rateLimit, fault }: RouteConfig, random: Random): Admission | null {
  if (rateLimit === undefined && fault === undefined) return null;
  return {
    rateLimit: rateLimit === undefined ? null : rateLimitOf(rateLimit),
    rateLimitBy: keyOf(rateLimit),
    fault: fault === undefined ? null : faultOf(fault, random),
  };
}

type RateLimitConfig = NonNullable<RouteConfig['rateLimit']>;

function rateLimitOf({ requests, perMs, burst = requests, maxKeys }: RateLimitConfig): RateLimit {
  return new RateLimit({ calls: requests, perMs, burst, keysMax: maxKeys });
}

function keyOf(config: RateLimitConfig | undefined): Admission['rateLimitBy'] {
  if (config?.by === 'header') return { kind: 'header', name: (config.header ?? '').toLowerCase() };
  return { kind: config?.by ?? 'none' };
}

function faultOf({ delay, abort }: NonNullable<RouteConfig['fault']>, random: Random): Fault {
  return new Fault(
    {
      delay: delay === undefined ? null : { percent: delay.percent, ms: delay.timeMs },
      abort:
        abort === undefined
          ? null
          : {
              percent: abort.percent,
              grpcStatus: abort.grpcStatus === undefined ? null : grpcStatusOfCondition(abort.grpcStatus),
              httpStatus: abort.httpStatus ?? null,
            },
    },
    random,
  );
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
