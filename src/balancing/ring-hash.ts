import { hash32, mix32 } from '../core/hash.ts';
import type { Candidate } from './candidate.ts';

/** How many points a ring has. */
export interface RingSize {
  /** Of the lightest endpoint; heavier ones have more. The more, the nearer shares come to the weights. */
  readonly perEndpoint: number;
  /** At most this many in all, however many endpoints there are and however weights differ, and one for each. */
  readonly max: number;
}

export const defaultRingSize: RingSize = { perEndpoint: 1024, max: 65_536 };

/** Points of a ring are sorted as `hash * 2^20 + index`, which is exact below 2^53: more endpoints than that there are not. */
const indexesMax = 2 ** 20;
/** From an unsigned place on the ring to a hash, which is signed. Where the circle begins does not matter. */
const signed = -(2 ** 31);

/**
 * Consistent hashing on a ring (ketama): every endpoint has points on a circle of 2^32 in proportion to its weight, and a
 * hash belongs to the next point. An endpoint that comes takes its keys from all others alike, one that goes leaves them to
 * all alike; no other key moves. A share is exact to about 1 / √points of the endpoint.
 *
 * Points are counted per endpoint and not, as in Envoy, over the ring: there an endpoint that goes gives all others more
 * points, and with three of them a quarter as many keys again move (8.8% beside 33%).
 *
 * Weights are those that are configured: slow start would move keys to and fro.
 *
 * @returns the index of the endpoint for a hash (32 bits, signed); not to be asked over no endpoints
 */
export function hashRing(
  endpoints: readonly Candidate[],
  { perEndpoint, max }: RingSize,
): (hash: number) => number {
  const total = endpoints.reduce((sum, { configuredWeight }) => sum + configuredWeight, 0);
  const lightest = endpoints.reduce(
    (least, { configuredWeight }) => Math.min(least, configuredWeight),
    total,
  );
  const perWeight = Math.min(perEndpoint / lightest, max / total);
  const pointsOf = ({ configuredWeight }: Candidate): number =>
    Math.max(1, Math.round(configuredWeight * perWeight));
  const ring = new Float64Array(endpoints.reduce((sum, endpoint) => sum + pointsOf(endpoint), 0));
  let at = 0;
  for (let index = 0; index < endpoints.length; index++) {
    const seed = hash32(endpoints[index].address);
    const points = pointsOf(endpoints[index]);
    for (let point = 1; point <= points; point++)
      ring[at++] = (mix32(seed ^ mix32(point)) >>> 0) * indexesMax + index;
  }
  ring.sort();
  const starts = new Int32Array(at);
  const owners = new Int32Array(at);
  for (let i = 0; i < at; i++) {
    const place = Math.floor(ring[i] / indexesMax);
    starts[i] = place + signed;
    owners[i] = ring[i] - place * indexesMax;
  }
  return (hash) => {
    let low = 0;
    let high = starts.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (starts[middle] < hash) low = middle + 1;
      else high = middle;
    }
    return owners[low === starts.length ? 0 : low];
  };
}
