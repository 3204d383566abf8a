import { copyOfBytes, writeBytes } from '../../core/bytes.ts';
import type { Field } from '../../core/field.ts';
import type { HeaderBlock } from '../../core/header-block.ts';
import type { OutputBuffer } from '../../transport/output-buffer.ts';
import { DynamicTable, initialTableBytesMax } from './dynamic-table.ts';
import { EncodedMemo } from './encoded-memo.ts';
import { integerBytesMax, writeInteger } from './integer.ts';
import { independentBytes, writeIndexingLiteral, writePlainLiteral } from './representation.ts';
import { staticTableLength } from './static-table.ts';

export interface HpackEncoderOptions {
  /** The dynamic table never grows beyond this, whatever the peer allows: an attacker must not choose our memory. */
  readonly tableBytesMax?: number;
}

/** A field larger than this part of the table would push out too much of what repeats. */
const tableShareMax = 1 / 4;
/** Of the fields whose insertion would evict, one in a fixed number goes in: more of them than fit must not churn the table. */
const evictingInsertEvery = 16;

/** A longer block is encoded every time: it costs too much to keep. */
const memoBlockBytesMax = 512;

/**
 * Header blocks to the wire (RFC 7541 section 6), one encoder per connection, blocks in the order they are sent.
 *
 * What is spent on a field depends on whether it will come again, which `repeated` says. One that does is encoded once
 * for all connections (`Field.literal`) and enters the dynamic table; one that does not is written as it is, and
 * leaves no trace.
 */
export class HpackEncoder {
  private readonly table = new DynamicTable();
  /** Absolute number in the table by entry. */
  private readonly positions = new Map<Field, number>();
  private readonly ownTableBytesMax: number;
  /** What the table is to become at the next block, and the smallest it should have been on the way there. */
  private tableBytesNext: number;
  private tableBytesLowest: number;
  private evictingCandidates = 0;
  /** Bytes of whole repeated blocks or bases. */
  private readonly memo = new EncodedMemo();

  constructor(options: HpackEncoderOptions = {}) {
    this.ownTableBytesMax = options.tableBytesMax ?? initialTableBytesMax;
    // The peer's decoder starts at 4096 bytes: less is announced in the first block, more when it allows more.
    this.tableBytesNext = Math.min(this.ownTableBytesMax, initialTableBytesMax);
    this.tableBytesLowest = this.tableBytesNext;
  }

  /** The peer's SETTINGS_HEADER_TABLE_SIZE, in bytes; call it before the block that follows our acknowledgement. */
  setPeerTableBytesMax(bytes: number): void {
    this.tableBytesNext = Math.min(bytes, this.ownTableBytesMax);
    this.tableBytesLowest = Math.min(this.tableBytesLowest, this.tableBytesNext);
  }

  /** Changes with the dynamic table: blocks that left it as it was may as well not be sent. */
  get version(): number {
    return this.table.version;
  }

  /** The dynamic table, newest first; for tests and dumps. */
  entries(): Field[] {
    return this.table.entries();
  }

  /** Appends the block to `out`: its base's fields, then its own. Blocks have to leave in the order of these calls. */
  encode(block: HeaderBlock, out: OutputBuffer): void {
    const capacityBytes = this.table.capacityBytes;
    if (this.tableBytesLowest !== capacityBytes || this.tableBytesNext !== capacityBytes)
      this.writeSizeUpdates(out);
    this.writeBlock(block, out);
  }

  /** RFC 7541 section 4.2: at the start of a block, the smallest size since the one before, then the last. */
  private writeSizeUpdates(out: OutputBuffer): void {
    if (this.tableBytesLowest < this.table.capacityBytes) this.resize(this.tableBytesLowest, out);
    if (this.tableBytesNext !== this.table.capacityBytes) this.resize(this.tableBytesNext, out);
    this.tableBytesLowest = this.tableBytesNext;
  }

  private resize(capacityBytes: number, out: OutputBuffer): void {
    this.evictTo(capacityBytes);
    this.table.resize(capacityBytes);
    out.reserve(integerBytesMax);
    out.length = writeInteger(out.bytes, out.length, 0x20, 5, capacityBytes);
  }

  private writeBlock(block: HeaderBlock, out: OutputBuffer): void {
    if (!block.repeated) {
      this.writeFields(block, out);
      return;
    }
    const version = this.table.version;
    const known = this.memo.find(block, version);
    if (known !== null) {
      out.reserve(known.length);
      out.length = writeBytes(out.bytes, out.length, known);
      return;
    }
    const start = out.length;
    this.writeFields(block, out);
    // An insertion moved the indices: the bytes will be others next time.
    if (this.table.version === version && out.length - start <= memoBlockBytesMax)
      this.memo.keep(block, version, copyOfBytes(out.bytes, start, out.length));
  }

  private writeFields(block: HeaderBlock, out: OutputBuffer): void {
    if (block.base !== null) this.writeBlock(block.base, out);
    const fields = block.fields;
    for (let i = 0; i < fields.length; i++) {
      const field = fields[i];
      if (field.repeated && !field.sensitive) this.writeRepeated(field, out);
      else writePlainLiteral(field, out);
    }
  }

  private writeRepeated(field: Field, out: OutputBuffer): void {
    const bytes = independentBytes(field);
    out.reserve(bytes.length + integerBytesMax);
    if (bytes.length === 1) {
      out.bytes[out.length++] = bytes[0]; // wholly in the static table
      return;
    }
    const table = this.table;
    const position = this.positions.get(field);
    if (position !== undefined) {
      const index = staticTableLength + table.insertions - position;
      out.length = writeInteger(out.bytes, out.length, 0x80, 7, index);
      return;
    }
    if (!this.worthInserting(field.size)) {
      out.length = writeBytes(out.bytes, out.length, bytes);
      return;
    }
    out.length = writeIndexingLiteral(out.bytes, out.length, bytes);
    this.evictTo(table.capacityBytes - field.size);
    this.positions.set(field, table.insertions);
    table.insert(field);
  }

  private worthInserting(size: number): boolean {
    const { bytes, capacityBytes } = this.table;
    if (size > capacityBytes * tableShareMax) return false;
    if (bytes + size <= capacityBytes) return true;
    this.evictingCandidates = (this.evictingCandidates + 1) % evictingInsertEvery;
    return this.evictingCandidates === 0;
  }

  private evictTo(bytes: number): void {
    while (this.table.bytes > bytes) this.positions.delete(this.table.evictOldest());
  }
}
