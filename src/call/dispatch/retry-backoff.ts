import type { Random } from '../../core/random.ts';

export interface RetryBackoffSettings {
  readonly baseMs: number;
  readonly maxMs: number;
}

/**
 * The pause before retry number `retry`, counted from 0: full jitter, anything from nothing to `base × 2^retry`, capped.
 * Calls that failed together do not come back together.
 */
export function retryBackoffMs(settings: RetryBackoffSettings, retry: number, random: Random): number {
  const ceilingMs = Math.min(settings.maxMs, settings.baseMs * 2 ** retry);
  return random.next() * ceilingMs;
}
