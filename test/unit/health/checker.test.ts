import { expect } from 'chai';
import { VirtualClock } from '../../../src/core/clock.ts';
import type { Logger } from '../../../src/core/logger.ts';
import { SeededRandom } from '../../../src/core/random.ts';
import {
  defaultHealthSettings,
  type HealthSettings,
  type HealthState,
  startHealthChecker,
} from '../../../src/health/checker.ts';
import type { Probe, ProbeResult } from '../../../src/health/probe.ts';

const good: ProbeResult = { verdict: 'healthy', reason: 'SERVING' };
const saidNo: ProbeResult = { verdict: 'unhealthy_now', reason: 'NOT_SERVING' };
const lost: ProbeResult = { verdict: 'failed', reason: 'connection refused' };
const noService: ProbeResult = { verdict: 'unimplemented', reason: 'no health service' };

/** Answers as told, and remembers when it was asked. */
class ScriptedProbe implements Probe {
  answer: ProbeResult | 'never' | Error = good;
  readonly askedMs: number[] = [];
  closed = 0;
  private readonly clock: VirtualClock;
  private resolve: (result: ProbeResult) => void = () => {};

  constructor(clock: VirtualClock) {
    this.clock = clock;
  }
  check(): Promise<ProbeResult> {
    this.askedMs.push(this.clock.now());
    if (this.answer instanceof Error) return Promise.reject(this.answer);
    if (this.answer !== 'never') return Promise.resolve(this.answer);
    return new Promise((resolve) => {
      this.resolve = resolve;
    });
  }
  answerLate(result: ProbeResult): void {
    this.resolve(result);
  }
  close(): void {
    this.closed++;
  }
}

const turn = () => new Promise<void>((resolve) => setImmediate(resolve));

function setUp(
  changes: Partial<HealthSettings> = {},
  first: ScriptedProbe['answer'] = good,
  hadTraffic?: () => boolean,
) {
  const clock = new VirtualClock();
  const probe = new ScriptedProbe(clock);
  probe.answer = first;
  const lines: string[] = [];
  const line = (level: string) => (message: string) => void lines.push(`${level}: ${message}`);
  const logger: Logger = {
    debug: line('debug'),
    info: line('info'),
    warn: line('warn'),
    error: line('error'),
  };
  const states: HealthState[] = [];
  const checker = startHealthChecker({
    endpoint: '10.0.0.1:80',
    probe,
    clock,
    logger,
    random: new SeededRandom(1),
    settings: { ...defaultHealthSettings, jitter: 0, ...changes },
    hadTraffic,
    onChange: (state) => states.push(state),
  });
  /** Virtual time in small steps, with the promises settled after each. */
  const advance = async (ms: number, stepMs = 100) => {
    await turn();
    for (let left = ms; left > 0; left -= stepMs) {
      clock.advance(Math.min(left, stepMs));
      await turn();
    }
  };
  /** Answers so from now on, and waits for one answer. */
  const next = async (answer: ScriptedProbe['answer']) => {
    probe.answer = answer;
    const before = probe.askedMs.length;
    while (probe.askedMs.length === before) await advance(100);
  };
  return { clock, probe, lines, states, checker, advance, next };
}

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
    expect(rig.checker.state).to.deep.equal({ status: 'unknown', reason: 'not probed yet', sinceMs: 0 });
    expect(rig.checker.answered).to.equal(false);
    expect(rig.probe.askedMs).to.deep.equal([0]);
    await turn();
    expect(rig.checker.state).to.deep.equal({ status: 'healthy', reason: 'SERVING', sinceMs: 0 });
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

  it('takes an endpoint out at unhealthyThreshold failed probes in a row, and not before', async () => {
    rig = setUp();
    await turn();
    await rig.next(lost);
    await rig.next(lost);
    expect(rig.checker.state.reason).to.equal('2 of 3 probes failed: connection refused');
    await rig.next(good);
    await rig.next(lost);
    await rig.next(lost);
    expect(statuses()).to.deep.equal(['healthy']);
    await rig.next(lost);
    expect(statuses()).to.deep.equal(['healthy', 'unhealthy']);
    expect(rig.checker.state).to.deep.equal({
      status: 'unhealthy',
      reason: 'connection refused',
      sinceMs: rig.probe.askedMs.at(-1),
    });
  });

  it('takes it out at once when it says so itself', async () => {
    rig = setUp();
    await turn();
    await rig.next(saidNo);
    expect(statuses()).to.deep.equal(['healthy', 'unhealthy']);
  });

  it('takes it back at healthyThreshold good probes in a row', async () => {
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
      reason: 'connection refused',
      sinceMs: 0,
    });
  });

  describe('with initial state healthy', () => {
    it('is used before its first answer, which is told even if it changes nothing', async () => {
      rig = setUp({ initialState: 'healthy' });
      expect(rig.checker.state.status).to.equal('healthy');
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
      await rig.advance(30_000, 125);
      const gaps = rig.probe.askedMs.slice(1).map((ms, i) => ms - rig.probe.askedMs[i]);
      expect(gaps.slice(0, 7)).to.deep.equal([1000, 1500, 2250, 3375, 5000, 5000, 5000]);
    });

    it('begin short again at each new outage', async () => {
      rig = setUp({}, saidNo);
      await rig.advance(30_000);
      await rig.next(good);
      await rig.next(saidNo);
      const outMs = rig.clock.now();
      await rig.next(good);
      expect(rig.clock.now() - outMs).to.be.within(900, 1000);
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
      rig = setUp({ intervalMs: 1500 }, lost);
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

    it('makes the death of a replica known within three seconds', async () => {
      rig = setUp();
      await rig.advance(2000);
      rig.probe.answer = lost;
      const diedMs = rig.clock.now();
      while (rig.checker.state.status === 'healthy') {
        rig.checker.hint();
        await rig.advance(100);
      }
      expect(rig.clock.now() - diedMs).to.be.at.most(3000);
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
