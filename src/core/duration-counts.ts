/**
 * Durations counted in a few fixed buckets, in the shape of a Prometheus histogram. `record` is a handful of compares and
 * three additions, and allocates nothing. A value belongs to the first bucket whose bound it does not exceed.
 */
export class DurationCounts {
  /** Upper bounds in seconds, ascending; one more bucket holds what is above the last. */
  readonly bounds: readonly number[];
  readonly counts: Float64Array;
  /** Seconds. */
  sum = 0;
  count = 0;
  readonly exemplars = null;

  constructor(boundsSeconds: readonly number[]) {
    this.bounds = boundsSeconds;
    this.counts = new Float64Array(boundsSeconds.length + 1);
  }

  record(durationMs: number): void {
    const seconds = durationMs > 0 ? durationMs / 1000 : 0;
    const { bounds } = this;
    let bucket = 0;
    while (bucket < bounds.length && seconds > bounds[bucket]) bucket++;
    this.counts[bucket]++;
    this.sum += seconds;
    this.count++;
  }
}
