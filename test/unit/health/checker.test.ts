import { expect } from 'chai';
import { good, lost, noService, saidNo, setUp, turn } from './checker-rig.ts';

describe('startHealthChecker', () => {
  let rig: ReturnType<typeof setUp>;
  const statuses = () => rig.states.map((state) => state.status);
  afterEach(() => {
    rig.checker.stop();
    expect(rig.clock.pending, 'timers left').to.equal(0);
    expect(rig.probe.closed).to.equal(1);
  });

  it('is unknown until the first answer, and probes at once', async () => {
    rig = setUp();
    expect(rig.checker.state).to.deep.equal({
      status: 'unknown',
      alive: false,
      reason: 'not probed yet',
      sinceMs: 0,
      changes: 0,
    });
    expect(rig.checker.answered).to.equal(false);
    expect(rig.probe.askedMs).to.deep.equal([0]);
    await turn();
    expect(rig.checker.state).to.deep.equal({
      status: 'healthy',
      alive: false,
      reason: 'SERVING',
      sinceMs: 0,
      changes: 1,
    });
    expect(rig.checker.answered).to.equal(true);
    expect(statuses()).to.deep.equal(['healthy']);
  });

  it('is healthy at the first good probe, whatever the threshold', async () => {
    rig = setUp({ healthyThreshold: 3 });
    await turn();
    expect(statuses()).to.deep.equal(['healthy']);
  });

  it('is healthy at the first good probe also after failed ones: the replica took its time to start', async () => {
    rig = setUp({ healthyThreshold: 3 }, lost);
    await turn();
    await rig.next(good);
    expect(statuses()).to.deep.equal(['unhealthy', 'healthy']);
  });

  for (const answer of [lost, saidNo]) {
    it(`is unhealthy when the first probe says ${answer.reason}`, async () => {
      rig = setUp({}, answer);
      await turn();
      expect(statuses()).to.deep.equal(['unhealthy']);
      expect(rig.checker.state.reason).to.equal(answer.reason);
    });
  }

  it('takes an endpoint out at unhealthyThreshold consecutive failed probes, and not before', async () => {
    rig = setUp();
    await turn();
    await rig.next(lost);
    await rig.next(lost);
    expect(rig.checker.state.reason).to.equal('2 of 3 probes failed: connection refused');
    await rig.next(good);
    await rig.next(lost);
    await rig.next(lost);
    // The good one after failed ones is told of too.
    expect(statuses()).to.deep.equal(['healthy', 'healthy']);
    await rig.next(lost);
    expect(statuses()).to.deep.equal(['healthy', 'healthy', 'unhealthy']);
    expect(rig.checker.state).to.deep.equal({
      status: 'unhealthy',
      alive: false,
      reason: 'connection refused',
      sinceMs: rig.probe.askedMs.at(-1),
      changes: 2,
    });
  });

  it('takes it out at once when it says so itself', async () => {
    rig = setUp();
    await turn();
    await rig.next(saidNo);
    expect(statuses()).to.deep.equal(['healthy', 'unhealthy']);
  });

  it('takes it back at healthyThreshold consecutive good probes', async () => {
    rig = setUp({ healthyThreshold: 2 });
    await turn();
    await rig.next(saidNo);
    await rig.next(good);
    await rig.next(lost);
    await rig.next(good);
    expect(statuses()).to.deep.equal(['healthy', 'unhealthy']);
    await rig.next(good);
    expect(statuses()).to.deep.equal(['healthy', 'unhealthy', 'healthy']);
  });

  it('counts a server without a health service as healthy and says so once', async () => {
    rig = setUp({}, noService);
    await turn();
    await rig.next(noService);
    await rig.next(noService);
    expect(statuses()).to.deep.equal(['healthy']);
    expect(rig.lines.filter((line) => line.includes('has no health service'))).to.have.length(1);
  });

  it('logs each change with its reason, and nothing else', async () => {
    rig = setUp();
    await turn();
    await rig.next(good);
    await rig.next(saidNo);
    await rig.next(lost);
    await rig.next(good);
    expect(rig.lines).to.deep.equal([
      'info: endpoint 10.0.0.1:80 is healthy: SERVING',
      'warn: endpoint 10.0.0.1:80 is unhealthy: NOT_SERVING',
      'info: endpoint 10.0.0.1:80 is healthy: SERVING',
    ]);
  });

  it('keeps the reason of an unhealthy endpoint current, and since when it is so', async () => {
    rig = setUp({}, saidNo);
    await turn();
    await rig.next(lost);
    expect(rig.checker.state).to.deep.equal({
      status: 'unhealthy',
      alive: false,
      reason: 'connection refused',
      sinceMs: 0,
      changes: 1,
    });
  });

  describe('with initial state healthy', () => {
    it('is used before its first answer, which is reported even if it changes nothing', async () => {
      rig = setUp({ initialState: 'healthy' });
      const reason = 'assumed healthy until the first probe';
      expect(rig.checker.state).to.include({ status: 'healthy', reason });
      expect(rig.checker.answered).to.equal(false);
      await turn();
      expect(statuses()).to.deep.equal(['healthy']);
      expect(rig.checker.answered).to.equal(true);
    });

    it('the first failed probe ends the assumption', async () => {
      rig = setUp({ initialState: 'healthy' }, lost);
      await turn();
      expect(statuses()).to.deep.equal(['unhealthy']);
    });
  });

  describe('intervals', () => {
    it('probes a healthy endpoint at the interval', async () => {
      rig = setUp();
      await rig.advance(15_000);
      expect(rig.probe.askedMs).to.deep.equal([0, 5000, 10_000, 15_000]);
    });

    it('vary by the jitter, up and down', async () => {
      rig = setUp({ jitter: 0.1 });
      await rig.advance(200_000, 10);
      const gaps = rig.probe.askedMs.slice(1).map((ms, i) => ms - rig.probe.askedMs[i]);
      expect(Math.min(...gaps)).to.be.within(4500, 4800);
      expect(Math.max(...gaps)).to.be.within(5200, 5510);
    });

    it('traffic that begins does not wait for the longer one', async () => {
      let traffic = false;
      rig = setUp({ noTrafficIntervalMs: 3_600_000 }, good, () => traffic);
      await rig.advance(60_000);
      traffic = true;
      await rig.advance(5100);
      expect(rig.probe.askedMs).to.have.length(2);
    });

    it('are longer without traffic, if so set, and only while healthy', async () => {
      let traffic = false;
      rig = setUp({ noTrafficIntervalMs: 60_000 }, good, () => traffic);
      await rig.advance(59_900);
      expect(rig.probe.askedMs).to.deep.equal([0]);
      traffic = true;
      await rig.advance(5200);
      expect(rig.probe.askedMs).to.deep.equal([0, 60_000, 65_000]);
      traffic = false;
      await rig.next(lost);
      await rig.next(lost);
      await rig.next(lost);
      const outMs = rig.clock.now();
      await rig.next(good);
      expect(rig.clock.now() - outMs).to.be.at.most(1000);
    });

    it('are short at first while unhealthy, so that a returned replica is seen within seconds', async () => {
      rig = setUp({}, saidNo);
      await rig.advance(60_000, 25);
      const asked = rig.probe.askedMs;
      const gaps = asked.slice(1).map((ms, i) => ms - asked[i]);
      expect(gaps[0]).to.equal(250);
      expect(gaps.at(-1)).to.equal(5000);
      // Whoever comes back at some moment is seen within a third of the time that it was away.
      for (let awayMs = 1000; awayMs < 40_000; awayMs += 500) {
        const seenMs = asked.find((ms) => ms >= awayMs) ?? 0;
        expect(seenMs - awayMs, `away for ${awayMs} ms`).to.be.at.most(awayMs / 3 + 275);
      }
    });

    it('begin short again at each new outage', async () => {
      rig = setUp({}, saidNo);
      await rig.advance(30_000);
      await rig.next(good);
      await rig.next(saidNo);
      const outMs = rig.clock.now();
      await rig.next(good);
      expect(rig.clock.now() - outMs).to.be.within(200, 300);
    });

    it('are never longer than set because of an outage', async () => {
      rig = setUp({ intervalMs: 200 }, lost);
      await rig.advance(1000, 50);
      expect(rig.probe.askedMs).to.deep.equal([0, 200, 400, 600, 800, 1000]);
    });
  });

  describe('hint', () => {
    it('probes early, at most once a second', async () => {
      rig = setUp({ intervalMs: 60_000 });
      await turn();
      rig.checker.hint();
      await rig.advance(900);
      expect(rig.probe.askedMs).to.deep.equal([0]);
      await rig.advance(100);
      expect(rig.probe.askedMs).to.deep.equal([0, 1000]);
      await rig.advance(3000);
      for (let i = 0; i < 20; i++) {
        rig.checker.hint();
        await rig.advance(100);
      }
      expect(rig.probe.askedMs.slice(0, 5)).to.deep.equal([0, 1000, 4000, 5000, 6000]);
    });

    it('never puts a probe off', async () => {
      rig = setUp({ intervalMs: 1500 }, good);
      for (let i = 0; i < 10; i++) {
        await rig.advance(100);
        rig.checker.hint();
      }
      expect(rig.probe.askedMs).to.deep.equal([0, 1000]);
    });

    it('during a probe asks for another: the answer may be older than the failure', async () => {
      rig = setUp({ intervalMs: 60_000 }, 'never');
      rig.checker.hint();
      await rig.advance(400);
      rig.probe.answerLate(good);
      rig.probe.answer = good;
      await turn();
      await rig.advance(600);
      expect(rig.probe.askedMs).to.deep.equal([0, 1000]);
    });

    it('and a failed probe together are probed at once: a good probe reports it, and all is as before', async () => {
      rig = setUp({ intervalMs: 60_000 });
      await rig.advance(2000);
      rig.checker.hint();
      await rig.next(lost);
      const failedMs = rig.clock.now();
      expect(rig.states).to.have.length(1);
      await rig.next(lost);
      await rig.next(good);
      expect(rig.clock.now() - failedMs).to.be.at.most(800);
      expect(statuses()).to.deep.equal(['healthy', 'healthy']);
      const asked = rig.probe.askedMs.length;
      await rig.advance(30_000);
      expect(rig.probe.askedMs).to.have.length(asked);
    });

    it('makes the death of a replica known within two seconds', async () => {
      rig = setUp();
      await rig.advance(2000);
      rig.probe.answer = lost;
      const diedMs = rig.clock.now();
      while (rig.checker.state.status === 'healthy') {
        rig.checker.hint();
        await rig.advance(100);
      }
      expect(rig.clock.now() - diedMs).to.be.at.most(2000);
    });
  });

  describe('a probe that is notified of changes', () => {
    it('passes them on at once, and the next probe is an interval later', async () => {
      rig = setUp();
      await rig.advance(2000);
      rig.probe.tell(saidNo);
      expect(rig.checker.state).to.include({ status: 'unhealthy', reason: 'NOT_SERVING', changes: 2 });
      rig.probe.tell(good);
      expect(rig.checker.state).to.include({ status: 'healthy', reason: 'SERVING', changes: 3 });
      await rig.advance(4900);
      expect(rig.probe.askedMs).to.deep.equal([0]);
      await rig.advance(200);
      expect(rig.probe.askedMs).to.deep.equal([0, 7000]);
    });

    it('is not heard after stop', async () => {
      rig = setUp();
      await turn();
      rig.checker.stop();
      rig.probe.tell(saidNo);
      expect(statuses()).to.deep.equal(['healthy']);
    });
  });

  describe('a probe that misbehaves', () => {
    it('and never settles counts as failed, is asked again, and is not heard later', async () => {
      rig = setUp({}, 'never');
      await rig.advance(5900);
      expect(rig.checker.answered).to.equal(false);
      await rig.advance(200);
      expect(rig.checker.state.reason).to.equal('no answer within 1000 ms');
      rig.probe.answerLate(good);
      await turn();
      expect(rig.checker.state.status).to.equal('unhealthy');
      await rig.next(good);
      expect(rig.checker.state.status).to.equal('healthy');
    });

    it('and rejects counts as failed', async () => {
      rig = setUp({}, new Error('bug'));
      await turn();
      expect(rig.checker.state).to.include({
        status: 'unhealthy',
        reason: 'the probe itself failed: Error: bug',
      });
    });
  });

  it('is silent after stop', async () => {
    rig = setUp({}, 'never');
    rig.checker.stop();
    rig.checker.stop();
    rig.checker.hint();
    rig.probe.answerLate(good);
    await rig.advance(10_000);
    expect(rig.states).to.deep.equal([]);
    expect(rig.probe.askedMs).to.deep.equal([0]);
  });
});
