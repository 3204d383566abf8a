import { equalBytes, hashBytes } from '../core/bytes.ts';
import { type HeadName, headName } from './head-name.ts';

/** Longer names are too rare to keep. */
const nameBytesMax = 32;
const slotCount = 256;

/**
 * The names of header lines by their spelling. Direct-mapped: a new name overwrites, so it never holds more than 256 short ones.
 * Few names are ever in use, and the same string each time is one whose hash the engine has at hand.
 */
export class NameMemo {
  private readonly slots: Array<HeadName | null> = new Array(slotCount).fill(null);

  /** Returns the name that stands from `start` to `end`, which are token bytes. */
  nameOf(bytes: Uint8Array, start: number, end: number): HeadName {
    if (end - start > nameBytesMax) return headName(bytes, start, end);
    const slot = hashBytes(bytes, start, end, 0) & (slotCount - 1);
    const known = this.slots[slot];
    if (known !== null && equalBytes(bytes, start, end, known.wire)) return known;
    const name = headName(bytes, start, end);
    this.slots[slot] = name;
    return name;
  }
}
