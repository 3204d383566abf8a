import type { Replicas, Standing } from './measure.ts';
import { SliceMeter } from './measure.ts';
import type { Scenario } from './scenarios.ts';

/** A ratio with its 95% interval. */
export interface Ratio {
  readonly mean: number;
  readonly low: number;
  readonly high: number;
}

export interface PairedCosts {
  /** Medians, CPU microseconds per call. */
  readonly a: number;
  readonly b: number;
  /** Of a to b. */
  readonly ratio: Ratio;
}

/**
 * What calls cost two programs on the same work, in slices of `seconds` in the order A B B A. On a shared machine the same
 * program costs up to half as much again from one minute to the next; neighbouring slices have that in common.
 */
export async function measurePairs(
  scenario: Scenario,
  [a, b]: readonly [Standing, Standing],
  replicas: Replicas,
  { pairs, seconds, dir }: { readonly pairs: number; readonly seconds: number; readonly dir: string },
): Promise<PairedCosts> {
  const meterA = new SliceMeter(scenario, a, replicas, dir);
  const meterB = new SliceMeter(scenario, b, replicas, dir);
  await meterA.warm(seconds);
  await meterB.warm(seconds);
  const costs: Array<readonly [number, number]> = [];
  for (let i = 0; i < pairs; i++) {
    if (i % 2 === 0) {
      const first = await meterA.slice();
      costs.push([first, await meterB.slice()]);
    } else {
      const first = await meterB.slice();
      costs.push([await meterA.slice(), first]);
    }
  }
  return {
    a: median(costs.map(([one]) => one)),
    b: median(costs.map(([, other]) => other)),
    ratio: meanRatio(costs.map(([one, other]) => one / other)),
  };
}

/** The mean of some ratios (of their logarithms, so that a/b and b/a agree) with the 95% interval around it. */
export function meanRatio(ratios: readonly number[]): Ratio {
  const logs = ratios.map(Math.log);
  const mean = logs.reduce((sum, one) => sum + one, 0) / logs.length;
  const variance = logs.reduce((sum, one) => sum + (one - mean) ** 2, 0) / Math.max(1, logs.length - 1);
  const reach = 1.96 * Math.sqrt(variance / logs.length);
  return { mean: Math.exp(mean), low: Math.exp(mean - reach), high: Math.exp(mean + reach) };
}

/** `1.04 × (1.02 to 1.06)`. */
export function ratioText({ mean, low, high }: Ratio): string {
  return `${mean.toFixed(3)} × (${low.toFixed(3)} to ${high.toFixed(3)})`;
}

function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)];
}
