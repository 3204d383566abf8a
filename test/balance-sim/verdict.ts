import type { Reports } from './scenario.ts';

/** A figure that a goal sets a limit to. */
export interface Verdict {
  readonly goal: string;
  readonly figure: number;
  /** Half of the 95% interval of the figure over the seeds; without where it is not of several. */
  readonly interval?: number;
  readonly limit: number;
  readonly unit: string;
}

export interface Extent {
  readonly seeds: readonly number[];
  /** Per run, where the scenario does not say how long it lasts. */
  readonly calls: number;
  /** For goals that are judged with reports and without. */
  readonly reports: Reports;
  /** Fewer cases and shorter ones, for `make test`. */
  readonly short: boolean;
}

export const holds = ({ figure, limit }: Verdict): boolean => figure <= limit;

/** Quantiles 0.975 of Student's t for 1, 2, … degrees of freedom; further on those of the normal are near enough. */
const student = [12.71, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262];

/** Returns the mean of some values and half of the 95% interval of that mean, which one value does not have. */
export function meanWithInterval(values: readonly number[]): { mean: number; interval: number } {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  if (values.length < 2) return { mean, interval: Number.NaN };
  const squares = values.reduce((sum, value) => sum + (value - mean) ** 2, 0);
  const error = Math.sqrt(squares / (values.length - 1) / values.length);
  return { mean, interval: error * (student[values.length - 2] ?? 1.96) };
}
