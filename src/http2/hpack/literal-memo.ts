import type { Field } from '../../core/field.ts';
import { copyOctets, hashOctets, sameOctets } from './octets.ts';

/** Longer ones hardly ever repeat. */
const wireBytesMax = 64;
const slotCount = 256;

interface LiteralSlot {
  readonly wire: Buffer;
  readonly field: Field;
}
/** Direct-mapped and shared by the process, as the names are: 256 short fields at the most. */
const slots: Array<LiteralSlot | null> = new Array(slotCount).fill(null);
const seen = new Int32Array(slotCount);
let hash = 0;

/**
 * The field that the octets of a literal without indexing (RFC 7541 section 6.2.2) stand for, its name included, or null
 * where they were not kept. What does not stand on a dynamic table means the same on every connection.
 *
 * A peer that indexes nothing sends all of its fields so each time. Those that come again are found here, judged and
 * encoded already; like a block, a field is kept at its second sight only, so that ids leave their hash behind and no more.
 */
export function knownLiteral(bytes: Uint8Array, start: number, end: number): Field | null {
  if (end - start > wireBytesMax) return null;
  // Of every octet: ids that count up differ in their last digits only, and must not seem to come again.
  hash = hashOctets(bytes, start, end, 0, wireBytesMax);
  const slot = slots[hash & (slotCount - 1)];
  return slot !== null && sameOctets(bytes, start, end, slot.wire) ? slot.field : null;
}

/** Right after `knownLiteral` gave null: whether the same octets seem to have been here before. */
export function literalSeenBefore(start: number, end: number): boolean {
  if (end - start > wireBytesMax) return false;
  const slot = hash & (slotCount - 1);
  if (seen[slot] === hash) return true;
  seen[slot] = hash;
  return false;
}

/** After `literalSeenBefore` gave true: keeps what the octets meant. */
export function keepLiteral(bytes: Uint8Array, start: number, end: number, field: Field): void {
  slots[hash & (slotCount - 1)] = { wire: copyOctets(bytes, start, end), field };
}

/** As in a new process: a simulation must send the same octets for a seed, whatever ran before it. */
export function forgetLiterals(): void {
  slots.fill(null);
  seen.fill(0);
}
