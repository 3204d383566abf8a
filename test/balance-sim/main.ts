import { mkdirSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { goals, holds, type Verdict } from './goals.ts';
import { measure } from './measure.ts';
import { type Plot, svg } from './plot.ts';
import { type Comparison, compared } from './reference.ts';
import { comparisonTable, details, type Filled, markdownTable, overview, verdictTable } from './report.ts';
import { cell, type Sweep, sweeps, tables } from './tables.ts';
import { textbookCases } from './textbook.ts';

/**
 * `make balance-sim`: prints the textbook cases, the tables and the goals, and writes them and a plot to `results/`. Exit
 * code 1 where a goal, or the textbook within 1%, does not hold.
 */

const { values } = parseArgs({
  options: {
    seed: { type: 'string', default: '1' },
    seeds: { type: 'string', default: '3' },
    calls: { type: 'string', default: '300000' },
    /** Parts, with commas: textbook, goals, plot, or the name of a table. Nothing is written then. */
    only: { type: 'string', default: '' },
    'no-write': { type: 'boolean', default: false },
  },
});
const [seed, count, calls] = [values.seed, values.seeds, values.calls].map(Number);
const only = values.only === '' ? null : new Set(values.only.split(','));
const all = tables(calls);
const parts = ['textbook', ...all.map(({ name }) => name), 'goals', 'plot'];
const unknown = [...(only ?? [])].find((name) => !parts.includes(name));
if (![seed, count, calls].every(Number.isSafeInteger) || count < 1 || calls < 1000 || unknown !== undefined) {
  console.error(
    `usage: make balance-sim SEED=1 ARGS='--seeds 3 --calls 300000 --only ${parts.join(',')} --no-write'`,
  );
  process.exit(2);
}
const seeds = Array.from({ length: count }, (_, i) => seed + i);
const wanted = (part: string): boolean => only === null || only.has(part);
const startedMs = performance.now();
/** Within which a simulated figure of the textbook must be, at 2,000,000 calls and three seeds. */
const textbookTolerance = 0.01;
let failed = 0;
const comparisons: Comparison[] = [];
let text = '';
const tell = (markdown: string): void => {
  console.log(`${markdown}\n`);
  text += `${markdown}\n\n`;
};

tell(
  `Seeds ${seeds[0]} to ${seeds[count - 1]}, ${calls} calls each where a table does not say how long it lasts; replicas with 4 workers; 0.1 ms of network each way.`,
);
if (wanted('textbook')) textbook();
for (const table of all) {
  if (!wanted(table.name)) continue;
  const filled: Filled = {
    table,
    cells: table.policies.map((policy) => table.columns.map((column) => cell(column, policy, seeds))),
  };
  tell(`## ${table.title}`);
  tell(overview(filled));
  tell(details(filled));
  comparisons.push(...compared(table, filled.cells));
}
if (comparisons.length > 0) {
  tell('## Beside the figures that the defaults were chosen by');
  tell(comparisonTable(comparisons));
}
if (wanted('goals')) judge();
const picture = wanted('plot') ? svg('Which replica: p99 by policy', sweeps(calls).map(plotted)) : null;
if (only === null && !values['no-write']) write();
console.log(`${((performance.now() - startedMs) / 1000).toFixed(0)} s; ${failed} failed`);
process.exitCode = failed > 0 ? 1 : 0;

function textbook(): void {
  const rows = [['queue', 'figure', 'simulated ms', 'computed ms', 'off by %']];
  for (const { name, scenario, policy, figures } of textbookCases(2_000_000)) {
    const summary = measure(scenario, policy, seeds);
    for (const figure of figures) {
      const got = figure.of(summary);
      const off = got / figure.expectedMs - 1;
      if (Math.abs(off) > textbookTolerance) failed++;
      rows.push([name, figure.name, got.toFixed(3), figure.expectedMs.toFixed(3), (off * 100).toFixed(2)]);
    }
  }
  tell('## Queues that can be computed');
  tell(markdownTable(rows, 2));
}

function judge(): void {
  const verdicts: Verdict[] = goals.flatMap((goal) => goal({ seeds, calls, short: false }));
  failed += verdicts.filter((verdict) => !holds(verdict)).length;
  tell('## Goals');
  tell(verdictTable(verdicts));
  tell(
    'Goal 5 does not hold for 100 sidecars: the table of the cold replica has by how much. Goal 6 is for shared load reports, which no policy uses yet.',
  );
}

function plotted({ title, xLabel, yScale, xs, policies, scenarioAt }: Sweep): Plot {
  const log = xs.at(-1)! / xs[0] > 20;
  return {
    title,
    xLabel,
    yLabel: yScale === 'log' ? 'p99, ms (log)' : 'p99, ms',
    xs,
    xScale: log ? 'log' : 'linear',
    yScale,
    lines: policies.map((policy) => ({
      name: policy.name,
      ys: xs.map((x) => measure(scenarioAt(x), policy, seeds).p99Ms),
    })),
  };
}

function write(): void {
  const folder = fileURLToPath(new URL('./results/', import.meta.url));
  mkdirSync(folder, { recursive: true });
  writeFileSync(
    `${folder}README.md`,
    `# Which replica: the simulation\n\nWritten by \`make balance-sim\`; p99 and the rest are means over the seeds.\n\n![p99 by policy](p99.svg)\n\n${text.trimEnd()}\n`,
  );
  if (picture !== null) writeFileSync(`${folder}p99.svg`, picture);
  console.log('written to test/balance-sim/results/');
}
