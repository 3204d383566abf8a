import { SeededRandom } from '../../src/core/random.ts';
import type { BlockCoverage } from './coverage.ts';
import { below, mutate } from './mutate.ts';
import type { FuzzTarget } from './target.ts';

/**
 * Inputs between two looks at the coverage. While much is new a batch is short, or finding out which input it was would
 * take most of the time; while nothing is, it is long, or looking would.
 */
const batchRunsMin = 8;
const batchRunsMax = 256;
/** Inputs kept; when there are more, the oldest that reached nothing alone goes. */
const corpusMax = 2048;

/**
 * Makes inputs and keeps those that reach new blocks. All it does follows from the seed and the target: where a run stops
 * is the only thing that time decides.
 */
export class Fuzzer {
  readonly corpus: Uint8Array[] = [];
  private readonly target: FuzzTarget;
  private readonly random: SeededRandom;
  private readonly coverage: BlockCoverage;
  private batchRuns = batchRunsMin;

  constructor(target: FuzzTarget, seed: number, coverage: BlockCoverage) {
    this.target = target;
    this.random = new SeededRandom(seed);
    this.coverage = coverage;
  }

  get corpusBytes(): number {
    return this.corpus.reduce((sum, { length }) => sum + length, 0);
  }

  /** The next inputs: changed from the corpus, newer ones more often. */
  batch(): Uint8Array[] {
    const { corpus, random, target } = this;
    return Array.from({ length: this.batchRuns }, () => {
      if (corpus.length === 0) return new Uint8Array(0);
      const recent = random.next() < 0.3;
      const index = recent
        ? corpus.length - 1 - below(random, Math.min(corpus.length, 16))
        : below(random, corpus.length);
      return mutate(target, corpus[index], corpus[below(random, corpus.length)], random);
    });
  }

  /** After a batch was run, and nothing else since the last look: keeps the inputs that reached something new. */
  learn(batch: readonly Uint8Array[]): void {
    const reached = this.coverage.take();
    if (!this.coverage.isNew(reached)) {
      this.batchRuns = Math.min(this.batchRuns * 2, batchRunsMax);
      return;
    }
    this.batchRuns = Math.max(this.batchRuns >> 1, batchRunsMin);
    this.narrow(batch);
    // What is reached only by several inputs one after the other (a table shared by all) is let be.
    this.coverage.keep(reached);
  }

  /** Runs the halves again, and theirs, where they reach something new. */
  private narrow(inputs: readonly Uint8Array[]): void {
    if (inputs.length === 1) return this.keep(inputs[0]);
    const middle = inputs.length >> 1;
    for (const half of [inputs.slice(0, middle), inputs.slice(middle)]) {
      for (const input of half) this.target.run(input);
      const reached = this.coverage.take();
      if (!this.coverage.isNew(reached)) continue;
      this.narrow(half);
      this.coverage.keep(reached);
    }
  }

  keep(input: Uint8Array): void {
    if (this.corpus.length >= corpusMax) this.corpus.shift();
    this.corpus.push(Uint8Array.from(input));
  }
}
