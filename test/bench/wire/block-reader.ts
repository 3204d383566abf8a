import { huffmanDecode, huffmanDecodedMax } from '../../../src/http2/hpack/huffman.ts';
import { staticFields } from '../../../src/http2/hpack/static-table.ts';

interface Entry {
  readonly name: string;
  readonly value: string;
}

export const tableBytesDefault = 4096;
export const entryOverheadBytes = 32;

/**
 * HPACK (RFC 7541) with a decoder of its own, so that the verdict on a proxy's replies does not hang on the proxy's
 * code; only the tables of the RFC's appendices are shared. Plain rather than fast. Throws where a block is malformed:
 * that ends the bench.
 */
export class BlockReader {
  private readonly entries: Entry[] = [];
  private tableBytes = 0;
  private tableMax = tableBytesDefault;
  private at = 0;

  /** The fields of a whole block; of a repeated name the last value. */
  read(bytes: Buffer, start: number, end: number): Map<string, string> {
    this.at = start;
    const fields = new Map<string, string>();
    while (this.at < end) {
      const byte = bytes[this.at];
      if ((byte & 0xe0) === 0x20) {
        this.tableMax = this.integer(bytes, 5);
        this.evict();
        continue;
      }
      const entry = byte & 0x80 ? this.entry(this.integer(bytes, 7)) : this.literal(bytes, byte);
      fields.set(entry.name, entry.value);
    }
    if (this.at !== end) throw new Error('a header block ends within a field');
    return fields;
  }

  private literal(bytes: Buffer, byte: number): Entry {
    const keep = (byte & 0x40) !== 0;
    const index = this.integer(bytes, keep ? 6 : 4);
    const name = index === 0 ? this.text(bytes) : this.entry(index).name;
    const entry = { name, value: this.text(bytes) };
    if (keep) {
      this.entries.unshift(entry);
      this.tableBytes += sizeOf(entry);
      this.evict();
    }
    return entry;
  }

  private evict(): void {
    while (this.tableBytes > this.tableMax) {
      const oldest = this.entries.pop();
      if (oldest === undefined) throw new Error('the table is empty and has a size');
      this.tableBytes -= sizeOf(oldest);
    }
  }

  private entry(index: number): Entry {
    const entry =
      index <= staticFields.length ? staticFields[index - 1] : this.entries[index - staticFields.length - 1];
    if (entry === undefined) throw new Error(`header index ${index} is not in the table`);
    return entry;
  }

  /** RFC 7541 section 5.1. */
  private integer(bytes: Buffer, prefixBits: number): number {
    const prefix = (1 << prefixBits) - 1;
    let value = bytes[this.at++] & prefix;
    if (value < prefix) return value;
    let factor = 1;
    let byte: number;
    do {
      byte = bytes[this.at++];
      value += (byte & 0x7f) * factor;
      factor *= 128;
    } while (byte & 0x80);
    return value;
  }

  /** RFC 7541 section 5.2. */
  private text(bytes: Buffer): string {
    const coded = (bytes[this.at] & 0x80) !== 0;
    const length = this.integer(bytes, 7);
    const start = this.at;
    this.at += length;
    if (!coded) return bytes.toString('latin1', start, this.at);
    const out = Buffer.alloc(huffmanDecodedMax(length) + 2);
    const decoded = huffmanDecode(bytes, start, this.at, out, 0);
    if (decoded < 0) throw new Error('a Huffman-coded string is wrong');
    return out.toString('latin1', 0, decoded);
  }
}

function sizeOf(entry: Entry): number {
  return entry.name.length + entry.value.length + entryOverheadBytes;
}

/** RFC 7541 section 6.2: a literal that enters the table (`keep`) or does not; values shorter than 127 bytes. */
export function literalField(name: string, value: string, keep: boolean): Buffer {
  if (name.length > 126 || value.length > 126) throw new Error('literalField is for short fields');
  return Buffer.concat([
    Buffer.from([keep ? 0x40 : 0x00, name.length]),
    Buffer.from(name, 'latin1'),
    Buffer.from([value.length]),
    Buffer.from(value, 'latin1'),
  ]);
}
