import { type BalancerSettings, defaultBalancerSettings } from '../../../src/balancing/settings.ts';
import { parseAddress } from '../../../src/core/address.ts';
import { VirtualClock } from '../../../src/core/clock.ts';
import type { EndpointSpec } from '../../../src/core/endpoint-spec.ts';
import { silentLogger } from '../../../src/core/logger.ts';
import { SeededRandom } from '../../../src/core/random.ts';
import type { DiscoverySource, Publish } from '../../../src/discovery/source.ts';
import { defaultOutlierSettings, outlierDetector } from '../../../src/health/outlier.ts';
import { Cluster, type ClusterDeps, type ClusterSettings } from '../../../src/upstream/cluster.ts';
import type { EndpointHealth, HealthWatch } from '../../../src/upstream/endpoint.ts';
import { pickFrom } from '../../support/leases.ts';
import { FakePool } from '../call/call-rig.ts';

export const spec = (address: string, weight = 1, priority = 0): EndpointSpec => ({
  address: parseAddress(address).value!,
  weight,
  zone: '',
  priority,
});

/** A health watch that says what the test says. */
export class FakeWatch implements HealthWatch {
  state: EndpointHealth = { status: 'unknown', reason: 'not probed yet', sinceMs: 0, changes: 0 };
  answered = false;
  hints = 0;
  stopped = false;
  private readonly onChange: () => void;
  constructor(onChange: () => void) {
    this.onChange = onChange;
  }
  says(status: 'healthy' | 'unhealthy', reason = status.toUpperCase()): void {
    this.state = { status, reason, sinceMs: 0, changes: 0 };
    this.answered = true;
    this.onChange();
  }
  alive(): void {
    this.state = { status: 'unknown', alive: true, reason: 'UNAUTHENTICATED', sinceMs: 0, changes: 0 };
    this.onChange();
  }
  hint(): void {
    this.hints++;
  }
  stop(): void {
    this.stopped = true;
  }
}

/** A pool that counts what it is told to do. */
export class CountingPool extends FakePool {
  drained = false;
  closed = false;
  wakened = 0;
  retired = 0;
  /** Tells the cluster that `backingOff` has changed. */
  changed = (): void => {};
  override drain(): void {
    this.drained = true;
  }
  override close(): void {
    this.closed = true;
  }
  override retire(): void {
    this.retired++;
  }
  override resetBackoff(): void {
    this.wakened++;
  }
}

/** What a test's cluster is to be like; the rest is the default. */
export interface ClusterRigOptions {
  readonly watched?: boolean;
  readonly ejects?: boolean;
  readonly balancer?: Partial<BalancerSettings>;
  readonly settings?: Partial<ClusterSettings>;
  readonly deps?: Partial<ClusterDeps>;
}

/** A cluster between a discovery, health watches and pools that the test plays. */
export function clusterRig({
  watched = false,
  ejects = false,
  balancer,
  settings,
  deps,
}: ClusterRigOptions = {}) {
  const clock = new VirtualClock();
  let publish: Publish = () => {};
  const discovery = {
    describe: 'a test',
    advice: '',
    status: { answered: false, endpoints: 0, lastAnswerMs: 0, lastError: '' },
    refreshed: 0,
    stopped: false,
    start: (to: Publish) => {
      publish = (list) => {
        discovery.status = { ...discovery.status, answered: true };
        to(list);
      };
    },
    refresh: () => void discovery.refreshed++,
    stop: () => {
      discovery.stopped = true;
    },
  };
  const pools = new Map<string, CountingPool>();
  const watches = new Map<string, FakeWatch>();
  const outlier = outlierDetector({ clock, logger: silentLogger, settings: defaultOutlierSettings });
  const cluster = new Cluster(
    {
      name: 'orders',
      protocol: 'http2',
      balancer: { ...defaultBalancerSettings, ...balancer },
      requestsMax: 3,
      ...settings,
    },
    {
      clock,
      random: new SeededRandom(1),
      logger: silentLogger,
      discovery: discovery as DiscoverySource,
      newPool: ({ address }, onChange) => {
        const pool = new CountingPool();
        pool.changed = onChange;
        pools.set(address, pool);
        return pool;
      },
      watchHealth: watched
        ? ({ address }, onChange) => {
            const watch = new FakeWatch(onChange);
            watches.set(address, watch);
            return watch;
          }
        : null,
      outlier: ejects ? outlier : null,
      ...deps,
    },
  );
  cluster.start();
  const picks = (count = 30): Set<string> =>
    new Set(Array.from({ length: count }, () => pickFrom(cluster, clock.now(), null, '')?.address ?? 'none'));
  return {
    clock,
    cluster,
    discovery,
    pools,
    watches,
    picks,
    publish: (list: EndpointSpec[]) => publish(list),
  };
}
