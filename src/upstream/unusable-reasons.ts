import { pluralize } from '../core/pluralize.ts';
import type { Endpoint } from './endpoint.ts';

/** Endpoints whose reason is given. */
const shownMax = 5;

/** Why none of these endpoints takes a call; `requestsMax` is how many each may have in flight. */
export function unusableReasons(endpoints: readonly Endpoint[], requestsMax: number): string {
  const reasons = endpoints.map((endpoint) => {
    const full = endpoint.active >= requestsMax;
    const otherwise = full
      ? `is at its limit of ${pluralize(endpoint.active, 'request')} in flight`
      : 'was used by an earlier attempt';
    return `${endpoint.address} ${endpoint.unusableBecause || otherwise}`;
  });
  const shown = reasons.slice(0, shownMax).join('; ');
  return reasons.length > shownMax ? `${shown}; and ${reasons.length - shownMax} more` : shown;
}
