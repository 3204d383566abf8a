import { expect } from 'chai';
import type { VirtualClock } from '../../../src/core/clock.ts';
import type { OutlierEndpoint, OutlierSettings } from '../../../src/health/outlier.ts';
import { fail, OutlierRig } from './outlier-rig.ts';

describe('outlierDetector, the second time', () => {
  let rig: OutlierRig;
  let clock: VirtualClock;
  let endpoints: OutlierEndpoint[];
  let changes: string[];
  function setUp(count: number, settings: Partial<OutlierSettings> = {}): void {
    rig = new OutlierRig(count, settings);
    ({ clock, endpoints, changes } = rig);
  }
  afterEach(() => rig.stop());

  it('a call is no trial while the endpoint is in use, and a call that ends without a verdict changes nothing', () => {
    setUp(3);
    endpoints[0].picked();
    endpoints[0].abandoned();
    expect(endpoints[0].state).to.equal('in');
    expect([changes, clock.pending]).to.deep.equal([[], 0]);
  });

  it('ejects once, however much room there is for more', () => {
    setUp(10);
    fail(endpoints[0], 100);
    expect(endpoints[0]).to.include({ state: 'ejected', ejections: 1, ejectedUntilMs: 30_000 });
    expect(changes).to.deep.equal(['e0 false']);
  });

  it('ejects at the first failure where one is enough', () => {
    setUp(3, { consecutiveErrors: 1 });
    endpoints[0].failed();
    expect(endpoints[0].state).to.equal('ejected');
  });

  it('reports each change of use, once, and leaves no timer after a trial', () => {
    setUp(3);
    fail(endpoints[0]);
    clock.advance(30_000);
    endpoints[0].picked();
    endpoints[0].failed();
    expect(changes, 'a trial that failed changes no use').to.deep.equal(['e0 false', 'e0 true', 'e0 false']);
    clock.advance(60_000);
    endpoints[0].picked();
    clock.advance(5000);
    expect(changes.slice(3), 'a trial without a verdict').to.deep.equal(['e0 true', 'e0 false', 'e0 true']);
    endpoints[0].succeeded();
    expect(changes.slice(6), 'an earlier call succeeded in probation').to.deep.equal([]);
    expect([endpoints[0].state, clock.pending]).to.deep.equal(['in', 0]);
    fail(endpoints[0]);
    clock.advance(endpoints[0].ejectedUntilMs - clock.now());
    endpoints[0].picked();
    endpoints[0].succeeded();
    expect([endpoints[0].state, clock.pending]).to.deep.equal(['in', 0]);
  });

  it('works off ejections by whole intervals only', () => {
    setUp(3);
    const ejectedFor = (): number => {
      fail(endpoints[0]);
      const forMs = endpoints[0].ejectedUntilMs - clock.now();
      clock.advance(forMs);
      endpoints[0].picked();
      endpoints[0].succeeded();
      return forMs;
    };
    expect(ejectedFor()).to.equal(30_000);
    clock.advance(9999);
    expect(ejectedFor()).to.equal(60_000);
    clock.advance(10_000);
    expect(ejectedFor()).to.equal(60_000);
  });

  it('who leaves while in use makes no room, and takes its share of it along', () => {
    setUp(4);
    endpoints[3].remove();
    fail(endpoints[0]);
    fail(endpoints[1]);
    expect(endpoints.map(({ state }) => state)).to.deep.equal(['ejected', 'in', 'in', 'in']);
    // Of four two may be out, of two only one.
    setUp(4);
    for (const i of [2, 3]) endpoints[i].remove();
    fail(endpoints[0]);
    fail(endpoints[1]);
    expect(endpoints.map(({ state }) => state)).to.deep.equal(['ejected', 'in', 'in', 'in']);
  });
});
