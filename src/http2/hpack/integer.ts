/** A place in the bytes of one header block. */
export class Cursor {
  bytes: Uint8Array = noBytes;
  position = 0;
  end = 0;

  set(bytes: Uint8Array, start: number, end: number): void {
    this.bytes = bytes;
    this.position = start;
    this.end = end;
  }

  /** Lets go of the bytes: they belong to a read buffer that should not live on with the connection. */
  release(): void {
    this.bytes = noBytes;
  }
}

const noBytes = new Uint8Array(0);

/** `readInteger` met the end of the block. */
export const INTEGER_TRUNCATED = -1;
/** `readInteger` met a number of more than 32 bits, or one drawn out over more bytes than 32 bits can need. */
export const INTEGER_OVERFLOW = -2;

/** Bytes after the prefix: five times 7 bits hold any number of 32. */
const continuationBytesMax = 5;
const valueMax = 0xffff_ffff;

/** The most bytes that `writeInteger` writes. */
export const integerBytesMax = 1 + continuationBytesMax;

/**
 * Reads an integer whose first byte, at the cursor, lends it `prefixBits` bits (RFC 7541 section 5.1). The cursor
 * moves past it. Negative is an error, one of the two above.
 *
 * Worked example (appendix C.1.2): 1337 with 5 bits is 31, then 1306 in groups of 7 bits, lowest first: 1f 9a 0a.
 */
export function readInteger(cursor: Cursor, prefixBits: number): number {
  const bytes = cursor.bytes;
  const end = cursor.end;
  if (cursor.position >= end) return INTEGER_TRUNCATED;
  const mask = (1 << prefixBits) - 1;
  let value = bytes[cursor.position++] & mask;
  if (value < mask) return value;
  // A product, not a shift: 35 bits have to be distinguished from 32.
  let scale = 1;
  for (let count = 0; count < continuationBytesMax; count++) {
    if (cursor.position >= end) return INTEGER_TRUNCATED;
    const byte = bytes[cursor.position++];
    value += (byte & 0x7f) * scale;
    if (byte < 0x80) return value <= valueMax ? value : INTEGER_OVERFLOW;
    scale *= 128;
  }
  return INTEGER_OVERFLOW;
}

/**
 * Writes `value` (0 to 2^32 - 1) at `position`; `pattern` is what stands above the `prefixBits` bits of the first byte.
 * Returns where it ends; there is room for `integerBytesMax`.
 */
export function writeInteger(
  out: Uint8Array,
  position: number,
  pattern: number,
  prefixBits: number,
  value: number,
): number {
  const mask = (1 << prefixBits) - 1;
  if (value < mask) {
    out[position] = pattern | value;
    return position + 1;
  }
  let at = position;
  out[at++] = pattern | mask;
  let rest = value - mask;
  while (rest >= 128) {
    out[at++] = (rest % 128) | 0x80;
    rest = Math.floor(rest / 128);
  }
  out[at++] = rest;
  return at;
}
