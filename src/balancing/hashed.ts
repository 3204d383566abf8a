import { hash32, mix32 } from '../core/hash.ts';
import type { Random } from '../core/random.ts';
import type { Balancer, Candidate } from './candidate.ts';
import { ofThousandths, PickReason, type PickWords } from './pick-reason.ts';

/** Off without it. */
export interface BoundedLoad {
  /** How many times its share of the calls in flight an endpoint may have, above 1. */
  readonly factor: number;
}

export interface HashedOptions {
  /** The index of the endpoint that a hash belongs to. */
  readonly indexOf: (hash: number) => number;
  readonly boundedLoad: BoundedLoad | undefined;
  /** For people: what a hash is looked up in. */
  readonly table: 'ring' | 'maglev';
  /** For people: what the key is made of, `header x-user-id`. */
  readonly described: string;
}

/** What decided: `PickReason.variant`. */
const Decided = { owner: 0, ownerExcluded: 1, ownerFull: 2, noKey: 3 } as const;

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
  { indexOf, boundedLoad, table, described }: HashedOptions,
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
  const words = hashWords(table, described);
  /** The latest pick: its hash, who owns that, and whether this one was excluded. */
  let latestHash = 0;
  let owner = 0;
  let ownerExcluded = false;
  return {
    endpoints,
    pick(_nowMs, excluded, key) {
      if (endpoints.length === 0) return null;
      const hash = key === '' ? random.i32() : hash32(key);
      latestHash = hash;
      owner = indexOf(hash);
      const first = endpoints[owner];
      const each = bounded ? perWeight() : 0;
      ownerExcluded = excluded?.has(first) === true;
      return ownerExcluded || (bounded && full(first, each)) ? next(hash, excluded, each) : first;
    },
    explain(picked, _nowMs, key) {
      const first = endpoints[owner];
      const weight = picked.configuredWeight;
      let reason: PickReason;
      if (key === '') reason = new PickReason(words, Decided.noKey, picked, weight, 0);
      else if (first === picked) reason = new PickReason(words, Decided.owner, picked, weight, 0);
      else {
        const variant = ownerExcluded ? Decided.ownerExcluded : Decided.ownerFull;
        const limit = ownerExcluded ? 0 : Math.ceil(perWeight() * first.configuredWeight);
        reason = new PickReason(words, variant, picked, weight, 0, first, first.configuredWeight, limit);
      }
      reason.hash = latestHash;
      return reason;
    },
  };
}

/** The hash is shown: whoever looks it up in a table over the same endpoints comes to the same one. */
function hashWords(table: string, described: string): PickWords {
  return ({ address, variant, weight, hash, other, otherActive, otherValue }) => {
    if (variant === Decided.noKey)
      return `the request has no key (${described}), so ${address} was chosen at random, by weight (${ofThousandths(weight)})`;
    const text = (hash >>> 0).toString(16).padStart(8, '0');
    const owned = `the key of the request (${described}) has the hash ${text}, which the ${table} table gives to`;
    if (variant === Decided.owner) return `${owned} ${address}`;
    const why =
      variant === Decided.ownerExcluded
        ? 'which an earlier attempt has used'
        : `which has ${otherActive} requests in flight, at its limit of ${ofThousandths(otherValue)} (boundedLoad)`;
    return `${owned} ${other}, ${why}; ${address} is the next for this key`;
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
