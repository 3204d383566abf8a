import type {
  ClusterSnapshot,
  ConcurrencySnapshot,
  EndpointSnapshot,
  EndpointState,
  StateLetter,
  UdpSnapshot,
} from '../admin/deps.ts';
import type { LoadReportSnapshot, ReportStreamSnapshot } from '../admin/load-report-snapshot.ts';
import { type EndpointReport, unreported } from '../balancing/endpoint-report.ts';
import { weightState } from '../balancing/report-weight.ts';
import type { BalancerSettings } from '../balancing/settings.ts';
import type { EndpointMetrics } from '../telemetry/metrics/endpoint-metrics.ts';
import type { UdpMetrics } from '../telemetry/metrics/udp-metrics.ts';
import { dropReasons, type UdpCounts } from '../udp/drops.ts';
import type { Cluster } from '../upstream/cluster.ts';
import type { Endpoint } from '../upstream/endpoint.ts';
import type { ReportStream } from '../upstream/report-stream.ts';
import type { ListenerParts } from './build-listener.ts';

/** A cluster as the admin API and the page show it; `balance` comes from the `BalanceWatch`. */
export function clusterSnapshot(cluster: Cluster, nowMs: number): Omit<ClusterSnapshot, 'balance'> {
  const endpoints = cluster.all();
  const recent = endpoints.reduce((sum, endpoint) => sum + endpoint.rate.count(nowMs), 0);
  const shares = cluster.shares();
  return {
    name: cluster.name,
    protocol: cluster.settings.protocol,
    policy: cluster.settings.balancer.policy,
    discovery: cluster.discoveryState,
    subsetting: cluster.subsetting,
    zoneSpill: cluster.zoneSpill,
    concurrency: concurrencySnapshot(cluster),
    endpoints: endpoints.map((endpoint) =>
      endpointSnapshot(endpoint, nowMs, recent, shares.get(endpoint) ?? 0, cluster.settings.balancer),
    ),
  };
}

function concurrencySnapshot({ limiter }: Cluster): ConcurrencySnapshot | null {
  if (limiter === null) return null;
  const { limit, inFlight, refused } = limiter;
  return { limit, inFlight, refused };
}

const standbyReason = 'standby: endpoints of a lower priority number, or in the own zone, carry all calls';

function endpointSnapshot(
  endpoint: Endpoint,
  nowMs: number,
  clusterRecent: number,
  shareByWeight: number,
  balancer: BalancerSettings,
): EndpointSnapshot {
  const unusableReason = endpoint.unusableBecause || (shareByWeight > 0 ? '' : standbyReason);
  const usable = unusableReason === '';
  const hasLatency = endpoint.latency.count(nowMs) > 0;
  const ejectedUntilMs = endpoint.outlier?.ejectedUntilMs ?? 0;
  return {
    address: endpoint.address,
    hostname: endpoint.hostname,
    weight: endpoint.configuredWeight,
    effectiveWeight: endpoint.weight,
    zone: endpoint.zone,
    priority: endpoint.priority,
    health: {
      status: endpoint.health.status,
      reason: endpoint.health.reason,
      sinceMs: nowMs - endpoint.health.sinceMs,
    },
    usable,
    unusableReason,
    draining: endpoint.drainedByHand || endpoint.removed,
    ejectedForMs: ejectedUntilMs > nowMs ? ejectedUntilMs - nowMs : null,
    ejections: endpoint.outlier?.ejections ?? 0,
    active: endpoint.active,
    total: endpoint.total,
    success: endpoint.success,
    error: endpoint.error,
    other: endpoint.other,
    connections: endpoint.pool.connections,
    perSecond: endpoint.rate.perSecond(nowMs),
    share: clusterRecent === 0 ? null : endpoint.rate.count(nowMs) / clusterRecent,
    shareByWeight,
    p50Ms: hasLatency ? endpoint.latency.quantile(0.5, nowMs) : null,
    p99Ms: hasLatency ? endpoint.latency.quantile(0.99, nowMs) : null,
    report: reportSnapshot(endpoint.report, balancer, nowMs),
    reportStream: streamSnapshot(endpoint.reportStream),
  };
}

function streamSnapshot(stream: ReportStream | null): ReportStreamSnapshot | null {
  return stream === null ? null : { state: stream.state, reason: stream.reason };
}

function reportSnapshot(
  report: EndpointReport | null,
  { policy, weightedRoundRobin }: BalancerSettings,
  nowMs: number,
): LoadReportSnapshot | null {
  if (report === null) return null;
  const reported = (value: number): number | null => (value === unreported ? null : value);
  const isWeighed =
    policy === 'weighted_round_robin' && weightState(report, weightedRoundRobin, nowMs) === 'used';
  return {
    ageMs: nowMs - report.atMs,
    count: report.count,
    utilization: reported(report.utilization),
    requestsPerSecond: reported(report.requestsPerSecond),
    errorsPerSecond: reported(report.errorsPerSecond),
    inFlight: reported(report.inFlight),
    limit: reported(report.limit),
    latencyMs: reported(report.latencyMs),
    weight: isWeighed ? report.weight : null,
  };
}

/** The state of each endpoint, for its history: no latency and no share is computed. */
export function* endpointStates(clusters: Iterable<Cluster>, nowMs: number): Generator<EndpointState> {
  for (const cluster of clusters)
    for (const endpoint of cluster.all())
      yield { cluster: cluster.name, address: endpoint.address, state: stateLetter(endpoint, nowMs) };
}

function stateLetter(endpoint: Endpoint, nowMs: number): StateLetter {
  if (endpoint.drainedByHand || endpoint.removed) return 'd';
  if ((endpoint.outlier?.ejectedUntilMs ?? 0) > nowMs) return 'e';
  const { status, alive } = endpoint.health;
  if (status === 'unhealthy') return 'u';
  if (status === 'unknown' && alive !== true) return 'n';
  return endpoint.unusableBecause === '' ? 'h' : 's';
}

/** What a listener with `protocol: udp` counts. */
export function udpSnapshot(counts: UdpCounts): UdpSnapshot {
  const { sessions, requestDatagrams, requestBytes, responseDatagrams, responseBytes } = counts;
  const dropped: Record<string, number> = {};
  for (const reason of dropReasons) {
    const datagrams = counts.droppedFor(reason);
    if (datagrams > 0) dropped[reason] = datagrams;
  }
  return { sessions, requestDatagrams, requestBytes, responseDatagrams, responseBytes, dropped };
}

const never: ReadonlyMap<string, number> = new Map();

/** The listeners with `protocol: udp`, as metrics count them. */
export function udpMetrics(listeners: readonly ListenerParts[]): UdpMetrics[] {
  return listeners.flatMap(({ listener, passthrough, udp }) => {
    const activeSessions = passthrough?.connections ?? 0;
    return udp === null ? [] : [{ listener: listener.settings.name, activeSessions, counts: udp }];
  });
}

/** A cluster as metrics count it. */
export function endpointMetrics(clusters: Iterable<Cluster>): EndpointMetrics[] {
  const all: EndpointMetrics[] = [];
  for (const cluster of clusters) {
    for (const endpoint of cluster.all()) {
      all.push({
        cluster: cluster.name,
        address: endpoint.address,
        zone: endpoint.zone,
        priority: endpoint.priority,
        weight: endpoint.configuredWeight,
        effectiveWeight: endpoint.weight,
        usable: endpoint.unusableBecause === '',
        healthy: endpoint.health.status === 'healthy' || endpoint.health.alive === true,
        active: endpoint.active,
        total: endpoint.total,
        errors: endpoint.error,
        series: endpoint.series,
        ejections: endpoint.outlier?.ejections ?? 0,
        ejectionsByRule: endpoint.outlier?.ejectionsByRule ?? never,
        healthChanges: endpoint.health.changes,
        report: endpoint.report,
        reportStreamOpen: endpoint.reportStream === null ? null : endpoint.reportStream.state === 'open',
      });
    }
  }
  return all;
}
