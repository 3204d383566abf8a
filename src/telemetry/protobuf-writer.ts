import { blockPool } from '../core/block-pool.ts';

/** Bytes of a message in protocol buffers' encoding, in pooled memory (`core/block-pool.ts`) that grows. */
export class ProtobufWriter {
  bytes: Buffer;
  length = 0;

  constructor(initialBytes: number) {
    this.bytes = blockPool.acquire(initialBytes);
  }

  /** Makes room for `extra` more bytes. The other methods leave that to their caller. */
  reserve(extra: number): void {
    const needed = this.length + extra;
    if (needed <= this.bytes.length) return;
    const grown = blockPool.acquire(needed * 2);
    this.bytes.copy(grown, 0, 0, this.length);
    blockPool.release(this.bytes);
    this.bytes = grown;
  }

  byte(value: number): void {
    this.bytes[this.length++] = value;
  }

  raw(values: Uint8Array): void {
    // Most are a dozen or two: for those a loop is quicker than the native copy.
    const { bytes } = this;
    let at = this.length;
    for (let i = 0; i < values.length; i++) bytes[at++] = values[i];
    this.length = at;
  }

  /** A whole number that is not negative. */
  varint(value: number): void {
    let rest = value;
    while (rest > 127) {
      this.bytes[this.length++] = (rest & 127) | 128;
      rest = rest < 0x8000_0000 ? rest >>> 7 : Math.floor(rest / 128);
    }
    this.bytes[this.length++] = rest;
  }

  /** The low 32 bits of a whole number, the lowest byte first. */
  fixed32(value: number): void {
    const { bytes, length } = this;
    bytes[length] = value;
    bytes[length + 1] = value >>> 8;
    bytes[length + 2] = value >>> 16;
    bytes[length + 3] = value >>> 24;
    this.length = length + 4;
  }

  /** 32 bits, the highest byte first: what ids are to OTLP. */
  word(value: number): void {
    const { bytes, length } = this;
    bytes[length] = value >>> 24;
    bytes[length + 1] = value >>> 16;
    bytes[length + 2] = value >>> 8;
    bytes[length + 3] = value;
    this.length = length + 4;
  }

  /** `length` is `utf8Length` of the text. */
  text(text: string, length: number): void {
    this.varint(length);
    const { bytes } = this;
    let at = this.length;
    this.length += length;
    if (length !== text.length) bytes.write(text, at);
    else for (let i = 0; i < length; i++) bytes[at++] = text.charCodeAt(i);
  }

  /**
   * Puts its length before all that was written from `start` on, where the caller left two bytes: enough for 16 KiB,
   * which few spans pass.
   */
  endMessage(start: number): void {
    const from = start + 2;
    const bytes = this.length - from;
    const size = varintSize(bytes);
    if (size !== 2) {
      this.reserve(size);
      this.bytes.copyWithin(start + size, from, this.length);
    }
    this.length = start;
    this.varint(bytes);
    this.length += bytes;
  }
}

/** Bytes that `varint` takes. */
export function varintSize(value: number): number {
  let size = 1;
  for (let rest = value; rest > 127; rest = Math.floor(rest / 128)) size++;
  return size;
}

/** Bytes of a text; nearly all are ASCII, and as long as they look. */
export function utf8Length(text: string): number {
  for (let i = 0; i < text.length; i++) if (text.charCodeAt(i) > 127) return Buffer.byteLength(text);
  return text.length;
}
