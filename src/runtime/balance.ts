import type { ClusterFacts } from '../balance-report/facts.ts';
import { registerBalanceMetrics } from '../balance-report/metrics.ts';
import type { BalanceReport } from '../balance-report/report.ts';
import { RequestCounts } from '../balance-report/request-counts.ts';
import { BalanceWatch, tickMs } from '../balance-report/watch.ts';
import type { Clock, Timer } from '../core/clock.ts';
import { repeat } from '../core/repeat.ts';
import type { CallRecord } from '../telemetry/call-record.ts';
import type { Registry } from '../telemetry/metrics/registry.ts';
import type { BuiltCluster } from './build-cluster.ts';

/** A cluster, and what its connections hold together. */
type ReportableCluster = Pick<BuiltCluster, 'cluster' | 'totals'>;

/** What the balance report needs to know of a cluster. */
export function balanceFacts({ cluster, totals }: ReportableCluster, nowMs: number): ClusterFacts {
  const shares = cluster.shares();
  return {
    name: cluster.name,
    policy: cluster.settings.balancer.policy,
    waiting: totals.pending,
    streamWaits: totals.waits,
    endpoints: cluster.all().map((endpoint) => ({
      address: endpoint.address,
      picks: endpoint.total + endpoint.active,
      errors: endpoint.error,
      active: endpoint.active,
      weight: endpoint.configuredWeight,
      effectiveWeight: endpoint.weight,
      share: shares.get(endpoint) ?? 0,
      usableSinceMs: endpoint.usableSinceMs,
      p50Ms: () => (endpoint.latency.count(nowMs) > 0 ? endpoint.latency.quantile(0.5, nowMs) : null),
    })),
  };
}

/** The balance reports of the running clusters; ticks every second from `start` to `stop`. */
export class Balance {
  private readonly watch: BalanceWatch;
  private readonly clock: Clock;
  private readonly clusters: () => readonly ReportableCluster[];
  private timer: Timer | null = null;

  private readonly requests = new RequestCounts();

  constructor(clock: Clock, clusters: () => readonly ReportableCluster[]) {
    this.watch = new BalanceWatch((cluster) => this.requests.of(cluster));
    this.clock = clock;
    this.clusters = clusters;
  }

  /** A request ended. */
  settled({ cluster, attempts }: CallRecord): void {
    this.requests.add(cluster, attempts.length);
  }

  start(): void {
    this.timer = repeat(this.clock, tickMs, () => {
      const nowMs = this.clock.now();
      this.watch.tick(
        this.clusters().map((cluster) => balanceFacts(cluster, nowMs)),
        nowMs,
      );
    });
  }

  stop(): void {
    this.timer?.cancel();
    this.timer = null;
  }

  report(cluster: ReportableCluster): BalanceReport {
    const nowMs = this.clock.now();
    return this.watch.report(balanceFacts(cluster, nowMs), nowMs);
  }

  register(registry: Registry): void {
    registerBalanceMetrics(registry, () =>
      this.clusters().map((one) => ({
        name: one.cluster.name,
        report: this.report(one),
        fairShare: this.watch.fairShareOf(one.cluster.name),
        streamWaits: one.totals.waits,
      })),
    );
  }
}
