import { huffmanEncode, huffmanEncodedLength } from '../../../src/http2/hpack/huffman.ts';
import { staticFields } from '../../../src/http2/hpack/static-table.ts';

/** One header field as a list of header fields knows it. */
export interface PlainField {
  readonly name: string;
  readonly value: string;
  readonly sensitive: boolean;
}

/** RFC 7541 appendix B as a map from bits to symbols, read off the encoder, whose codes the RFC's vectors prove. */
const symbols = new Map<string, number>();
for (let symbol = 0; symbol < 256; symbol++) {
  const text = String.fromCharCode(symbol);
  // Eight times the code is whole bytes, whatever its length.
  const eight = text.repeat(8);
  const out = new Uint8Array(huffmanEncodedLength(eight));
  huffmanEncode(eight, out, 0);
  const bits = [...out].map((byte) => byte.toString(2).padStart(8, '0')).join('');
  symbols.set(bits.slice(0, bits.length / 8), symbol);
}
const codeBitsMax = 30;

export class ReferenceError7541 extends Error {}

function wrong(what: string): never {
  throw new ReferenceError7541(what);
}

/** RFC 7541 read word by word and slowly: the decoder that ours must agree with. */
export class ReferenceHpackDecoder {
  /** Newest first. */
  readonly table: PlainField[] = [];
  capacity = 4096;
  private limit: number;
  private lowest: number;

  constructor(tableBytesMax: number) {
    this.limit = Math.max(tableBytesMax, 4096);
    this.lowest = this.limit;
  }

  setLimit(bytes: number): void {
    this.limit = bytes;
    this.lowest = Math.min(this.lowest, bytes);
  }

  /** All fields of a block. Throws `ReferenceError7541` where the block is wrong. */
  decode(block: Buffer): PlainField[] {
    const fields: PlainField[] = [];
    const reader = new BitReader(block);
    const owed = this.lowest < this.capacity ? this.lowest : null;
    let updates = 0;
    let atStart = true;
    while (!reader.done) {
      const first = reader.peek();
      if (first >> 5 === 0b001) {
        if (!atStart) wrong('a size update after a field');
        const size = reader.integer(5);
        if (size > this.limit) wrong('a size update over the limit');
        updates++;
        if (updates > 2) wrong('too many size updates');
        if (updates === 1 && owed !== null && size > owed) wrong('the lowest size was not said');
        this.capacity = size;
        this.evict();
        continue;
      }
      if (atStart && owed !== null && updates === 0) wrong('no size update');
      atStart = false;
      if (first >> 7 === 1) fields.push(this.entry(reader.integer(7)));
      else if (first >> 6 === 0b01) {
        const field = this.literal(reader, 6, false);
        this.table.unshift(field);
        this.evict();
        fields.push(field);
      } else fields.push(this.literal(reader, 4, first >> 4 === 1));
    }
    if (atStart && owed !== null && updates === 0) wrong('no size update');
    this.lowest = this.limit;
    return fields;
  }

  private literal(reader: BitReader, prefix: number, sensitive: boolean): PlainField {
    const index = reader.integer(prefix);
    const name = index === 0 ? reader.string() : this.entry(index).name;
    return { name, value: reader.string(), sensitive };
  }

  private entry(index: number): PlainField {
    if (index === 0) wrong('index 0');
    const found = index <= 61 ? staticFields[index - 1] : this.table[index - 62];
    if (found === undefined) wrong('index past the end');
    return { name: found.name, value: found.value, sensitive: false };
  }

  private evict(): void {
    const size = (): number =>
      this.table.reduce((sum, { name, value }) => sum + name.length + value.length + 32, 0);
    while (size() > this.capacity) this.table.pop();
  }
}

class BitReader {
  private readonly bytes: Buffer;
  private at = 0;

  constructor(bytes: Buffer) {
    this.bytes = bytes;
  }
  get done(): boolean {
    return this.at >= this.bytes.length;
  }
  peek(): number {
    return this.bytes[this.at];
  }
  private next(): number {
    return this.at < this.bytes.length ? this.bytes[this.at++] : wrong('the block ends early');
  }
  /** Section 5.1, within 32 bits and five bytes after the prefix. */
  integer(prefix: number): number {
    const mask = 2 ** prefix - 1;
    const first = this.next() % (mask + 1);
    if (first < mask) return first;
    let value = BigInt(mask);
    for (let i = 0n; ; i++) {
      if (i === 5n) wrong('an integer of too many bytes');
      const byte = BigInt(this.next());
      value += (byte % 128n) << (7n * i);
      if (byte < 128n) break;
    }
    return value <= 0xffff_ffffn ? Number(value) : wrong('an integer over 32 bits');
  }
  string(): string {
    const huffman = this.done ? wrong('the block ends early') : this.peek() >= 128;
    const length = this.integer(7);
    if (length > this.bytes.length - this.at) wrong('a string past the end');
    const raw = this.bytes.subarray(this.at, this.at + length);
    this.at += length;
    return huffman ? unhuffman(raw) : raw.toString('latin1');
  }
}

function unhuffman(raw: Buffer): string {
  let text = '';
  let code = '';
  for (const byte of raw) {
    for (let bit = 7; bit >= 0; bit--) {
      code += (byte >> bit) & 1;
      const symbol = symbols.get(code);
      if (symbol !== undefined) {
        text += String.fromCharCode(symbol);
        code = '';
      } else if (code.length >= codeBitsMax) wrong('the end-of-string symbol, or no code');
    }
  }
  if (code.length > 7 || code.includes('0')) wrong('wrong padding');
  return text;
}
