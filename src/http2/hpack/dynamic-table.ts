import type { Field } from '../../core/field.ts';

/** The capacity both ends start from, until SETTINGS say otherwise (RFC 9113 section 6.5.2). */
export const initialTableBytesMax = 4096;

/**
 * The dynamic table of one direction of one connection (RFC 7541 sections 2.3.2 and 4): the newest entry is at 0.
 *
 * A ring of slots. An entry's absolute number is `insertions` at the time it was put in; it stays the same while
 * the index on the wire grows with each later one, so that an encoder can remember it.
 */
export class DynamicTable {
  /** Sum of the sizes of the entries (section 4.1); never above `capacityBytes`. */
  bytes = 0;
  capacityBytes = initialTableBytesMax;
  /** Entries held now. */
  length = 0;
  /** Entries ever put in. */
  insertions = 0;
  /** Another number after every change that moves an index: what was derived from the table before is void. */
  version = 0;
  private slots: Array<Field | null> = [null, null, null, null, null, null, null, null];
  /** By slot: an entry that goes was put in long ago, and asking it for its size is a miss of every cache. */
  private sizes: number[] = [0, 0, 0, 0, 0, 0, 0, 0];

  /** The entry at an index from 0 to `length` - 1. */
  at(index: number): Field {
    return this.slots[(this.insertions - 1 - index) & (this.slots.length - 1)]!;
  }

  /** Puts an equal field object in an entry's place; indices and sizes stay. */
  replace(index: number, field: Field): void {
    this.slots[(this.insertions - 1 - index) & (this.slots.length - 1)] = field;
  }

  /** Section 4.4: evicts until the field fits; one larger than the capacity leaves the table empty. */
  insert(field: Field): void {
    const size = field.size;
    this.version++;
    if (size > this.capacityBytes) {
      this.clear();
      return;
    }
    while (this.bytes + size > this.capacityBytes) this.evictOldest();
    if (this.length === this.slots.length) this.grow();
    const slot = this.insertions & (this.slots.length - 1);
    this.slots[slot] = field;
    this.sizes[slot] = size;
    this.insertions++;
    this.length++;
    this.bytes += size;
  }

  /** Takes the oldest entry out; the table is not empty. */
  evictOldest(): Field {
    const slot = (this.insertions - this.length) & (this.slots.length - 1);
    const field = this.slots[slot]!;
    this.slots[slot] = null;
    this.length--;
    this.bytes -= this.sizes[slot];
    this.version++;
    return field;
  }

  clear(): void {
    while (this.length > 0) this.evictOldest();
    this.version++;
  }

  /** Section 4.3. Counts as a change even where nothing is evicted. */
  resize(capacityBytes: number): void {
    while (this.bytes > capacityBytes) this.evictOldest();
    this.capacityBytes = capacityBytes;
    this.version++;
  }

  /** The entries, newest first; for tests and dumps. */
  entries(): Field[] {
    return Array.from({ length: this.length }, (_, index) => this.at(index));
  }

  private grow(): void {
    const { slots, sizes } = this;
    const length = slots.length * 2;
    this.slots = new Array(length).fill(null);
    this.sizes = new Array(length).fill(0);
    for (let number = this.insertions - this.length; number < this.insertions; number++) {
      this.slots[number & (length - 1)] = slots[number & (slots.length - 1)];
      this.sizes[number & (length - 1)] = sizes[number & (slots.length - 1)];
    }
  }
}
