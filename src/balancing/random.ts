import type { Random } from '../core/random.ts';
import type { Balancer, Candidate } from './candidate.ts';
import { ofThousandths, PickReason } from './pick-reason.ts';
import { WeightLine } from './weighted-draw.ts';

/** Each call on its own, in proportion to weight, whatever the load. */
export function randomPick<E extends Candidate>(endpoints: readonly E[], random: Random): Balancer<E> {
  const line = new WeightLine(endpoints.map((endpoint) => endpoint.weight));
  /** Weight of those that the latest pick could have taken. */
  const among = new Float64Array(1);
  const pickAmongRest = (excluded: ReadonlySet<E>): E | null => {
    let picked: E | null = null;
    let weightSeen = 0;
    for (let i = 0; i < endpoints.length; i++) {
      const endpoint = endpoints[i];
      if (excluded.has(endpoint)) continue;
      // A reservoir of one, as in `least-loaded.ts`.
      weightSeen += endpoint.weight;
      if (random.next() * weightSeen < endpoint.weight) picked = endpoint;
    }
    among[0] = weightSeen;
    return picked;
  };
  return {
    endpoints,
    pick(_nowMs, excluded) {
      if (endpoints.length === 0) return null;
      if (excluded !== null && excluded.size > 0) return pickAmongRest(excluded);
      among[0] = line.total;
      return endpoints[line.indexAt(random.next() * line.total)];
    },
    explain: (picked) => new PickReason(words, 0, picked, picked.weight, among[0]),
  };
}

const words = ({ address, weight, value }: PickReason): string =>
  `${address} was taken at random, with weight ${ofThousandths(weight)} of ${ofThousandths(value)}`;
