import { readFileSync } from 'node:fs';
import { expect } from 'chai';
import type { ClusterSnapshot, EndpointSnapshot } from '../../../src/admin/deps.ts';
import { callText } from '../../../src/admin/explain/call-text.ts';
import { clustersText, readyText } from '../../../src/admin/text-pages.ts';
import { buildBalancer } from '../../../src/balancing/build.ts';
import type { Candidate } from '../../../src/balancing/candidate.ts';
import { EndpointReport } from '../../../src/balancing/endpoint-report.ts';
import { LoadLog } from '../../../src/balancing/load-log.ts';
import type { CensusMember } from '../../../src/balancing/pick-reason.ts';
import { defaultWeightedRoundRobin } from '../../../src/balancing/report-weight.ts';
import { type BalancerSettings, defaultBalancerSettings } from '../../../src/balancing/settings.ts';
import { sessionToken } from '../../../src/balancing/sticky.ts';
import { callReference } from '../../../src/core/call-reference.ts';
import { RecentLatency } from '../../../src/core/histogram.ts';
import { type Random, SeededRandom } from '../../../src/core/random.ts';
import { SpanId, TraceId } from '../../../src/core/trace-id.ts';
import { ListenerRoutes } from '../../../src/explain/route-steps.ts';
import { targetRulesDefaults } from '../../../src/routing/target-rules.ts';
import { candidate } from '../balancing/simulation.ts';
import { attemptRecord, callRecord } from '../telemetry/records.ts';

/** The percentiles of an endpoint, which come from a table of buckets, where most attempts took `usualMs` and some `slowMs`. */
function measured(usualMs: number, slowMs: number): Pick<EndpointSnapshot, 'p50Ms' | 'p99Ms'> {
  const latency = new RecentLatency(20_000);
  for (let i = 0; i < 100; i++) latency.record(i % 20 === 0 ? slowMs : usualMs, 0);
  return { p50Ms: latency.quantile(0.5, 0), p99Ms: latency.quantile(0.99, 0) };
}

const page = readFileSync('docs/admin.md', 'utf8');

/** A report with which an endpoint would do 100 requests per second. */
const reportOf = (utilization: number): EndpointReport =>
  Object.assign(new EndpointReport(), {
    ...{ utilization, requestsPerSecond: 100, weight: 100 / utilization },
    ...{ weightAtMs: -40, weightSinceMs: -40 },
  });

const memberOf = ({ address, weight, zone, priority }: Candidate, slot: number): CensusMember => {
  return { slot, address, weight, zone, priority, health: 'healthy', unusable: '' };
};

describe('docs/admin.md', () => {
  it('shows the answer of /explain as the code makes it', () => {
    const endpoints = [50_051, 50_052, 50_053].map((port) => candidate(`127.0.0.1:${port}`));
    for (const [i, active] of [0, 2, 1].entries()) endpoints[i].active = active;
    const balancer = buildBalancer(endpoints, defaultBalancerSettings, new SeededRandom(1));
    const reason = balancer.explain(balancer.pick(0, null, '') as Candidate, 0, '');
    reason.census = { usable: 3, total: 3, unusable: '', subset: '', members: endpoints.map(memberOf) };
    reason.loads = new LoadLog();
    for (const [slot, { active }] of endpoints.entries()) reason.loads.join({ slot, active });
    const routes = [
      { name: 'admin', match: { pathPrefix: '/admin' } },
      { name: 'hello', match: { grpc: { service: 'helloworld.Greeter' } } },
    ];
    const detail = 'endpoint 127.0.0.1:50051 failed: the peer closed the connection';
    const call = callRecord({
      id: 5035,
      routes: new ListenerRoutes(routes, targetRulesDefaults),
      authority: 'greeter',
      clientPort: 53_122,
      startedWallMs: Date.parse('2026-01-31T12:00:00.250Z'),
      startedMs: 1000,
      endedMs: 1013.5,
      headMs: 0,
      grpcStatus: 14,
      endedBy: 'outrigger',
      error: 'upstream_closed',
      detail,
      requestBytes: 25,
      responseBytes: 0,
      responseMessages: 0,
      traceId: TraceId.read('4bf92f3577b34da6a3ce929d0e0e4736'),
      sampled: true,
      attempts: [
        attemptRecord({
          pick: reason,
          message: detail,
          startedMs: 1000.04,
          endedMs: 1013.44,
          grpcStatus: 14,
          httpStatus: 0,
          tally: 'error',
          error: 'upstream_closed',
          spanId: SpanId.read('00f067aa0ba902b7'),
        }),
      ],
    });
    const shown = callText(call, 0).replace(callReference(5035), '7f3a-1c09d2e4');
    expect(page).to.include(`$ outrigger explain 5035\n${shown}`);
  });

  it('shows the reason of each policy as the code makes it', () => {
    const endpoints = (...changes: Array<Partial<Candidate>>) =>
      changes.map((change, i) => ({ ...candidate(`10.0.0.${i + 1}:50051`), ...change }));
    const weighted = (weight: number) => ({ weight, configuredWeight: weight });
    const half: Random = { ...new SeededRandom(1), next: () => 0.5, i32: () => 5, u32: () => 5 } as Random;
    const why = (over: Partial<BalancerSettings>, over2: Candidate[], picks = 1, key = ''): string => {
      const balancer = buildBalancer(over2, { ...defaultBalancerSettings, ...over }, half);
      let picked: Candidate | null = null;
      for (let i = 0; i < picks; i++) picked = balancer.pick(0, null, key);
      return String(balancer.explain(picked as Candidate, 0, key));
    };
    const sticky = { metadata: 'x-session', secret: 'a secret of the test' };
    const [, second] = endpoints({}, { active: 3 });
    const hashed = why({ policy: 'maglev', hash: [{ header: 'x-user' }] }, endpoints({}, {}), 1, 'ada');
    const reasons = [
      why({}, endpoints({ active: 3 }, { active: 1 }, { active: 2 })),
      why(
        { policy: 'peak_ewma' },
        endpoints({}, { ...weighted(2), active: 1, latencyMs: 8 }, { address: '10.0.0.1:50051' }),
      ),
      why({ policy: 'round_robin' }, endpoints({}, {}), 2),
      why(
        {
          policy: 'weighted_round_robin',
          weightedRoundRobin: { ...defaultWeightedRoundRobin, blackoutPeriodMs: 0 },
        },
        endpoints({ report: reportOf(0.5) }, { report: reportOf(0.25) }),
        1,
      ),
      why({ policy: 'random' }, endpoints({}, {}, {})),
      why(
        { policy: 'sticky_cookie', sticky },
        endpoints({}, second),
        1,
        sessionToken(sticky, second.address),
      ),
    ];
    for (const reason of reasons) expect(page).to.include(`\`${reason}\``);
    expect(page).to.include(hashed.replace(/hash \w{8}/, 'hash 5a17c0de').replace(/\S+$/, '10.0.0.2:50051'));
    const parts = [
      why({}, endpoints({}, {}, {})).replace(/^.* \(0/, '(0'),
      why({ choices: 5 }, endpoints(...Array(7).fill({}))).replace(/^.* (of 5 .*) \(0.*$/, '$1'),
      why({}, endpoints({ phantomLoad: 20 })).replace(/^.* \(/, '('),
    ];
    expect(parts[1]).to.match(/^of 5 drawn/);
    for (const part of parts) expect(page).to.include(part);
    const first = endpoints({}, {});
    const balancer = buildBalancer(first, defaultBalancerSettings, half);
    const reason = balancer.explain(balancer.pick(0, new Set([first[0]]), '') as Candidate, 0, '');
    Object.assign(reason, {
      census: { usable: 2, total: 3, unusable: 'unhealthy: 1', subset: '' },
      excluded: 1,
    });
    expect(page).to.include(`\`${String(reason).split('; ')[0]}\``);
  });

  it('shows the answers of /clusters and /ready as the code makes them', () => {
    const serving = { status: 'healthy', reason: 'SERVING', sinceMs: 754_000 } as const;
    const endpoint = (port: number, over: Partial<EndpointSnapshot>): EndpointSnapshot => ({
      address: `127.0.0.1:${port}`,
      hostname: '',
      weight: 1,
      effectiveWeight: 1,
      zone: '',
      priority: 0,
      health: serving,
      usable: true,
      unusableReason: '',
      draining: false,
      ejectedForMs: null,
      ejections: 0,
      active: 0,
      total: 1871,
      success: 1867,
      error: 0,
      other: 4,
      connections: 1,
      perSecond: 141,
      share: 141 / 430,
      shareByWeight: 1 / 3,
      ...measured(2.34, 9.8),
      report: null,
      reportStream: null,
      ...over,
    });
    const unhealthy: Partial<EndpointSnapshot> = {
      health: { status: 'unhealthy', reason: 'connection refused', sinceMs: 48_000 },
      usable: false,
      unusableReason: 'unhealthy: connection refused',
      ...{ total: 944, error: 2, other: 0, connections: 0 },
      ...{ perSecond: 0, share: 0, shareByWeight: 0, p50Ms: null, p99Ms: null },
    };
    const heavy: Partial<EndpointSnapshot> = {
      ...{ weight: 2, effectiveWeight: 2, zone: 'b', total: 2956, other: 7 },
      ...{ perSecond: 289, share: 289 / 430, shareByWeight: 2 / 3, ...measured(2.16, 9.12) },
    };
    const cluster = {
      name: 'greeter',
      protocol: 'http2',
      policy: 'least_request',
      discovery: 'a static list of 3 endpoints',
      concurrency: null,
      endpoints: [endpoint(50_051, { zone: 'a' }), endpoint(50_052, unhealthy), endpoint(50_053, heavy)],
    };
    expect(page).to.include(
      `or: outrigger endpoints\n${clustersText([cluster as unknown as ClusterSnapshot])}\`\`\``,
    );
    const reasons = [1, 2].map((i) => `10.0.0.${i}:50051 unhealthy: connection refused`).join('; ');
    const degradedReasons = [`cluster greeter: 0 of 2 endpoints are usable (${reasons})`];
    const ready = { ready: true, reasons: [], degraded: true, degradedReasons };
    expect(page).to.include(`$ curl 127.0.0.1:15000/ready\n${readyText(ready)}\n`);
    const waiting = ['cluster greeter: 10.0.0.1:50051 has not been probed yet'];
    expect(page).to.include(
      `\n\n${readyText({ ready: false, reasons: waiting, degraded: false, degradedReasons: [] })}\n`,
    );
  });
});
