import { expect } from 'chai';
import { VirtualClock } from '../../../src/core/clock.ts';
import type { Logger } from '../../../src/core/logger.ts';
import {
  defaultOutlierSettings,
  type OutlierDetector,
  type OutlierEndpoint,
  type OutlierSettings,
  outlierDetector,
} from '../../../src/health/outlier.ts';

describe('outlierDetector', () => {
  let clock: VirtualClock;
  let detector: OutlierDetector;
  let endpoints: OutlierEndpoint[];
  let lines: string[];
  /** `usable` of each endpoint at each change. */
  let changes: string[];

  function setUp(count: number, settings: Partial<OutlierSettings> = {}): void {
    clock = new VirtualClock();
    lines = [];
    changes = [];
    const line = (message: string) => void lines.push(message);
    const logger: Logger = { debug: line, info: line, warn: line, error: line };
    detector = outlierDetector({ clock, logger, settings: { ...defaultOutlierSettings, ...settings } });
    endpoints = [];
    for (let i = 0; i < count; i++) {
      endpoints.push(detector.add(`e${i}`, () => void changes.push(`e${i} ${endpoints[i].usable}`)));
    }
  }
  const fail = (endpoint: OutlierEndpoint, times = 5) => {
    for (let i = 0; i < times; i++) endpoint.failed();
  };
  afterEach(() => {
    detector.stop();
    expect(clock.pending, 'timers left').to.equal(0);
  });

  it('ejects at five failures in a row, and not before', () => {
    setUp(3);
    fail(endpoints[0], 4);
    expect(endpoints[0]).to.include({ state: 'in', usable: true });
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

  it('tries it at once when health checks that found it ill find it well', () => {
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

  it('tries it with one real call when its time is up, and uses it in full if that succeeds', () => {
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
    expect(lines.at(-1)).to.equal('endpoint e0 is back after its ejection');
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

  describe('by comparison of the endpoints', () => {
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

    it('ejects at the end of an interval who succeeds too seldom, and takes it back by one call', () => {
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

    it('leaves as many in as it must', () => {
      setUp(5, { failurePercentage, consecutiveErrors: 0, maxEjectedPercent: 40 });
      for (const endpoint of endpoints) fail(endpoint, 60);
      clock.advance(10_000);
      expect(endpoints.filter(({ state }) => state === 'ejected')).to.have.length(2);
    });
  });
});
