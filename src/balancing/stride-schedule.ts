import type { Random } from '../core/random.ts';

/** The heaviest item is picked this many times in as many rounds. */
const weightMax = 0xffff;
/** Moves the rounds that skip an item apart from those that skip its neighbour. */
const offset = weightMax >> 1;
/** Weights are kept within these multiples of their mean, so that a pick skips a bounded number of items. */
const meanRatioMax = 10;
const meanRatioMin = 0.1;

/**
 * The static stride scheduler of gRPC (gRFC A58): goes around the items, and skips each one in as many rounds as its weight is
 * below the greatest, evenly spread. To change all weights is cheap, and nothing of a queue has to be kept in order.
 */
export class StrideSchedule {
  /** Of 16 bits, the greatest `weightMax`. */
  private readonly scaled: Uint16Array;
  private readonly sequence = new Uint32Array(1);
  private sum = 0;

  /** Begins at a random place, so that many sidecars do not all begin with the same item. */
  constructor(size: number, random: Random) {
    this.scaled = new Uint16Array(size).fill(weightMax);
    this.sequence[0] = Math.floor(random.next() * 2 ** 32);
    this.sum = size * weightMax;
  }

  /**
   * Sets all weights, which are finite. One that is 0 is unknown and becomes the mean of the others; with fewer than two known
   * ones, all are equal. With `bounded`, no weight is further from the mean than by a factor of ten.
   */
  setWeights(weights: Float64Array, bounded: boolean): void {
    let sum = 0;
    let max = 0;
    let known = 0;
    for (let i = 0; i < weights.length; i++) {
      if (weights[i] <= 0) continue;
      sum += weights[i];
      if (weights[i] > max) max = weights[i];
      known++;
    }
    const { scaled } = this;
    if (known < 2) {
      scaled.fill(weightMax);
      this.sum = scaled.length * weightMax;
      return;
    }
    const mean = sum / known;
    const top = bounded ? Math.min(max, mean * meanRatioMax) : max;
    const scale = weightMax / top;
    const least = bounded ? Math.max(1, Math.round(scale * mean * meanRatioMin)) : 1;
    this.sum = 0;
    for (let i = 0; i < weights.length; i++) {
      const weight = weights[i] > 0 ? Math.min(weights[i], top) : mean;
      scaled[i] = Math.max(least, Math.round(scale * weight));
      this.sum += scaled[i];
    }
  }

  /** Returns the index of the next item. There is one at the least. */
  next(): number {
    const { scaled, sequence } = this;
    const { length } = scaled;
    for (;;) {
      const at = sequence[0];
      sequence[0] = at + 1;
      const index = at % length;
      const round = ((at - index) / length) % weightMax;
      const weight = scaled[index];
      if ((weight * round + index * offset) % weightMax >= weightMax - weight) return index;
    }
  }

  /** Returns the part of the picks that an item gets, 0 to 1. */
  shareOf(index: number): number {
    return this.scaled[index] / this.sum;
  }
}
