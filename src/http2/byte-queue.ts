/** Small pieces are put together into blocks of this size, so that a flood of tiny frames costs no object each. */
const blockBytes = 4096;

/** Octets that wait for a window, copied in, first in first out. Its owner bounds it by the window it grants. */
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
        block = Buffer.allocUnsafeSlow(Math.max(blockBytes, end - at));
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

  /** Takes at most `limit` octets from the front, in one contiguous piece, and hands them to `use`. */
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
      if (this.blocks.length === 0) this.tail = 0;
    }
    use(block, start, end);
    return end - start;
  }

  clear(): void {
    this.blocks = [];
    this.head = 0;
    this.tail = 0;
    this.held = 0;
  }
}
