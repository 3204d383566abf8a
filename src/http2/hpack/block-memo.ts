import { ByteKey, equalBytes, hashBytes } from '../../core/bytes.ts';
import type { HeaderBlock } from '../../core/header-block.ts';

/** A longer block is decoded every time: it costs too much to keep and to compare. */
export const memoBlockBytesMax = 512;
const slotCount = 32;

interface Slot {
  readonly wire: ByteKey;
  readonly version: number;
  readonly block: HeaderBlock;
}

/**
 * Whole header blocks by their bytes on the wire, for one decoder: the same call made again is found, not decoded.
 *
 * Direct-mapped, 32 slots. A block is kept at its second sight only: until then it leaves no more than its hash behind, so
 * that blocks that never come again (one with a trace id in it) cost no copy and push nothing out.
 */
export class BlockMemo {
  private slots: Array<Slot | null> | null = null; // made at the first block: an idle connection has none
  private seen: Int32Array | null = null;
  /** Of the table when a block was kept last: at another one there is none to be found, and nothing to hash. */
  private latestVersion = -1;

  /** The block that these bytes meant when the table was at `version`, or null. */
  find(bytes: Uint8Array, start: number, end: number, version: number): HeaderBlock | null {
    if (this.slots === null || version !== this.latestVersion) return null;
    const slot = this.slots[slotOf(bytes, start, end, version)];
    if (slot === null || slot.version !== version || !equalBytes(bytes, start, end, slot.wire)) return null;
    return slot.block;
  }

  /** After `find` gave null: whether the same bytes seem to have been here before, at the same version. */
  seenBefore(bytes: Uint8Array, start: number, end: number, version: number): boolean {
    this.slots ??= new Array(slotCount).fill(null);
    this.seen ??= new Int32Array(slotCount);
    const slot = slotOf(bytes, start, end, version);
    // Of every byte, unlike the one to find it by: blocks that differ in the last digit of a count are not the same.
    const whole = hashBytes(bytes, start, end, version, memoBlockBytesMax);
    if (this.seen[slot] === whole) return true;
    this.seen[slot] = whole;
    return false;
  }

  /** After `seenBefore` gave true: keeps what the bytes meant. */
  keep(bytes: Uint8Array, start: number, end: number, version: number, block: HeaderBlock): void {
    this.latestVersion = version;
    this.slots![slotOf(bytes, start, end, version)] = {
      wire: new ByteKey(bytes, start, end),
      version,
      block,
    };
  }
}

function slotOf(bytes: Uint8Array, start: number, end: number, version: number): number {
  return hashBytes(bytes, start, end, version) & (slotCount - 1);
}
