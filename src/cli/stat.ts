import type { CallFilters, CallView } from '../admin/call-groups/group-calls.ts';
import type { ClusterSnapshot, Readiness, ServerInfo, StatsSnapshot, TotalsSnapshot } from '../admin/deps.ts';
import { durationText, percentText, rateText, spanText } from '../admin/quantities.ts';
import { printable } from '../admin/text-table.ts';
import type { BalanceReport } from '../balance-report/report.ts';
import type { Environment } from '../config/environment.ts';
import { namePattern } from '../core/name-pattern.ts';
import { type AdminAnswer, askAdminAll } from './admin-client.ts';
import { type AdminTarget, type AskArguments, adminTarget } from './admin-target.ts';
import { askGroups } from './call-groups/ask-groups.ts';
import type { GroupSort } from './call-groups/flags.ts';
import { groupsText } from './call-groups/groups-text.ts';
import { type CliIo, ExitCode } from './io.ts';
import { type Layout, plainLayout, type TableColumn, table } from './table.ts';
import { showView, type View, type WatchOptions } from './watch.ts';

/** What `outrigger stat -o json` prints. */
export interface StatReport {
  readonly server: ServerInfo;
  readonly readiness: Readiness;
  readonly totals: TotalsSnapshot;
  readonly clusters: readonly ClusterStat[];
}

/** A cluster's endpoints added up. */
export interface ClusterStat {
  readonly name: string;
  readonly endpoints: number;
  readonly usable: number;
  readonly active: number;
  readonly perSecond: number;
  readonly total: number;
  readonly error: number;
  readonly other: number;
  /** How evenly its endpoints are loaded; absent if the sidecar is of a release that does not report it. */
  readonly balance?: BalanceReport;
}

export interface StatArguments extends AskArguments, WatchOptions {
  /** Undefined for the overview. */
  readonly by: CallView | undefined;
  readonly sort: GroupSort;
  readonly filters: CallFilters;
}

/** Shows what a running sidecar does at this moment: its state, all calls together, each cluster; or its calls in groups. */
export async function stat(args: StatArguments, io: CliIo, env: Environment): Promise<number> {
  const target = adminTarget(args, env);
  if (target.error !== undefined) {
    io.stderr.write(`${target.error}\n`);
    return ExitCode.Usage;
  }
  const { by, sort, filters } = args;
  return showView(io, args, async (): Promise<AdminAnswer<View>> => {
    if (by === undefined) return overview(target.value, filters.cluster);
    const answer = await askGroups(target.value, by, filters);
    if (answer.error !== undefined) return answer;
    const report = answer.value;
    return { value: { json: report, text: (layout) => groupsText(report, sort, layout) } };
  });
}

async function overview(target: AdminTarget, cluster: string | undefined): Promise<AdminAnswer<View>> {
  const answer = await askAdminAll(target, {
    server: '/server_info',
    readiness: '/ready',
    stats: '/stats',
    clusters: '/clusters',
  });
  if (answer.error !== undefined) return answer;
  const { server, readiness, stats, clusters } = answer.value;
  const isShown = cluster === undefined ? () => true : namePattern(cluster);
  const report: StatReport = {
    server: server as ServerInfo,
    readiness: readiness as Readiness,
    totals: (stats as StatsSnapshot).totals,
    clusters: (clusters as readonly ClusterSnapshot[]).filter(({ name }) => isShown(name)).map(clusterStat),
  };
  return { value: { json: report, text: (layout) => statReportText(report, layout) } };
}

function clusterStat({ name, endpoints, balance }: ClusterSnapshot): ClusterStat {
  const sum = (of: (endpoint: ClusterSnapshot['endpoints'][number]) => number): number =>
    endpoints.reduce((total, endpoint) => total + of(endpoint), 0);
  return {
    name,
    endpoints: endpoints.length,
    usable: sum((e) => (e.usable ? 1 : 0)),
    active: sum((e) => e.active),
    perSecond: sum((e) => e.perSecond),
    total: sum((e) => e.total),
    error: sum((e) => e.error),
    // A sidecar of the release before this one does not say.
    other: sum((e) => e.other ?? 0),
    balance,
  };
}

/** A line on the sidecar, a table of all calls, a table of clusters, and a line on the balance of each cluster. */
export function statReportText(
  { server, readiness, totals, clusters }: StatReport,
  layout: Layout = plainLayout,
): string {
  const { reasons, degraded = false, degradedReasons = [] } = readiness;
  const shown = reasons.length === 0 ? degradedReasons : reasons;
  const state = stateText(readiness.ready, degraded, server.state);
  // The reason of a drain begins with the word that the state is.
  const reason = shown.join('; ').replace(`${state}: `, '');
  const why = reason === '' ? '' : ` (${reason})`;
  const head = `${server.name}: Outrigger ${server.version}, ${state}${why}, up ${spanText(server.uptimeMs)}`;
  const calls = table(
    ['CALLS', 'PER S', 'ERRORS', 'ERROR RATE', 'CLIENT ERRORS', 'IN FLIGHT', 'P50', 'P99'].map(right),
    [
      [
        String(totals.calls),
        rateText(totals.callsPerSecond),
        String(totals.errors),
        percentText(totals.callsPerSecond > 0 ? totals.errorsPerSecond / totals.callsPerSecond : null),
        String(totals.clientErrors ?? 0),
        String(totals.active),
        durationText(totals.p50Ms),
        durationText(totals.p99Ms),
      ],
    ],
    layout,
  );
  if (clusters.length === 0) return `${printable(head)}\n\n${calls}`;
  const each = table(
    [{ title: 'CLUSTER' }, ...['USABLE', 'ATTEMPTS', 'PER S', 'ERRORS', 'OTHER', 'IN FLIGHT'].map(right)],
    clusters.map((c) => [
      c.name,
      { text: `${c.usable} of ${c.endpoints}`, style: c.usable === 0 ? 'bad' : undefined },
      String(c.total),
      rateText(c.perSecond),
      String(c.error),
      String(c.other),
      String(c.active),
    ]),
    layout,
  );
  const verdicts = clusters.flatMap(({ name, balance }) =>
    balance === undefined ? [] : [`${printable(`${name}: ${balance.text}`)}\n`],
  );
  return `${printable(head)}\n\n${calls}\n${each}${verdicts.length === 0 ? '' : '\n'}${verdicts.join('')}`;
}

function stateText(isReady: boolean, degraded: boolean, state: ServerInfo['state']): string {
  if (state !== 'ready') return state;
  if (!isReady) return 'not ready';
  return degraded ? 'ready, but degraded' : state;
}

function right(title: string): TableColumn {
  return { title, align: 'right' };
}
