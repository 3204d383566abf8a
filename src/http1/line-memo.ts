import { ByteKey, equalBytes, hashBytes } from '../core/bytes.ts';
import { viewOf } from '../core/int32-view.ts';
import { type HeadLine, LineKind } from './head-line.ts';

/** A longer line is parsed every time: it costs too much to keep. */
export const memoLineBytesMax = 1024;
const slotCount = 512;
/** Slots of the table of hashes: enough that two lines of a head rarely share one. */
const seenCount = 4096;

/**
 * Lines of heads by their bytes: 512 of them at the most, for all parsers of a process. A line is kept at its second sight only, so
 * that lines that never come again (one with a trace id in it) leave their hash behind and no more.
 *
 * Parsing is synchronous: what one call leaves for the next, no other parser changes in between. Where a head is split over
 * reads, another one may come in between, and a guess then misses.
 */
export class LineMemo {
  private readonly slots: Array<HeadLine | null> = new Array(slotCount).fill(null);
  private readonly seen = new Int32Array(seenCount);
  /** By slot, the slot of the line that followed it the last time; the last elements are for the starts of sections. */
  private readonly followers = new Uint16Array(slotCount + 3);
  /** The slot found last in the section at hand. */
  private latest = slotCount;
  /** Of the line that `find` searched for last. */
  private hash = 0;
  private kept = 0;

  /** Lines kept. */
  get size(): number {
    return this.slots.filter((line) => line !== null).length;
  }

  /** Begins a section whose first line is of this kind. */
  startSection(kind: LineKind): void {
    this.latest = slotCount + kind;
  }

  /**
   * Puts the lines that stand at `start` into `lines`, from `count` on, as long as each is the one that followed the one before the
   * last time, at most up to `end`, and to `countMax` lines in all. Returns how many there are in `lines` then.
   *
   * A line says by itself where it ends, so nothing needs to be searched for its end. `kind` is that of the first; fields follow.
   */
  follow(
    kind: LineKind,
    bytes: Uint8Array,
    start: number,
    end: number,
    lines: HeadLine[],
    count: number,
    countMax: number,
  ): number {
    const words = viewOf(bytes);
    const { slots, followers } = this;
    let kindHere = kind;
    let at = start;
    let latest = this.latest;
    let found = count;
    while (found < countMax) {
      const next = followers[latest];
      const line = slots[next];
      if (line === null || line.kind !== kindHere || at + line.bytes > end) break;
      if (!isAt(words, bytes, at, line.wire as ByteKey)) break;
      lines[found++] = line;
      at += line.bytes;
      latest = next;
      kindHere = LineKind.Field;
    }
    this.latest = latest;
    return found;
  }

  /** Returns the line of this kind that stands from `start` to `end`, or null where it was not kept. */
  find(kind: LineKind, bytes: Uint8Array, start: number, end: number): HeadLine | null {
    if (end - start > memoLineBytesMax) return null;
    // Of every byte: ids that count up differ in their last digits only, and must not seem to come again.
    const hash = hashBytes(bytes, start, end, kind, memoLineBytesMax);
    this.hash = hash;
    return (
      this.at(firstSlot(hash), kind, bytes, start, end) ?? this.at(secondSlot(hash), kind, bytes, start, end)
    );
  }

  /** Right after `find` returned null: keeps what the bytes mean, if they have been here before. */
  keep(line: HeadLine, bytes: Uint8Array, start: number, end: number): void {
    if (end - start > memoLineBytesMax) return;
    const { hash } = this;
    const mark = (hash >>> 16) & (seenCount - 1);
    if (this.seen[mark] !== hash) {
      this.seen[mark] = hash;
      return;
    }
    const first = firstSlot(hash);
    const slot = this.slots[first] === null ? first : secondSlot(hash);
    this.kept = (this.kept + 1) & 0x3fff_ffff;
    line.keep(this.kept + 1, new ByteKey(bytes, start, end));
    this.slots[slot] = line;
    this.found(slot);
  }

  private at(slot: number, kind: LineKind, bytes: Uint8Array, start: number, end: number): HeadLine | null {
    const line = this.slots[slot];
    if (line === null || line.kind !== kind || !equalBytes(bytes, start, end, line.wire as ByteKey))
      return null;
    this.found(slot);
    return line;
  }

  private found(slot: number): void {
    this.followers[this.latest] = slot;
    this.latest = slot;
  }
}

/** Above this many bytes the native comparison beats a loop of words. */
const compareLoopMax = 160;

/** Does a line stand at `at`? Lines have four bytes or more; the last word may overlap the one before it. */
function isAt(
  words: DataView,
  bytes: Uint8Array,
  at: number,
  { view, length, bytes: line }: ByteKey,
): boolean {
  if (length > compareLoopMax) return line.compare(bytes, at, at + length) === 0;
  const last = length - 4;
  if (words.getInt32(at + last, true) !== view.getInt32(last, true)) return false;
  for (let i = 0; i < last; i += 4) if (words.getInt32(at + i, true) !== view.getInt32(i, true)) return false;
  return true;
}

/** Every line has two slots, or two lines of the same head could push each other out on every request. */
function firstSlot(hash: number): number {
  return hash & (slotCount - 1);
}
function secondSlot(hash: number): number {
  return (hash >>> 9) & (slotCount - 1);
}
