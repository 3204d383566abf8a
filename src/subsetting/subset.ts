import { formatAddress } from '../core/address.ts';
import type { EndpointSpec } from '../core/endpoint-spec.ts';
import { hash32 } from '../core/hash.ts';

export interface SubsettingSettings {
  /** Endpoints that are used of each priority, at the most. */
  readonly size: number;
  /** Of this sidecar, 32 bits: another seed chooses other endpoints. */
  readonly seed: number;
}

/**
 * Random subsetting (gRFC A68) by rendezvous hashing: of each priority, the `size` endpoints whose addresses have the lowest hashes
 * with the seed, in the order of the list.
 *
 * The hash of an endpoint depends on nothing else, so a change of the list changes as little as can be: an endpoint that comes takes
 * the place of one at the most, and the place of one that goes is taken by one. Over many seeds each endpoint is chosen equally
 * often. Weights, zones and health do not count: whoever chose by health would connect to others with each failed probe, and all
 * sidecars at once.
 */
export function subsetOf(
  endpoints: readonly EndpointSpec[],
  { size, seed }: SubsettingSettings,
): readonly EndpointSpec[] {
  if (endpoints.length <= size) return endpoints;
  const priorities = Map.groupBy(endpoints, ({ priority }) => priority);
  const chosen = new Set<EndpointSpec>();
  for (const those of priorities.values()) for (const spec of lowest(those, size, seed)) chosen.add(spec);
  return endpoints.filter((spec) => chosen.has(spec));
}

function lowest(endpoints: readonly EndpointSpec[], size: number, seed: number): readonly EndpointSpec[] {
  if (endpoints.length <= size) return endpoints;
  const hashed = endpoints.map((spec) => {
    const address = formatAddress(spec.address);
    return { spec, address, hash: hash32(address, seed) };
  });
  // Of equal hashes the address decides: the order of the list may be another one tomorrow.
  hashed.sort((a, b) => a.hash - b.hash || (a.address < b.address ? -1 : 1));
  return hashed.slice(0, size).map(({ spec }) => spec);
}
