import { viewOf } from './int32-view.ts';
import type { ByteChunk } from './raw-field.ts';

/**
 * Bytes to binary strings (one UTF-16 unit per byte) and back. Every choice of a way here is a measured one; the
 * figures are from one machine, what counts is where the lines cross.
 */

/** The native methods behind `toString('latin1')` and `write(…, 'latin1')`, which spare the look-up of the encoding. */
interface Latin1Buffer {
  latin1Slice(start: number, end: number): string;
  latin1Write(text: string, position: number, length: number): number;
}
const native = Buffer.prototype as unknown as Latin1Buffer;
const charOf = String.fromCharCode;

/** The binary string of `bytes` from `start` to `end`. */
export function latin1(bytes: Uint8Array, start: number, end: number): string {
  const b = bytes;
  const s = start;
  // A call into native code costs 45 ns whatever the length; these cost 6 (one byte) to 15 ns (eight).
  switch (end - start) {
    case 0:
      return '';
    case 1:
      return charOf(b[s]);
    case 2:
      return charOf(b[s], b[s + 1]);
    case 3:
      return charOf(b[s], b[s + 1], b[s + 2]);
    case 4:
      return charOf(b[s], b[s + 1], b[s + 2], b[s + 3]);
    case 5:
      return charOf(b[s], b[s + 1], b[s + 2], b[s + 3], b[s + 4]);
    case 6:
      return charOf(b[s], b[s + 1], b[s + 2], b[s + 3], b[s + 4], b[s + 5]);
    case 7:
      return charOf(b[s], b[s + 1], b[s + 2], b[s + 3], b[s + 4], b[s + 5], b[s + 6]);
    case 8:
      return charOf(b[s], b[s + 1], b[s + 2], b[s + 3], b[s + 4], b[s + 5], b[s + 6], b[s + 7]);
    default:
      return native.latin1Slice.call(bytes, start, end);
  }
}

/** Above this many characters the native write (21 ns) beats a loop (1 ns each). */
const writeLoopMax = 16;

/** Writes a binary string at `position`, where there is room, and returns where it ends. */
export function writeLatin1(out: Uint8Array, position: number, text: string): number {
  const length = text.length;
  if (length > writeLoopMax) native.latin1Write.call(out, text, position, length);
  else for (let i = 0; i < length; i++) out[position + i] = text.charCodeAt(i);
  return position + length;
}

/** Above this many bytes the native copy (13 ns) beats a loop (1 ns each). */
const copyLoopMax = 8;

/** Copies all of `bytes` to `position`, where there is room, and returns where they end. */
export function writeBytes(out: Uint8Array, position: number, bytes: Uint8Array): number {
  const length = bytes.length;
  if (length > copyLoopMax) out.set(bytes, position);
  else for (let i = 0; i < length; i++) out[position + i] = bytes[i];
  return position + length;
}

/** Bytes that others are compared with; they share no memory with a read buffer. */
export class ByteKey implements ByteChunk {
  readonly length: number;
  readonly bytes: Buffer;
  readonly view: DataView;

  constructor(bytes: Uint8Array, start: number, end: number) {
    this.length = end - start;
    this.bytes = copyOfBytes(bytes, start, end);
    this.view = new DataView(this.bytes.buffer);
  }
}

/** Above this many bytes the native comparison (55 ns) beats a loop of words (0.4 ns a byte). */
const compareLoopMax = 160;

/** Whether `bytes` from `start` to `end` are `key`. */
export function equalBytes(bytes: Uint8Array, start: number, end: number, key: ByteKey): boolean {
  const length = key.length;
  if (end - start !== length) return false;
  if (length > compareLoopMax) return key.bytes.compare(bytes, start, end) === 0;
  if (length < 4) {
    for (let i = 0; i < length; i++) if (bytes[start + i] !== key.bytes[i]) return false;
    return true;
  }
  const words = viewOf(bytes);
  const keyWords = key.view;
  // The last word may overlap the one before it.
  const last = length - 4;
  if (words.getInt32(start + last, true) !== keyWords.getInt32(last, true)) return false;
  for (let i = 0; i < last; i += 4)
    if (words.getInt32(start + i, true) !== keyWords.getInt32(i, true)) return false;
  return true;
}

/**
 * Are they all printable ASCII (0x20 to 0x7e) without a space at either end? Four at a time: the high bit of a byte
 * shows in one of the three where it is not.
 */
export function isPlainText(bytes: Uint8Array, start: number, end: number): boolean {
  if (end - start >= 4) return areWordsPlain(bytes, viewOf(bytes), start, end);
  if (start === end) return true;
  let flags = 0;
  for (let i = start; i < end; i++) flags |= bytes[i] | (bytes[i] + 0x01) | (bytes[i] - 0x20);
  return (flags & 0x80) === 0 && bytes[start] !== 0x20 && bytes[end - 1] !== 0x20;
}

/** The same of four bytes at least, by the view of those who have one. */
export function areWordsPlain(bytes: Uint8Array, words: DataView, start: number, end: number): boolean {
  if (bytes[start] === 0x20 || bytes[end - 1] === 0x20) return false;
  const last = end - 4;
  let flags = 0;
  for (let i = start; i < last; i += 4) flags |= suspects(words.getInt32(i, true));
  return ((flags | suspects(words.getInt32(last, true))) & 0x80808080) === 0;
}

/**
 * Copies four bytes or more to `position` of `out`, where there is room, and says what `isPlainText` would. Both in one
 * go, since to load the words is most of the work.
 */
export function copyAndJudge(
  bytes: Uint8Array,
  start: number,
  end: number,
  out: DataView,
  position: number,
): boolean {
  const words = viewOf(bytes);
  const shift = position - start;
  const last = end - 4;
  let word = words.getInt32(last, true);
  let flags = suspects(word);
  out.setInt32(last + shift, word, true);
  for (let i = start; i < last; i += 4) {
    word = words.getInt32(i, true);
    flags |= suspects(word);
    out.setInt32(i + shift, word, true);
  }
  return (flags & 0x80808080) === 0 && bytes[start] !== 0x20 && bytes[end - 1] !== 0x20;
}

function suspects(word: number): number {
  return word | (word + 0x01010101) | (word - 0x20202020);
}

/** Words of four bytes. */
const hashSamplesMax = 16;

/**
 * A 32-bit hash for a table that compares before it believes. Long runs are sampled, evenly, so that an id of a few
 * dozen random bytes anywhere in them still distinguishes two.
 */
export function hashBytes(
  bytes: Uint8Array,
  start: number,
  end: number,
  seed: number,
  samplesMax = hashSamplesMax,
): number {
  const length = end - start;
  let hash = Math.imul(seed ^ length, 0x9e3779b1);
  if (length < 4) {
    for (let i = start; i < end; i++) hash = Math.imul(hash ^ bytes[i], 0x01000193);
    return hash ^ (hash >>> 15);
  }
  const stride = length <= 4 * samplesMax ? 4 : Math.ceil(length / samplesMax);
  const words = viewOf(bytes);
  const last = end - 4;
  for (let i = start; i < last; i += stride) hash = mix(hash, words.getInt32(i, true));
  return mix(hash, words.getInt32(last, true));
}

/** The shift brings what the high bytes changed down to the bits that select a slot of a table. */
function mix(hash: number, word: number): number {
  const product = Math.imul(hash ^ word, 0x01000193);
  return product ^ (product >>> 15);
}

/** A copy that shares no memory with a read buffer. */
export function copyOfBytes(bytes: Uint8Array, start: number, end: number): Buffer {
  const copy = Buffer.allocUnsafeSlow(end - start);
  for (let i = start; i < end; i++) copy[i - start] = bytes[i];
  return copy;
}
