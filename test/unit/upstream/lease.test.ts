import { expect } from 'chai';
import { LoadLog } from '../../../src/balancing/load-log.ts';
import { type Ending, endings } from '../../../src/core/ending.ts';
import type { OutlierEndpoint, OutlierState } from '../../../src/health/outlier.ts';
import { Suspicion } from '../../../src/health/unclear-failures.ts';
import { Endpoint } from '../../../src/upstream/endpoint.ts';
import { EndpointSeries } from '../../../src/upstream/endpoint-series.ts';
import { Lease, type LeaseOwner } from '../../../src/upstream/lease.ts';
import { MethodRef } from '../../../src/upstream/method-slots.ts';

const reason = { candidates: 2 } as unknown as Lease['reason'];

/** One endpoint of a cluster that notes what a lease reports, and to whom. */
function leaseRig({ learns = true, others = [] as Endpoint[] } = {}) {
  const steps: string[] = [];
  let nowMs = 1000;
  const clock = { now: () => nowMs } as LeaseOwner['clock'];
  const made = new Endpoint(
    { address: { kind: 'tcp', host: '10.0.0.1', port: 1 }, weight: 1, zone: '', priority: 0 },
    nowMs,
  );
  made.series = new EndpointSeries(false);
  made.series.holders = 1;
  const outlier = {
    state: 'in' as OutlierState,
    picked: () => void steps.push('outlier picked'),
    succeeded: () => void steps.push('outlier succeeded'),
    failed: (held: number) => void steps.push(`outlier failed, ${held} held`),
    unclear: () => void steps.push('outlier unclear'),
    abandoned: () => void steps.push('outlier abandoned'),
  };
  made.outlier = outlier as unknown as OutlierEndpoint;
  made.watch = {
    state: { status: 'healthy', reason: '', sinceMs: 0, changes: 0 },
    answered: true,
    hint: () => void steps.push('watch hint'),
    stop() {},
  };
  const owner: LeaseOwner = {
    active: 0,
    clock,
    penalty: {
      penalise: (_endpoint, atMs) => void steps.push(`penalise at ${atMs}`),
      forgive: () => void steps.push('forgive'),
      loadOf: () => 0,
    },
    estimator: learns
      ? {
          answered: (_endpoint, tookMs, atMs) => void steps.push(`answered after ${tookMs} at ${atMs}`),
          failed: (_endpoint, tookMs, atMs) => void steps.push(`failed after ${tookMs} at ${atMs}`),
        }
      : null,
    loads: new LoadLog(),
    reports: null,
    all: () => [made, ...others],
    refreshDiscovery: () => void steps.push('refresh discovery'),
  };
  const begin = (method: MethodRef | null = null): Lease => new Lease(owner, made, reason, nowMs, method);
  /** What an attempt of 10 ms reports when it ends. */
  const end = (ending: Ending): string[] => {
    const lease = begin();
    steps.length = 0;
    lease.end(ending, nowMs + 10);
    return [...steps];
  };
  const pass = (ms: number): void => {
    nowMs += ms;
  };
  return { owner, endpoint: made, outlier, steps, begin, end, pass };
}

describe('a lease', () => {
  it('counts its endpoint as active from the pick until it ends, once', () => {
    const { owner, endpoint, begin, steps } = leaseRig();
    const [one, other] = [begin(), begin()];
    expect([owner.active, endpoint.active]).to.deep.equal([2, 2]);
    expect(steps, 'a pick may begin a probe').to.deep.equal(['outlier picked', 'outlier picked']);
    expect(one).to.include({ endpoint, reason, startedMs: 1000, ended: false });
    for (let i = 0; i < 3; i++) one.end(endings.answered, 1010);
    expect([owner.active, endpoint.active, one.ended, other.ended]).to.deep.equal([1, 1, true, false]);
    one.end(endings.unavailable, 1020);
    expect(endpoint).to.include({ active: 1, success: 1, error: 0, answers: 1 });
  });

  it('reports the first sign of an answer, timed from when it could have begun', () => {
    const { begin, steps, pass } = leaseRig();
    const lease = begin();
    steps.length = 0;
    pass(70);
    lease.answered(1050);
    pass(5);
    lease.answered(1050);
    expect(steps).to.deep.equal(['answered after 20 at 1070']);
  });

  it('reports no latency where the balancer learns none', () => {
    const { begin, end, steps } = leaseRig({ learns: false });
    const lease = begin();
    steps.length = 0;
    lease.answered(1000);
    expect(steps).to.deep.equal([]);
    expect(end(endings.unavailable)).to.not.include('failed after 10 at 1010');
  });

  it('ends a probation with its answer, long before a stream ends', () => {
    const { begin, outlier, steps } = leaseRig({ learns: false });
    const lease = begin();
    steps.length = 0;
    outlier.state = 'trial';
    lease.answered(1000);
    lease.answered(1000);
    expect(steps).to.deep.equal(['outlier succeeded']);
  });

  it('that the client cancels gives the probation to another attempt', () => {
    const { end, endpoint } = leaseRig();
    expect(end(endings.cancelled)).to.deep.equal(['outlier abandoned']);
    expect(endpoint).to.include({ other: 1, answers: 0 });
  });

  it('counts an attempt with its tally, its duration and its method', () => {
    const { begin, endpoint } = leaseRig();
    const hello = new MethodRef('/a.B/Hello');
    begin(hello).end(endings.answered, 1010);
    begin(hello).end(endings.unavailable, 1020);
    begin(hello).end(endings.cancelled, 1030);
    begin().end(endings.answered, 1040);
    const { series } = endpoint;
    expect(series).to.include({ success: 2, error: 1, other: 1 });
    expect(endpoint).to.include({ success: 2, error: 1, other: 1, total: 4 });
    expect(series.durations.count).to.equal(4);
    expect(series.durations.sum).to.be.closeTo(0.1, 1e-9);
    expect(series.methodSlots.names).to.deep.equal(['a.B/Hello']);
    expect(series.methods?.[0], 'the attempt without a method has none').to.equal(3);
    expect(endpoint.latency.quantile(1, 1040), 'of successes alone').to.be.closeTo(40, 4);
    expect(endpoint.rate.perSecond(1040)).to.be.greaterThan(0);
  });
});

describe('a lease that ends with a success', () => {
  it('clears the suspicion, and forgives a penalty where there is one', () => {
    const { end, endpoint } = leaseRig();
    endpoint.suspicion = new Suspicion();
    expect(end(endings.answered)).to.deep.equal(['outlier succeeded']);
    expect(endpoint.suspicion).to.equal(null);
    for (const load of [0.25, 20]) {
      endpoint.phantomLoad = load;
      expect(end(endings.rejected)).to.deep.equal(['outlier succeeded', 'forgive']);
    }
  });

  it('is remembered: the endpoint has not been silent since', () => {
    const { end, endpoint, pass } = leaseRig();
    for (let i = 0; i < 50; i++) {
      pass(100);
      end(endings.answered);
    }
    expect(endpoint.gaps.isSilent(1000 + 5000 + 100)).to.equal(false);
    expect(endpoint.gaps.isSilent(1000 + 5000 + 5000)).to.equal(true);
  });
});

describe('a lease that ends with a failure', () => {
  it('counts against the endpoint, and has its health and its addresses checked', () => {
    const { end, endpoint } = leaseRig();
    expect(end(endings.unavailable)).to.deep.equal([
      'outlier failed, 0 held',
      'penalise at 1010',
      'failed after 10 at 1010',
      'watch hint',
      'refresh discovery',
    ]);
    expect(endpoint).to.include({ error: 1, answers: 0, unclear: 0 });
  });

  it('needs neither outlier detection nor health checks nor a balancer that learns', () => {
    const { end, endpoint } = leaseRig({ learns: false });
    endpoint.outlier = null;
    endpoint.watch = null;
    expect(end(endings.unavailable)).to.deep.equal(['penalise at 1010', 'refresh discovery']);
    expect(end(endings.reset)).to.deep.equal([]);
    expect(end(endings.cancelled)).to.deep.equal([]);
    expect(end(endings.answered)).to.deep.equal([]);
  });

  it('that the request may have caused asks for a probe and counts for the comparison alone', () => {
    const { end, endpoint } = leaseRig();
    expect(end(endings.reset)).to.deep.equal(['outlier unclear', 'watch hint']);
    expect(endpoint).to.include({ error: 1, unclear: 1 });
    expect(endpoint.suspicion).to.be.an.instanceOf(Suspicion);
  });

  it('that is found to be the endpoint’s counts with those that were held before it', () => {
    const other = new Endpoint(
      { address: { kind: 'tcp', host: '10.0.0.2', port: 1 }, weight: 1, zone: '', priority: 0 },
      1000,
    );
    other.success = 1;
    const { end, pass } = leaseRig({ others: [other] });
    for (let i = 0; i < 9; i++) {
      pass(100);
      expect(end(endings.reset)).to.deep.equal(['outlier unclear', 'watch hint']);
      other.success += 10;
    }
    // The tenth shows it. The penalty begins with the second consecutive failure, so it is given twice.
    expect(end(endings.reset)).to.deep.equal([
      'outlier failed, 9 held',
      'penalise at 1910',
      'penalise at 1910',
      'failed after 10 at 1910',
      'watch hint',
      'refresh discovery',
    ]);
    expect(end(endings.reset).slice(0, 3), 'from then on each counts at once').to.deep.equal([
      'outlier failed, 0 held',
      'penalise at 1910',
      'failed after 10 at 1910',
    ]);
  });
});
