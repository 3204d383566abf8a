import type { Random } from '../../core/random.ts';
import type { RetryBackoffSettings } from './retry-backoff.ts';
import type { RetryBudget } from './retry-budget.ts';
import type { RetryConditions } from './retry-conditions.ts';

/** How a route limits the further attempts of its calls. Shared by all calls of the route. */
interface AttemptLimits {
  /** Attempts of one call at the most, the first included; transparent retries do not count. */
  readonly attemptsMax: number;
  /** How long a reply head is held back to see whether a status follows it at once, milliseconds. */
  readonly headHoldMs: number;
  readonly budget: RetryBudget;
  readonly random: Random;
}

/** Another attempt after one that failed. */
export interface RetryPolicy extends AttemptLimits {
  readonly kind: 'retry';
  readonly on: RetryConditions;
  /** How long an attempt may take until its reply begins, milliseconds; infinity for no limit. */
  readonly perTryTimeoutMs: number;
  readonly backoff: RetryBackoffSettings;
}

/** Another attempt beside one that is slow (gRFC A6, "Hedging"). */
export interface HedgePolicy extends AttemptLimits {
  readonly kind: 'hedge';
  readonly nonFatal: RetryConditions;
  /** From one attempt to the next, milliseconds. */
  readonly delayMs: number;
}

/** What a route does about attempts that fail or are slow, beyond transparent retries. */
export type AttemptPolicy = RetryPolicy | HedgePolicy;
