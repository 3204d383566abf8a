/**
 * Latency distributions: log-linear buckets in the manner of HdrHistogram. The top bits of a double are its
 * exponent and then its mantissa, so the bucket of a value is a shift and a subtraction: no logarithm, no search.
 *
 * Each power of two is split into 32 buckets of equal width. A quantile is answered with the middle of its bucket,
 * so it is off by at most half a width: 1/64 of the bucket's lower edge, 1.6%.
 */

const mantissaBits = 5;
const bucketsPerOctave = 1 << mantissaBits;
/** 2^-10 ms is about 1 µs: what is quicker counts as that. */
const exponentMin = -10;
/** 2^22 ms is about 70 minutes: what is slower counts as that, except in `maxMs` and `sumMs`. */
const exponentMax = 22;
const bucketCount = (exponentMax - exponentMin) * bucketsPerOctave;
const valueMinMs = 2 ** exponentMin;
/** Biased exponent and mantissa bits of `valueMinMs`: the number of bucket 0. */
const firstBucket = (1023 + exponentMin) << mantissaBits;
const shift = 20 - mantissaBits;
const countMax = 0xffff_ffff;

const scratch = new Float64Array(1);
const words = new Uint32Array(scratch.buffer);
/** Which half of the double holds sign, exponent and top mantissa on this machine. */
const high = ((): 0 | 1 => {
  scratch[0] = 1;
  return words[1] === 0 ? 0 : 1;
})();

/** The bucket of a latency; NaN and what is too small go to the first, what is too large to the last. */
function bucketOf(valueMs: number): number {
  if (!(valueMs > valueMinMs)) return 0;
  scratch[0] = valueMs;
  const bucket = (words[high] >>> shift) - firstBucket;
  return bucket < bucketCount ? bucket : bucketCount - 1;
}

/** The middle of a bucket, in milliseconds. */
function middleOf(bucket: number): number {
  const exponent = exponentMin + (bucket >>> mantissaBits);
  const step = bucket & (bucketsPerOctave - 1);
  return 2 ** exponent * (1 + (step + 0.5) / bucketsPerOctave);
}

/** Counts of latencies in 4 KiB, whatever is recorded. `record` is O(1) and allocates nothing. */
export class LatencyHistogram {
  count = 0;
  sumMs = 0;
  /** The greatest value recorded, exactly; 0 while empty. */
  maxMs = 0;
  /** How often each bucket was hit; a bucket that is full stays full. */
  readonly counts = new Uint32Array(bucketCount);

  record(valueMs: number): void {
    const bucket = bucketOf(valueMs);
    if (this.counts[bucket] !== countMax) this.counts[bucket]++;
    this.count++;
    if (valueMs > 0 && valueMs !== Number.POSITIVE_INFINITY) {
      this.sumMs += valueMs;
      if (valueMs > this.maxMs) this.maxMs = valueMs;
    }
  }

  /** The latency that a share `q` (0 to 1) of the values does not exceed; 0 while empty. Relative error at most 1.6%. */
  quantile(q: number): number {
    return quantileOf(q, this.count, this.maxMs, this.counts, null);
  }

  get meanMs(): number {
    return this.count === 0 ? 0 : this.sumMs / this.count;
  }

  reset(): void {
    this.count = 0;
    this.sumMs = 0;
    this.maxMs = 0;
    this.counts.fill(0);
  }
}

/**
 * Latencies of the recent past: two generations of half a window each, the older dropped as a whole. So an answer
 * covers at least `windowMs / 2` and at most `windowMs`, for two fixed tables and no timer.
 */
export class RecentLatency {
  readonly windowMs: number;
  private current = new LatencyHistogram();
  private previous = new LatencyHistogram();
  private turnMs = Number.NEGATIVE_INFINITY;

  constructor(windowMs: number) {
    this.windowMs = windowMs;
  }

  /** `nowMs` is `Clock.now()`, which the caller of a call path already holds. */
  record(valueMs: number, nowMs: number): void {
    if (nowMs >= this.turnMs) this.turn(nowMs);
    this.current.record(valueMs);
  }

  quantile(q: number, nowMs: number): number {
    if (nowMs >= this.turnMs) this.turn(nowMs);
    const { current, previous } = this;
    const maxMs = Math.max(current.maxMs, previous.maxMs);
    return quantileOf(q, current.count + previous.count, maxMs, current.counts, previous.counts);
  }

  count(nowMs: number): number {
    if (nowMs >= this.turnMs) this.turn(nowMs);
    return this.current.count + this.previous.count;
  }

  private turn(nowMs: number): void {
    const generationMs = this.windowMs / 2;
    const older = this.previous;
    // After a pause of a whole generation the current one is too old to be of use as well.
    if (nowMs >= this.turnMs + generationMs) this.current.reset();
    this.previous = this.current;
    this.current = older;
    older.reset();
    this.turnMs = nowMs + generationMs;
  }
}

function quantileOf(
  q: number,
  count: number,
  maxMs: number,
  counts: Uint32Array,
  more: Uint32Array | null,
): number {
  if (count === 0) return 0;
  if (q >= 1) return maxMs;
  const rank = Math.max(1, Math.ceil(q * count));
  let seen = 0;
  for (let bucket = 0; bucket < bucketCount; bucket++) {
    seen += counts[bucket] + (more === null ? 0 : more[bucket]);
    if (seen >= rank) return Math.min(middleOf(bucket), maxMs);
  }
  return maxMs;
}
