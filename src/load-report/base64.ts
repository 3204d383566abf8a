const digits = Buffer.from('ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/', 'latin1');
const padding = 0x3d;

/** The six bits of each character, or 64 for what is none of the alphabet. The URL-safe alphabet is read as well. */
const bitsOf = new Uint8Array(256).fill(64);
digits.forEach((character, bits) => {
  bitsOf[character] = bits;
});
bitsOf['-'.charCodeAt(0)] = 62;
bitsOf['_'.charCodeAt(0)] = 63;

/** Returns the characters that `count` bytes become, without padding (gRPC over HTTP/2, "Binary headers"). */
export function base64Chars(count: number): number {
  return Math.ceil((count * 4) / 3);
}

/**
 * Decodes base64 (RFC 4648 section 4), padded or not, from `start` to `end` of `text` to the start of `out`, which has room for it.
 * Returns the number of bytes, or -1 for what is no base64. Native decoding allocates a buffer, and passes over what is wrong.
 */
export function decodeBase64(text: Uint8Array, start: number, end: number, out: Uint8Array): number {
  let last = end;
  while (last > start && end - last < 2 && text[last - 1] === padding) last--;
  const rest = (last - start) & 3;
  if (rest === 1) return -1;
  let at = 0;
  let position = start;
  for (; position + 4 <= last; position += 4) {
    const a = bitsOf[text[position]];
    const b = bitsOf[text[position + 1]];
    const c = bitsOf[text[position + 2]];
    const d = bitsOf[text[position + 3]];
    if (((a | b | c | d) & 64) !== 0) return -1;
    out[at++] = (a << 2) | (b >> 4);
    out[at++] = (b << 4) | (c >> 2);
    out[at++] = (c << 6) | d;
  }
  if (rest === 0) return at;
  const a = bitsOf[text[position]];
  const b = bitsOf[text[position + 1]];
  const c = rest === 3 ? bitsOf[text[position + 2]] : 0;
  if (((a | b | c) & 64) !== 0) return -1;
  out[at++] = (a << 2) | (b >> 4);
  if (rest === 3) out[at++] = (b << 4) | (c >> 2);
  return at;
}

/** Encodes the first `count` bytes without padding, to `position` of `out`, where there is room. Returns where they end. */
export function encodeBase64(bytes: Uint8Array, count: number, out: Uint8Array, position: number): number {
  let at = position;
  let from = 0;
  for (; from + 3 <= count; from += 3) {
    const word = (bytes[from] << 16) | (bytes[from + 1] << 8) | bytes[from + 2];
    out[at++] = digits[word >> 18];
    out[at++] = digits[(word >> 12) & 63];
    out[at++] = digits[(word >> 6) & 63];
    out[at++] = digits[word & 63];
  }
  if (from === count) return at;
  const two = from + 2 === count;
  const word = (bytes[from] << 16) | (two ? bytes[from + 1] << 8 : 0);
  out[at++] = digits[word >> 18];
  out[at++] = digits[(word >> 12) & 63];
  if (two) out[at++] = digits[(word >> 6) & 63];
  return at;
}
