import type { Random } from '../core/random.ts';
import type { Balancer, Candidate } from './candidate.ts';
import { WeightLine } from './weighted-draw.ts';

/** Each call on its own, in proportion to weight, whatever the load. */
export function randomPick<E extends Candidate>(endpoints: readonly E[], random: Random): Balancer<E> {
  const line = new WeightLine(endpoints.map((endpoint) => endpoint.weight));
  const pickAmongRest = (excluded: ReadonlySet<E>): E | null => {
    let picked: E | null = null;
    let weightSeen = 0;
    for (let i = 0; i < endpoints.length; i++) {
      const endpoint = endpoints[i];
      if (excluded.has(endpoint)) continue;
      // A reservoir of one, as in `least-request.ts`.
      weightSeen += endpoint.weight;
      if (random.next() * weightSeen < endpoint.weight) picked = endpoint;
    }
    return picked;
  };
  return {
    endpoints,
    pick(_nowMs, excluded) {
      if (endpoints.length === 0) return null;
      if (excluded !== null && excluded.size > 0) return pickAmongRest(excluded);
      return endpoints[line.indexAt(random.next() * line.total)];
    },
    explain: (picked) =>
      `at random, weight ${picked.weight} of ${line.total} over ${endpoints.length} endpoints`,
  };
}
