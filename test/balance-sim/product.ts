import { type BalancerSettings, defaultBalancerSettings } from '../../src/balancing/settings.ts';
import { endings } from '../../src/core/ending.ts';
import type { EndpointSpec } from '../../src/core/endpoint-spec.ts';
import { HeaderBlock } from '../../src/core/header-block.ts';
import { silentLogger } from '../../src/core/logger.ts';
import type { DiscoverySource, Publish } from '../../src/discovery/source.ts';
import { LoadReport } from '../../src/load-report/load-report.ts';
import { binaryReportName } from '../../src/load-report/reply-report.ts';
import { encodedName, ReportWriter } from '../../src/load-report/report-writer.ts';
import { Cluster } from '../../src/upstream/cluster.ts';
import type { Endpoint } from '../../src/upstream/endpoint.ts';
import type { Lease } from '../../src/upstream/lease.ts';
import type { StreamPool } from '../../src/upstream/stream-opener.ts';
import type { Policy, ReplicaReport, Spreader, SpreaderDeps } from './spreader.ts';

/**
 * The product itself: one `Cluster` per sidecar, driven as a call drives it (acquire, head, trailers, end), so that penalties,
 * slow start and what else it keeps for an endpoint are its own code. Load reports arrive as trailers, in the bytes that an inbound
 * listener writes; `least_request` uses them with `useReports: true` alone. Health checks and outlier detection are off.
 */
export function product(name: string, settings: Partial<BalancerSettings> = {}): Policy {
  const balancer = { ...defaultBalancerSettings, useReports: false, ...settings };
  return {
    name,
    build: (deps) => Array.from({ length: deps.sidecars }, (_, i) => clusterSpreader(balancer, deps, i)),
  };
}

function clusterSpreader(
  balancer: BalancerSettings,
  { clock, random, zones }: SpreaderDeps,
  sidecar: number,
): Spreader {
  const discovery = new ToldSource();
  const cluster = new Cluster(
    {
      name: 'simulated',
      protocol: 'http2',
      balancer,
      loadReports: { accept: true },
      requestsMax: Number.POSITIVE_INFINITY,
    },
    {
      clock,
      random: random(),
      logger: silentLogger,
      discovery,
      newPool: () => idlePool,
      localZone: zoneName(zones?.ofSidecar[sidecar]),
      watchHealth: null,
      outlier: null,
    },
  );
  cluster.start();
  const leases = new Map<number, Lease>();
  return {
    pick(nowMs, key, call) {
      const lease = cluster.acquire(nowMs, null, false, key, null);
      if (typeof lease === 'string') return -1;
      leases.set(call, lease);
      return replicaOf(lease.endpoint);
    },
    settle({ call, failed, latencyMs, nowMs, report }) {
      const lease = leases.get(call)!;
      leases.delete(call);
      if (!failed) lease.answered(nowMs - latencyMs);
      if (report !== null && cluster.reports !== null) lease.withoutReport(trailersWith(report));
      lease.end(failed ? endings.unavailable : endings.answered, nowMs);
    },
    discover: (replicas) =>
      discovery.publish(replicas.map((replica) => specOf(replica, zoneName(zones?.ofReplica[replica])))),
    stop: () => cluster.stop(),
  };
}

const writer = new ReportWriter(encodedName(binaryReportName), '');

function trailersWith({ inFlight, latencyMs, utilization, requestsPerSecond }: ReplicaReport): HeaderBlock {
  writer.begin(null);
  const report = Object.assign(new LoadReport(), { inFlight, latencyMs, requestsPerSecond });
  report.application = utilization;
  return new HeaderBlock([writer.finish(report, false)]);
}

/** The port tells which replica it is. */
const specOf = (replica: number, zone: string): EndpointSpec => ({
  address: { kind: 'tcp', host: '10.0.0.1', port: replica },
  weight: 1,
  zone,
  priority: 0,
});
const zoneName = (zone: number | undefined): string => (zone === undefined ? '' : `zone-${zone}`);
const replicaOf = ({ target }: Endpoint): number => (target.kind === 'tcp' ? target.port : -1);

/** Publishes what it is told. */
class ToldSource implements DiscoverySource {
  readonly describe = 'the simulation';
  readonly advice = '';
  readonly status = { answered: true, endpoints: 0, lastAnswerMs: 0, lastError: '' };
  publish: Publish = () => {};
  start(publish: Publish): void {
    this.publish = publish;
  }
  refresh(): void {}
  stop(): void {}
}

const idlePool: StreamPool = {
  open() {},
  cancel() {},
  connections: 1,
  backingOff: '',
  resetBackoff() {},
  retire() {},
  drain() {},
  close() {},
};
