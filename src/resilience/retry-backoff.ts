import type { Random } from '../core/random.ts';

export interface RetryBackoffSettings {
  readonly baseMs: number;
  readonly maxMs: number;
}

/**
 * The pause before retry number `retry`, counted from 0: full jitter, anything from nothing to `base × 2^retry`, capped.
 * Calls that failed together do not come back together.
 */
export function retryBackoffMs(settings: RetryBackoffSettings, retry: number, random: Random): number {
  // Beyond 2^30 the cap has long been reached, and the power would overflow in the end.
  const ceilingMs = Math.min(settings.maxMs, settings.baseMs * 2 ** Math.min(retry, 30));
  return random.next() * ceilingMs;
}
