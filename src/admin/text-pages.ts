import { isoTime } from '../core/iso-time.ts';
import { pluralize } from '../core/pluralize.ts';
import type { CallRecord } from '../telemetry/call-record.ts';
import type {
  CallsSnapshot,
  ClusterSnapshot,
  ConfigInfo,
  DrainProgress,
  EndpointSnapshot,
  InboundDrainPhase,
  ListenerSnapshot,
  MemorySnapshot,
  Readiness,
  ReloadOutcome,
  RouteFact,
  RouteSnapshot,
  ServerInfo,
  StatsReport,
  UndrainOutcome,
} from './deps.ts';
import { asOfNow } from './explain/call-explanation.ts';
import { callDurationMs, callName } from './explain-call.ts';
import { summarizeCall, type TraceLink } from './live-snapshot.ts';
import { loadReportText, reportStreamText } from './load-report-text.ts';
import { bytesText, durationText, percentText, rateText, spanText } from './quantities.ts';
import { type Column, printable, textTable } from './text-table.ts';

/** Each list of calls in the text of `/traces`; JSON has them all. */
const tracesTextMax = 20;

const right = (title: string): Column => ({ title, align: 'right' });
const left = (title: string): Column => ({ title });

export const endpointColumns: readonly Column[] = [
  left('ENDPOINT'),
  left('STATE'),
  right('WEIGHT'),
  right('SHARE'),
  right('BY WEIGHT'),
  right('ACTIVE'),
  right('PER S'),
  right('P50'),
  right('P99'),
  right('TOTAL'),
  right('ERRORS'),
  right('OTHER'),
  right('CONNS'),
  left('WHY'),
];

/** A heading and a table for each cluster. */
export function clustersText(clusters: readonly ClusterSnapshot[]): string {
  if (clusters.length === 0) return 'No clusters are configured.\n';
  return clusters.map(clusterText).join('\n');
}

function clusterText(cluster: ClusterSnapshot): string {
  const rows = cluster.endpoints.map(endpointRow);
  return `${printable(clusterHead(cluster))}\n${textTable(endpointColumns, rows)}`;
}

/** Policy, discovery and the number of usable endpoints, in one line. */
export function clusterHead(cluster: ClusterSnapshot): string {
  const { endpoints } = cluster;
  const usable = endpoints.reduce((n, e) => n + (e.usable ? 1 : 0), 0);
  return `${cluster.name}: ${cluster.protocol}, ${cluster.policy}, ${cluster.discovery}; ${usable} of ${pluralize(endpoints.length, 'endpoint')} usable${subsetText(cluster)}${spillText(cluster)}${concurrencyText(cluster)}`;
}

/** Nothing without `subsetting`, or where the sidecar is of a version that does not report it. */
function subsetText({ subsetting, endpoints }: ClusterSnapshot): string {
  return subsetting ? `; subset of ${endpoints.length} of ${subsetting.discovered} endpoints` : '';
}

/** Nothing where the own zone keeps all of its requests, `zoneSpill` is off, or the sidecar is of a version that does not report it. */
function spillText({ zoneSpill }: ClusterSnapshot): string {
  if (!zoneSpill || zoneSpill.reason === '') return '';
  return `; ${percentText(zoneSpill.kept)} of the requests stay in the own zone: ${zoneSpill.reason}`;
}

/** Nothing where `adaptiveConcurrency` is off, or the sidecar is of a version that does not report it. */
function concurrencyText({ concurrency }: ClusterSnapshot): string {
  return concurrency ? `; concurrency limit ${concurrency.limit}, ${concurrency.inFlight} in use` : '';
}

/** The cells of `endpointColumns`. */
export function endpointRow(e: EndpointSnapshot): string[] {
  const weight =
    e.effectiveWeight === e.weight ? String(e.weight) : `${tidy(e.effectiveWeight)} of ${e.weight}`;
  return [
    e.address,
    endpointState(e),
    weight,
    percentText(e.share),
    percentText(e.shareByWeight),
    String(e.active),
    rateText(e.perSecond),
    durationText(e.p50Ms),
    durationText(e.p99Ms),
    String(e.total),
    String(e.error),
    String(e.other),
    String(e.connections),
    endpointWhy(e),
  ];
}

/** The one word that matters most about an endpoint. */
export function endpointState(e: EndpointSnapshot): string {
  if (e.draining) return 'draining';
  if (e.ejectedForMs !== null) return 'ejected';
  return e.health.status;
}

function endpointWhy(e: EndpointSnapshot): string {
  const health = `${e.health.reason || e.health.status} for ${spanText(e.health.sinceMs)}`;
  const ejected = e.ejectedForMs === null ? '' : `; ejected for another ${spanText(e.ejectedForMs)}`;
  // "unhealthy: connection refused" behind "connection refused" would say the same twice.
  const isSaid = e.health.reason !== '' && e.unusableReason === `unhealthy: ${e.health.reason}`;
  const unusable = e.usable ? '' : isSaid ? '; not used' : `; not used: ${e.unusableReason}`;
  const place = [e.zone === '' ? '' : `zone ${e.zone}`, e.priority === 0 ? '' : `priority ${e.priority}`];
  // A sidecar of an older version does not know of reports.
  const report = e.report ? [loadReportText(e.report)] : [];
  const stream = e.reportStream ? reportStreamText(e.reportStream) : '';
  const more = [...place, ...report, stream].filter((part) => part !== '');
  return [health + ejected + unusable, ...more].join('; ');
}

export function listenersText(listeners: readonly ListenerSnapshot[]): string {
  return textTable(
    [
      left('LISTENER'),
      left('ADDRESS'),
      left('DIRECTION'),
      left('PROTOCOL'),
      right('CONNECTIONS'),
      right('ACTIVE'),
      right('TOTAL'),
      left('STATE'),
    ],
    listeners.map((l) => [
      l.name,
      l.address,
      l.direction,
      l.protocol,
      String(l.connections),
      String(l.active),
      String(l.total),
      l.going ? 'draining' : '',
    ]),
  );
}

/** A line for each route, with the facts of its policies. */
export function routesText(routes: readonly RouteSnapshot[]): string {
  if (routes.length === 0) return 'No routes are configured.\n';
  return textTable(
    [left('LISTENER'), left('ROUTE'), left('CLUSTER'), left('POLICY FACTS')],
    routes.map((r) => [r.listener, r.route || '-', leadsTo(r), factsText(r.facts)]),
  );
}

/** The cluster, or in parentheses the policy that chooses one or answers. */
function leadsTo({ cluster, replacedBy }: RouteSnapshot): string {
  if (cluster !== '') return cluster;
  return replacedBy === '' ? '-' : `(${replacedBy})`;
}

function factsText(facts: readonly RouteFact[]): string {
  const policies = new Set(facts.map(({ policy }) => policy));
  const groups = [...policies].map((policy) => {
    const own = facts.filter((fact) => fact.policy === policy);
    return `${policy}: ${own.map(({ name, text }) => `${name} ${text}`).join('; ')}`;
  });
  return groups.join('; ');
}

/** `ready`, with what is wrong behind it, or why it is not ready. One line. */
export function readyText({ ready, reasons, degraded, degradedReasons }: Readiness): string {
  if (!ready) return printable(`not ready: ${reasons.join('; ')}`);
  return degraded ? printable(`ready, but degraded: ${degradedReasons.join('; ')}`) : 'ready';
}

/** `name: value` lines, which is easy to read and to grep. */
export function statsText(stats: StatsReport): string {
  const t = stats.totals;
  return factLines([
    ['calls.total', String(t.calls)],
    ['calls.errors', String(t.errors)],
    ['calls.client_errors', String(t.clientErrors)],
    ['calls.active', String(t.active)],
    ['calls.per_second', rateText(t.callsPerSecond)],
    ['calls.errors_per_second', rateText(t.errorsPerSecond)],
    ['calls.client_errors_per_second', rateText(t.clientErrorsPerSecond)],
    ['calls.p50', durationText(t.p50Ms)],
    ['calls.p99', durationText(t.p99Ms)],
    ...Object.entries(stats.counters).map(([name, value]): [string, string] => [name, String(value)]),
    ...stats.balance.map(({ cluster, text }): [string, string] => [`cluster.${cluster}.balance`, text]),
  ]);
}

export function serverInfoText(info: ServerInfo): string {
  return factLines([
    ['service', info.name],
    ['version', info.version],
    ['state', info.state],
    ...(info.drain === null ? [] : [['drain', drainText(info.drain)] as const]),
    ...(info.inboundDrain === null ? [] : [['inbound drain', inboundDrainText(info.inboundDrain)] as const]),
    ['started', isoTime(info.startedWallMs)],
    ['up for', spanText(info.uptimeMs)],
    ['process', String(info.pid)],
    ['node', info.node],
    ['platform', info.platform],
    ['log level', info.logLevel],
    ['configuration', configText(info.config)],
    ...(info.config.lastError === '' ? [] : [['last reload refused', info.config.lastError] as const]),
  ]);
}

/** What a drain does now and what comes next. */
export function drainText(progress: DrainProgress | null): string {
  if (progress === null) return 'draining';
  const { phase, acceptingForMs, canUndrain } = progress;
  if (phase === 'drained') return 'drained: the listeners are closed and every call has ended';
  if (phase === 'closing') return 'draining: the listeners are closed and calls in flight finish';
  const until = `${(acceptingForMs / 1000).toFixed(1)} s`;
  return `draining: new connections are accepted for another ${until}, then the listeners close${canUndrain ? '; undrain cancels the drain until then' : ''}`;
}

/** What a drain of the inbound listeners does where there is none. */
export const noInboundText =
  'no listener has direction: inbound, so no client is asked to open another connection; /ready answers 503';

/** What a drain of the inbound listeners alone does now. */
export function inboundDrainText(phase: InboundDrainPhase | null): string {
  if (phase === 'announced')
    return 'drained: clients were asked to open another connection; every call is still served';
  return 'draining the inbound listeners: clients are asked to open another connection; every call is still served';
}

/** What became of an undrain. */
export function undrainText(outcome: UndrainOutcome): string {
  switch (outcome) {
    case 'undrained':
      return 'the drain was cancelled: /ready answers 200 again, and connections stay open';
    case 'not_draining':
      return 'not draining: there is no drain to cancel';
    case 'listeners_closed':
      return 'too late: the listeners have closed; start a new process';
    case 'stopping':
      return 'too late: the process is stopping; start a new process';
  }
}

/** `version 3 since 2026-11-22T18:30:00.000Z, 2 reloads, 0 refused`. */
export function configText({ version, loadedWallMs, reloads, refused }: ConfigInfo): string {
  const times = reloads === 1 ? '1 reload' : `${reloads} reloads`;
  return `version ${version} since ${isoTime(loadedWallMs)}, ${times}, ${refused} refused`;
}

/** What a reload did, or a line for each reason why it did nothing. */
export function reloadText(outcome: ReloadOutcome): string {
  if (!outcome.ok) {
    const stays = `reload refused: version ${outcome.version} of the configuration stays active`;
    return `${[...outcome.problems.map(printable), stays].join('\n')}\n`;
  }
  const { version, changes, warnings } = outcome;
  const what = changes.length === 0 ? 'nothing has changed' : changes.join('; ');
  return [...warnings.map((warning) => `warning: ${warning}`), `version ${version} is active: ${what}`]
    .map((line) => `${printable(line)}\n`)
    .join('');
}

export function memoryText(memory: MemorySnapshot): string {
  return factLines([
    ['resident', bytesText(memory.rssBytes)],
    ['heap used', bytesText(memory.heapUsedBytes)],
    ['heap total', bytesText(memory.heapTotalBytes)],
    ['external', bytesText(memory.externalBytes)],
    ['array buffers', bytesText(memory.arrayBuffersBytes)],
    ...Object.entries(memory.resources).map(([kind, count]): [string, string] => [kind, String(count)]),
  ]);
}

/** The failed, slow and recent calls, each list newest first. */
export function tracesText(
  calls: CallsSnapshot,
  nowWallMs: number,
  traceLink: TraceLink = () => '',
  inFlight: readonly CallRecord[] = [],
): string {
  const columns = [left('ID'), right('AGO'), left('REQUEST'), left('STATUS'), right('TOOK'), left('WHY')];
  const withTrace = [...columns, left('TRACE')];
  const lists = [
    ['Failed', calls.failed],
    ['Client errors and cancelled', calls.clientErrors],
    ['Slow', calls.slow],
    ['Recent', calls.recent],
  ] as const;
  const parts = lists.map(([title, list]) => {
    if (list.length === 0) return `${title} requests: none\n`;
    const rows = list.slice(0, tracesTextMax).map((call) => {
      const s = summarizeCall(call, nowWallMs, traceLink);
      const took = durationText(s.durationMs);
      return [String(s.id), spanText(s.agoMs), s.name, s.status, took, s.reason, s.traceUrl];
    });
    const hasTraces = rows.some((row) => row.at(-1) !== '');
    const counted = list.length > rows.length ? ` (the newest ${rows.length} of ${list.length})` : '';
    return `${title} requests${counted}\n${
      hasTraces
        ? textTable(withTrace, rows)
        : textTable(
            columns,
            rows.map((row) => row.slice(0, -1)),
          )
    }`;
  });
  return `${inFlightText(inFlight, nowWallMs)}${parts.join('\n')}\nDetails of a request: /explain/ID\n`;
}

/** Those first that began first: one that hangs is among them. */
function inFlightText(calls: readonly CallRecord[], nowWallMs: number): string {
  if (calls.length === 0) return '';
  const rows = calls.slice(0, tracesTextMax).map((call) => {
    const shown = asOfNow(call, nowWallMs);
    const endpoint = call.attempts.at(-1)?.endpoint ?? '-';
    return [String(call.id), durationText(callDurationMs(shown)), callName(call), endpoint];
  });
  const counted = calls.length > rows.length ? ` (the oldest ${rows.length})` : '';
  const columns = [left('ID'), right('FOR'), left('REQUEST'), left('ENDPOINT')];
  return `Requests in flight${counted}\n${textTable(columns, rows)}\n`;
}

function factLines(facts: ReadonlyArray<readonly [string, string]>): string {
  const width = Math.max(...facts.map(([name]) => name.length)) + 1;
  return facts.map(([name, value]) => `${`${name}:`.padEnd(width)} ${printable(value)}\n`).join('');
}

/** A weight to two places at most, without needless zeros. */
function tidy(value: number): string {
  return String(Math.round(value * 100) / 100);
}
