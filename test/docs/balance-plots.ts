import { readFileSync } from 'node:fs';
import { type BarChart, barChart } from './bar-chart.ts';

/** A chart of docs/how-it-balances.md and the table of the simulation that it shows. */
interface ChartSource {
  /** How the heading of the table begins. */
  readonly heading: string;
  readonly title: string;
  readonly unit: string;
  readonly scale: BarChart['scale'];
  /** Columns of the table, "sidecars, replicas". */
  readonly columns: readonly string[];
  /** Rows; all without. */
  readonly policies?: readonly string[];
}

const tenReplicas = ['1, 10', '10, 10', '100, 10'];
const charts: Readonly<Record<string, ChartSource>> = {
  healthy: {
    heading: 'All is well: load 0.85, exponential',
    title: 'All replicas are well, 85% load',
    unit: 'p99 in ms',
    scale: 'linear',
    columns: tenReplicas,
    policies: ['random', 'round_robin', 'P2C with replacement', 'least_request', 'peak_ewma', 'JSQ'],
  },
  slow: {
    heading: 'One of ten replicas 10 × slow',
    title: 'One of ten replicas is 10 times slower, 70% load',
    unit: 'p99 in ms, log scale',
    scale: 'log',
    columns: tenReplicas,
    policies: [
      'random',
      'round_robin',
      'P2C with replacement',
      'least_request',
      'least_request, slowGuard',
      'peak_ewma',
      'JSQ',
    ],
  },
  failing: {
    heading: 'One replica fails every call in 0.2 ms',
    title: 'One replica fails each call in 0.2 ms, 70% load',
    unit: 'failed calls in %',
    scale: 'linear',
    columns: ['1, 3', '1, 10', '10, 10'],
  },
  cold: {
    heading: 'A tenth replica joins, 10 × slow',
    title: 'A new replica is 10 times slower for 5 s, 85% load',
    unit: 'p99 in ms, log scale',
    scale: 'log',
    columns: tenReplicas,
    policies: [
      'round_robin',
      'round_robin, slowStart',
      'least_request',
      'least_request, slowStart',
      'peak_ewma',
      'peak_ewma, slowStart',
      'JSQ',
    ],
  },
  keys: {
    heading: 'Calls of 10,000 keys',
    title: 'One of 10,000 keys has a tenth of the calls, 50% load',
    unit: 'p99 in ms',
    scale: 'linear',
    columns: tenReplicas,
  },
};

const results = new URL('../balance-sim/results/README.md', import.meta.url);

/** Returns the charts of docs/plots/ by path from the root of the repository, as functions that draw them. */
export function balancePlots(): Record<string, () => string> {
  return Object.fromEntries(
    Object.entries(charts).map(([name, source]) => [
      `docs/plots/${name}.svg`,
      () => barChart(chartOf(readFileSync(results, 'utf8'), source)),
    ]),
  );
}

/** Reads a chart from the results of the simulation. Throws where they lack a table, a column or a policy. */
export function chartOf(markdown: string, source: ChartSource): BarChart {
  const { heading, title, unit, scale, columns, policies } = source;
  const section = markdown.split('\n## ').find((part) => part.startsWith(heading));
  if (section === undefined) throw new Error(`the results of the simulation have no table "${heading}"`);
  const [head, , ...rows] = section
    .split('\n')
    .filter((line) => line.startsWith('|'))
    .map(cellsOf);
  const wanted = columns.map((column) => indexOf(head, column, heading));
  const own = rows.slice(
    0,
    rows.findIndex((row) => row.length !== head.length || row[0].includes('sidecars')),
  );
  const names = policies ?? own.map(([name]) => name);
  const groups = names.map((name) => {
    const row =
      own[
        indexOf(
          own.map(([first]) => first),
          name,
          heading,
        )
      ];
    return { name, values: wanted.map((column) => Number(row[column])) };
  });
  const series = columns.map((column) => {
    const [sidecars, replicas] = column.split(', ');
    return `${sidecars} ${sidecars === '1' ? 'sidecar' : 'sidecars'}, ${replicas} replicas`;
  });
  return { title, unit, scale, series, groups };
}

function cellsOf(line: string): string[] {
  return line
    .split('|')
    .slice(1, -1)
    .map((cell) => cell.trim());
}

function indexOf(names: readonly string[], name: string, heading: string): number {
  const index = names.indexOf(name);
  if (index < 0) throw new Error(`the table "${heading}" of the simulation has no "${name}"`);
  return index;
}
