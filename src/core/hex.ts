/** Words of 32 bits as 8 lower-case hex digits, and back; what trace ids are made of. */

const notHex = 255;

/** What the digit of a character code stands for; 255, or undefined from 256 on, for what is no lower-case digit. */
export const hexValues = new Uint8Array(256).fill(notHex);
const digits = Buffer.from('0123456789abcdef', 'latin1');
for (let i = 0; i < 16; i++) hexValues[digits[i]] = i;

const hexBytes = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, '0'));

/** 32 bits as 8 hex digits. */
export function hex32(word: number): string {
  return (
    hexBytes[word >>> 24] +
    hexBytes[(word >>> 16) & 255] +
    hexBytes[(word >>> 8) & 255] +
    hexBytes[word & 255]
  );
}

/** The digits of `hex32` as bytes at `position`, where there is room; returns where they end. */
export function writeHex32(out: Uint8Array, position: number, word: number): number {
  out[position] = digits[word >>> 28];
  out[position + 1] = digits[(word >>> 24) & 15];
  out[position + 2] = digits[(word >>> 20) & 15];
  out[position + 3] = digits[(word >>> 16) & 15];
  out[position + 4] = digits[(word >>> 12) & 15];
  out[position + 5] = digits[(word >>> 8) & 15];
  out[position + 6] = digits[(word >>> 4) & 15];
  out[position + 7] = digits[word & 15];
  return position + 8;
}

/** The signed word that 8 lower-case hex digits at `at` stand for, or NaN where one of the characters is none. */
export function hexWordAt(text: string, at: number): number {
  let word = 0;
  let seen = 0;
  for (let i = at; i < at + 8; i++) {
    const code = text.charCodeAt(i);
    const digit = hexValues[code & 0xff];
    seen |= digit | (code & 0xff00);
    word = (word << 4) | (digit & 15);
  }
  return seen > 15 ? Number.NaN : word;
}

/** The signed word that 8 hex digits at `at` stand for; the digits were validated before. */
export function wordOfHex(text: string, at: number): number {
  let word = 0;
  for (let i = at; i < at + 8; i++) word = (word << 4) | hexValues[text.charCodeAt(i)];
  return word;
}
