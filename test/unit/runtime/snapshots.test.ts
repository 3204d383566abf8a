import { expect } from 'chai';
import { EndpointReport } from '../../../src/balancing/endpoint-report.ts';
import { GradientLimiter } from '../../../src/concurrency/gradient-limiter.ts';
import { endings } from '../../../src/core/ending.ts';
import { SeededRandom } from '../../../src/core/random.ts';
import { clusterSnapshot, endpointMetrics } from '../../../src/runtime/snapshots.ts';
import { beginLease, endLease } from '../../support/leases.ts';
import { callRig } from '../call/call-rig.ts';

describe('what the admin API and metrics see of a cluster', () => {
  it('each endpoint with its counters, its health and its share', () => {
    const rig = callRig({ endpoints: 2 });
    const [a, b] = rig.endpoints;
    b.configuredWeight = 3;
    rig.cluster.rebuild();
    for (const [endpoint, ending] of [
      [a, endings.answered],
      [b, endings.answered],
      [b, endings.unavailable],
      [b, endings.cancelled],
    ] as const) {
      beginLease(rig.cluster, endpoint);
      rig.clock.advance(20);
      endLease(rig.cluster, endpoint, ending, 20, rig.clock.now());
    }
    beginLease(rig.cluster, a);
    const snapshot = clusterSnapshot(rig.cluster, rig.clock.now());
    expect(snapshot).to.include({
      name: 'greeter',
      protocol: 'http2',
      policy: 'round_robin',
      discovery: 'a static list of 2 endpoints',
    });
    expect(snapshot.endpoints[0]).to.include({
      address: '10.0.0.1:1000',
      hostname: '',
      active: 1,
      total: 1,
      success: 1,
      error: 0,
      share: 0.25,
      shareByWeight: 0.25,
      usable: true,
      unusableReason: '',
      draining: false,
      ejectedForMs: null,
    });
    expect(snapshot.endpoints[0].health).to.deep.equal({
      status: 'healthy',
      reason: 'no health check',
      sinceMs: 80,
    });
    expect(snapshot.endpoints[0].p50Ms).to.be.closeTo(20, 2);
    expect(snapshot.endpoints[1]).to.include({
      total: 3,
      success: 1,
      error: 1,
      share: 0.75,
      shareByWeight: 0.75,
    });
    expect(
      endpointMetrics([rig.cluster]).map(({ total, errors, active }) => [total, errors, active]),
    ).to.deep.equal([
      [1, 0, 1],
      [3, 1, 0],
    ]);
    rig.cluster.stop();
  });

  it('what an endpoint reported of its load, how old that is, and the weight that is used', () => {
    const { cluster, clock, endpoints } = callRig();
    expect(clusterSnapshot(cluster, clock.now()).endpoints[0].report).to.equal(null);
    const atMs = clock.now();
    const report = { atMs, count: 3, utilization: 0.5, inFlight: 2, weight: 200, weightAtMs: atMs };
    endpoints[0].report = Object.assign(new EndpointReport(), report, { weightSinceMs: atMs - 10_000 });
    clock.advance(40);
    const shown = (): unknown => clusterSnapshot(cluster, clock.now()).endpoints[0].report;
    const rest = { requestsPerSecond: null, errorsPerSecond: null, limit: null, latencyMs: null };
    const seen = { ageMs: 40, count: 3, utilization: 0.5, inFlight: 2, ...rest };
    expect(shown(), 'by another policy').to.deep.equal({ ...seen, weight: null });
    const balancer = { ...cluster.settings.balancer, policy: 'weighted_round_robin' };
    cluster.reconfigure({ ...cluster.settings, balancer, loadReports: { accept: true } }, null);
    expect(shown()).to.deep.equal({ ...seen, weight: 200 });
    cluster.reconfigure({ ...cluster.settings, loadReports: { accept: false } }, null);
    expect(shown(), 'is forgotten where reports are no longer accepted').to.equal(null);
    cluster.stop();
  });

  it('the limit of adaptiveConcurrency, where the cluster has one', () => {
    const { cluster, clock } = callRig();
    expect(clusterSnapshot(cluster, clock.now()).concurrency).to.equal(null);
    cluster.limiter = new GradientLimiter(
      { minLimit: 1, maxLimit: 9, initialLimit: 2, tolerance: 1.5, probeIntervalMs: 60_000 },
      new SeededRandom(1),
    );
    for (let i = 0; i < 3; i++) cluster.limiter.tryAcquire(clock.now());
    expect(clusterSnapshot(cluster, clock.now()).concurrency).to.deep.equal({
      limit: 2,
      inFlight: 2,
      refused: 1,
    });
  });

  it('before the first call there are no shares and no latencies', () => {
    const rig = callRig();
    const [endpoint] = clusterSnapshot(rig.cluster, 0).endpoints;
    expect([endpoint.share, endpoint.p50Ms, endpoint.p99Ms, endpoint.perSecond]).to.deep.equal([
      null,
      null,
      null,
      0,
    ]);
    rig.cluster.stop();
  });

  it('an endpoint that is out has no share by weight, and says why', () => {
    const rig = callRig({ endpoints: 3 });
    const [a, b] = rig.endpoints;
    rig.cluster.drainEndpoint(a.address, true);
    b.priority = 1;
    rig.cluster.rebuild();
    const { endpoints } = clusterSnapshot(rig.cluster, 0);
    expect(endpoints.map(({ shareByWeight, draining }) => [shareByWeight, draining])).to.deep.equal([
      [0, true],
      [0, false],
      [1, false],
    ]);
    expect(endpoints.map(({ unusableReason }) => unusableReason)).to.deep.equal([
      'drained by hand',
      'standby: endpoints of a lower priority number, or in the own zone, carry all calls',
      '',
    ]);
    rig.cluster.stop();
  });
});
