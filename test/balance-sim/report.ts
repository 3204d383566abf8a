import type { Comparison } from './reference.ts';
import type { Cell, Table } from './tables.ts';
import { holds, type Verdict } from './verdict.ts';

/** Tables in Markdown, padded so that they read well in a terminal too. */
export function markdownTable(rows: readonly (readonly string[])[], textColumns = 1): string {
  const widths = rows[0].map((_, i) => Math.max(3, ...rows.map((row) => row[i].length)));
  const line = (row: readonly string[]): string =>
    `| ${row.map((text, i) => (i < textColumns ? text.padEnd(widths[i]) : text.padStart(widths[i]))).join(' | ')} |`;
  const rule = `|${widths.map((width, i) => (i < textColumns ? '-'.repeat(width + 2) : `${'-'.repeat(width + 1)}:`)).join('|')}|`;
  return [line(rows[0]), rule, ...rows.slice(1).map(line)].join('\n');
}

export interface Filled {
  readonly table: Table;
  /** By policy, then by column, as the table names them. */
  readonly cells: readonly (readonly Cell[])[];
}

/** p99, or errors, of every policy in every scenario: sidecars and replicas are the heads of the columns. */
export function overview({ table, cells }: Filled): string {
  const p99 = table.shows === 'p99';
  const unit = p99 ? 'p99, ms (sidecars, replicas)' : 'errors, % (sidecars, replicas)';
  const text = (cell: Cell): string => (p99 ? ms(cell.p99Ms) : percent(cell.errorShare));
  return markdownTable([
    [unit, ...table.columns.map(({ name }) => name)],
    ...table.policies.map(({ name }, i) => [name, ...cells[i].map(text)]),
  ]);
}

/** p99 of every policy as a multiple of that of one of them, which the table names. */
export function multiples({ table, cells }: Filled): string {
  const base = table.policies.findIndex(({ name }) => name === table.relativeTo);
  return markdownTable([
    [`p99 × ${table.relativeTo}`, ...table.columns.map(({ name }) => name)],
    ...table.policies.map(({ name }, p) => [
      name,
      ...cells[p].map(({ p99Ms }, c) => (p99Ms / cells[base][c].p99Ms).toFixed(3)),
    ]),
  ]);
}

/** How many calls the first replica has, about which the trouble is, over the mean of all replicas. */
export function shares(filled: Filled): string {
  return oneFigure(filled, 'calls of the first replica × mean', ({ troubledShare }) =>
    troubledShare.toFixed(3),
  );
}

export function otherZones(filled: Filled): string {
  return oneFigure(filled, 'calls to the other zone, %', (one) => (one.otherZoneShare * 100).toFixed(1));
}

function oneFigure({ table, cells }: Filled, head: string, text: (one: Cell) => string): string {
  return markdownTable([
    [head, ...table.columns.map(({ name }) => name)],
    ...table.policies.map(({ name }, p) => [name, ...cells[p].map(text)]),
  ]);
}

/** Every figure. */
export function details({ table, cells }: Filled): string {
  const head = ['sidecars, replicas', 'policy', 'p50 ms', 'p99 ms', 'p99.9 ms', 'errors %', 'max/mean share'];
  const troubled = table.columns.some(({ wellMs }) => wellMs !== undefined);
  if (troubled) head.push('back after s');
  const rows = table.columns.flatMap((column, c) =>
    table.policies.map((policy, p) => {
      const one = cells[p][c];
      const row = [column.name, policy.name, ms(one.p50Ms), ms(one.p99Ms), ms(one.p999Ms)];
      row.push(percent(one.errorShare), one.spread.toFixed(3));
      if (troubled) row.push(Number.isFinite(one.backMs) ? (one.backMs / 1000).toFixed(2) : 'not in 4.5');
      return row;
    }),
  );
  return markdownTable([head, ...rows], 2);
}

export function verdictTable(verdicts: readonly Verdict[]): string {
  return markdownTable([
    ['goal', 'figure', '±', 'limit', 'unit', 'holds'],
    ...verdicts.map((verdict) => [
      verdict.goal,
      verdict.figure.toFixed(3),
      Number.isFinite(verdict.interval) ? verdict.interval!.toFixed(3) : '',
      String(verdict.limit),
      verdict.unit,
      holds(verdict) ? 'yes' : 'NO',
    ]),
  ]);
}

/** Where the reference has figures: how far ours are from them, and how far at worst. */
export function comparisonTable(comparisons: readonly Comparison[]): string {
  return markdownTable(
    [
      ['table', 'policy', 'sidecars, replicas', 'p99 ms', 'reference ms', 'off by %'],
      ...comparisons.map(({ table, policy, column, p99Ms, referenceMs }) => [
        table,
        policy,
        column,
        ms(p99Ms),
        ms(referenceMs),
        ((p99Ms / referenceMs - 1) * 100).toFixed(1),
      ]),
    ],
    3,
  );
}

/** Three digits that mean something. */
function ms(value: number): string {
  return value.toFixed(value < 9.995 ? 2 : value < 99.95 ? 1 : 0);
}

const percent = (share: number): string => (share === 0 ? '0' : (share * 100).toFixed(3));
