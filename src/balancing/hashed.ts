import type { Random } from '../core/random.ts';
import type { Balancer, Candidate } from './candidate.ts';
import { hash32, mix32 } from './hash.ts';

/** Off without it. */
export interface BoundedLoad {
  /** How many times its share of the calls in flight an endpoint may have, above 1. */
  readonly factor: number;
}

export interface HashedOptions {
  /** The index of the endpoint that a hash belongs to. */
  readonly indexOf: (hash: number) => number;
  readonly boundedLoad: BoundedLoad | undefined;
  /** For people: `maglev hash of header x-user-id`. */
  readonly described: string;
}

/**
 * Calls of one key go to one endpoint, whoever asks and whenever, as long as it is there. A call without a key gets a random
 * one: such calls are spread by weight.
 *
 * Where that endpoint is excluded or, with a bound on loads, has more than its share in flight, the next one is found by
 * rendezvous hashing of the key over those that are left: its keys are spread over all others by their weights, each key
 * always to the same one. (The next on the ring would get them all.)
 */
export function hashed<E extends Candidate>(
  endpoints: readonly E[],
  random: Random,
  { indexOf, boundedLoad, described }: HashedOptions,
): Balancer<E> {
  const seeds = Int32Array.from(endpoints, ({ address }) => hash32(address, rendezvousSeed));
  const total = endpoints.reduce((sum, { configuredWeight }) => sum + configuredWeight, 0);
  const factor = boundedLoad === undefined ? Number.POSITIVE_INFINITY : boundedLoad.factor;
  const bounded = factor !== Number.POSITIVE_INFINITY;
  /** Calls in flight that one unit of weight may have, this one included (Mirrokni and others, 2018). */
  const perWeight = (): number => {
    let active = 1;
    for (let i = 0; i < endpoints.length; i++) active += endpoints[i].active;
    return (factor * active) / total;
  };
  // An endpoint is full at the whole number above its part, so that together they always have room for one more.
  const full = (endpoint: E, each: number): boolean =>
    endpoint.active >= Math.ceil(each * endpoint.configuredWeight);
  const next = (hash: number, excluded: ReadonlySet<E> | null, each: number): E | null => {
    let best: E | null = null;
    let bestScore = -1;
    let bestFull = true;
    for (let i = 0; i < endpoints.length; i++) {
      const endpoint = endpoints[i];
      if (excluded?.has(endpoint)) continue;
      const isFull = bounded && full(endpoint, each);
      if (isFull && !bestFull) continue;
      const score = rendezvousScore(mix32(seeds[i] ^ hash), endpoint.configuredWeight);
      if (score > bestScore || (bestFull && !isFull)) {
        best = endpoint;
        bestScore = score;
        bestFull = isFull;
      }
    }
    return best;
  };
  return {
    endpoints,
    pick(_nowMs, excluded, key) {
      if (endpoints.length === 0) return null;
      const hash = key === '' ? random.i32() : hash32(key);
      const first = endpoints[indexOf(hash)];
      const each = bounded ? perWeight() : 0;
      const taken = excluded?.has(first) === true || (bounded && full(first, each));
      return taken ? next(hash, excluded, each) : first;
    },
    explain(picked, _nowMs, key) {
      const over = `over ${endpoints.length} endpoints`;
      if (key === '')
        return `by lot ${over}, weight ${picked.configuredWeight}: the call has no key for the ${described}`;
      if (endpoints[indexOf(hash32(key))] === picked) return `by ${described} ${over}`;
      const why = bounded ? 'was tried or is full' : 'was tried';
      return `by ${described} ${over}: its own, ${endpoints[indexOf(hash32(key))].address}, ${why}, and this one is next for its key`;
    },
  };
}

const rendezvousSeed = 0x0e2d;

/**
 * Weighted rendezvous hashing (Schindelhauer and Schomaker; Resch): the greatest of w / -ln(u) is e with probability
 * w / W. The half keeps u off 0 and 1.
 */
export function rendezvousScore(hash: number, weight: number): number {
  return weight / -Math.log(((hash >>> 0) + 0.5) / 2 ** 32);
}
