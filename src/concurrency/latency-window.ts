/** Latencies that a window keeps: the latest. */
const keptMax = 256;

/** The latest latencies since the last `clear`, of which the median is asked. */
export class LatencyWindow {
  private readonly kept = new Float64Array(keptMax);
  /** Latencies since the last `clear`. */
  count = 0;

  add(latencyMs: number): void {
    this.kept[this.count % keptMax] = latencyMs;
    this.count++;
  }

  /** Of at least one latency. */
  median(): number {
    const sorted = this.kept.slice(0, Math.min(this.count, keptMax)).sort();
    const middle = sorted.length >> 1;
    return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
  }

  clear(): void {
    this.count = 0;
  }
}
