import { hash32 } from '../core/hash.ts';
import type { Candidate } from './candidate.ts';

/** A prime: so every step through the table comes by every entry. */
export const defaultTableSize = 65_537;

/**
 * Maglev hashing (Eisenbud and others, NSDI 2016, section 3.4; weights as in Envoy): every endpoint has an order of its
 * own in which it claims entries of a table, and they claim in turn, the heavier more often, until it is full. Shares are
 * nearly exact; an endpoint that comes or goes moves its own keys and few others.
 *
 * Weights are those that are configured: slow start would move keys to and fro.
 *
 * @param size entries, a prime, a hundred times as many as endpoints or more
 * @returns the index of the endpoint for a hash (32 bits, signed); not to be asked over no endpoints
 */
export function maglevTable(endpoints: readonly Candidate[], size: number): (hash: number) => number {
  // By address, and not as they come: sidecars that got the same endpoints in another order agree.
  const order = endpoints.map((_, index) => index);
  order.sort((a, b) => (endpoints[a].address < endpoints[b].address ? -1 : 1));
  const table = new Int32Array(size).fill(-1);
  const heaviest = endpoints.reduce((most, { configuredWeight }) => Math.max(most, configuredWeight), 0);
  const at = Int32Array.from(endpoints, ({ address }) => (hash32(address) >>> 0) % size);
  const skip = Int32Array.from(
    endpoints,
    ({ address }) => ((hash32(address, skipSeed) >>> 0) % (size - 1)) + 1,
  );
  // An endpoint claims in the rounds in which its weights so far have reached the next multiple of the heaviest one's.
  const owed = Float64Array.from(endpoints, ({ configuredWeight }) => configuredWeight);
  for (let filled = 0; order.length > 0 && filled < size; ) {
    for (const i of order) {
      if (filled === size) break;
      const due = owed[i];
      owed[i] = due + endpoints[i].configuredWeight;
      if (due < heaviest) continue;
      owed[i] -= heaviest;
      while (table[at[i]] >= 0) at[i] = (at[i] + skip[i]) % size;
      table[at[i]] = i;
      filled++;
    }
  }
  return (hash) => table[(hash >>> 0) % size];
}

const skipSeed = 0x5eed;
