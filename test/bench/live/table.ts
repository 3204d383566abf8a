import { markdownTable } from '../../balance-sim/report.ts';
import type { Run } from '../../balance-sim/run.ts';
import { type Summary, shareOf, summarise } from '../../balance-sim/summary.ts';
import { type Case, troubled } from './cases.ts';

/** One contender in one case and turn, live and simulated with the same arrivals and the same work. */
export interface Outcome {
  readonly contender: string;
  readonly of: Case;
  readonly turn: number;
  readonly live: Figures;
  readonly simulated: Figures;
  /** Of calls, how long after its time they left the generator, p99. */
  readonly lateMs: number;
  /** Part of the time of all cores that was not idle, whoever used it. */
  readonly busyShare: number;
}

export interface Figures extends Summary {
  /** Calls of the replica in trouble over the mean of all replicas. */
  readonly troubledShare: number;
}

export function figuresOf(run: Run): Figures {
  return { ...summarise(run), troubledShare: shareOf(run, troubled) };
}

/** A table for each case: each figure is the mean over the turns, with the lowest and the highest in brackets. */
export function renderCases(outcomes: readonly Outcome[]): string {
  const inCase = Map.groupBy(outcomes, ({ of }) => of);
  return [...inCase]
    .map(([{ name, what }, some]) => `### ${name}: ${what}\n\n${renderCase(some)}`)
    .join('\n\n');
}

function renderCase(outcomes: readonly Outcome[]): string {
  const byContender = [...Map.groupBy(outcomes, ({ contender }) => contender)];
  const [, base] = byContender[0];
  const rows = byContender.map(([contender, turns]) => {
    const each = (value: (outcome: Outcome, i: number) => number, digits: number): string =>
      range(turns.map(value), digits);
    return [
      contender,
      each(({ live }) => live.p50Ms, 0),
      each(({ simulated }) => simulated.p50Ms, 0),
      each(({ live }) => live.p99Ms, 0),
      each(({ simulated }) => simulated.p99Ms, 0),
      each(({ live, simulated }) => live.p99Ms / simulated.p99Ms, 2),
      each(({ live }, i) => live.p99Ms / base[i].live.p99Ms, 2),
      each(({ simulated }, i) => simulated.p99Ms / base[i].simulated.p99Ms, 2),
      each(({ live }) => live.errorShare * 100, 2),
      each(({ simulated }) => simulated.errorShare * 100, 2),
      each(({ live }) => live.troubledShare, 2),
      each(({ simulated }) => simulated.troubledShare, 2),
      each(({ busyShare }) => busyShare * 100, 0),
      each(({ lateMs }) => lateMs, 1),
    ];
  });
  const head = [
    'p50 ms',
    'simulated',
    'p99 ms',
    'simulated',
    'live / simulated',
    `p99 × ${byContender[0][0]}`,
    'simulated',
  ];
  const errors = [
    'errors %',
    'simulated',
    'share of the first replica',
    'simulated',
    'cores busy %',
    'late ms',
  ];
  return markdownTable([['', ...head, ...errors], ...rows]);
}

/** `1.04 (1.02 to 1.06)`. */
function range(values: readonly number[], digits: number): string {
  const mean = values.reduce((sum, one) => sum + one, 0) / values.length;
  const [low, high] = [Math.min(...values), Math.max(...values)].map((one) => one.toFixed(digits));
  return low === high ? mean.toFixed(digits) : `${mean.toFixed(digits)} (${low} to ${high})`;
}
