import type { Random } from '../../src/core/random.ts';

/** Keys of which the n-th is drawn n times as rarely as the first: users, tenants and pages are like that. */
export class ZipfKeys {
  private readonly keys: readonly string[];
  /** Where on a line of length 1 each key ends. */
  private readonly ends: Float64Array;

  constructor(count: number) {
    this.keys = Array.from({ length: count }, (_, i) => `user-${i}`);
    this.ends = new Float64Array(count);
    let end = 0;
    for (let i = 0; i < count; i++) this.ends[i] = end += 1 / (i + 1);
    for (let i = 0; i < count; i++) this.ends[i] /= end;
  }

  draw(random: Random): string {
    const point = random.next();
    let low = 0;
    let high = this.ends.length - 1;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (point < this.ends[middle]) high = middle;
      else low = middle + 1;
    }
    return this.keys[low];
  }
}
