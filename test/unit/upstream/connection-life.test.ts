import { expect } from 'chai';
import { ErrorCode } from '../../../src/core/error-code.ts';
import type { Http2Connection } from '../../../src/http2/connection.ts';
import {
  ConnectionLife,
  type ConnectionLifeSettings,
  checkIntervalMs,
  defaultConnectionLife,
} from '../../../src/upstream/connection-life.ts';
import { type FramePeer, Type } from '../../support/frame-peer.ts';
import { turns } from './dialled.ts';
import { answer, maxStreams, setUp } from './pool-rig.ts';

describe('ConnectionLife', () => {
  const open = (life: Partial<ConnectionLifeSettings>) =>
    setUp({ life: { ...defaultConnectionLife, ...life } });
  type Rig = ReturnType<typeof setUp>;
  /** Time passes in steps, with what is on its way arriving in each. */
  const pass = async ({ clock }: Rig, ms: number, stepMs = 250): Promise<void> => {
    for (let left = ms; left > 0; left -= stepMs) {
      clock.advance(Math.min(left, stepMs));
      await turns(2);
    }
  };
  /** A pool with one connection, whose call was answered. */
  const idle = async (life: Partial<ConnectionLifeSettings>): Promise<Rig & { peer: FramePeer }> => {
    const rig = open(life);
    rig.ask();
    const peer = rig.dialled[0].accept();
    await turns();
    answer(peer);
    await turns();
    return { ...rig, peer };
  };
  const pings = (peer: FramePeer): number => peer.of(Type.Ping).filter(({ flags }) => flags === 0).length;

  it('closes a connection without calls, by GOAWAY, and leaves no timer', async () => {
    const rig = await idle({ idleTimeoutMs: 4000 });
    await pass(rig, 3500);
    expect(rig.pool.connections).to.equal(1);
    await pass(rig, 2000);
    expect(rig.peer.of(Type.Goaway)).to.have.length(1);
    expect(rig.pool.connections).to.equal(0);
    rig.peer.socket.end();
    await turns();
    expect(rig.clock.pending).to.equal(0);
    rig.ask();
    expect(rig.dialled, 'the next call makes another').to.have.length(2);
    rig.pool.close();
  });

  it('a call, however short, begins the time again; one that runs stops it', async () => {
    const rig = await idle({ idleTimeoutMs: 4000 });
    for (let i = 0; i < 5; i++) {
      await pass(rig, 2000);
      rig.ask();
      await turns();
      rig.peer.headers(3 + 2 * i, [[':status', '200']], true);
      await turns();
    }
    rig.ask();
    await pass(rig, 20_000);
    expect([rig.pool.connections, rig.dialled.length]).to.deep.equal([1, 1]);
    rig.pool.close();
  });

  it('closes what was opened for a burst no later than it would any other', async () => {
    const rig = open({ surplusIdleTimeoutMs: 1_000_000, idleTimeoutMs: 4000 });
    rig.ask(4);
    const first = rig.dialled[0].accept(maxStreams(2));
    await turns();
    const second = rig.dialled[1].accept(maxStreams(2));
    await turns();
    answer(second);
    first.headers(1, [[':status', '200']], true); // its other call goes on
    await turns();
    await pass(rig, 6000);
    await first.roundTrip();
    expect([first, second].map((peer) => peer.of(Type.Goaway).length)).to.deep.equal([0, 1]);
    rig.pool.close();
  });

  it('closes what was opened for a burst sooner, and keeps one', async () => {
    const rig = open({ surplusIdleTimeoutMs: 2000, idleTimeoutMs: 1_000_000 });
    rig.ask(4);
    const peers = [rig.dialled[0].accept(maxStreams(2))];
    await turns();
    peers.push(rig.dialled[1].accept(maxStreams(2)));
    await turns();
    for (const peer of peers) answer(peer);
    await turns();
    expect(rig.pool.connections).to.equal(2);
    await pass(rig, 5000);
    expect(rig.pool.connections).to.equal(1);
    await peers[0].roundTrip();
    expect(peers.map((peer) => peer.of(Type.Goaway).length)).to.deep.equal([0, 1]);
    rig.pool.close();
  });

  it('an old connection takes no new calls and finishes those it has; not all are old together', async () => {
    const ages: number[] = [];
    const rig = open({ maxAgeMs: 10_000 });
    for (let i = 0; i < 20; i++) {
      const bornMs = rig.clock.now();
      const [running] = rig.ask();
      const peer = rig.dialled[i].accept();
      while (peer.of(Type.Goaway).length === 0) await pass(rig, 100, 100);
      ages.push(rig.clock.now() - bornMs);
      expect(running.ended).to.equal('');
      answer(peer);
      await turns();
      expect(running.ended).to.equal('answered');
    }
    // 10% up and down, and what lies between two looks.
    expect(Math.min(...ages)).to.be.within(9000, 10_000);
    expect(Math.max(...ages)).to.be.within(10_500, 14_000);
    rig.pool.close();
  });

  describe('keepalive', () => {
    const keepalive = { intervalMs: 30_000, timeoutMs: 4000, withoutCalls: false };

    it('asks a peer that is silent during a call, and gives it up if it stays so', async () => {
      const rig = open({ keepalive });
      const [asker] = rig.ask();
      const peer = rig.dialled[0].accept();
      await pass(rig, 29_000);
      expect(pings(peer)).to.equal(0);
      peer.answersPings = false;
      await pass(rig, 3000);
      expect(pings(peer)).to.equal(1);
      await pass(rig, 6000);
      expect(asker.ended).to.equal('closed');
      expect(rig.pool.connections).to.equal(0);
      rig.pool.close();
    });

    it('any byte is a sign of life', async () => {
      const rig = open({ keepalive });
      const [asker] = rig.ask();
      const peer = rig.dialled[0].accept();
      await turns();
      for (let i = 0; i < 20; i++) {
        await pass(rig, 20_000);
        peer.send(Type.WindowUpdate, 0, 0, Buffer.from([0, 0, 0, 1]));
        await turns();
      }
      await peer.roundTrip();
      expect([pings(peer), asker.ended]).to.deep.equal([0, '']);
      await pass(rig, 200_000);
      expect(pings(peer), 'answered, each in its turn').to.be.within(5, 7);
      expect(asker.ended).to.equal('');
      rig.pool.close();
    });

    it('without calls nobody is asked, unless that is configured', async () => {
      const quiet = await idle({ keepalive });
      await pass(quiet, 100_000, 1000);
      expect(pings(quiet.peer)).to.equal(0);
      quiet.pool.close();
      const asking = await idle({ keepalive: { ...keepalive, withoutCalls: true } });
      await pass(asking, 100_000, 1000);
      expect(pings(asking.peer)).to.be.within(2, 3);
      asking.pool.close();
    });

    it('a peer that says "too many pings" is asked half as often from then on', async () => {
      const rig = open({ keepalive });
      const [running] = rig.ask();
      const peer = rig.dialled[0].accept();
      await turns();
      peer.goaway(0x7fff_ffff, ErrorCode.ENHANCE_YOUR_CALM);
      answer(peer);
      await turns();
      expect(running.ended).to.equal('answered');
      rig.ask();
      const second = rig.dialled[1].accept();
      await turns();
      await pass(rig, 58_000, 1000);
      expect(pings(second)).to.equal(0);
      await pass(rig, 6000, 1000);
      expect(pings(second)).to.equal(1);
      rig.pool.close();
    });

    it('a check that this process held up judges no silence', () => {
      const connection = { active: 1, nextStreamId: 3, accepting: true, nowMs: 0, ping() {} };
      const settings = { ...defaultConnectionLife, keepalive };
      const life = new ConnectionLife(connection as unknown as Http2Connection, settings, 0, 0.5, 1);
      expect(life.check(30_000, false, false)).to.equal('lives');
      expect(life.check(90_000, false, true)).to.equal('lives');
      expect(life.check(93_000, false, false)).to.equal('lives');
      expect(life.check(94_000, false, false)).to.equal('dead');
    });
  });

  it('is checked as often as its shortest timeout requires, and no more often than needed', () => {
    expect(checkIntervalMs(defaultConnectionLife)).to.equal(15_000);
    expect(checkIntervalMs({ ...defaultConnectionLife, idleTimeoutMs: 4000 })).to.equal(1000);
    expect(checkIntervalMs({ ...defaultConnectionLife, idleTimeoutMs: 0 })).to.equal(10);
  });
});

describe('ConnectionLife, one check at a time', () => {
  type Peer = {
    accepting: boolean;
    active: number;
    nextStreamId: number;
    nowMs: number;
    pings: number;
    ping(): void;
  };
  function setUpLife(changes: Partial<ConnectionLifeSettings> = {}, jitter = 0.5, patience = 1) {
    const peer: Peer = {
      accepting: true,
      active: 0,
      nextStreamId: 1,
      nowMs: 100,
      pings: 0,
      ping() {
        peer.pings++;
      },
    };
    const settings = { ...defaultConnectionLife, ...changes };
    const life = new ConnectionLife(peer as unknown as Http2Connection, settings, 100, jitter, patience);
    return { peer, life };
  }

  it('by default ends after an hour without calls, a minute where another connection would do', () => {
    expect(defaultConnectionLife).to.deep.equal({
      idleTimeoutMs: 3_600_000,
      surplusIdleTimeoutMs: 60_000,
      maxAgeMs: Number.POSITIVE_INFINITY,
      keepalive: null,
    });
    const { life } = setUpLife();
    expect(life.check(100, false, false)).to.equal('lives');
    expect(life.check(60_099, true, false)).to.equal('lives');
    expect(life.check(60_100, false, false)).to.equal('lives');
    expect(life.check(60_100, true, false)).to.equal('idle');
    expect(life.check(3_600_100, false, false)).to.equal('idle');
  });

  it('is idle from its beginning, where no call ever came', () => {
    const { life, peer } = setUpLife({ idleTimeoutMs: 1000 });
    peer.nextStreamId = -1;
    expect(life.check(1099, false, false)).to.equal('lives');
    expect(life.check(1100, false, false)).to.equal('idle');
  });

  it('is old at its age, 10% less for the least jitter and 10% more for the most', () => {
    for (const [jitter, oldAtMs] of [
      [0, 900],
      [0.5, 1000],
      [1, 1100],
    ]) {
      const { life } = setUpLife({ maxAgeMs: 1000 }, jitter);
      expect(life.check(100 + oldAtMs - 1, false, false), `jitter ${jitter}`).to.equal('lives');
      expect(life.check(100 + oldAtMs, false, false), `jitter ${jitter}`).to.equal('old');
    }
  });

  it('that takes no new calls is neither idle nor old', () => {
    const { life, peer } = setUpLife({ idleTimeoutMs: 1000, maxAgeMs: 1000 });
    peer.accepting = false;
    expect(life.check(10_000, false, false)).to.equal('lives');
  });

  it('pings at its interval, multiplied by the patience, and is dead when the time to answer is over', () => {
    const keepalive = { intervalMs: 1000, timeoutMs: 500, withoutCalls: true };
    const { life, peer } = setUpLife({ keepalive }, 0.5, 2);
    life.check(2099, false, false);
    expect(peer.pings).to.equal(0);
    life.check(2100, false, false);
    expect(peer.pings).to.equal(1);
    expect(life.check(2599, false, false)).to.equal('lives');
    expect(life.check(2600, false, false)).to.equal('dead');
  });

  it('pings again after an answer, and no sooner than its interval', () => {
    const keepalive = { intervalMs: 1000, timeoutMs: 500, withoutCalls: true };
    const { life, peer } = setUpLife({ keepalive });
    life.check(1100, false, false);
    peer.nowMs = 1200;
    expect(life.check(1700, false, false)).to.equal('lives');
    life.check(2199, false, false);
    expect(peer.pings).to.equal(1);
    life.check(2200, false, false);
    expect(peer.pings).to.equal(2);
  });
});
