import type { Random } from '../core/random.ts';
import type { Balancer, Candidate } from './candidate.ts';

/**
 * Smooth weighted round robin: every endpoint earns its weight per pick, the richest is picked and pays what all
 * earned. Weights 5, 1, 1 give a a b a c a a, never five in a row with the others waiting.
 *
 * An excluded endpoint earns nothing for that pick; with credit for it, it would get a burst as soon as it is back.
 */
export function roundRobin<E extends Candidate>(endpoints: readonly E[], random: Random): Balancer<E> {
  // A random start within the range that credits have anyway, so that many sidecars, or one that rebuilds its
  // balancer often, do not all begin with the same endpoint.
  const credit = Float64Array.from(endpoints, (endpoint) => random.next() * endpoint.weight);
  return {
    endpoints,
    pick(_nowMs, excluded) {
      let richest = -1;
      let earned = 0;
      for (let i = 0; i < endpoints.length; i++) {
        const endpoint = endpoints[i];
        if (excluded?.has(endpoint)) continue;
        credit[i] += endpoint.weight;
        earned += endpoint.weight;
        if (richest < 0 || credit[i] > credit[richest]) richest = i;
      }
      if (richest < 0) return null;
      credit[richest] -= earned;
      return endpoints[richest];
    },
    explain: (picked) =>
      `next in weighted round robin over ${endpoints.length} endpoints, weight ${picked.weight}`,
  };
}
