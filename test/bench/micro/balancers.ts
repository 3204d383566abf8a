/**
 * What a pick costs by policy: `node test/bench/micro/balancers.ts`. Nanoseconds of CPU (steadier than the clock on a shared
 * machine; the best of several rounds) and bytes of heap, over endpoints of weights 1, 2 and 3 with calls in flight, and
 * what it costs to make the balancer anew. Every policy has been used before any is measured, as in a process whose
 * clusters differ: the engine then inlines less than in one with a single policy.
 */
import { buildBalancer } from '../../../src/balancing/build.ts';
import type { Balancer, Candidate } from '../../../src/balancing/candidate.ts';
import { EndpointReport } from '../../../src/balancing/endpoint-report.ts';
import type { PolicyName } from '../../../src/balancing/list.ts';
import { type BalancerSettings, defaultBalancerSettings } from '../../../src/balancing/settings.ts';
import { SharedLoad } from '../../../src/balancing/shared-load/shared-load.ts';
import { sessionToken } from '../../../src/balancing/sticky.ts';
import { SeededRandom } from '../../../src/core/random.ts';

const picks = 200_000;
const rounds = 9;

interface Case {
  readonly name: string;
  readonly settings: Partial<BalancerSettings> & { readonly policy: PolicyName };
  readonly key?: string;
  /** Each pick is followed by a report of the endpoint, at 50 picks in a millisecond. */
  readonly isReported?: true;
}

const picksPerMs = 50;
const header = [{ header: 'x-user' }];
const stickySettings = { cookie: { name: 's', path: '/', sameSite: 'lax', secure: false } } as const;
const cases: readonly Case[] = [
  { name: 'least_request', settings: { policy: 'least_request' } },
  { name: 'least_request, choices 2', settings: { policy: 'least_request', choices: 2 } },
  { name: 'least_request, bias 2', settings: { policy: 'least_request', bias: 2 } },
  { name: 'least_request, slow guard', settings: { policy: 'least_request', slowGuard: true } },
  { name: 'least_request, reports', settings: { policy: 'least_request' }, isReported: true },
  { name: 'peak_ewma', settings: { policy: 'peak_ewma' } },
  { name: 'round_robin', settings: { policy: 'round_robin' } },
  { name: 'random', settings: { policy: 'random' } },
  { name: 'ring_hash', settings: { policy: 'ring_hash', hash: header }, key: 'user-4711' },
  { name: 'maglev', settings: { policy: 'maglev', hash: header }, key: 'user-4711' },
  {
    name: 'maglev, bounded load',
    settings: { policy: 'maglev', hash: header, boundedLoad: { factor: 1.25 } },
    key: 'user-4711',
  },
  { name: 'ip_hash', settings: { policy: 'ip_hash' }, key: '10.0.0.17' },
  {
    name: 'sticky_cookie, bound',
    settings: { policy: 'sticky_cookie', sticky: stickySettings },
    key: sessionToken(stickySettings, 'endpoint-1'),
  },
  { name: 'sticky_cookie, new', settings: { policy: 'sticky_cookie', sticky: stickySettings } },
];

function endpointsOf(count: number): Candidate[] {
  return Array.from({ length: count }, (_, i) => ({
    address: `endpoint-${i}`,
    weight: 1 + (i % 3),
    configuredWeight: 1 + (i % 3),
    zone: '',
    priority: 0,
    active: 1 + ((i * 7) % 5),
    phantomLoad: 0,
    phantomAtMs: 0,
    latencyMs: 1.5 + (i % 4),
    latencyAtMs: 0.5,
    report: null,
    speed: null,
  }));
}

function cpuNs(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) * 1000;
}

interface Cost {
  readonly ns: number;
  readonly bytes: number;
}

interface Measured extends Cost {
  readonly withReason: Cost;
  readonly buildUs: number;
}

/** A collection in the middle of a round spoils its bytes: the median. `withReason` keeps why, of the latest 256. */
function costOfPick(
  balancer: Balancer<Candidate>,
  key: string,
  withReason: boolean,
  shared: SharedLoad | null,
): Cost {
  const reasons: unknown[] = new Array(256).fill(null);
  const ns: number[] = [];
  const bytes: number[] = [];
  for (let round = 0; round < rounds; round++) {
    const before = process.memoryUsage().heapUsed;
    const started = cpuNs();
    for (let i = 0; i < picks; i++) {
      const nowMs = shared === null ? i : i / picksPerMs;
      const picked = balancer.pick(nowMs, null, key) as Candidate;
      if (withReason) reasons[i & 255] = balancer.explain(picked, nowMs, key);
      if (shared !== null) report(picked, i, nowMs, shared);
      picked.active = 1 + (i & 3);
    }
    ns.push((cpuNs() - started) / picks);
    bytes.push((process.memoryUsage().heapUsed - before) / picks);
  }
  bytes.sort((a, b) => a - b);
  return { ns: Math.min(...ns), bytes: bytes[rounds >> 1] };
}

/** Notes a report as `ReportIntake` does. */
function report(endpoint: Candidate, i: number, nowMs: number, shared: SharedLoad): void {
  endpoint.report ??= new EndpointReport();
  endpoint.report.atMs = nowMs;
  endpoint.report.used = false;
  endpoint.report.inFlight = 8 + (i & 7);
  endpoint.report.others = 4 + (i & 7);
  shared.reported(endpoint.report, nowMs, endpoint);
}

function measure({ settings, key = '', isReported }: Case, count: number): Measured {
  const random = new SeededRandom(1);
  const endpoints = endpointsOf(count);
  const shared = isReported ? new SharedLoad() : null;
  const context = { members: endpoints, localZone: '', reports: shared };
  const build = () => buildBalancer(endpoints, { ...defaultBalancerSettings, ...settings }, random, context);
  if (shared !== null) for (const endpoint of endpoints) report(endpoint, 0, 0, shared);
  const balancer = build();
  const cost = costOfPick(balancer, key, false, shared);
  const withReason = costOfPick(balancer, key, true, shared);
  const started = cpuNs();
  for (let i = 0; i < 20; i++) build();
  return { ...cost, withReason, buildUs: (cpuNs() - started) / 20 / 1000 };
}

const counts = [3, 10, 30, 100, 300];
for (const one of cases) measure(one, 3);
console.log(
  `${'policy'.padEnd(28)}${counts.map((count) => `${count} endpoints: ns, B; with reason; build µs`.padEnd(48)).join('')}`,
);
for (const one of cases) {
  const row = counts.map((count) => {
    const { ns, bytes, withReason, buildUs } = measure(one, count);
    const reason = `${withReason.ns.toFixed(0)} ns  ${withReason.bytes.toFixed(0)} B`;
    return `${ns.toFixed(0)} ns  ${bytes.toFixed(1)} B; ${reason}; ${buildUs.toFixed(0)} µs`.padEnd(48);
  });
  console.log(one.name.padEnd(28) + row.join(''));
}
