import type { AttemptPolicy } from '../../src/call/dispatch/attempt-policy.ts';
import { RetryBudget } from '../../src/call/dispatch/retry-budget.ts';
import { compileRetryConditions } from '../../src/call/dispatch/retry-conditions.ts';
import { SeededRandom } from '../../src/core/random.ts';
import type { Draw } from './draw.ts';

/** What the route of a run does about attempts that fail or are slow; most have nothing of the kind. */
export function drawAttemptPolicy(draw: Draw): AttemptPolicy | null {
  if (draw.percent(50)) return null;
  const conditions = compileRetryConditions(
    draw.of([['unavailable'], ['unavailable', 'unknown', 'internal', 'reset', 503], ['5xx', 'not-found']]),
  );
  const shared = {
    attemptsMax: draw.int(2, 5),
    headHoldMs: draw.of([0, 50, 2000]),
    budget: new RetryBudget({ percent: draw.of([0, 20, 100]), min: draw.of([0, 3, 100]) }),
    random: new SeededRandom(draw.int(0, 1_000_000)),
  };
  if (draw.percent(50))
    return { ...shared, kind: 'hedge', nonFatal: conditions, delayMs: draw.of([0, 10, 200]) };
  const backoff = { baseMs: draw.of([1, 25]), maxMs: 250 };
  const perTryTimeoutMs = draw.of([Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY, 1000]);
  return { ...shared, kind: 'retry', on: conditions, perTryTimeoutMs, backoff };
}
