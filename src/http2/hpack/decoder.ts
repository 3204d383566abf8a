import { Field, FieldKind } from '../../core/field.ts';
import { HeaderBlock } from '../../core/header-block.ts';
import { RawField } from '../../core/raw-field.ts';
import { BlockMemo, memoBlockBytesMax } from './block-memo.ts';
import { HpackCaches } from './caches.ts';
import { CommonPrefix } from './common-prefix.ts';
import { DynamicTable, initialTableBytesMax } from './dynamic-table.ts';
import { huffmanSlackBytes } from './huffman.ts';
import { Cursor, INTEGER_OVERFLOW, readInteger } from './integer.ts';
import type { LiteralMemo } from './literal-memo.ts';
import { type KnownName, staticKnownNames } from './name-cache.ts';
import { type PrefixNode, PrefixTree } from './prefix-tree.ts';
import { RawFieldStore } from './raw-field-store.ts';
import { staticFields, staticTableLength } from './static-table.ts';
import { StringLiteral } from './string-literal.ts';

export interface HpackDecoderOptions {
  /**
   * SETTINGS_HEADER_TABLE_SIZE as announced, in bytes. The peer's encoder starts at 4096 until it has acknowledged our
   * SETTINGS, so less than that counts only from `setTableBytesMax` on.
   */
  readonly tableBytesMax: number;
  /** SETTINGS_MAX_HEADER_LIST_SIZE: bytes of all names and values plus 32 per field (RFC 9113 section 6.5.2). */
  readonly listBytesMax: number;
  /** Fields of one block, cookie crumbs included. */
  readonly fieldsMax: number;
  /** What all decoders of the process share; by default the decoder shares nothing. */
  readonly caches?: HpackCaches;
}

/** RFC 7541 section 4.2: the smallest limit since the block before and the last one; no third is ever due. */
const sizeUpdatesMax = 2;

const noFields: Field[] = [];

/** A byte of this and an index up to 126 is the whole representation (section 6.1). */
const INDEXED = 0x80;
const shortIndexMax = 126;

/**
 * Header blocks from the wire (RFC 7541 sections 3 and 6), one decoder per connection, blocks in the order they came.
 *
 * A block that is too large is still read to its end, since the table has to stay in step with the peer's, but is
 * no longer stored: sizes are known before a string is made, so neither a Huffman-coded nor an indexed bomb costs memory.
 */
export class HpackDecoder {
  /** What made `decode` return null, a plain sentence; the connection ends with COMPRESSION_ERROR. */
  error: string | null = null;
  /** The last block passed `listBytesMax` or `fieldsMax` and lacks the fields from there on. */
  oversize = false;

  private readonly table = new DynamicTable();
  private readonly listBytesMax: number;
  private readonly fieldsMax: number;
  /** The largest size that the peer may set the table to. */
  private tableBytesMax: number;
  /** The lowest that limit was since the last block: the peer must say that it went down so far. */
  private tableBytesLowest: number;

  private readonly caches: HpackCaches;
  /** Of `caches`, at hand for every field. */
  private readonly literals: LiteralMemo;
  private readonly memo = new BlockMemo();
  private readonly cursor = new Cursor();
  private readonly nameLiteral = new StringLiteral();
  private readonly valueLiteral = new StringLiteral();
  private readonly values = new RawFieldStore();
  private readonly prefix = new CommonPrefix();
  private readonly prefixes = new PrefixTree();
  /** Where the fields of the block at hand have led to, while all of them have repeated; null after the first new one. */
  private node: PrefixNode | null = null;
  /** Of the block at hand. */
  private base: HeaderBlock | null = null;
  private fields: Field[] = noFields;
  /** How many more it may have. */
  private fieldsLeft = 0;
  private listBytes = 0;

  constructor(options: HpackDecoderOptions) {
    this.tableBytesMax = Math.max(options.tableBytesMax, initialTableBytesMax);
    this.tableBytesLowest = this.tableBytesMax;
    this.listBytesMax = options.listBytesMax;
    this.fieldsMax = options.fieldsMax;
    this.caches = options.caches ?? new HpackCaches();
    this.literals = this.caches.literals;
  }

  /** The peer has acknowledged SETTINGS_HEADER_TABLE_SIZE `bytes`: from the next block on it binds it. */
  setTableBytesMax(bytes: number): void {
    this.tableBytesMax = bytes;
    if (bytes < this.tableBytesLowest) this.tableBytesLowest = bytes;
  }

  /** The dynamic table, newest first; for tests and dumps. */
  entries(): Field[] {
    return this.table.entries();
  }

  /**
   * Decodes the whole header block in `bytes` from `start` to `end`. Returns null and sets `error` where the block breaks
   * RFC 7541; the decoder is then of no more use. May return the very object it returned for the same bytes before.
   */
  decode(bytes: Uint8Array, start: number, end: number): HeaderBlock | null {
    this.oversize = false;
    if (this.error !== null) return null;
    const version = this.table.version;
    const memoable = end - start <= memoBlockBytesMax && this.tableBytesLowest >= this.table.capacityBytes;
    if (memoable) {
      const known = this.memo.find(bytes, start, end, version);
      if (known !== null) return known;
    }
    this.cursor.set(bytes, start, end);
    this.node = this.prefixes.start();
    this.fields = [];
    this.fieldsLeft = this.fieldsMax;
    this.listBytes = 0;
    if (this.readSizeUpdates() && !this.beginsAsBefore()) this.readPrefix();
    if (this.error === null) this.readFields();
    this.leavePrefix();
    const { base, fields } = this;
    this.release();
    if (this.error !== null) return null;
    const block = base !== null && fields.length === 0 ? base : new HeaderBlock(fields, base);
    // Bytes that changed the table, or were only judged in part, will not mean the same again.
    const lasting = memoable && version === this.table.version && !this.oversize;
    if (lasting && this.memo.seenBefore(bytes, start, end, version)) {
      if (!block.repeated) this.markRepeated(block, fields);
      this.memo.keep(bytes, start, end, version, block);
    }
    return block;
  }

  /** Table size updates may only stand at the start of a block (RFC 7541 section 4.2). False on an error. */
  private readSizeUpdates(): boolean {
    const { cursor, table } = this;
    const mustShrinkTo = this.tableBytesLowest < table.capacityBytes ? this.tableBytesLowest : -1;
    let updates = 0;
    while (cursor.position < cursor.end && (cursor.bytes[cursor.position] & 0xe0) === 0x20) {
      const bytes = readInteger(cursor, 5);
      if (bytes < 0) return this.failInteger(bytes);
      if (bytes > this.tableBytesMax)
        return this.fail(`a table size update to ${bytes} passes the limit of ${this.tableBytesMax}`);
      if (++updates > sizeUpdatesMax) return this.fail('a header block has more than two table size updates');
      if (updates === 1 && mustShrinkTo >= 0 && bytes > mustShrinkTo)
        return this.fail(
          `the first table size update is ${bytes}, but the limit went down to ${mustShrinkTo}`,
        );
      table.resize(bytes);
    }
    if (mustShrinkTo >= 0 && updates === 0)
      return this.fail(`no table size update, though the limit went down to ${mustShrinkTo}`);
    this.tableBytesLowest = this.tableBytesMax;
    return true;
  }

  private beginsAsBefore(): boolean {
    const { cursor } = this;
    this.literals.startBlock();
    const known = this.prefix.find(cursor.bytes, cursor.position, cursor.end);
    if (known === null) return false;
    cursor.position += known.wire.length;
    this.enter(known.node);
    return true;
  }

  /** The fields at the beginning that the next block may begin with as well. */
  private readPrefix(): void {
    const { cursor } = this;
    const { bytes, end } = cursor;
    const start = cursor.position;
    while (cursor.position < end && !this.oversize) {
      if (this.followIndexed(staticTableLength)) continue;
      const byte = bytes[cursor.position];
      if (byte > INDEXED && byte <= (INDEXED | staticTableLength)) {
        this.store(staticFields[byte - INDEXED - 1]);
        cursor.position++;
        continue;
      }
      const known = byte < 0x10 ? this.literals.findNext(bytes, cursor.position, end) : null;
      if (known === null) break;
      this.store(known.field);
      cursor.position += known.wire.length;
    }
    if (!this.oversize) this.prefix.learn(bytes, start, cursor.position, this.node!);
  }

  private readFields(): void {
    const cursor = this.cursor;
    const end = cursor.end;
    while (cursor.position < end) {
      const byte = cursor.bytes[cursor.position];
      if (byte >= 0x80) {
        if (!this.followIndexed(shortIndexMax) && !this.readIndexed()) return;
      } else if (byte >= 0x40) {
        if (!this.readLiteral(6, true, false)) return;
      } else if (byte >= 0x20) {
        this.fail('a table size update stands after a header');
        return;
      } else if (byte >= 0x10) {
        if (!this.readLiteral(4, false, true)) return;
      } else {
        const known = this.literals.findNext(cursor.bytes, cursor.position, end);
        if (known === null) {
          if (!this.readLiteral(4, false, false)) return;
        } else {
          cursor.position += known.wire.length;
          if (!this.oversize) this.store(known.field);
        }
      }
    }
  }

  /**
   * Reads indexed fields as long as they are those that followed the fields before the last time; of an index up to `indexMax`,
   * which is no more than a byte has. Returns whether there was one.
   */
  private followIndexed(indexMax: number): boolean {
    const { cursor, table, listBytesMax, fieldsMax } = this;
    if (this.node === null || this.oversize) return false;
    const { bytes, end } = cursor;
    let { node } = this;
    let { position } = cursor;
    for (; position < end; position++) {
      const index = bytes[position] - INDEXED;
      if (index <= 0 || index > indexMax) break;
      const dynamicIndex = index - staticTableLength - 1;
      if (dynamicIndex >= table.length) break;
      const next: PrefixNode | null = node.latest;
      if (next === null || next.listBytes > listBytesMax || next.depth > fieldsMax) break;
      if (next.field !== (dynamicIndex < 0 ? staticFields[index - 1] : table.at(dynamicIndex))) break;
      node = next;
    }
    if (position === cursor.position) return false;
    cursor.position = position;
    this.enter(node);
    return true;
  }

  /** The block at hand has begun with the fields that lead to `node`. */
  private enter(node: PrefixNode): void {
    this.node = node;
    this.fieldsLeft = this.fieldsMax - node.depth;
    this.listBytes = node.listBytes;
  }

  /** Section 6.1. False on an error, as the other readers. */
  private readIndexed(): boolean {
    const index = readInteger(this.cursor, 7);
    if (index < 0) return this.failInteger(index);
    const field = this.lookUp(index);
    if (field === null) return false;
    if (this.oversize) return true;
    // The first reference to an entry: from now on it is known to repeat, and is the same object on every connection.
    this.store(field.repeated ? field : this.promote(index, field));
    return true;
  }

  /** Section 6.2. */
  private readLiteral(prefixBits: number, insert: boolean, sensitive: boolean): boolean {
    const { cursor, nameLiteral, valueLiteral } = this;
    const start = cursor.position;
    const nameIndex = readInteger(cursor, prefixBits);
    if (nameIndex < 0) return this.failInteger(nameIndex);
    let named: KnownName | null = null;
    let problem = '';
    if (nameIndex === 0) problem = nameLiteral.read(cursor);
    else {
      named = this.nameAt(nameIndex);
      if (named === null) return false;
    }
    if (problem === '') problem = valueLiteral.read(cursor);
    if (problem !== '') return this.fail(problem);

    // Sensitive values are not compared across connections.
    const memoable = !sensitive && nameIndex <= staticTableLength && (!insert || this.mayRepeat);
    const known = memoable ? this.literals.find(cursor.bytes, start, cursor.position) : null;
    if (known !== null) {
      if (insert) this.table.insert(known);
      if (!this.oversize) this.store(known);
      return true;
    }
    const nameMax = named === null ? nameLiteral.lengthMax : named.name.length;
    const sizeNeeded = this.sizeNeeded(insert);
    if (nameMax + valueLiteral.lengthMax + 32 > sizeNeeded) {
      const nameBytes = named === null ? nameLiteral.measure() : named.name.length;
      const valueBytes = valueLiteral.measure();
      if (nameBytes < 0 || valueBytes < 0) return this.failHuffman();
      if (nameBytes + valueBytes + 32 > sizeNeeded) {
        this.oversize = true;
        // Section 4.4: an entry larger than the table empties it.
        if (insert) this.table.clear();
        return true;
      }
    }

    named ??= nameLiteral.name(this.caches.names);
    let field = named === null ? null : this.newField(named, sensitive);
    if (field === null) return this.failHuffman();
    if (memoable && this.literals.seenBefore(start, cursor.position)) {
      field = this.caches.fields.intern(field);
      this.literals.keep(cursor.bytes, start, cursor.position, field);
    }
    if (insert) this.table.insert(field);
    if (!this.oversize) this.store(field);
    return true;
  }

  /**
   * What is indexed comes by its index the next time, except from a peer whose ids push it out of the table: it inserts the field
   * again, where one has repeated before. Ids, behind the base or where nothing has ever repeated, are not looked for.
   */
  private get mayRepeat(): boolean {
    return this.node === null ? this.base === null : this.node.latest !== null;
  }

  /** Of the name and the value at hand. Null where the value's Huffman coding is wrong. */
  private newField({ name, kind, encodedName }: KnownName, sensitive: boolean): Field | null {
    const { valueLiteral, values } = this;
    if (encodedName !== null && !sensitive && valueLiteral.worthCopying) {
      values.reserve(valueLiteral.lengthMax + huffmanSlackBytes);
      const length = valueLiteral.copyPlain(values);
      if (length >= 0) return values.field(encodedName, length);
    }
    const value = valueLiteral.text();
    if (value === null) return null;
    return new Field(name, value, sensitive, valueLiteral.isPlainText() ? kind : undefined);
  }

  /** The size up to which a field has to be made at all: because the block keeps it, or because the table does. */
  private sizeNeeded(insert: boolean): number {
    const full = this.oversize || this.fieldsLeft === 0;
    const listBytesLeft = full ? 0 : this.listBytesMax - this.listBytes;
    return insert ? Math.max(listBytesLeft, this.table.capacityBytes) : listBytesLeft;
  }

  private store(field: Field): void {
    const listBytes = this.listBytes + field.size;
    if (listBytes > this.listBytesMax || this.fieldsLeft === 0) {
      this.oversize = true;
      return;
    }
    this.fieldsLeft--;
    this.listBytes = listBytes;
    if (this.node !== null) {
      if (field.repeated) {
        this.node = this.prefixes.next(this.node, field);
        return;
      }
      this.leavePrefix();
    }
    this.fields.push(field);
  }

  /** A new field follows those that have repeated, or none: they become the base, where there have been blocks like this one. */
  private leavePrefix(): void {
    const { node } = this;
    if (node === null) return;
    this.node = null;
    this.base = node.reached();
    if (this.base === null && node.depth > 0) this.fields = node.fields();
  }

  /** Section 2.3.3. Null, with the error set, for 0 and for what is past the end. */
  private lookUp(index: number): Field | null {
    if (index > staticTableLength) {
      const dynamicIndex = index - staticTableLength - 1;
      if (dynamicIndex < this.table.length) return this.table.at(dynamicIndex);
    } else if (index > 0) return staticFields[index - 1];
    this.fail(`there is no header table entry at index ${index}`);
    return null;
  }

  /** The name of the entry at an index, as `lookUp`. */
  private nameAt(index: number): KnownName | null {
    if (index > 0 && index <= staticTableLength) return staticKnownNames[index - 1];
    const field = this.lookUp(index);
    if (field === null) return null;
    const { name, kind } = field;
    if (field instanceof RawField) return { name, kind, encodedName: field.encodedName };
    // A malformed one may be so by its value.
    const byName = kind !== FieldKind.Malformed && name !== 'te';
    return { name, kind: byName ? kind : undefined, encodedName: null };
  }

  private promote(index: number, field: Field): Field {
    const shared = this.caches.fields.intern(field);
    this.table.replace(index - staticTableLength - 1, shared);
    return shared;
  }

  /** The same bytes came again: what they mean is worth remembering by whoever works on it. */
  private markRepeated(block: HeaderBlock, fields: Field[]): void {
    block.repeated = true;
    for (let i = 0; i < fields.length; i++) {
      const field = fields[i];
      if (field.sensitive) field.repeated = true;
      else if (!field.repeated) fields[i] = this.caches.fields.intern(field);
    }
  }

  /** Between blocks nothing of one is held: neither the read buffer nor its fields. */
  private release(): void {
    this.cursor.release();
    this.nameLiteral.release();
    this.valueLiteral.release();
    this.node = null;
    this.base = null;
    this.fields = noFields;
  }

  private fail(sentence: string): false {
    this.error = sentence;
    return false;
  }
  private failInteger(error: number): false {
    return this.fail(
      error === INTEGER_OVERFLOW ? 'an integer is over 32 bits' : 'the header block ends inside an integer',
    );
  }
  private failHuffman(): false {
    return this.fail('a Huffman-coded string has wrong padding or an end-of-string symbol');
  }
}
