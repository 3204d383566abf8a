import { writeBytes, writeLatin1 } from '../../core/bytes.ts';
import type { Field } from '../../core/field.ts';
import { copyWords } from '../../core/int32-view.ts';
import { type EncodedName, RawField } from '../../core/raw-field.ts';
import { TraceparentField, traceparentChars, writeTraceparent } from '../../core/traceparent-field.ts';
import type { OutputBuffer } from '../../transport/output-buffer.ts';
import { huffmanEncode, huffmanEncodedLength } from './huffman.ts';
import { integerBytesMax, writeInteger } from './integer.ts';
import { staticNames } from './static-table.ts';

/** The first bits of each representation (RFC 7541 section 6) and the prefix they leave to an integer. */
const INDEXED = 0x80; // 7 bits
const INCREMENTAL_INDEXING = 0x40; // 6 bits
const WITHOUT_INDEXING = 0x00; // 4 bits
const NEVER_INDEXED = 0x10; // 4 bits
const HUFFMAN = 0x80; // 7 bits

/**
 * The field's bytes in a form that stands on no dynamic table, made once and kept in `field.literal`: one byte where
 * the static table has the whole field, otherwise a literal without indexing. For fields that repeat, so worth Huffman
 * coding where that is shorter: it is paid once, and read by the peer many times.
 */
export function independentBytes(field: Field): Uint8Array {
  field.literal ??= encodeIndependent(field);
  return field.literal;
}

function encodeIndependent(field: Field): Uint8Array {
  const named = staticNames.get(field.name);
  const whole = named?.values?.get(field.value);
  if (whole !== undefined) return Uint8Array.of(INDEXED | whole);
  const out = new Uint8Array(field.name.length + field.value.length + 3 * integerBytesMax);
  let at = writeInteger(out, 0, WITHOUT_INDEXING, 4, named?.index ?? 0);
  if (named === undefined) at = writeShorterString(out, at, field.name);
  at = writeShorterString(out, at, field.value);
  return out.slice(0, at);
}

/**
 * Writes a literal with incremental indexing at `position`, where there is room, and returns where it ends; `bytes` are
 * the field's independent ones. Only the name's index differs: it has 6 bits where it had 4.
 */
export function writeIndexingLiteral(out: Uint8Array, position: number, bytes: Uint8Array): number {
  const first = bytes[0];
  if (first < 0x0f) {
    const end = writeBytes(out, position, bytes);
    out[position] = INCREMENTAL_INDEXING | first;
    return end;
  }
  // A static index of 15 to 61 took a second byte for what passes 15; with 6 bits it fits in the first.
  out[position] = INCREMENTAL_INDEXING | (0x0f + bytes[1]);
  return writeBytes(out, position + 1, bytes.subarray(2));
}

/**
 * Appends a field that will not come again, as it is: a sensitive one never-indexed (section 6.2.3), others without
 * indexing unless the static table has them. Plain bytes: 45 ns for a trace header, where measuring and Huffman coding
 * it takes 380 to save 16 bytes. Nothing is left behind for the collector.
 */
export function writePlainLiteral(field: Field, out: OutputBuffer): void {
  if (field instanceof TraceparentField) return writeTraceparentField(field, out);
  if (field instanceof RawField) return writeRawField(field, out);
  const { name, value, sensitive } = field;
  out.reserve(name.length + value.length + 3 * integerBytesMax);
  const bytes = out.bytes;
  const named = staticNames.get(name);
  if (named !== undefined && named.values !== null && !sensitive) {
    const whole = named.values.get(value);
    if (whole !== undefined) {
      bytes[out.length++] = INDEXED | whole;
      return;
    }
  }
  const pattern = sensitive ? NEVER_INDEXED : WITHOUT_INDEXING;
  let at = writeInteger(bytes, out.length, pattern, 4, named === undefined ? 0 : named.index);
  if (named === undefined) at = writePlainString(bytes, at, name);
  out.length = writePlainString(bytes, at, value);
}

const traceparentStart = Buffer.from(`\0\x0btraceparent${String.fromCharCode(traceparentChars)}`, 'latin1');

/** The same bytes as of any other field of that name and value, without the string. */
function writeTraceparentField(field: TraceparentField, out: OutputBuffer): void {
  out.reserve(traceparentStart.length + traceparentChars);
  const at = writeBytes(out.bytes, out.length, traceparentStart);
  out.length = writeTraceparent(out.bytes, at, field);
}

/** As `writePlainLiteral` begins a field of this name whose value the static table has not: all before the value. */
export function encodeName(name: string): EncodedName | null {
  const named = staticNames.get(name);
  if (named !== undefined && named.values !== null) return null;
  const out = new Uint8Array(name.length + 2 * integerBytesMax);
  let at = writeInteger(out, 0, WITHOUT_INDEXING, 4, named?.index ?? 0);
  if (named === undefined) at = writePlainString(out, at, name);
  return { name, prefix: out.slice(0, at) };
}

/** The same bytes as of any other field of that name and value, without the string. */
function writeRawField({ encodedName, chunk, start, length }: RawField, out: OutputBuffer): void {
  const { prefix } = encodedName;
  out.reserve(prefix.length + integerBytesMax + length);
  let at = writeBytes(out.bytes, out.length, prefix);
  at = writeInteger(out.bytes, at, 0, 7, length);
  out.length = copyWords(chunk.view, start, length, out.view, at);
}

/** Section 5.2. */
function writePlainString(out: Uint8Array, position: number, text: string): number {
  return writeLatin1(out, writeInteger(out, position, 0, 7, text.length), text);
}

function writeShorterString(out: Uint8Array, position: number, text: string): number {
  const coded = huffmanEncodedLength(text);
  if (coded >= text.length) return writePlainString(out, position, text);
  return huffmanEncode(text, out, writeInteger(out, position, HUFFMAN, 7, coded));
}
