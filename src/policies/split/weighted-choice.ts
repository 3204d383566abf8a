import { hash32, mix32 } from '../../core/hash.ts';
import type { Random } from '../../core/random.ts';

/** Something that gets a part of the requests: its weight over the sum of all weights. */
export interface Weighted {
  /** What keyed choices go by: a choice with the same names and weights gives the same answers in every process. */
  readonly name: string;
  readonly weight: number;
}

/** Chooses one of several by weight, at random or by a key. At least one weight is above 0. */
export class WeightedChoice<T extends Weighted> {
  readonly weightTotal: number;
  private readonly options: readonly T[];
  private readonly seeds: readonly number[];

  constructor(options: readonly T[]) {
    // Without a weight an option is never chosen, whatever rounding does to a sum.
    this.options = options.filter(({ weight }) => weight > 0);
    this.weightTotal = this.options.reduce((sum, { weight }) => sum + weight, 0);
    this.seeds = this.options.map(({ name }) => hash32(name));
  }

  atRandom(random: Random): T {
    const { options } = this;
    let left = random.next() * this.weightTotal;
    for (let i = 0; i < options.length - 1; i++) {
      left -= options[i].weight;
      if (left < 0) return options[i];
    }
    return options[options.length - 1];
  }

  /**
   * The option of a key, by weighted rendezvous hashing (Resch, "New Hashing Algorithms for Data Storage", 2015): each option
   * draws a number `u` in (0, 1) from the key and its own name, and the largest `weight / -ln(u)` wins. Only proportions
   * count. An option whose proportion grows takes keys from the others, and no key moves between those others: from 95:5 to
   * 90:10, 5% of the keys move, all of them to the second.
   */
  byKey(key: string): T {
    const { options, seeds } = this;
    const hash = hash32(key);
    let best = 0;
    let bestScore = -1;
    for (let i = 0; i < options.length; i++) {
      const u = ((mix32(hash ^ seeds[i]) >>> 0) + 0.5) / 0x1_0000_0000;
      const score = options[i].weight / -Math.log(u);
      if (score <= bestScore) continue;
      best = i;
      bestScore = score;
    }
    return options[best];
  }
}
