import { expect } from 'chai';
import type { ProbeResult } from '../../../src/health/probe.ts';
import { good, lost, saidNo, setUp, turn } from './checker-rig.ts';

const silent: ProbeResult = { verdict: 'no_answer', reason: 'no answer within 1000 ms' };
const refused: ProbeResult = { verdict: 'inconclusive', reason: 'UNAUTHENTICATED' };

describe('startHealthChecker, the second time', () => {
  let rig: ReturnType<typeof setUp>;
  const statuses = () => rig.states.map(({ status }) => status);
  afterEach(() => {
    rig.checker.stop();
    expect(rig.clock.pending, 'timers left').to.equal(0);
    expect(rig.probe.closed).to.equal(1);
  });

  describe('an answer that comes too late', () => {
    it('is not taken for the answer to the probe that is in flight by then', async () => {
      rig = setUp({}, 'never');
      rig.clock.advance(5999);
      await turn();
      expect(rig.checker.answered).to.equal(false);
      rig.clock.advance(1);
      await turn();
      expect(statuses()).to.deep.equal(['unhealthy']);
      await rig.advance(300);
      expect(rig.probe.askedMs, 'the next probe is in flight').to.deep.equal([0, 6250]);
      rig.probe.answerLate(good, 0);
      await turn();
      expect(statuses()).to.deep.equal(['unhealthy']);
      rig.probe.answerLate(good, 1);
      await turn();
      expect(statuses()).to.deep.equal(['unhealthy', 'healthy']);
    });

    it('and the timer of a probe that has settled does nothing to the next one', async () => {
      rig = setUp({ timeoutMs: 5000 });
      await turn();
      rig.probe.answer = 'never';
      // Ten seconds after the first probe began, which is when its timer would have run out.
      await rig.advance(10_500);
      expect([rig.probe.askedMs, statuses()]).to.deep.equal([[0, 5000], ['healthy']]);
    });
  });

  describe('a probe in flight', () => {
    it('is left alone by hints, however long it takes', async () => {
      rig = setUp({ timeoutMs: 4000 }, 'never');
      for (let i = 0; i < 80; i++) {
        rig.checker.hint();
        await rig.advance(100);
      }
      expect(rig.probe.askedMs).to.deep.equal([0]);
    });

    it('is left alone by what the endpoint says meanwhile, and its answer sets the time of the next', async () => {
      rig = setUp();
      await turn();
      rig.probe.answer = 'never';
      await rig.advance(5000);
      rig.probe.tell(saidNo);
      await rig.advance(2000);
      expect(rig.probe.askedMs).to.deep.equal([0, 5000]);
      expect(statuses()).to.deep.equal(['healthy', 'unhealthy']);
      rig.probe.answerLate(good);
      await rig.advance(4900);
      expect(rig.probe.askedMs).to.deep.equal([0, 5000]);
      await rig.advance(200);
      expect(rig.probe.askedMs).to.deep.equal([0, 5000, 12_000]);
    });
  });

  describe('whoever hears of a change may stop the checker, and nothing follows', () => {
    it('when a probe is answered', async () => {
      rig = setUp();
      rig.heard.state = () => rig.checker.stop();
      await turn();
      expect([statuses(), rig.clock.pending]).to.deep.equal([['healthy'], 0]);
    });

    it('when the endpoint says so itself', async () => {
      rig = setUp();
      await turn();
      rig.heard.state = () => rig.checker.stop();
      rig.probe.tell(saidNo);
      expect([statuses(), rig.clock.pending]).to.deep.equal([['healthy', 'unhealthy'], 0]);
    });

    it('and a hint after that starts nothing', async () => {
      rig = setUp();
      await turn();
      rig.checker.stop();
      rig.checker.hint();
      expect(rig.clock.pending).to.equal(0);
    });
  });

  describe('the cadence', () => {
    it('of the second outage begins short again, after an outage that failed probes ended', async () => {
      rig = setUp({ unhealthyThreshold: 2 });
      await rig.advance(1000);
      for (let outage = 1; outage <= 2; outage++) {
        await rig.next(lost);
        await rig.next(lost);
        const downMs = rig.clock.now();
        await rig.advance(25_000, 25);
        const gaps = rig.probe.askedMs.filter((ms) => ms > downMs).map((ms) => ms - downMs);
        expect(gaps[0], `outage ${outage}`).to.equal(250);
        await rig.next(good);
      }
    });

    it('begins short again when a first good probe is on the way to healthyThreshold', async () => {
      rig = setUp({ healthyThreshold: 2 });
      await turn();
      await rig.next(saidNo);
      await rig.advance(40_000);
      await rig.next(good);
      const goodMs = rig.clock.now();
      expect(rig.checker.state.status).to.equal('unhealthy');
      await rig.next(good);
      expect(rig.clock.now() - goodMs).to.be.within(200, 300);
      expect(rig.checker.state.status).to.equal('healthy');
    });

    it('of a healthy endpoint is the interval again after a hint that a good probe answered', async () => {
      rig = setUp();
      await rig.advance(2000);
      rig.checker.hint();
      await rig.next(good);
      await rig.next(lost);
      const failedMs = rig.clock.now();
      await rig.next(lost);
      expect(rig.clock.now() - failedMs).to.be.within(4900, 5100);
    });

    it('is short after a report that failed, since something broke, and the interval after one that says nothing', async () => {
      rig = setUp();
      await rig.advance(2000);
      rig.probe.tell(lost);
      await rig.advance(200);
      expect(rig.probe.askedMs).to.deep.equal([0]);
      await rig.advance(100);
      expect(rig.probe.askedMs).to.deep.equal([0, 2250]);
      rig.probe.tell(refused);
      await rig.advance(4900);
      expect(rig.probe.askedMs).to.deep.equal([0, 2250]);
    });

    it('is never put off by a hint while the endpoint is unhealthy', async () => {
      rig = setUp({}, saidNo);
      await turn();
      rig.checker.hint();
      await rig.advance(300);
      expect(rig.probe.askedMs).to.deep.equal([0, 250]);
    });

    it('without traffic is the interval where a probe failed, and at once where a connection did', async () => {
      rig = setUp({ noTrafficIntervalMs: 60_000 }, good, () => false);
      await rig.advance(3000);
      rig.checker.hint();
      await rig.advance(100);
      expect(rig.probe.askedMs).to.deep.equal([0, 3000]);
      rig.probe.answer = lost;
      await rig.advance(66_000);
      expect(rig.probe.askedMs.slice(2, 4)).to.deep.equal([63_000, 68_000]);
    });

    it('varies by the jitter in proportion, not more upwards than downwards', async () => {
      rig = setUp({ jitter: 0.5 });
      await rig.advance(500_000, 50);
      const gaps = rig.probe.askedMs.slice(1).map((ms, i) => ms - rig.probe.askedMs[i]);
      expect(Math.min(...gaps)).to.be.within(2500, 3100);
      expect(Math.max(...gaps)).to.be.within(6900, 7550);
    });
  });

  describe('counts', () => {
    it('of good probes begin again when the endpoint says that it is unhealthy', async () => {
      rig = setUp({ healthyThreshold: 2 });
      await turn();
      for (const answer of [saidNo, good, saidNo, good]) await rig.next(answer);
      expect(statuses()).to.deep.equal(['healthy', 'unhealthy']);
      await rig.next(good);
      expect(statuses()).to.deep.equal(['healthy', 'unhealthy', 'healthy']);
    });

    it('of failed probes end with a single one: the good probe after it is reported', async () => {
      rig = setUp();
      await turn();
      await rig.next(lost);
      await rig.next(good);
      await rig.next(good);
      expect(statuses()).to.deep.equal(['healthy', 'healthy']);
    });

    it('no change where the first good probe confirms what was assumed', async () => {
      rig = setUp({ initialState: 'healthy' });
      await turn();
      expect(rig.checker.state).to.include({ status: 'healthy', changes: 0, sinceMs: 0 });
      expect(rig.lines).to.deep.equal([]);
    });
  });

  describe('with inconclusive: alive', () => {
    it('a connection that ends is a failed probe where nobody knows of calls', async () => {
      rig = setUp({ inconclusive: 'alive' }, { verdict: 'connection_closed', reason: 'closed' });
      await turn();
      expect(statuses()).to.deep.equal(['unhealthy']);
    });

    it('an endpoint that began with NOT_SERVING has spoken: its silence does not bring it back', async () => {
      rig = setUp({ inconclusive: 'alive' }, saidNo);
      await turn();
      await rig.next(silent);
      await rig.next(silent);
      expect(statuses()).to.deep.equal(['unhealthy']);
    });

    it('health that becomes unknown a second time is not logged as a return', async () => {
      rig = setUp({ inconclusive: 'alive' }, refused);
      await turn();
      for (const answer of [good, refused, refused, refused]) await rig.next(answer);
      expect(statuses()).to.deep.equal(['unknown', 'healthy', 'unknown']);
      expect(rig.lines.filter((line) => line.includes('again'))).to.deep.equal([]);
    });
  });
});
