import type { CallsSnapshot } from '../admin/deps.ts';
import { type CallSummary, summarizeCall } from '../admin/live-snapshot.ts';
import { durationText, spanText } from '../admin/quantities.ts';
import { printable } from '../admin/text-table.ts';
import type { Environment } from '../config/environment.ts';
import { systemClock } from '../core/clock.ts';
import { namePattern } from '../core/name-pattern.ts';
import type { CallRecord } from '../telemetry/call-record.ts';
import { callTally } from '../telemetry/call-status.ts';
import { type AdminAnswer, askAdmin } from './admin-client.ts';
import { type AskArguments, adminTarget } from './admin-target.ts';
import { type CliIo, ExitCode } from './io.ts';
import { type Style, styled } from './styles.ts';
import { type Layout, table } from './table.ts';
import { showView, type View, type WatchOptions } from './watch.ts';

/** The lists of remembered calls that a sidecar keeps. */
export type CallList = keyof CallsSnapshot;

export interface TracesArguments extends AskArguments, WatchOptions {
  /** Lists to take calls from; empty for all. */
  readonly lists: readonly CallList[];
  readonly limit: number;
  readonly filters: CallFilters;
}

/** Undefined for no filter. */
export interface CallFilters {
  readonly method?: string;
  readonly status?: string;
  readonly listener?: string;
  readonly route?: string;
  readonly cluster?: string;
  readonly endpoint?: string;
  readonly client?: string;
  readonly trace?: string;
  readonly slowerThanMs?: number;
  readonly sinceMs?: number;
}

/** What the command shows of a call. */
interface TraceRow extends CallSummary {
  readonly traceId: string;
  readonly client: string;
  readonly route: string;
  readonly listener: string;
  /** Whether the call counts as an error, as an error of the client, or as neither. */
  readonly tally: string;
}

/** Shows the calls that a running sidecar remembers, newest first. */
export async function traces(args: TracesArguments, io: CliIo, env: Environment): Promise<number> {
  const target = adminTarget(args, env);
  if (target.error !== undefined) {
    io.stderr.write(`${target.error}\n`);
    return ExitCode.Usage;
  }
  return showView(io, args, async (): Promise<AdminAnswer<View>> => {
    const answer = await askAdmin(target.value, '/traces');
    if (answer.error !== undefined) return answer;
    const nowWallMs = systemClock.wallMs();
    const calls = newestFirst(answer.value as CallsSnapshot, args.lists);
    const matched = calls.map((call) => rowOf(call, nowWallMs)).filter(filterOf(args.filters));
    const rows = matched.slice(0, args.limit);
    return {
      value: { json: rows, text: (layout) => tracesText(rows, matched.length, calls.length, layout) },
    };
  });
}

/** Each call once: a failed call is in the list of recent calls as well. */
function newestFirst(calls: CallsSnapshot, lists: readonly CallList[]): CallRecord[] {
  const names = lists.length === 0 ? (Object.keys(calls) as CallList[]) : lists;
  const byId = new Map(names.flatMap((name) => (calls[name] ?? []).map((call) => [call.id, call] as const)));
  return [...byId.values()].sort((a, b) => b.endedMs - a.endedMs || b.id - a.id);
}

function rowOf(call: CallRecord, nowWallMs: number): TraceRow {
  const { clientAddress: client, route, listener } = call;
  const tally = callTally(call);
  return { ...summarizeCall(call, nowWallMs), traceId: String(call.traceId), client, route, listener, tally };
}

function filterOf(filters: CallFilters): (row: TraceRow) => boolean {
  const { slowerThanMs = 0, sinceMs = Number.POSITIVE_INFINITY } = filters;
  const checks: Array<(row: TraceRow) => boolean> = [];
  const check = (filter: string | undefined, names: (row: TraceRow) => readonly string[]): void => {
    if (filter === undefined) return;
    const isMatch = namePattern(filter);
    checks.push((row) => names(row).some(isMatch));
  };
  // A method without its service, a status without "HTTP" and an address without its port match too.
  check(filters.method, ({ name }) => [
    name,
    name.slice(name.lastIndexOf('/') + 1),
    name.replace(/^\S+ /, ''),
  ]);
  check(filters.status, ({ status }) => [status, status.replace(/^HTTP /, '')]);
  check(filters.endpoint, ({ endpoint }) => [endpoint, endpoint.replace(/:\d+$/, '')]);
  check(filters.listener, ({ listener }) => [listener]);
  check(filters.route, ({ route }) => [route]);
  check(filters.cluster, ({ cluster }) => [cluster]);
  check(filters.client, ({ client }) => [client]);
  check(filters.trace, ({ traceId }) => [traceId]);
  return (row) =>
    row.durationMs >= slowerThanMs && row.agoMs <= sinceMs && checks.every((passes) => passes(row));
}

const columns = [
  { title: 'ID' },
  { title: 'AGO', align: 'right', dropOrder: 1 },
  { title: 'STATUS' },
  { title: 'TOOK', align: 'right' },
  { title: 'ATTEMPTS', align: 'right', dropOrder: 3 },
  { title: 'ENDPOINT', dropOrder: 2 },
  { title: 'REQUEST', keepsEnd: true },
] as const;

function tracesText(rows: readonly TraceRow[], matched: number, all: number, layout: Layout): string {
  if (all === 0) return 'The sidecar remembers no such calls.\n';
  if (rows.length === 0) return `None of the ${all} remembered calls matches the filters.\n`;
  const cells = rows.map((row) => [
    String(row.id),
    spanText(row.agoMs),
    { text: row.status, style: styleOf(row) },
    durationText(row.durationMs),
    String(row.attempts),
    row.endpoint === '' ? '-' : row.endpoint,
    row.name,
  ]);
  const counted =
    matched > rows.length ? `The newest ${rows.length} of ${matched} calls; --limit N shows more.\n` : '';
  return `${withReasons(table(columns, cells, layout), rows, layout)}\n${counted}To see why: outrigger explain ID\n`;
}

/** Writes the reason of a call that did not go well, or was slow, into a line of its own below the call: it is a sentence. */
function withReasons(lines: string, rows: readonly TraceRow[], { hasStyles }: Layout): string {
  const [head, ...body] = lines.trimEnd().split('\n');
  const parts = rows.map((row, i) => {
    const reason = row.tally === 'ok' && row.attempts === 1 ? '' : printable(row.reason);
    return reason === '' ? body[i] : `${body[i]}\n    ${styled(reason, 'dim', hasStyles)}`;
  });
  return `${[head, ...parts].join('\n')}\n`;
}

function styleOf({ tally }: TraceRow): Style | undefined {
  if (tally === 'error') return 'bad';
  return tally === 'other' ? 'warning' : undefined;
}
