import type { Random } from '../core/random.ts';

/** Returns 32 hex digits that are not all zero (W3C Trace Context). */
export function newTraceId(random: Random): string {
  const word = (): string => (random.u32() || 1).toString(16).padStart(8, '0');
  return word() + word() + word() + word();
}

/** Returns the value of `traceparent` by which the call is sampled. */
export function sampledTraceparent(traceId: string): string {
  return `00-${traceId}-${traceId.slice(16)}-01`;
}
