import { areWordsPlain, copyAndJudge, isPlainText, latin1 } from '../../core/bytes.ts';
import { huffmanDecode, huffmanDecodedLength, huffmanDecodedMax, huffmanSlackBytes } from './huffman.ts';
import { type Cursor, INTEGER_OVERFLOW, readInteger } from './integer.ts';
import type { KnownName, NameCache } from './name-cache.ts';
import type { RawFieldStore } from './raw-field-store.ts';

/** Decoding is synchronous, so one workspace serves every connection. A longer string gets its own, for once. */
const scratch = Buffer.allocUnsafeSlow(16 * 1024);
const scratchWords = new DataView(scratch.buffer);

/** A shorter one is as fast a string as it is bytes. */
const copiedBytesMin = 8;
/** A longer one would leave much of a chunk unused, or have one of its own. */
const copiedBytesMax = 512;

/**
 * A string literal of a header block (RFC 7541 section 5.2), found but not yet made into a string, so that its size
 * can be judged before it costs memory. One object is used over and over.
 */
export class StringLiteral {
  private bytes: Uint8Array = scratch;
  private start = 0;
  private end = 0;
  private huffman = false;
  /** The text made last was Huffman-coded, and is plain as `isPlainText` means it. */
  private plainOnceDecoded = false;

  /** Finds the literal at the cursor and moves past it. Returns '' or what is wrong. */
  read(cursor: Cursor): string {
    if (cursor.position >= cursor.end) return 'the header block ends in the middle of a header';
    this.huffman = cursor.bytes[cursor.position] >= 0x80;
    const length = readInteger(cursor, 7);
    if (length === INTEGER_OVERFLOW) return 'a string length is over 32 bits';
    if (length < 0 || length > cursor.end - cursor.position) return 'the header block ends inside a string';
    this.bytes = cursor.bytes;
    this.start = cursor.position;
    this.end = cursor.position + length;
    cursor.position = this.end;
    return '';
  }

  /** An upper bound of the string's length in bytes, at no cost. */
  get lengthMax(): number {
    const bytes = this.end - this.start;
    return this.huffman ? huffmanDecodedMax(bytes) : bytes;
  }

  /** The string's length in bytes, or -1 where its Huffman coding is wrong. Reads every byte, keeps none. */
  measure(): number {
    return this.huffman ? huffmanDecodedLength(this.bytes, this.start, this.end) : this.end - this.start;
  }

  /** The binary string, or null where its Huffman coding is wrong. */
  text(): string | null {
    if (!this.huffman) return latin1(this.bytes, this.start, this.end);
    const needed = huffmanDecodedMax(this.end - this.start) + huffmanSlackBytes;
    const out = needed <= scratch.length ? scratch : Buffer.allocUnsafeSlow(needed);
    const length = huffmanDecode(this.bytes, this.start, this.end, out, 0);
    this.plainOnceDecoded = out === scratch && length >= 4 && areWordsPlain(scratch, scratchWords, 0, length);
    return length < 0 ? null : latin1(out, 0, length);
  }

  /** As `text`, for a header name and what it means: the same bytes give the same string object. */
  name(cache: NameCache): KnownName | null {
    const known = cache.find(this.bytes, this.start, this.end, this.huffman);
    if (known !== null) return known;
    const text = this.text();
    return text === null ? null : cache.keep(this.bytes, this.start, this.end, this.huffman, text);
  }

  /** Is a copy of its bytes cheaper than a string of them, and no more than a chunk can have? */
  get worthCopying(): boolean {
    const bytes = this.end - this.start;
    return bytes >= copiedBytesMin && bytes <= copiedBytesMax;
  }

  /**
   * Copies the string to where the next value of `store` goes, which has room for it. Returns its length in bytes, or -1
   * where it is shorter than four or not well-formed beyond doubt: then `text` is to be asked.
   */
  copyPlain(store: RawFieldStore): number {
    const { bytes, start, end } = this;
    const { chunk, position } = store;
    if (!this.huffman)
      return end - start >= 4 && copyAndJudge(bytes, start, end, chunk.view, position) ? end - start : -1;
    const length = huffmanDecode(bytes, start, end, chunk.bytes, position);
    if (length < 4) return -1;
    return areWordsPlain(chunk.bytes, chunk.view, position, position + length) ? length : -1;
  }

  /**
   * Is it a value well-formed beyond doubt (RFC 9113 section 8.2.1)? False where that has to be asked. Call it after `text`, which
   * is where a Huffman-coded one shows.
   */
  isPlainText(): boolean {
    return this.huffman ? this.plainOnceDecoded : isPlainText(this.bytes, this.start, this.end);
  }

  /** Lets go of the read buffer. */
  release(): void {
    this.bytes = scratch;
  }
}
