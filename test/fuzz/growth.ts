/** Collections before the first measure: tables fill up, code is compiled. */
const warmUpSamples = 3;
/** What a target's bounded tables, the corpus and the compiler may take beyond that. */
const growthBytesMax = 48 * 1024 * 1024;

/** Watches the memory that is left after a collection; runs leave nothing behind, so it does not grow. */
export class GrowthWatch {
  private readonly collect: (() => void) | undefined = (globalThis as { gc?: () => void }).gc;
  private samples = 0;
  private baseBytes = Number.POSITIVE_INFINITY;

  /** At or below this there is nothing to look at more closely. */
  private get enoughBytes(): number {
    return this.samples < warmUpSamples ? 0 : this.baseBytes + growthBytesMax / 2;
  }

  /** A sentence where memory has grown too much, otherwise null. Without --expose-gc it sees nothing. */
  async sample(ownBytes: number): Promise<string | null> {
    if (this.collect === undefined) return null;
    let bytes = Number.POSITIVE_INFINITY;
    // The memory of buffers is given back some time after the collection that found them dead.
    for (let times = 0; times < 4 && bytes > this.enoughBytes; times++) {
      this.collect();
      await new Promise((resolve) => setTimeout(resolve, times * 100));
      const { heapUsed, external } = process.memoryUsage();
      bytes = Math.min(bytes, heapUsed + external - ownBytes);
    }
    if (++this.samples <= warmUpSamples) {
      this.baseBytes = Math.min(this.baseBytes, bytes);
      return null;
    }
    const grown = bytes - this.baseBytes;
    return grown > growthBytesMax
      ? `memory in use after a collection grew by ${mib(grown)} MiB from ${mib(this.baseBytes)} MiB`
      : null;
  }
}

function mib(bytes: number): string {
  return (bytes / 1024 / 1024).toFixed(1);
}
