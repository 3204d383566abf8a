import { expect } from 'chai';
import { buildBalancer, reportLearner } from '../../../../src/balancing/build.ts';
import type { Candidate } from '../../../../src/balancing/candidate.ts';
import { EndpointReport } from '../../../../src/balancing/endpoint-report.ts';
import { defaultBalancerSettings } from '../../../../src/balancing/settings.ts';
import { SharedLoad } from '../../../../src/balancing/shared-load/shared-load.ts';
import { SeededRandom } from '../../../../src/core/random.ts';
import { candidate } from '../../../contract/balancer.ts';

interface Rig {
  readonly endpoints: readonly Candidate[];
  readonly shared: SharedLoad;
  pick(nowMs: number): string;
  why(): string;
  report(index: number, others: number, nowMs: number): void;
}

function rig(
  count: number,
  changes: Partial<typeof defaultBalancerSettings> = {},
  weights: number[] = [],
): Rig {
  const endpoints = Array.from({ length: count }, (_, i) => candidate(`e${i}`, weights[i] ?? 1));
  const shared = new SharedLoad();
  const settings = { ...defaultBalancerSettings, ...changes };
  const balancer = buildBalancer(endpoints, settings, new SeededRandom(7), {
    members: endpoints,
    localZone: '',
    reports: shared,
  });
  let latest = '';
  return {
    endpoints,
    shared,
    pick(nowMs) {
      const picked = balancer.pick(nowMs, null, '') as Candidate;
      latest = String(balancer.explain(picked, nowMs, ''));
      return picked.address;
    },
    why: () => latest,
    report(index, others, nowMs) {
      const endpoint = endpoints[index];
      endpoint.report ??= new EndpointReport();
      Object.assign(endpoint.report, { atMs: nowMs, used: false, others, inFlight: others });
      shared.reported(endpoint.report, nowMs, endpoint);
    },
  };
}

/** Picks that stay in flight. */
function take({ endpoints, pick }: Rig, count: number, nowMs: number): string[] {
  return Array.from({ length: count }, () => {
    const address = pick(nowMs);
    endpoints.find((one) => one.address === address)!.active++;
    return address;
  });
}

describe('balancing/shared-load', () => {
  it('compares own requests in flight as long as nobody reports, and again when reports have stopped for 10 s', () => {
    const one = rig(3);
    one.endpoints[0].active = 1;
    one.endpoints[1].active = 2;
    expect(one.pick(0)).to.equal('e2');
    expect(one.why()).to.contain('the fewest requests in flight per weight');
    for (let i = 0; i < 3; i++) one.report(i, 5, 10);
    one.pick(11);
    expect(one.why()).to.contain('load reports');
    one.pick(10_009);
    expect(one.why()).to.contain('load reports');
    expect(one.pick(10_010)).to.equal('e2');
    expect(one.why()).to.contain('the fewest requests in flight per weight');
  });

  it('prefers the endpoint with the fewest requests of others, for one pick', () => {
    const one = rig(5);
    for (let i = 0; i < 5; i++) one.report(i, i === 1 ? 2 : 6, 0);
    expect(one.pick(1)).to.equal('e1');
    const next = new Set(Array.from({ length: 40 }, () => one.pick(1)));
    expect(next, 'the report is used up').to.not.deep.equal(new Set(['e1']));
  });

  it('counts a report less, the older it is', () => {
    const one = rig(2);
    one.endpoints[0].active = 1;
    one.report(0, 2, 0);
    one.report(1, 6, 0);
    // e0: 1 of its own, 2 fewer than the mean; e1: 2 more than the mean. A hundred milliseconds later only the own one is left.
    expect(one.pick(1)).to.equal('e0');
    one.report(0, 2, 100);
    one.report(1, 6, 100);
    expect(one.pick(250)).to.equal('e1');
  });

  it('takes a report for new that came after the pick read the clock', () => {
    const one = rig(3);
    for (let i = 0; i < 3; i++) one.report(i, i === 1 ? 2 : 6, 100);
    expect(one.pick(90)).to.equal('e1');
  });

  it('sends an endpoint more by its weight', () => {
    const one = rig(2, {}, [1, 3]);
    one.report(0, 4, 0);
    one.report(1, 9, 0);
    expect(one.pick(1), '3 per weight against 4').to.equal('e1');
  });

  it('ignores a report beyond what can be true', () => {
    const one = rig(4);
    for (const i of [0, 1, 2]) one.report(i, 3, 0);
    one.report(3, 1_000_000, 0);
    const seen = new Set(Array.from({ length: 60 }, () => one.pick(1)));
    expect(seen.has('e3')).to.equal(true);
  });

  it('avoids an endpoint whose replies take long, and forgives it when nothing is heard', () => {
    const one = rig(4);
    const turn = (fromMs: number, slowMs: number): void => {
      for (let i = 0; i < 40; i++)
        for (const [e, endpoint] of one.endpoints.entries())
          one.shared.answered(endpoint, e === 0 ? slowMs : 2, fromMs + i);
    };
    for (let i = 0; i < 4; i++) one.report(i, 4, 0);
    one.pick(0);
    turn(0, 2);
    one.pick(45);
    turn(50, 40);
    for (let i = 0; i < 4; i++) one.report(i, 4, 90);
    const picks = take(one, 12, 95);
    expect(picks.filter((address) => address === 'e0').length, '3 would be its share').to.be.at.most(1);
    for (let i = 0; i < 4; i++) one.report(i, 4, 5000);
    for (const endpoint of one.endpoints) endpoint.active = 0;
    const later = take(one, 12, 5001);
    expect(later.filter((address) => address === 'e0').length).to.be.within(2, 4);
  });

  it('is off with useReports: false, with bias and with slowGuard', () => {
    for (const changes of [{ useReports: false }, { bias: 2 }, { slowGuard: true }]) {
      expect(reportLearner({ ...defaultBalancerSettings, ...changes }), JSON.stringify(changes)).to.equal(
        null,
      );
    }
    expect(reportLearner(defaultBalancerSettings)).to.be.instanceOf(SharedLoad);
  });

  it('compares those of a hundred endpoints that reported last, besides some that it draws', () => {
    const one = rig(100);
    for (let i = 0; i < 100; i++) one.report(i, i === 95 ? 0 : 6, 0);
    expect(one.pick(1)).to.equal('e95');
    expect(one.why()).to.match(/of \d+ that were drawn at random or reported last/);
  });
});
