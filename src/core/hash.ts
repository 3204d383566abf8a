/**
 * MurmurHash3, 32 bits (Appleby), over the characters of a text, each taken as one byte: keys are header values and
 * addresses, which hold bytes. The same in every process, so that sidecars agree; it keeps no secret, and whoever
 * chooses his keys can put them all on one endpoint, which is what `boundedLoad` is for.
 *
 * @returns a signed 32-bit integer: an unsigned one may not fit a small integer of the engine and would be allocated
 */
export function hash32(text: string, seed = 0): number {
  const whole = text.length & ~3;
  let hash = seed;
  for (let i = 0; i < whole; i += 4) {
    hash ^= scramble(
      (text.charCodeAt(i) & 0xff) |
        ((text.charCodeAt(i + 1) & 0xff) << 8) |
        ((text.charCodeAt(i + 2) & 0xff) << 16) |
        ((text.charCodeAt(i + 3) & 0xff) << 24),
    );
    hash = (hash << 13) | (hash >>> 19);
    hash = (Math.imul(hash, 5) + 0xe6546b64) | 0;
  }
  let tail = 0;
  for (let i = text.length - 1; i >= whole; i--) tail = (tail << 8) | (text.charCodeAt(i) & 0xff);
  hash ^= scramble(tail) ^ text.length;
  return mix32(hash);
}

function scramble(word: number): number {
  const mixed = Math.imul(word, 0xcc9e2d51);
  return Math.imul((mixed << 15) | (mixed >>> 17), 0x1b873593);
}

/** The finaliser of MurmurHash3: every bit of the result depends on every bit of the word. One to one. */
export function mix32(word: number): number {
  let hash = word ^ (word >>> 16);
  hash = Math.imul(hash, 0x85ebca6b);
  hash ^= hash >>> 13;
  hash = Math.imul(hash, 0xc2b2ae35);
  return hash ^ (hash >>> 16);
}
