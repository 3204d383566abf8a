/** Octets that a connection keeps for its output while it is idle. */
const ownBytesMax = 4096;

/**
 * Larger blocks are lent, in two sizes, from a stock that all connections share: a burst needs them between two flushes
 * only, so a thousand connections need a few. What the stock has no room for is left to the collector.
 */
const blockBytes = 131_072;
const largeBlockBytes = 524_288;
const blocksKeptMax = 16;
const largeBlocksKeptMax = 4;
const blocks: Buffer[] = [];
const largeBlocks: Buffer[] = [];

function lend(bytes: number): Buffer {
  if (bytes <= blockBytes) return blocks.pop() ?? Buffer.allocUnsafeSlow(blockBytes);
  if (bytes <= largeBlockBytes) return largeBlocks.pop() ?? Buffer.allocUnsafeSlow(largeBlockBytes);
  return Buffer.allocUnsafeSlow(bytes * 2);
}

function giveBack(block: Buffer): void {
  if (block.length === blockBytes) {
    if (blocks.length < blocksKeptMax) blocks.push(block);
  } else if (block.length === largeBlockBytes && largeBlocks.length < largeBlocksKeptMax)
    largeBlocks.push(block);
}

/**
 * Octets on their way out of one connection: a single buffer that every frame is copied into and that leaves with
 * one write per event-loop turn. Measured as the largest single saving on the call path against a Buffer per frame.
 *
 * Writers call `reserve(n)`, then write at `bytes[length]` and move `length` themselves.
 */
export class OutputBuffer {
  bytes: Buffer;
  length = 0;
  /** The connection's own memory; `bytes` is it, or a lent block. */
  private own: Buffer;

  constructor(initialBytes = ownBytesMax) {
    this.own = Buffer.allocUnsafeSlow(initialBytes);
    this.bytes = this.own;
  }

  /** Makes room for `extra` more octets; existing ones stay. */
  reserve(extra: number): void {
    const needed = this.length + extra;
    if (needed > this.bytes.length) this.grow(needed);
  }

  /** Forgets what was written, keeping the memory: only when the transport is done with it. */
  clear(): void {
    this.length = 0;
    if (this.bytes === this.own) return;
    giveBack(this.bytes);
    this.bytes = this.own;
  }

  /** Starts on fresh memory: the transport still holds the old. */
  renew(): void {
    this.length = 0;
    if (this.bytes === this.own) this.own = Buffer.allocUnsafeSlow(ownBytesMax);
    this.bytes = this.own;
  }

  private grow(needed: number): void {
    const old = this.bytes;
    const grown = needed <= ownBytesMax ? Buffer.allocUnsafeSlow(ownBytesMax) : lend(needed);
    old.copy(grown, 0, 0, this.length);
    this.bytes = grown;
    if (needed <= ownBytesMax) this.own = grown;
    else if (old !== this.own) giveBack(old);
  }
}
