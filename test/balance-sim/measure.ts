import { type Run, run } from './run.ts';
import type { Scenario } from './scenario.ts';
import type { Policy } from './spreader.ts';
import { meanOf, type Summary, summarise } from './summary.ts';

/** Runs one scenario with one policy and some seeds; the mean of each figure. */
export function measure(one: Scenario, policy: Policy, seeds: readonly number[]): Summary {
  return meanOf(seeds.map((seed) => summarise(run(one, policy, seed))));
}

/** The mean of something over runs that may differ by their seed. */
export function meanOver(runs: readonly Run[], of: (run: Run) => number): number {
  return runs.reduce((sum, one) => sum + of(one), 0) / runs.length;
}
