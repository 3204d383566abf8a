import { expect } from 'chai';
import type { VirtualClock } from '../../../src/core/clock.ts';
import { ejectionRules, type OutlierEndpoint, type OutlierSettings } from '../../../src/health/outlier.ts';
import { fail, OutlierRig } from './outlier-rig.ts';

describe('outlierDetector by comparison of the endpoints', () => {
  let rig: OutlierRig;
  let clock: VirtualClock;
  let endpoints: OutlierEndpoint[];
  let changes: string[];
  function setUp(count: number, settings: Partial<OutlierSettings> = {}): void {
    rig = new OutlierRig(count, settings);
    ({ clock, endpoints, changes } = rig);
  }
  afterEach(() => rig.stop());

  const successRate = { stdevFactor: 1.9, minEndpoints: 5, minCalls: 100 };
  const failurePercentage = { threshold: 85, minEndpoints: 5, minCalls: 50 };
  /** So many calls at each endpoint, of which every `n`-th fails at one. */
  const traffic = (calls: number, bad: OutlierEndpoint, n: number) => {
    for (const endpoint of endpoints)
      for (let i = 0; i < calls; i++) {
        if (endpoint === bad && i % n === 0) endpoint.failed();
        else endpoint.succeeded();
      }
  };

  it('ejects at the end of an interval who succeeds too rarely, and takes it back by one call', () => {
    setUp(6, { successRate });
    traffic(150, endpoints[2], 3);
    expect(endpoints[2].state).to.equal('in');
    clock.advance(10_000);
    expect(endpoints.map(({ state }) => state)).to.deep.equal(['in', 'in', 'ejected', 'in', 'in', 'in']);
    expect(endpoints[2].ejectedBecause).to.match(/^66.7% of its 150 calls succeeded, against/);
    expect([...endpoints[2].ejectionsByRule]).to.deep.equal([['success rate', 1]]);
    clock.advance(30_000);
    endpoints[2].picked();
    endpoints[2].succeeded();
    expect(endpoints[2].state).to.equal('in');
  });

  it('ejects who fails most of its calls, though never many in a row', () => {
    setUp(5, { failurePercentage, consecutiveErrors: 0 });
    for (const endpoint of endpoints) for (let i = 0; i < 50; i++) endpoint.succeeded();
    for (let i = 0; i < 300; i++) endpoints[0].failed();
    clock.advance(10_000);
    expect(endpoints[0].ejectedBecause).to.contain('300 of its 350 calls failed');
    expect(changes).to.deep.equal(['e0 false']);
  });

  it('counts each interval by itself', () => {
    setUp(6, { successRate });
    traffic(60, endpoints[2], 3);
    clock.advance(10_000);
    traffic(60, endpoints[2], 3);
    clock.advance(10_000);
    expect(endpoints[2].state).to.equal('in');
  });

  it('compares again in each interval, and forgets what was before', () => {
    setUp(6, { successRate, consecutiveErrors: 0 });
    const some = (calls: number, bad: number, failing: (endpoint: OutlierEndpoint) => void) => {
      for (const endpoint of endpoints)
        for (let i = 0; i < calls; i++)
          if (endpoint === endpoints[2] && i < bad) failing(endpoint);
          else endpoint.succeeded();
      clock.advance(10_000);
    };
    for (let i = 0; i < 3; i++) some(99, 50, (endpoint) => endpoint.failed());
    for (let i = 0; i < 3; i++) some(150, 4, (endpoint) => endpoint.failed());
    for (let i = 0; i < 3; i++) some(150, 4, (endpoint) => endpoint.unclear());
    expect(endpoints[2].state).to.equal('in');
    some(150, 50, (endpoint) => endpoint.failed());
    expect(endpoints[2].state).to.equal('ejected');
    expect(ejectionRules).to.include.members([...endpoints[2].ejectionsByRule.keys()]);
  });

  it('an ejected endpoint, whose last calls still end, is not among those that are compared', () => {
    setUp(5, { failurePercentage: { threshold: 30, minEndpoints: 5, minCalls: 50 } });
    fail(endpoints[0]);
    traffic(150, endpoints[1], 2);
    clock.advance(10_000);
    // Four are too few for a comparison.
    expect(endpoints[1].state).to.equal('in');
    endpoints[0].recovered();
    endpoints[0].succeeded();
    traffic(150, endpoints[1], 2);
    clock.advance(10_000);
    expect(endpoints[1].state).to.equal('ejected');
  });

  it('failures that are found to be its own later count once, and only with the calls they belong to', () => {
    setUp(5, { failurePercentage, consecutiveErrors: 0 });
    const others = (calls: number) => {
      for (const endpoint of endpoints.slice(1)) for (let i = 0; i < calls; i++) endpoint.succeeded();
    };
    others(60);
    for (let i = 0; i < 60; i++) endpoints[0].unclear();
    clock.advance(10_000);
    expect(endpoints[0].ejectedBecause).to.contain('60 of its 60 calls failed, 100%');
    endpoints[0].recovered();
    endpoints[0].succeeded();
    for (let i = 0; i < 60; i++) endpoints[0].unclear();
    endpoints[0].failed(30);
    others(60);
    clock.advance(10_000);
    expect(endpoints[0].ejectedBecause).to.contain('61 of its 62 calls failed');
    endpoints[0].recovered();
    endpoints[0].succeeded();
    // Of the interval before: its calls are not counted in this one, so its failures are not.
    for (let i = 0; i < 49; i++) endpoints[0].unclear();
    clock.advance(10_000);
    endpoints[0].failed(49);
    for (let i = 0; i < 49; i++) endpoints[0].succeeded();
    others(60);
    clock.advance(10_000);
    expect(endpoints[0]).to.include({ state: 'in', ejections: 2 });
  });

  it('leaves as many in as it must', () => {
    setUp(5, { failurePercentage, consecutiveErrors: 0, maxEjectedPercent: 40 });
    for (const endpoint of endpoints) fail(endpoint, 60);
    clock.advance(10_000);
    expect(endpoints.filter(({ state }) => state === 'ejected')).to.have.length(2);
  });
});
