import type { Field } from '../../core/field.ts';
import { ByteKey, equalBytes, hashBytes } from './bytes.ts';

/** Longer ones hardly ever repeat. */
const wireBytesMax = 64;
const slotCount = 256;

interface LiteralSlot {
  readonly wire: ByteKey;
  readonly field: Field;
}
/** Shared by the process, as the names are: 256 short fields at the most. */
const slots: Array<LiteralSlot | null> = new Array(slotCount).fill(null);
/** Hashes seen once; so many that two fields of a head hardly ever share a place. */
const seen = new Int32Array(4096);
let hash = 0;

/** By slot, the slot of the field that followed it the last time; the one behind the last stands for the block's start. */
const followers = new Uint8Array(slotCount + 1);
const blockStart = slotCount;
/** The slot found last in the block at hand. */
let latest = blockStart;

/** Before the first field of each block. */
export function startBlock(): void {
  latest = blockStart;
}

/**
 * The literal that stands at `start`, where it is the one that followed the latest known one before; otherwise null. The
 * bytes of a literal say where it ends, so equal ones are the same literal, which then need not be read at all. One that
 * is not known between two that are does no harm: a peer keeps to its order.
 */
export function followingLiteral(bytes: Uint8Array, start: number, end: number): LiteralSlot | null {
  const next = followers[latest];
  const slot = slots[next];
  if (slot === null) return null;
  const literalEnd = start + slot.wire.length;
  if (literalEnd > end || !equalBytes(bytes, start, literalEnd, slot.wire)) return null;
  latest = next;
  return slot;
}

/**
 * The field that the bytes of a literal without indexing (RFC 7541 section 6.2.2) stand for, its name included, or null
 * where they were not kept. What does not stand on a dynamic table means the same on every connection.
 *
 * A peer that indexes nothing sends all of its fields so each time. Those that come again are found here, judged and
 * encoded already; like a block, a field is kept at its second sight only, so that ids leave their hash behind and no more.
 */
export function knownLiteral(bytes: Uint8Array, start: number, end: number): Field | null {
  if (end - start > wireBytesMax) return null;
  // Of every byte: ids that count up differ in their last digits only, and must not seem to come again.
  hash = hashBytes(bytes, start, end, 0, wireBytesMax);
  let at = hash & (slotCount - 1);
  let slot = slots[at];
  if (slot === null || !equalBytes(bytes, start, end, slot.wire)) {
    at = secondSlot();
    slot = slots[at];
    if (slot === null || !equalBytes(bytes, start, end, slot.wire)) return null;
  }
  follow(at);
  return slot.field;
}

/** Every literal has two slots, or two fields of the same head could push each other out on every call. */
function secondSlot(): number {
  return (hash >>> 8) & (slotCount - 1);
}

function follow(slot: number): void {
  followers[latest] = slot;
  latest = slot;
}

/** Right after `knownLiteral` gave null: whether the same bytes seem to have been here before. */
export function literalSeenBefore(start: number, end: number): boolean {
  if (end - start > wireBytesMax) return false;
  const at = (hash >>> 16) & (seen.length - 1);
  if (seen[at] === hash) return true;
  seen[at] = hash;
  return false;
}

/** After `literalSeenBefore` gave true: keeps what the bytes meant. */
export function keepLiteral(bytes: Uint8Array, start: number, end: number, field: Field): void {
  const first = hash & (slotCount - 1);
  const at = slots[first] === null ? first : secondSlot();
  slots[at] = { wire: new ByteKey(bytes, start, end), field };
  follow(at);
}

/** As in a new process: a simulation must send the same bytes for a seed, whatever ran before it. */
export function forgetLiterals(): void {
  slots.fill(null);
  seen.fill(0);
  followers.fill(0);
}
