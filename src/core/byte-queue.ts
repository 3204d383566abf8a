import { blockPool } from './block-pool.ts';

/** What waits first is put into a block of this size, what comes behind it into larger ones: many wait with a little. */
const firstBlockBytes = 4096;
/** As much as a frame has at the most, with nearly every peer. */
const blockBytes = 16_384;

/**
 * Bytes that wait for a window, copied in, first in first out. Small pieces are put together, so that a flood of tiny
 * frames costs no object each. Its owner bounds it by the window it grants, and clears it at the end.
 */
export class ByteQueue {
  private blocks: Buffer[] = [];
  /** Where the first block begins and the last one ends. */
  private head = 0;
  private tail = 0;
  private held = 0;

  get length(): number {
    return this.held;
  }

  push(bytes: Uint8Array, start: number, end: number): void {
    let at = start;
    this.held += end - start;
    while (at < end) {
      let block = this.blocks[this.blocks.length - 1];
      if (block === undefined || this.tail === block.length) {
        const small = block === undefined && end - at <= firstBlockBytes;
        block = blockPool.acquire(small ? firstBlockBytes : blockBytes);
        this.blocks.push(block);
        this.tail = 0;
        if (this.blocks.length === 1) this.head = 0;
      }
      const count = Math.min(end - at, block.length - this.tail);
      block.set(bytes.subarray(at, at + count), this.tail);
      this.tail += count;
      at += count;
    }
  }

  /** Takes at most `limit` bytes from the front, in one contiguous piece, and hands them to `use`, which keeps nothing. */
  shift(limit: number, use: (bytes: Uint8Array, start: number, end: number) => void): number {
    const block = this.blocks[0];
    if (block === undefined) return 0;
    const blockEnd = this.blocks.length === 1 ? this.tail : block.length;
    const start = this.head;
    const end = Math.min(blockEnd, start + limit);
    this.held -= end - start;
    this.head = end;
    if (end === blockEnd) {
      this.blocks.shift();
      this.head = 0;
    }
    use(block, start, end);
    if (end === blockEnd) blockPool.release(block);
    return end - start;
  }

  clear(): void {
    for (const block of this.blocks) blockPool.release(block);
    this.blocks = [];
    this.held = 0;
  }
}
