import type { Random } from '../../src/core/random.ts';

/** What a simulation draws from its seed. */
export class Draw {
  private readonly random: Random;
  constructor(random: Random) {
    this.random = random;
  }
  /** True so many times of a hundred. */
  percent(chance: number): boolean {
    return this.random.next() * 100 < chance;
  }
  /** A whole number, both ends included. */
  int(low: number, high: number): number {
    return low + Math.floor(this.random.next() * (high - low + 1));
  }
  /** Small ones as often as large ones: uniform in the logarithm. */
  size(low: number, high: number): number {
    return Math.round(low * (high / low) ** this.random.next());
  }
  of<T>(choices: readonly T[]): T {
    return choices[this.int(0, choices.length - 1)];
  }
}
