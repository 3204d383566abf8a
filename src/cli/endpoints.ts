import type { ClusterSnapshot, EndpointSnapshot } from '../admin/deps.ts';
import { clusterHead, endpointColumns, endpointRow, endpointState } from '../admin/text-pages.ts';
import { printable } from '../admin/text-table.ts';
import type { Environment } from '../config/environment.ts';
import { namePattern } from '../core/name-pattern.ts';
import { listed } from '../schema/problem.ts';
import { type AdminAnswer, askAdmin } from './admin-client.ts';
import { type AskArguments, adminTarget } from './admin-target.ts';
import type { EndpointSort } from './endpoint-sorts.ts';
import { type CliIo, ExitCode } from './io.ts';
import type { Style } from './styles.ts';
import { type Layout, table } from './table.ts';
import { showView, type View, type WatchOptions } from './watch.ts';

export interface EndpointsArguments extends AskArguments, WatchOptions {
  /** Filters; undefined for all. */
  readonly cluster: string | undefined;
  readonly endpoint: string | undefined;
  readonly state: string | undefined;
  /** Undefined for the order of the sidecar. */
  readonly sort: EndpointSort | undefined;
}

/** Figures go from the greatest to the least. */
const sorts: Readonly<Record<EndpointSort, (endpoint: EndpointSnapshot) => string | number>> = {
  address: (e) => e.address,
  state: endpointState,
  share: (e) => e.share ?? -1,
  active: (e) => e.active,
  rate: (e) => e.perSecond,
  p50: (e) => e.p50Ms ?? -1,
  p99: (e) => e.p99Ms ?? -1,
  total: (e) => e.total,
  errors: (e) => e.error,
};

/** Shows the endpoints of a running sidecar: a table for each cluster, or the JSON of `/clusters`. */
export async function endpoints(args: EndpointsArguments, io: CliIo, env: Environment): Promise<number> {
  const target = adminTarget(args, env);
  if (target.error !== undefined) {
    io.stderr.write(`${target.error}\n`);
    return ExitCode.Usage;
  }
  return showView(io, args, async (): Promise<AdminAnswer<View>> => {
    const answer = await askAdmin(target.value, '/clusters');
    if (answer.error !== undefined) return answer;
    const all = answer.value as readonly ClusterSnapshot[];
    const clusters = select(all, args);
    return { value: { json: clusters, text: (layout) => endpointsText(clusters, all, layout) } };
  });
}

/** Returns the endpoints that match the filters, sorted; a cluster without one is left out if a filter is given. */
function select(clusters: readonly ClusterSnapshot[], args: EndpointsArguments): readonly ClusterSnapshot[] {
  const { cluster, endpoint, state, sort } = args;
  const isCluster = matching(cluster);
  const isEndpoint = matching(endpoint);
  const isState = matching(state);
  const isFiltered = cluster !== undefined || endpoint !== undefined || state !== undefined;
  return clusters.flatMap((one) => {
    if (!isCluster(one.name)) return [];
    const kept = one.endpoints.filter(
      (e) =>
        (isEndpoint(e.address) || isEndpoint(hostOf(e.address))) &&
        (isState(endpointState(e)) || isState(e.usable ? 'usable' : 'unusable')),
    );
    if (isFiltered && kept.length === 0) return [];
    return [{ ...one, endpoints: sort === undefined ? kept : kept.sort(byColumn(sorts[sort])) }];
  });
}

function matching(filter: string | undefined): (name: string) => boolean {
  return filter === undefined ? () => true : namePattern(filter);
}

/** `10.0.0.1` of `10.0.0.1:50051`, so that a filter need not name the port. */
function hostOf(address: string): string {
  return address.replace(/:\d+$/, '').replace(/^\[(.*)\]$/, '$1');
}

function byColumn(
  column: (e: EndpointSnapshot) => string | number,
): (a: EndpointSnapshot, b: EndpointSnapshot) => number {
  return (a, b) => {
    const [left, right] = [column(a), column(b)];
    if (typeof left === 'number' && typeof right === 'number') return right - left;
    return String(left).localeCompare(String(right), 'en', { numeric: true });
  };
}

/** What goes first where the terminal is too narrow for all columns. */
const dropped = ['OTHER', 'CONNS', 'BY WEIGHT', 'WEIGHT', 'P50', 'TOTAL', 'ACTIVE', 'PER S'];
const columns = endpointColumns.map((column) => {
  const at = dropped.indexOf(column.title);
  return at < 0 ? column : { ...column, dropOrder: dropped.length - at };
});
const stateColumn = columns.findIndex(({ title }) => title === 'STATE');

function endpointsText(
  clusters: readonly ClusterSnapshot[],
  all: readonly ClusterSnapshot[],
  layout: Layout,
): string {
  if (all.length === 0) return 'No clusters are configured.\n';
  if (clusters.length === 0) {
    const names = listed(
      all.map(({ name }) => name),
      'and',
    );
    return printable(`No endpoint matches the filters. The sidecar has the clusters ${names}.`).concat('\n');
  }
  const part = (cluster: ClusterSnapshot): string => {
    const rows = cluster.endpoints.map((endpoint) =>
      endpointRow(endpoint).map((text, i) => (i === stateColumn ? { text, style: styleOf(endpoint) } : text)),
    );
    return `${printable(clusterHead(cluster))}\n${table(columns, rows, layout)}`;
  };
  return clusters.map(part).join('\n');
}

function styleOf(endpoint: EndpointSnapshot): Style {
  if (!endpoint.usable) return 'bad';
  return endpoint.health.status === 'healthy' ? 'good' : 'warning';
}
