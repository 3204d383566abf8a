import { expect } from 'chai';
import type { VirtualClock } from '../../../src/core/clock.ts';
import type { OutlierEndpoint, OutlierSettings } from '../../../src/health/outlier.ts';
import { fail, OutlierRig } from './outlier-rig.ts';

describe('outlierDetector', () => {
  let rig: OutlierRig;
  let clock: VirtualClock;
  let endpoints: OutlierEndpoint[];
  let lines: string[];
  let changes: string[];
  function setUp(count: number, settings: Partial<OutlierSettings> = {}): void {
    rig = new OutlierRig(count, settings);
    ({ clock, endpoints, lines, changes } = rig);
  }
  afterEach(() => rig.stop());

  it('ejects at five consecutive failures, and not before', () => {
    setUp(3);
    fail(endpoints[0], 4);
    expect(endpoints[0]).to.include({ state: 'in', usable: true, ejectedUntilMs: 0 });
    endpoints[0].succeeded();
    fail(endpoints[0], 4);
    expect(endpoints[0].state).to.equal('in');
    endpoints[0].failed();
    expect(endpoints[0]).to.include({
      state: 'ejected',
      usable: false,
      ejectedUntilMs: 30_000,
      ejections: 1,
    });
    expect(changes).to.deep.equal(['e0 false']);
    expect(lines).to.deep.equal(['endpoint e0 is ejected for 30 s: 5 consecutive calls failed']);
  });

  it("ejects for no unclear failure, and once for all that are known to be the endpoint's", () => {
    setUp(3);
    for (let i = 0; i < 9; i++) endpoints[0].unclear();
    expect(endpoints[0].state).to.equal('in');
    endpoints[0].failed(9);
    expect(endpoints[0]).to.include({ state: 'ejected', ejections: 1 });
    expect(lines).to.deep.equal(['endpoint e0 is ejected for 30 s: 10 consecutive calls failed']);
  });

  it('an unclear failure is no verdict on a trial, and does not interrupt a row of failures', () => {
    setUp(3);
    fail(endpoints[1], 4);
    endpoints[1].unclear();
    endpoints[1].failed();
    expect(endpoints[1].state).to.equal('ejected');
    clock.advance(30_000);
    endpoints[1].picked();
    expect(endpoints[1].state).to.equal('trial');
    endpoints[1].unclear();
    expect(endpoints[1].state).to.equal('probation');
    endpoints[1].picked();
    endpoints[1].succeeded();
    expect(endpoints[1].state).to.equal('in');
  });

  it('probes it at once when health checks that found it ill find it well', () => {
    setUp(3);
    fail(endpoints[0]);
    clock.advance(1000);
    endpoints[0].recovered();
    expect(endpoints[0]).to.include({ state: 'probation', usable: true, ejectedUntilMs: 0 });
    expect(changes).to.deep.equal(['e0 false', 'e0 true']);
    expect(clock.pending).to.equal(0);
    endpoints[0].picked();
    expect(endpoints[0].usable).to.equal(false);
    endpoints[0].succeeded();
    expect(endpoints[0].state).to.equal('in');
    // Whoever is in use already has nothing to recover from.
    endpoints[0].recovered();
    expect(endpoints[0].state).to.equal('in');
  });

  it('sends it one real call when its time is up, and uses it in full if that succeeds', () => {
    setUp(3);
    fail(endpoints[0]);
    clock.advance(29_999);
    expect(endpoints[0].usable).to.equal(false);
    clock.advance(1);
    expect(endpoints[0]).to.include({ state: 'probation', usable: true, ejectedUntilMs: 0 });
    endpoints[0].picked();
    expect(endpoints[0]).to.include({ state: 'trial', usable: false });
    endpoints[0].succeeded();
    expect(endpoints[0]).to.include({ state: 'in', usable: true });
    expect(changes).to.deep.equal(['e0 false', 'e0 true', 'e0 false', 'e0 true']);
    expect(lines.at(-1)).to.equal('endpoint e0 is back in rotation after its ejection');
  });

  it('ejects it for longer if that call fails, up to the maximum', () => {
    setUp(3);
    fail(endpoints[0]);
    const seconds: number[] = [];
    for (let i = 0; i < 12; i++) {
      clock.advance(endpoints[0].ejectedUntilMs - clock.now());
      endpoints[0].picked();
      endpoints[0].failed();
      seconds.push((endpoints[0].ejectedUntilMs - clock.now()) / 1000);
    }
    expect(seconds).to.deep.equal([60, 90, 120, 150, 180, 210, 240, 270, 300, 300, 300, 300]);
  });

  it('forgets earlier ejections with time in full use', () => {
    setUp(3);
    const ejectedForS = () => {
      fail(endpoints[0]);
      const forMs = endpoints[0].ejectedUntilMs - clock.now();
      clock.advance(forMs);
      endpoints[0].picked();
      endpoints[0].succeeded();
      return forMs / 1000;
    };
    expect(ejectedForS()).to.equal(30);
    expect(ejectedForS()).to.equal(60);
    expect(ejectedForS()).to.equal(90);
    clock.advance(20_000);
    expect(ejectedForS()).to.equal(60);
    clock.advance(1_000_000);
    expect(ejectedForS()).to.equal(30);
  });

  it('gives another call the trial when one ends without a verdict, or takes too long', () => {
    setUp(3);
    fail(endpoints[0]);
    clock.advance(30_000);
    endpoints[0].picked();
    endpoints[0].abandoned();
    expect(endpoints[0].state).to.equal('probation');
    endpoints[0].picked();
    clock.advance(4999);
    expect(endpoints[0].state).to.equal('trial');
    clock.advance(1);
    expect(endpoints[0].state).to.equal('probation');
  });

  for (const [count, most] of [
    [1, 0],
    [2, 1],
    [3, 1],
    [4, 2],
    [10, 5],
  ]) {
    it(`ejects at most ${most} of ${count}`, () => {
      setUp(count);
      for (const endpoint of endpoints) fail(endpoint, 20);
      expect(endpoints.filter((endpoint) => !endpoint.usable).length).to.equal(most);
    });
  }

  it('ejects the next as soon as there is room', () => {
    setUp(2);
    fail(endpoints[0]);
    fail(endpoints[1], 50);
    expect(endpoints[1].state).to.equal('in');
    clock.advance(30_000);
    endpoints[0].picked();
    endpoints[0].succeeded();
    endpoints[1].failed();
    expect(endpoints[1].state).to.equal('ejected');
  });

  it('ignores calls that were on their way when it was ejected', () => {
    setUp(3);
    fail(endpoints[0], 100);
    endpoints[0].succeeded();
    endpoints[0].abandoned();
    expect(endpoints[0]).to.include({ state: 'ejected', ejections: 1, ejectedUntilMs: 30_000 });
  });

  it('a failed call that began before the ejection sends it back out of probation', () => {
    setUp(3);
    fail(endpoints[0]);
    clock.advance(30_000);
    endpoints[0].failed();
    expect(endpoints[0]).to.include({ state: 'ejected', ejectedUntilMs: 90_000 });
  });

  it('makes room when an ejected endpoint leaves', () => {
    setUp(4, { maxEjectedPercent: 34 });
    fail(endpoints[0]);
    fail(endpoints[1]);
    expect(endpoints[1].state).to.equal('in');
    endpoints[0].remove();
    endpoints[0].remove();
    endpoints[1].failed();
    expect(endpoints[1].state).to.equal('ejected');
    fail(endpoints[0], 10);
    expect(endpoints[0].state).to.equal('in');
  });

  it('any number in a row will do with 0', () => {
    setUp(3, { consecutiveErrors: 0 });
    fail(endpoints[0], 100);
    expect(endpoints[0].state).to.equal('in');
  });
});
