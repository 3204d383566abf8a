import { expect } from 'chai';
import type { HealthSettings } from '../../../src/health/checker.ts';
import type { ProbeResult, ProbeVerdict } from '../../../src/health/probe.ts';
import { good, lost, saidNo, setUp, turn } from './checker-rig.ts';

const refused: ProbeResult = { verdict: 'inconclusive', reason: 'UNAUTHENTICATED: no token' };
const saysUnknown: ProbeResult = { verdict: 'says_unknown', reason: 'UNKNOWN' };
const unavailable: ProbeResult = { verdict: 'unavailable', reason: 'UNAVAILABLE' };
const closed: ProbeResult = { verdict: 'connection_closed', reason: 'connection closed' };
const silent: ProbeResult = { verdict: 'no_answer', reason: 'no answer within 1000 ms' };

describe('startHealthChecker with inconclusive: alive', () => {
  let rig: ReturnType<typeof setUp>;
  let callsWork = false;
  const start = (first: ProbeResult, more: Partial<HealthSettings> = {}) => {
    callsWork = false;
    rig = setUp({ inconclusive: 'alive', ...more }, first, undefined, () => callsWork);
    return turn();
  };
  const standing = () => (rig.checker.state.alive ? 'alive' : rig.checker.state.status);
  afterEach(() => rig.checker.stop());

  for (const answer of [refused, saysUnknown]) {
    it(`${answer.reason} leaves the endpoint in use, with its health unknown`, async () => {
      await start(answer);
      expect(rig.checker.state).to.deep.equal({
        status: 'unknown',
        alive: true,
        reason: `alive, health unknown: ${answer.reason}`,
        sinceMs: 0,
        changes: 1,
      });
      expect(rig.checker.answered).to.equal(true);
      expect(rig.states).to.have.length(1);
    });
  }

  it('is said once in the log, however often it answers so', async () => {
    await start(refused);
    for (const answer of [refused, saidNo, refused, good, refused, refused, refused]) await rig.next(answer);
    const lines = rig.lines.filter((line) => line.includes('health is unknown'));
    expect(lines).to.deep.equal([
      'warn: endpoint 10.0.0.1:80 gets requests although its health is unknown: the health check got "UNAUTHENTICATED: no token"; configure health.grpc.metadata, another probe under health, or health: none',
    ]);
  });

  it('is probed at the interval, as a healthy endpoint is', async () => {
    await start(refused);
    await rig.advance(10_000);
    expect(rig.probe.askedMs).to.deep.equal([0, 5000, 10_000]);
  });

  it('a server that begins to speak of its health decides from then on, and loses that by silence', async () => {
    await start(refused);
    await rig.next(good);
    expect(standing()).to.equal('healthy');
    await rig.next(saidNo);
    expect(standing()).to.equal('unhealthy');
    await rig.next(good);
    for (const expected of ['healthy', 'healthy', 'alive']) {
      await rig.next(refused);
      expect(standing()).to.equal(expected);
    }
    expect(rig.states.map(({ changes }) => changes)).to.deep.equal([1, 2, 3, 4, 5]);
  });

  it('one limited probe among good ones changes nothing', async () => {
    await start(good);
    for (let i = 0; i < 6; i++) await rig.next(i % 3 === 2 ? good : refused);
    expect(rig.states).to.have.length(1);
    await rig.next(refused);
    expect(rig.checker.state.reason).to.equal(
      '1 of 3 health checks say nothing about health: UNAUTHENTICATED: no token',
    );
  });

  it('no connection takes it out at unhealthyThreshold, and any answer brings it back', async () => {
    await start(refused);
    await rig.next(lost);
    await rig.next(lost);
    expect(standing()).to.equal('alive');
    expect(rig.checker.state.reason).to.equal('2 of 3 probes failed: connection refused');
    await rig.next(lost);
    expect(standing()).to.equal('unhealthy');
    await rig.next(refused);
    expect(standing()).to.equal('alive');
    expect(rig.lines.slice(1)).to.deep.equal([
      'warn: endpoint 10.0.0.1:80 is unhealthy: connection refused',
      'info: endpoint 10.0.0.1:80 gets requests again: alive, health unknown: UNAUTHENTICATED: no token',
    ]);
  });

  it('brings it back at healthyThreshold answers', async () => {
    await start(refused, { healthyThreshold: 2 });
    await rig.next(saidNo);
    await rig.next(refused);
    expect(standing()).to.equal('unhealthy');
    await rig.next(refused);
    expect(standing()).to.equal('alive');
  });

  for (const answer of [unavailable, silent, closed]) {
    it(`${answer.verdict} counts as a failed probe, but not while calls succeed`, async () => {
      await start(good);
      callsWork = true;
      for (let i = 0; i < 6; i++) await rig.next(answer);
      expect(standing()).to.equal('alive');
      callsWork = false;
      for (let i = 0; i < 3; i++) await rig.next(answer);
      expect(standing()).to.equal('unhealthy');
    });
  }

  it('a server that speaks HTTP/2 and was never heard to answer a health check is used', async () => {
    await start(silent);
    expect(standing()).to.equal('alive');
    for (let i = 0; i < 9; i++) await rig.next(silent);
    expect(standing()).to.equal('alive');
    // A connection that is refused is another matter.
    for (let i = 0; i < 3; i++) await rig.next(lost);
    expect(standing()).to.equal('unhealthy');
    await rig.next(silent);
    expect(standing()).to.equal('alive');
    // Once it has answered, its silence is news.
    await rig.next(good);
    for (let i = 0; i < 3; i++) await rig.next(silent);
    expect(standing()).to.equal('unhealthy');
  });

  it('UNAVAILABLE from the first answer on says nothing; once the server has spoken of its health, it is news', async () => {
    await start(unavailable);
    for (let i = 0; i < 9; i++) await rig.next(unavailable);
    expect(standing()).to.equal('alive');
    await rig.next(good);
    for (let i = 0; i < 3; i++) await rig.next(unavailable);
    expect(standing()).to.equal('unhealthy');
  });

  it('connections that end instead of an answer keep it out from the first one on', async () => {
    await start(closed);
    for (let i = 0; i < 9; i++) await rig.next(closed);
    expect(standing()).to.equal('unhealthy');
  });

  it('an assumption that it is healthy ends with the first answer that says nothing', async () => {
    await start(refused, { initialState: 'healthy' });
    expect(standing()).to.equal('alive');
  });
});

describe('startHealthChecker with inconclusive: unhealthy', () => {
  for (const [verdict, probes] of [
    ['inconclusive', 3],
    ['unavailable', 3],
    ['connection_closed', 3],
    ['no_answer', 3],
    ['says_unknown', 1],
  ] as ReadonlyArray<readonly [ProbeVerdict, number]>) {
    it(`${verdict} takes an endpoint out after ${probes}, whatever its calls do, and gives the reason`, async () => {
      const rig = setUp({}, good, undefined, () => true);
      await turn();
      for (let i = 1; i <= probes; i++) {
        await rig.next({ verdict, reason: 'UNAUTHENTICATED: no token' });
        expect(rig.checker.state.status).to.equal(i < probes ? 'healthy' : 'unhealthy');
      }
      expect(rig.checker.state.reason).to.equal('UNAUTHENTICATED: no token');
      rig.checker.stop();
    });
  }
});
