import type {
  ClusterSnapshot,
  ConcurrencySnapshot,
  HealthSnapshot,
  RouteSnapshot,
  SubsettingSnapshot,
  ZoneSpillSnapshot,
} from '../../src/admin/deps.ts';
import type { LoadReportSnapshot, ReportStreamSnapshot } from '../../src/admin/load-report-snapshot.ts';
import type { ClusterFacts } from '../../src/balance-report/facts.ts';
import { StreamWaits } from '../../src/upstream/opener-queue.ts';

/** One made-up replica; what is left out is an ordinary healthy one. */
export interface FakeEndpoint {
  address: string;
  weight?: number;
  effectiveWeight?: number;
  zone?: string;
  priority?: number;
  health?: HealthSnapshot;
  unusableReason?: string;
  draining?: boolean;
  ejectedForMs?: number;
  report?: LoadReportSnapshot;
  reportStream?: ReportStreamSnapshot;
  /** Median duration of its attempts. */
  medianMs?: number;
  /** Part of its attempts that fail. */
  failing?: number;
}

export interface FakeCluster {
  name: string;
  protocol?: string;
  policy?: string;
  discovery?: string;
  subsetting?: SubsettingSnapshot;
  zoneSpill?: ZoneSpillSnapshot;
  concurrency?: ConcurrencySnapshot;
  /** Attempts a second, about. */
  perSecond?: number;
  endpoints: FakeEndpoint[];
}

/** How an ordinary endpoint feels. */
export const healthy: HealthSnapshot = { status: 'healthy', reason: 'SERVING', sinceMs: 754_000 };

const report: LoadReportSnapshot = {
  ageMs: 40,
  count: 5120,
  utilization: 0.3,
  requestsPerSecond: 900,
  errorsPerSecond: 0,
  inFlight: 12,
  limit: 40,
  latencyMs: 7.4,
  weight: null,
};

/** Three clusters in which about everything that can be the matter with an endpoint is. */
export const eventfulClusters: FakeCluster[] = [
  {
    name: 'greeter',
    perSecond: 420,
    endpoints: [
      { address: '127.0.0.1:50051', zone: 'a', medianMs: 1.9 },
      { address: '127.0.0.1:50052', zone: 'b', medianMs: 2.1 },
      { address: '127.0.0.1:50053', weight: 2, zone: 'a', medianMs: 2 },
    ],
  },
  {
    name: 'orders',
    discovery: 'dns orders.shop.svc.cluster.local:8443',
    concurrency: { limit: 57, inFlight: 12, refused: 3 },
    perSecond: 1_310,
    endpoints: [
      { address: '10.42.0.17:8443', zone: 'eu-west-1a', medianMs: 8, report },
      { address: '10.42.1.4:8443', zone: 'eu-west-1b', medianMs: 9, failing: 0.004 },
      {
        address: '10.42.1.9:8443',
        zone: 'eu-west-1b',
        medianMs: 11,
        failing: 0.4,
        ejectedForMs: 23_400,
        unusableReason: 'ejected after 5 failures in a row (UNAVAILABLE)',
      },
      {
        address: '10.42.2.30:8443',
        zone: 'eu-west-1c',
        health: { status: 'unhealthy', reason: 'connect: ECONNREFUSED (3 of 3 probes)', sinceMs: 48_000 },
        unusableReason: 'unhealthy',
      },
      {
        address: '10.42.2.31:8443',
        zone: 'eu-west-1c',
        draining: true,
        unusableReason: 'draining',
        medianMs: 9,
      },
      { address: '10.42.0.99:8443', zone: 'eu-west-1a', effectiveWeight: 0.34, medianMs: 21 },
      {
        address: '[fd00:42::1:7]:8443',
        zone: 'eu-west-1c',
        health: { status: 'unknown', reason: 'waiting for the first probe', sinceMs: 600 },
        unusableReason: 'no probe has answered yet',
      },
    ],
  },
  {
    name: 'images',
    protocol: 'http1',
    policy: 'round_robin',
    perSecond: 36,
    endpoints: [
      { address: 'unix:/run/images/a.sock', medianMs: 31 },
      {
        address: 'unix:/run/images/b.sock',
        medianMs: 29,
        priority: 1,
        unusableReason: 'priority 1 is not needed',
      },
    ],
  },
];

/** Routes to these clusters: one that splits requests, one that answers them, and a listener without routes. */
export const eventfulRoutes: RouteSnapshot[] = [
  {
    listener: 'outbound',
    route: 'greeter',
    cluster: 'greeter',
    replacedBy: '',
    match: '{ grpc: { service: hello.Greeter } }',
    policies: [
      { policy: 'timeout', text: '2s' },
      { policy: 'retry', text: '{ attempts: 3, on: [unavailable] }' },
    ],
    facts: [],
  },
  {
    listener: 'outbound',
    route: 'orders',
    cluster: '',
    replacedBy: 'split',
    match: '{ pathPrefix: /shop.v1.Orders }',
    policies: [
      { policy: 'split', text: '{ clusters: [{ name: orders, weight: 95 }, { name: greeter, weight: 5 }] }' },
    ],
    facts: [
      { policy: 'split', name: 'orders', text: '95.2% of requests (1,204), 95% by weight' },
      { policy: 'split', name: 'greeter', text: '4.8% of requests (61), 5% by weight' },
    ],
  },
  {
    listener: 'outbound',
    route: 'maintenance',
    cluster: '',
    replacedBy: 'respond',
    match: '',
    policies: [{ policy: 'respond', text: '{ status: 503 }' }],
    facts: [],
  },
  { listener: 'images', route: '', cluster: 'images', replacedBy: '', match: '', policies: [], facts: [] },
];

/** Clusters with this many endpoints together, three tenths of them in the first; every tenth endpoint has a problem. */
export function manyClusters(endpoints: number): FakeCluster[] {
  const names = ['checkout', 'orders', 'catalog', 'images'];
  const clusters: FakeCluster[] = names.map((name) => ({ name, perSecond: 900, endpoints: [] }));
  for (let i = 0; i < endpoints; i++) {
    const address = `10.42.${i >> 6}.${10 + (i & 63)}:8443`;
    const zone = `eu-west-1${'abc'[i % 3]}`;
    const endpoint: FakeEndpoint = { address, zone, medianMs: 3 + (i % 7) };
    if (i % 10 === 4)
      Object.assign(endpoint, {
        ejectedForMs: 20_000,
        unusableReason: 'ejected after 5 consecutive failures',
      });
    else if (i % 20 === 9)
      Object.assign(endpoint, {
        health: { status: 'unhealthy', reason: 'connect: ECONNREFUSED (3 of 3 probes)', sinceMs: 48_000 },
        unusableReason: 'unhealthy',
      });
    clusters[Math.min(3, Math.floor((i / endpoints) * 3.4))].endpoints.push(endpoint);
  }
  return clusters;
}

/** What the verdict on the balance of a cluster is made from. */
export function balanceFacts({ name, policy, endpoints }: Omit<ClusterSnapshot, 'balance'>): ClusterFacts {
  return {
    name,
    policy,
    waiting: 0,
    streamWaits: new StreamWaits(),
    endpoints: endpoints.map((e) => ({
      address: e.address,
      picks: e.total + e.active,
      errors: e.error,
      active: e.active,
      weight: e.weight,
      effectiveWeight: e.effectiveWeight,
      share: e.shareByWeight,
      usableSinceMs: e.usable ? 0 : null,
      p50Ms: () => e.p50Ms,
    })),
  };
}
