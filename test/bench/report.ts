import { type Bound, bounds, comparisons } from './bounds.ts';
import type { Machine } from './machine.ts';
import type { Run } from './measure.ts';
import { largeMovedBytes, movedBytes, type Scenario } from './scenarios.ts';

/** All runs of a peer in a scenario, and the medians. */
export interface Cell {
  readonly cpuMicrosPerCall: number;
  readonly callsPerSecond: number;
  readonly p50Ms?: number;
  readonly p99Ms?: number;
  readonly runs: readonly Run[];
}

export interface Row {
  readonly scenario: string;
  /** Bytes of both messages of a call. */
  readonly movedBytes: number;
  readonly peers: Record<string, Cell>;
  /** Those that do other work; see `comparisons`. */
  readonly beside?: Record<string, Cell>;
  /** Outrigger's CPU per call over each other peer's. */
  readonly ratios: Record<string, number>;
}

export interface Report {
  readonly date: string;
  readonly commit: string;
  readonly contract: string;
  readonly machine: Machine;
  readonly versions: Record<string, string>;
  readonly rounds: number;
  readonly secondsPerRun: number;
  readonly rows: Row[];
  /** What is measured without peers: memory, start, a long stream. */
  readonly alone?: readonly Alone[];
}

export interface Alone {
  readonly what: string;
  readonly measured: string;
  /** Absent where the figure only stands beside another that has one. */
  readonly goal?: string;
  readonly met?: boolean;
}

export const subject = 'Outrigger';

export function makeRow(
  scenario: Scenario,
  runs: ReadonlyMap<string, readonly Run[]>,
  variants: readonly string[],
): Row {
  const cells = [...runs].filter(([, of]) => of.length > 0).map(([name, of]) => [name, cell(of)] as const);
  const peers = Object.fromEntries(cells.filter(([name]) => !variants.includes(name)));
  const beside = Object.fromEntries(cells.filter(([name]) => variants.includes(name)));
  const own = peers[subject];
  const others = Object.entries(peers).filter(([name]) => name !== subject);
  const ratios = Object.fromEntries(
    own === undefined
      ? []
      : others.map(([name, other]) => [name, own.cpuMicrosPerCall / other.cpuMicrosPerCall]),
  );
  return { scenario: scenario.name, movedBytes: movedBytes(scenario), peers, beside, ratios };
}

function cell(runs: readonly Run[]): Cell {
  const of = (pick: (run: Run) => number) => median(runs.map(pick));
  return {
    cpuMicrosPerCall: of((run) => run.cpuMicrosPerCall),
    callsPerSecond: of((run) => run.callsPerSecond),
    ...(runs[0].p50Ms !== undefined && {
      p50Ms: of((run) => run.p50Ms ?? 0),
      p99Ms: of((run) => run.p99Ms ?? 0),
    }),
    runs,
  };
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

/** The table, with ratios, as Markdown that also reads well in a terminal. */
export function renderMarkdown(report: Report, earlier: Report | null): string {
  const names = Object.keys(report.versions);
  const others = names.filter((name) => name !== subject);
  const cpuTable = table(
    ['CPU', ...names, ...(names.includes(subject) ? others.map((name) => `/ ${name}`) : [])],
    report.rows.map((row) => [
      row.scenario,
      ...names.map((name) => cost(row, row.peers[name])),
      ...(names.includes(subject) ? others.map((name) => ratio(row, name, earlier)) : []),
    ]),
  );
  const rateTable = table(
    ['calls/s (p50 / p99 ms)', ...names],
    report.rows.map((row) => [row.scenario, ...names.map((name) => rate(row.peers[name]))]),
  );
  const { machine } = report;
  return `# Bench of ${report.date}, commit ${report.commit || 'unknown'}

${report.contract}. CPU of the proxy's process tree per call in µs, or in ms per MB where it says so; medians of ${report.rounds} runs
of about ${report.secondsPerRun} s, peers in turn; the proxy on one core, generator and replicas on the other.
${machine.cores} × ${machine.cpu}, ${machine.memoryGiB} GiB, ${machine.system}, Node ${machine.node}; ${names.map((name) => `${name} ${report.versions[name]}`).join(', ')}.

${cpuTable}
${earlier === null ? '' : `\nIn brackets: change of the ratio since ${earlier.commit}.\n`}
${rateTable}
${goals(report)}`;
}

function cost(row: Row, of: Cell | undefined): string {
  if (of === undefined) return '-';
  if (row.movedBytes < largeMovedBytes) return of.cpuMicrosPerCall.toFixed(of.cpuMicrosPerCall < 10 ? 2 : 1);
  const megabytes = row.movedBytes / 1e6;
  return `${(of.cpuMicrosPerCall / 1000 / megabytes).toFixed(2)} ms/MB`;
}

function rate(of: Cell | undefined): string {
  if (of === undefined) return '-';
  const latency = of.p50Ms === undefined ? '' : ` (${of.p50Ms.toFixed(3)} / ${(of.p99Ms ?? 0).toFixed(3)})`;
  return `${Math.round(of.callsPerSecond)}${latency}`;
}

function ratio(row: Row, peer: string, earlier: Report | null): string {
  const now = row.ratios[peer];
  if (now === undefined) return '-';
  const before = earlier?.rows.find(({ scenario }) => scenario === row.scenario)?.ratios[peer];
  const percent = before === undefined ? 0 : Math.round((now / before - 1) * 100);
  return before === undefined ? now.toFixed(2) : `${now.toFixed(2)} (${percent >= 0 ? '+' : ''}${percent}%)`;
}

function goals(report: Report): string {
  const lines = bounds.flatMap((bound) => {
    const now = boundedRatio(report.rows, bound);
    if (now === undefined) return [];
    const { scenario, goal } = bound;
    return [
      `- ${now <= goal ? 'met' : 'not met'}: ${scenario} at ${now.toFixed(2)} × ${peersText(bound)}, goal ${goal}`,
    ];
  });
  for (const { what, scenario, of, to, goal, figure = 'cpuMicrosPerCall' } of comparisons) {
    const row = report.rows.find((one) => one.scenario === scenario);
    const [one, other] = [of, to].map((name) => ({ ...row?.peers, ...row?.beside })[name]?.[figure]);
    if (one === undefined || other === undefined) continue;
    const [unit, digits] = figure === 'p50Ms' ? ['ms', 3] : ['µs', 2];
    lines.push(
      `- ${one / other <= goal ? 'met' : 'not met'}: ${what}, ${scenario}: ${of} ${one.toFixed(digits)} ${unit}, ` +
        `${(one / other).toFixed(2)} × ${to} (${other.toFixed(digits)}), goal ${goal}`,
    );
  }
  for (const { what, measured, goal, met } of report.alone ?? [])
    lines.push(
      goal === undefined
        ? `- beside: ${what}: ${measured}`
        : `- ${met ? 'met' : 'not met'}: ${what}: ${measured}, goal ${goal}`,
    );
  return lines.length === 0 ? '' : `\nGoals:\n\n${lines.join('\n')}\n`;
}

/** Outrigger's CPU over that of the cheapest peer of a bound; undefined where one of them is missing. */
export function boundedRatio(rows: readonly Row[], { scenario, peer }: Bound): number | undefined {
  const ratios = rows.find((row) => row.scenario === scenario)?.ratios ?? {};
  const all = [peer].flat().map((name) => ratios[name]);
  return all.includes(undefined as never) ? undefined : Math.max(...all);
}

export function peersText({ peer }: Bound): string {
  return typeof peer === 'string' ? peer : `the cheaper of ${peer.join(' and ')}`;
}

function table(head: readonly string[], rows: readonly string[][]): string {
  const widths = head.map((text, i) => Math.max(text.length, ...rows.map((row) => row[i].length)));
  const line = (cells: readonly string[]) =>
    `| ${cells.map((text, i) => (i === 0 ? text.padEnd(widths[i]) : text.padStart(widths[i]))).join(' | ')} |`;
  const rule = `|${widths.map((width, i) => (i === 0 ? '-'.repeat(width + 2) : `${'-'.repeat(width + 1)}:`)).join('|')}|`;
  return [line(head), rule, ...rows.map(line)].join('\n');
}
