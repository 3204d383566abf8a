import { ByteKey, equalBytes, hashBytes } from '../../core/bytes.ts';
import type { Field } from '../../core/field.ts';

/** Longer ones hardly ever repeat. */
const wireBytesMax = 64;
const slotCount = 256;
/** Slots of the table: enough that two fields of a head rarely share one. */
const seenCount = 4096;
/** Stands for the start of a block where a slot is named. */
const blockStart = slotCount;

interface LiteralSlot {
  readonly wire: ByteKey;
  readonly field: Field;
}

/**
 * The fields that literals without indexing (RFC 7541 section 6.2.2) stand for, by their bytes: 256 short fields at the most.
 * What does not stand on a dynamic table means the same on every connection, so all decoders of a process share one memo.
 * Decoding is synchronous: what one call leaves for the next, no other decoder changes in between.
 */
export class LiteralMemo {
  private readonly slots: Array<LiteralSlot | null> = new Array(slotCount).fill(null);
  /** Hashes seen once. */
  private readonly seen = new Int32Array(seenCount);
  /** Of the literal that `find` looked for last. */
  private hash = 0;
  /** By slot, the slot of the field that followed it the last time; the last element is for `blockStart`. */
  private readonly followers = new Uint8Array(slotCount + 1);
  /** The slot found last in the block at hand. */
  private latest = blockStart;

  /** Begins a block; call it before the first field of each. */
  startBlock(): void {
    this.latest = blockStart;
  }

  /**
   * Returns the literal that stands at `start`, where it is the one that followed the latest known one before; otherwise
   * null. The bytes of a literal say where it ends, so equal ones are the same literal, which then need not be read at all.
   * One that is not known between two that are does no harm: a peer keeps to its order.
   */
  findNext(bytes: Uint8Array, start: number, end: number): LiteralSlot | null {
    const next = this.followers[this.latest];
    const slot = this.slots[next];
    if (slot === null) return null;
    const literalEnd = start + slot.wire.length;
    if (literalEnd > end || !equalBytes(bytes, start, literalEnd, slot.wire)) return null;
    this.latest = next;
    return slot;
  }

  /**
   * Returns the field that the bytes stand for, its name included, or null where they were not kept.
   *
   * A peer that indexes nothing sends all of its fields so each time. Those that come again are found here, judged and
   * encoded already; like a block, a field is kept at its second sight only, so that ids leave their hash behind and no more.
   */
  find(bytes: Uint8Array, start: number, end: number): Field | null {
    if (end - start > wireBytesMax) return null;
    // Of every byte: ids that count up differ in their last digits only, and must not seem to come again.
    const hash = hashBytes(bytes, start, end, 0, wireBytesMax);
    this.hash = hash;
    let at = hash & (slotCount - 1);
    let slot = this.slots[at];
    if (slot === null || !equalBytes(bytes, start, end, slot.wire)) {
      at = secondSlot(hash);
      slot = this.slots[at];
      if (slot === null || !equalBytes(bytes, start, end, slot.wire)) return null;
    }
    this.follow(at);
    return slot.field;
  }

  /** Right after `find` returned null: whether the same bytes seem to have been here before. */
  seenBefore(start: number, end: number): boolean {
    if (end - start > wireBytesMax) return false;
    const at = (this.hash >>> 16) & (seenCount - 1);
    if (this.seen[at] === this.hash) return true;
    this.seen[at] = this.hash;
    return false;
  }

  /** After `seenBefore` returned true: keeps what the bytes meant. */
  keep(bytes: Uint8Array, start: number, end: number, field: Field): void {
    const first = this.hash & (slotCount - 1);
    const at = this.slots[first] === null ? first : secondSlot(this.hash);
    this.slots[at] = { wire: new ByteKey(bytes, start, end), field };
    this.follow(at);
  }

  private follow(slot: number): void {
    this.followers[this.latest] = slot;
    this.latest = slot;
  }
}

/** Every literal has two slots, or two fields of the same head could push each other out on every call. */
function secondSlot(hash: number): number {
  return (hash >>> 8) & (slotCount - 1);
}
