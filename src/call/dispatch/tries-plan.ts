import type { Random } from '../../core/random.ts';
import type { RetryBackoffSettings } from './retry-backoff.ts';
import type { RetryBudget } from './retry-budget.ts';
import type { RetryConditions } from './retry-conditions.ts';

/** Another attempt after one that failed. */
export interface RetryPolicy {
  readonly kind: 'retry';
  readonly on: RetryConditions;
  /** How long an attempt may take until its reply begins, milliseconds; infinity for no bound. */
  readonly perTryTimeoutMs: number;
  readonly backoff: RetryBackoffSettings;
}

/** Another attempt beside one that is slow (gRFC A6, "Hedging"). */
export interface HedgePolicy {
  readonly kind: 'hedge';
  readonly nonFatal: RetryConditions;
  /** From one attempt to the next, milliseconds. */
  readonly delayMs: number;
}

/** What a route does about attempts that fail or are slow, beyond what is always done. Shared by its calls. */
export interface TriesPlan {
  readonly policy: RetryPolicy | HedgePolicy;
  /** All attempts of one call, the first included; transparent ones do not count. */
  readonly attemptsMax: number;
  /** How long a reply head is held back to see whether a status follows it at once, milliseconds. */
  readonly headHoldMs: number;
  readonly budget: RetryBudget;
  readonly random: Random;
}
