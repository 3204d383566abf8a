import type { ByteSet } from './regex-syntax.ts';

/** Bytes that no set of a pattern tells apart share a class, so that a state needs a way out per class and not per byte. */
export interface ByteClasses {
  /** The class of each byte. */
  readonly of: Uint8Array;
  readonly count: number;
}

/** Computes the coarsest classes that all `sets` respect. */
export function byteClasses(sets: Iterable<ByteSet>): ByteClasses {
  const of = new Uint8Array(256);
  let count = 1;
  /** By an old class, and by whether the byte is in the set: the new class, plus one. */
  const split = new Uint16Array(512);
  // Patterns share the sets of single bytes, and most others come but once.
  for (const set of new Set(sets)) {
    split.fill(0, 0, 2 * count);
    let next = 0;
    for (let byte = 0; byte < 256; byte++) {
      const pair = of[byte] * 2 + set[byte];
      if (split[pair] === 0) split[pair] = ++next;
      of[byte] = split[pair] - 1;
    }
    count = next;
    if (count === 256) break;
  }
  return { of, count };
}
