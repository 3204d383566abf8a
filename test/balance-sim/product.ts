import { type BalancerSettings, defaultBalancerSettings } from '../../src/balancing/settings.ts';
import { endings } from '../../src/core/ending.ts';
import type { EndpointSpec } from '../../src/core/endpoint-spec.ts';
import { silentLogger } from '../../src/core/logger.ts';
import type { DiscoverySource, Publish } from '../../src/discovery/source.ts';
import { Cluster } from '../../src/upstream/cluster.ts';
import type { Endpoint } from '../../src/upstream/endpoint.ts';
import type { StreamPool } from '../../src/upstream/stream-opener.ts';
import { beginLease, endLease, leaseAnswered, pickFrom } from '../support/leases.ts';
import type { Policy, Spreader, SpreaderDeps } from './spreader.ts';

/**
 * The product itself: one `Cluster` per sidecar, driven as a call drives it (pick, begin, end), so that penalties,
 * slow start and what else it keeps for an endpoint are its own code. Health checks and outlier detection are off.
 */
export function product(name: string, settings: Partial<BalancerSettings> = {}): Policy {
  const balancer = { ...defaultBalancerSettings, ...settings };
  return {
    name,
    build: (deps) => Array.from({ length: deps.sidecars }, () => clusterSpreader(balancer, deps)),
  };
}

function clusterSpreader(balancer: BalancerSettings, { clock, random }: SpreaderDeps): Spreader {
  const discovery = new ToldSource();
  const cluster = new Cluster(
    { name: 'simulated', protocol: 'http2', balancer, requestsMax: Number.POSITIVE_INFINITY },
    {
      clock,
      random: random(),
      logger: silentLogger,
      discovery,
      newPool: () => idlePool,
      watchHealth: null,
      outlier: null,
    },
  );
  cluster.start();
  const endpoints: Endpoint[] = [];
  return {
    pick(nowMs, key) {
      const endpoint = pickFrom(cluster, nowMs, null, key);
      if (endpoint === null) return -1;
      beginLease(cluster, endpoint);
      return replicaOf(endpoint);
    },
    settle(replica, failed, latencyMs, nowMs) {
      const endpoint = endpoints[replica];
      if (!failed) leaseAnswered(cluster, endpoint, nowMs - latencyMs);
      endLease(cluster, endpoint, failed ? endings.unavailable : endings.answered, latencyMs, nowMs);
    },
    discover(replicas) {
      discovery.publish(replicas.map(specOf));
      for (const endpoint of cluster.all()) endpoints[replicaOf(endpoint)] = endpoint;
    },
    stop: () => cluster.stop(),
  };
}

/** The port tells which replica it is. */
const specOf = (replica: number): EndpointSpec => ({
  address: { kind: 'tcp', host: '10.0.0.1', port: replica },
  weight: 1,
  zone: '',
  priority: 0,
});
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
