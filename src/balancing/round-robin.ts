import type { Random } from '../core/random.ts';
import type { Balancer, Candidate } from './candidate.ts';
import { ofThousandths, PickReason } from './pick-reason.ts';

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
  /** The latest pick: who had the most credit, and the second most, -1 for none; what the picked one paid. */
  let first = -1;
  let second = -1;
  const paid = new Float64Array(1);
  return {
    endpoints,
    pick(_nowMs, excluded) {
      let richest = -1;
      let next = -1;
      let earned = 0;
      for (let i = 0; i < endpoints.length; i++) {
        const endpoint = endpoints[i];
        if (excluded?.has(endpoint)) continue;
        credit[i] += endpoint.weight;
        earned += endpoint.weight;
        if (richest < 0 || credit[i] > credit[richest]) {
          next = richest;
          richest = i;
        } else if (next < 0 || credit[i] > credit[next]) next = i;
      }
      first = richest;
      second = next;
      if (richest < 0) return null;
      credit[richest] -= earned;
      paid[0] = earned;
      return endpoints[richest];
    },
    explain(picked) {
      const had = credit[first] + paid[0];
      if (second < 0) return new PickReason(words, 0, picked, picked.weight, had);
      const other = endpoints[second];
      return new PickReason(words, 0, picked, picked.weight, had, other, other.weight, credit[second]);
    },
  };
}

const words = (reason: PickReason): string => {
  const { address, weight, value, other, otherWeight, otherValue } = reason;
  const side = (credit: number, w: number) => `${ofThousandths(credit)} with weight ${ofThousandths(w)}`;
  if (other === '')
    return `${address} was the only choice of the round robin (weight ${ofThousandths(weight)})`;
  return `${address} had the most credit in the weighted round robin (${side(value, weight)}, next best ${side(otherValue, otherWeight)} at ${other})`;
};
