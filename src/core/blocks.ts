/** Blocks of one size, with as many kept for the next to come. */
interface Stock {
  readonly bytes: number;
  readonly keptMax: number;
  readonly kept: Buffer[];
}

function stock(bytes: number, keptMax: number): Stock {
  return { bytes, keptMax, kept: [] };
}

/** How many of those that came back last are compared with the next. */
const checkedMax = 8;

/**
 * By size; 23 MiB is the most that all of them keep, and nothing when idle or short of memory. Every call in flight may
 * have one of the least for its request: with 256 of them kept, a fifth of the time at 1,000 in flight went into making
 * others.
 */
const stocks: readonly Stock[] = [
  stock(256, 4096),
  stock(4096, 64),
  stock(16_384, 64),
  stock(65_536, 64),
  stock(131_072, 32),
  stock(524_288, 24),
];

/**
 * Memory for octets that are only passing through, lent from stocks that the whole process shares: whatever waits for a
 * window, a socket or a reply is held for a moment, and the next one to wait can use the same pages.
 *
 * Buffers made anew instead are what 1 MiB bodies once spent half of their time on: the collector takes octets outside of
 * its heap for a reason to run in full, 28 times a second.
 *
 * Returns a block of the least size with room for `bytes`; what is larger than any is made to measure.
 */
export function lendBlock(bytes: number): Buffer {
  for (let i = 0; i < stocks.length; i++) {
    const { kept, bytes: blockBytes } = stocks[i];
    if (bytes <= blockBytes) return kept.pop() ?? Buffer.allocUnsafeSlow(blockBytes);
  }
  return Buffer.allocUnsafeSlow(bytes);
}

/** Takes a block back that nobody will look at again. What the stock has no room for is left to the collector. */
export function giveBlockBack(block: Buffer): void {
  for (let i = 0; i < stocks.length; i++) {
    const { bytes, kept, keptMax } = stocks[i];
    if (bytes !== block.length) continue;
    if (kept.length >= keptMax) return;
    // Lent twice it would put octets of one call into another; looked for where a bug would put it.
    if (kept.includes(block, kept.length - checkedMax)) throw new Error('a block was given back twice');
    kept.push(block);
    return;
  }
}

/** Leaves the stocks to the collector: who is idle has no use for them, and the next to need one makes it anew. */
export function dropSpareBlocks(): void {
  for (const { kept } of stocks) kept.length = 0;
}
