import { huffmanEncode, huffmanEncodedLength } from '../../../src/http2/hpack/huffman.ts';
import { writeInteger } from '../../../src/http2/hpack/integer.ts';
import { staticFields } from '../../../src/http2/hpack/static-table.ts';
import { entryOverheadBytes, tableBytesDefault } from './block-reader.ts';

/** A header, with what the encoder looks it up by. */
export interface Header {
  readonly name: string;
  readonly value: string;
  readonly key: string;
}

const INDEXED = 0x80;
const INCREMENTAL_INDEXING = 0x40;
const HUFFMAN = 0x80;
/** Room for one string and what stands before it. */
const headerBytesMax = 256;

/** The first index of each header and of each name of the static table. */
const staticIndices = new Map<string, number>();
for (const [at, { name, value }] of [...staticFields.entries()].reverse()) {
  staticIndices.set(keyOf(name, value), at + 1);
  staticIndices.set(name, at + 1);
}

/**
 * HPACK (RFC 7541) as the encoder of Go's golang.org/x/net/http2/hpack, and so grpc-go, writes it: every header enters the
 * dynamic table, ids that differ in each call too, and every string is Huffman-coded where that is shorter. So unique values push
 * out the headers that repeat, which are then sent as literals again.
 */
export class IndexingEncoder {
  private readonly entries: Header[] = [];
  /** Absolute numbers in the dynamic table, of whole headers by their key and of the newest with each name. */
  private readonly numbers = new Map<string, number>();
  /** Entries ever added, and those of them that have gone. */
  private added = 0;
  private evicted = 0;
  private tableBytes = 0;
  private out = Buffer.alloc(0);
  private at = 0;

  /** Returns the header block of these headers; blocks have to be sent in the order of these calls. */
  encode(headers: readonly Header[]): Buffer {
    this.out = Buffer.allocUnsafe(2 * headerBytesMax * headers.length);
    this.at = 0;
    for (const header of headers) this.writeHeader(header);
    return this.out.subarray(0, this.at);
  }

  private writeHeader(header: Header): void {
    const { name, value, key } = header;
    if (name.length + value.length > headerBytesMax) throw new Error('IndexingEncoder is for short headers');
    const whole = staticIndices.get(key) ?? this.dynamicIndex(key);
    if (whole > 0) {
      this.at = writeInteger(this.out, this.at, INDEXED, 7, whole);
      return;
    }
    const named = staticIndices.get(name) ?? this.dynamicIndex(name);
    this.at = writeInteger(this.out, this.at, INCREMENTAL_INDEXING, 6, named);
    if (named === 0) this.writeString(name);
    this.writeString(value);
    this.add(header);
  }

  private dynamicIndex(key: string): number {
    const number = this.numbers.get(key);
    return number === undefined ? 0 : staticFields.length + this.added - number;
  }

  private add(header: Header): void {
    this.numbers.set(header.key, this.added);
    this.numbers.set(header.name, this.added);
    this.entries.push(header);
    this.added++;
    this.tableBytes += sizeOf(header);
    while (this.tableBytes > tableBytesDefault) this.evict();
  }

  private evict(): void {
    const oldest = this.entries.shift()!;
    for (const key of [oldest.key, oldest.name])
      if (this.numbers.get(key) === this.evicted) this.numbers.delete(key);
    this.evicted++;
    this.tableBytes -= sizeOf(oldest);
  }

  /** RFC 7541 section 5.2. */
  private writeString(text: string): void {
    const coded = huffmanEncodedLength(text);
    if (coded < text.length) {
      this.at = huffmanEncode(text, this.out, writeInteger(this.out, this.at, HUFFMAN, 7, coded));
      return;
    }
    this.at = writeInteger(this.out, this.at, 0, 7, text.length);
    this.at += this.out.write(text, this.at, 'latin1');
  }
}

function header(name: string, value: string): Header {
  return { name, value, key: keyOf(name, value) };
}

function keyOf(name: string, value: string): string {
  return `${name}\n${value}`;
}

/** The headers that grpc-go sends in every call, in its order. */
export function grpcGoHeaders(authority: string, path: string): Header[] {
  return [
    header(':method', 'POST'),
    header(':scheme', 'http'),
    header(':path', path),
    header(':authority', authority),
    header('content-type', 'application/grpc'),
    header('user-agent', 'grpc-go/1.84.0'),
    header('te', 'trailers'),
  ];
}

/** Those that differ in each call: what is left of a deadline of 5 s, and a trace that is not sampled. */
export function grpcGoUnique(number: number): Header[] {
  // As random as real ids: their Huffman codes differ in length.
  const words = [Math.imul(number, 0x9e3779b1), Math.imul(number, 0x85ebca6b)];
  const id = words.map((word) => (word >>> 0).toString(16).padStart(8, '0')).join('');
  return [
    header('grpc-timeout', `${4_900_000 + (number % 100_000)}u`),
    header('traceparent', `00-${id}${id}-${id}-00`),
  ];
}

function sizeOf({ name, value }: Header): number {
  return name.length + value.length + entryOverheadBytes;
}
