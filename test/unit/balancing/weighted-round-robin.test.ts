import { expect } from 'chai';
import * as fc from 'fast-check';
import { buildBalancer, reportLearner } from '../../../src/balancing/build.ts';
import type { Balancer, Candidate } from '../../../src/balancing/candidate.ts';
import { EndpointReport } from '../../../src/balancing/endpoint-report.ts';
import {
  defaultWeightedRoundRobin,
  reportedWeight,
  type WeightedRoundRobinSettings,
} from '../../../src/balancing/report-weight.ts';
import { defaultBalancerSettings } from '../../../src/balancing/settings.ts';
import { medianRatioMax } from '../../../src/balancing/weighted-round-robin.ts';
import { SeededRandom } from '../../../src/core/random.ts';
import { candidate } from './simulation.ts';

type Reported = Partial<Pick<EndpointReport, 'utilization' | 'requestsPerSecond' | 'errorsPerSecond'>>;

function world(count: number, given: Partial<WeightedRoundRobinSettings> = {}) {
  const weightedRoundRobin = { ...defaultWeightedRoundRobin, ...given };
  const settings = { ...defaultBalancerSettings, policy: 'weighted_round_robin', weightedRoundRobin };
  const endpoints = Array.from({ length: count }, (_, i) => candidate(`e${i}`)) as Candidate[];
  const learner = reportLearner(settings)!;
  const balancer = buildBalancer(endpoints, settings, new SeededRandom(7));
  return {
    endpoints,
    balancer,
    report(i: number, reported: Reported, nowMs: number): void {
      endpoints[i].report ??= new EndpointReport();
      Object.assign(endpoints[i].report!, reported);
      learner.reported(endpoints[i].report!, nowMs, endpoints[i]);
    },
    shares: (nowMs: number) => sharesOf(balancer, endpoints, nowMs),
  };
}

function sharesOf(balancer: Balancer<Candidate>, endpoints: readonly Candidate[], nowMs: number): number[] {
  const picks = 20_000;
  const counts = new Map<Candidate, number>();
  for (let i = 0; i < picks; i++) {
    const picked = balancer.pick(nowMs, null, '')!;
    counts.set(picked, (counts.get(picked) ?? 0) + 1);
  }
  return endpoints.map((endpoint) => Math.round(((counts.get(endpoint) ?? 0) / picks) * 1000) / 1000);
}

const busy: Reported = { utilization: 0.5, requestsPerSecond: 100 };
const idle: Reported = { utilization: 0.25, requestsPerSecond: 100 };

describe('weighted_round_robin', () => {
  it('weighs by requests per second over utilization with a penalty for errors (gRFC A58)', () => {
    const weight = (reported: Reported, penalty: number) =>
      reportedWeight(Object.assign(new EndpointReport(), reported), penalty);
    expect(weight(busy, 1)).to.equal(200);
    expect(weight({ ...busy, errorsPerSecond: 25 }, 1)).to.be.closeTo(100 / 0.75, 1e-9);
    expect(weight({ ...busy, errorsPerSecond: 25 }, 2)).to.equal(100);
    expect(weight({ ...busy, errorsPerSecond: 25 }, 0)).to.equal(200);
    for (const empty of [{ utilization: 0.5 }, { requestsPerSecond: 9 }, { ...busy, utilization: 0 }])
      expect(weight(empty, 1)).to.equal(0);
  });

  it('gives picks by weight once the blackout period is over, and the mean before', () => {
    const { report, shares } = world(3);
    for (const atMs of [0, 9000]) {
      report(0, busy, atMs);
      report(1, idle, atMs);
    }
    expect(shares(9999), 'as configured').to.deep.equal([0.333, 0.333, 0.333]);
    report(2, idle, 10_000);
    // 200 and 400; the third has reported, but not for ten seconds: 300, the mean.
    expect(shares(10_999)).to.deep.equal([0.222, 0.444, 0.333]);
    expect(shares(20_000)).to.deep.equal([0.2, 0.4, 0.4]);
  });

  it('uses weights at once with a blackout period of 0', () => {
    const { report, shares } = world(2, { blackoutPeriodMs: 0 });
    report(0, busy, 5);
    report(1, idle, 5);
    expect(shares(5)).to.deep.equal([0.333, 0.667]);
  });

  it('forgets a weight whose report is too old, and applies the blackout period again', () => {
    const { report, shares } = world(3, { weightExpirationPeriodMs: 60_000 });
    for (let i = 0; i < 3; i++) report(i, i === 0 ? busy : idle, 0);
    expect(shares(20_000)).to.deep.equal([0.2, 0.4, 0.4]);
    for (const i of [1, 2]) report(i, idle, 59_000);
    expect(shares(60_000), 'the mean of the others').to.deep.equal([0.333, 0.333, 0.333]);
    report(0, busy, 61_000);
    expect(shares(69_000), 'in the blackout period').to.deep.equal([0.333, 0.333, 0.333]);
    expect(shares(71_000)).to.deep.equal([0.2, 0.4, 0.4]);
  });

  it('starts the blackout period anew after an interruption', () => {
    const { report, shares, endpoints } = world(2);
    report(0, busy, 0);
    report(1, idle, 0);
    endpoints[0].report!.interrupted();
    expect(shares(10_000)).to.deep.equal([0.5, 0.5]);
    report(0, busy, 10_000);
    expect(shares(20_000)).to.deep.equal([0.333, 0.667]);
  });

  it('recalculates weights once per update period', () => {
    const { report, shares } = world(2, { blackoutPeriodMs: 0, weightUpdatePeriodMs: 1000 });
    report(0, busy, 0);
    report(1, busy, 0);
    expect(shares(0)).to.deep.equal([0.5, 0.5]);
    report(1, idle, 1);
    expect(shares(999)).to.deep.equal([0.5, 0.5]);
    expect(shares(1000)).to.deep.equal([0.333, 0.667]);
  });

  it('scales weights by slow start', () => {
    const { report, shares, endpoints } = world(2, { blackoutPeriodMs: 0 });
    report(0, busy, 0);
    report(1, busy, 0);
    Object.assign(endpoints[1], { configuredWeight: 10, weight: 2.5 });
    expect(shares(0)).to.deep.equal([0.8, 0.2]);
  });

  it('gives a liar at most ten times the picks of an honest endpoint, and at least a tenth', () => {
    const any = fc.double({ min: 0, max: 1_000_000, noNaN: true });
    const lie = fc.record({ utilization: any, requestsPerSecond: any, errorsPerSecond: any });
    fc.assert(
      fc.property(lie, fc.integer({ min: 3, max: 12 }), (lies, count) => {
        const { report, endpoints, balancer } = world(count, { blackoutPeriodMs: 0 });
        for (let i = 0; i < count; i++) report(i, i === 0 ? lies : busy, 0);
        const picked = new Map(endpoints.map((endpoint) => [endpoint, 0]));
        for (let i = 0; i < 3000; i++) {
          const endpoint = balancer.pick(0, null, '')!;
          picked.set(endpoint, picked.get(endpoint)! + 1);
        }
        const honest = (3000 - picked.get(endpoints[0])!) / (count - 1);
        const ratio = picked.get(endpoints[0])! / honest;
        expect(ratio).to.be.within(0.9 / medianRatioMax, 1.02 * medianRatioMax);
      }),
      { numRuns: 100 },
    );
  });

  it('explains a pick by the report, its age and the share', () => {
    const { report, balancer, endpoints } = world(3, { weightExpirationPeriodMs: 60_000 });
    const why = (nowMs: number): string[] => {
      const texts = new Map<string, string>();
      for (let i = 0; i < 100; i++) {
        const picked = balancer.pick(nowMs, null, '')!;
        texts.set(picked.address, String(balancer.explain(picked, nowMs, '')));
      }
      return endpoints.map(({ address }) => texts.get(address)!);
    };
    expect(why(0)[0]).to.equal(
      'e0 was next in the weighted round robin, with 33.3% of the picks by its configured weight, since fewer than two endpoints have reported their load',
    );
    report(0, busy, 1000);
    report(1, idle, 1000);
    report(2, idle, 10_000);
    expect(why(11_500)).to.deep.equal([
      'e0 was next in the weighted round robin, with 22.2% of the picks by its load report, 10500 ms old (utilization 0.5, 100 requests per second)',
      'e1 was next in the weighted round robin, with 44.4% of the picks by its load report, 10500 ms old (utilization 0.25, 100 requests per second)',
      'e2 was next in the weighted round robin, with 33.3% of the picks, the mean of the others, since it has not reported for long enough',
    ]);
  });
});
