import type { Random } from '../core/random.ts';

/** Weights of a fixed list laid end to end on a line, so that a point on the line is an index. */
export class WeightLine {
  readonly total: number;
  private readonly ends: Float64Array;

  constructor(weights: readonly number[]) {
    this.ends = new Float64Array(weights.length);
    let end = 0;
    for (let i = 0; i < weights.length; i++) {
      end += weights[i];
      this.ends[i] = end;
    }
    this.total = end;
  }

  get length(): number {
    return this.ends.length;
  }

  startOf(index: number): number {
    return index === 0 ? 0 : this.ends[index - 1];
  }

  endOf(index: number): number {
    return this.ends[index];
  }

  /** The index whose stretch holds `point`; the last one for a point at or past the end. The list is not empty. */
  indexAt(point: number): number {
    let low = 0;
    let high = this.ends.length - 1;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (point < this.ends[middle]) high = middle;
      else low = middle + 1;
    }
    return low;
  }
}

/**
 * Draws without replacement, each in proportion to weight among those not drawn yet. Exact, and without rejection:
 * the stretches already drawn are cut out of the line, a point is taken on what is left, and moved right over each
 * cut at or before it. Weights 1, 1, 2 with index 1 drawn: the point 1.5 on [0, 3) passes the cut at 1 and becomes
 * 2.5, which is index 2.
 */
export class DistinctDraws {
  private readonly line: WeightLine;
  private readonly random: Random;
  /** Indexes drawn so far, ascending; the first `count` entries. */
  private readonly drawn: Int32Array;
  private count = 0;
  private weightLeft: number;

  /** @param drawsMax how many draws follow one `reset` at the most */
  constructor(line: WeightLine, random: Random, drawsMax: number) {
    this.line = line;
    this.random = random;
    this.drawn = new Int32Array(Math.min(drawsMax, line.length));
    this.weightLeft = line.total;
  }

  reset(): void {
    this.count = 0;
    this.weightLeft = this.line.total;
  }

  /** An index not given since `reset`, or -1 when `drawsMax` or the whole list is used up. */
  next(): number {
    const { drawn, line, count } = this;
    if (count === drawn.length) return -1;
    let point = this.random.next() * this.weightLeft;
    let place = 0;
    for (; place < count; place++) {
      const start = line.startOf(drawn[place]);
      if (point < start) break;
      point += line.endOf(drawn[place]) - start;
    }
    let index = line.indexAt(point);
    // Rounding may leave the point a hair inside a cut: the next index that is free will do.
    for (place = this.placeOf(index); place < count && drawn[place] === index; place = this.placeOf(index)) {
      index = (index + 1) % line.length;
    }
    for (let i = count; i > place; i--) drawn[i] = drawn[i - 1];
    drawn[place] = index;
    this.count = count + 1;
    this.weightLeft -= line.endOf(index) - line.startOf(index);
    return index;
  }

  /** How many drawn indexes are below `index`. */
  private placeOf(index: number): number {
    let place = 0;
    while (place < this.count && this.drawn[place] < index) place++;
    return place;
  }
}
