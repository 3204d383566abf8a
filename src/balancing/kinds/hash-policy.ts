import { type KeySource, keyOf } from '../../core/request-key.ts';
import type { Affinity } from '../affinity.ts';

/** The key of a request, from the first source that has one. */
export function affinityBy(hash: readonly KeySource[]): Affinity {
  const sources = hash.map(asOnTheWire);
  return {
    keyOf: (head, clientAddress) => keyOf(sources, head, clientAddress),
    bind: (reply) => reply,
  };
}

/** Field names are lower case there (RFC 9113 section 8.2.1). */
function asOnTheWire(source: KeySource): KeySource {
  return source.header === undefined ? source : { ...source, header: source.header.toLowerCase() };
}
