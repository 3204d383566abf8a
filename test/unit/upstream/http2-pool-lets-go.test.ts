import { expect } from 'chai';
import { ErrorCode } from '../../../src/core/error-code.ts';
import { defaultConnectionLife } from '../../../src/upstream/connection-life.ts';
import { Type } from '../../support/frame-peer.ts';
import { turns } from './dialled.ts';
import { answer, maxStreams, setUp } from './pool-rig.ts';

describe('Http2Pool, letting connections go', () => {
  it('retired, a connection that is still being made serves those that wait for it', async () => {
    const { pool, dialled, ask } = setUp();
    const [asker] = ask();
    pool.retire();
    dialled[0].accept();
    await turns();
    expect([asker.stream === null, dialled.length]).to.deep.equal([false, 1]);
    pool.close();
  });

  it('draining, a connection that never answered is closed at once', async () => {
    const { pool, dialled, ask } = setUp();
    ask();
    pool.drain();
    expect([dialled[0].closed, pool.connections]).to.deep.equal([true, 0]);
  });

  it('closed, it fails who waits and who comes, and dials no more', async () => {
    const { pool, dialled, ask } = setUp({ connectionsMax: 1 });
    const [, waiting] = ask(2);
    dialled[0].accept(maxStreams(1));
    await turns();
    pool.close();
    const message = '10.0.0.1:50051 is no longer used';
    expect(waiting.failure).to.deep.equal({ code: 'connect_failed', message });
    expect(ask()[0].failure).to.deep.equal({ code: 'connect_failed', message });
    expect(dialled).to.have.length(1);
  });

  it('a connection that is being made is not idle, however long it takes', async () => {
    const life = { ...defaultConnectionLife, idleTimeoutMs: 4000 };
    const { pool, clock, dialled, ask } = setUp({ connectTimeoutMs: 60_000, life });
    const [asker] = ask();
    clock.advance(30_000);
    dialled[0].accept();
    await turns();
    expect([asker.stream === null, dialled.length]).to.deep.equal([false, 1]);
    pool.close();
  });

  it('an idle connection is no surplus while the other one is full', async () => {
    const life = { ...defaultConnectionLife, surplusIdleTimeoutMs: 2000, idleTimeoutMs: 1_000_000 };
    const { pool, clock, dialled, ask } = setUp({ life });
    ask(2);
    dialled[0].accept(maxStreams(1));
    await turns();
    const idle = dialled[1].accept(maxStreams(1));
    await turns();
    answer(idle);
    for (let i = 0; i < 20; i++) {
      clock.advance(500);
      await turns(2);
    }
    await idle.roundTrip();
    expect([pool.connections, idle.of(Type.Goaway).length]).to.deep.equal([2, 0]);
    pool.close();
  });

  it('when one of two ends, the other is still closed once it is idle', async () => {
    const life = { ...defaultConnectionLife, idleTimeoutMs: 4000 };
    const { pool, clock, dialled, ask } = setUp({ life });
    ask(2);
    dialled[0].accept(maxStreams(1));
    await turns();
    const other = dialled[1].accept(maxStreams(1));
    await turns();
    dialled[0].fail('crashed');
    answer(other);
    await turns();
    for (let i = 0; i < 20; i++) {
      clock.advance(500);
      await turns(2);
    }
    expect(other.of(Type.Goaway)).to.have.length(1);
    other.socket.end();
    await turns();
    expect([pool.connections, clock.pending]).to.deep.equal([0, 0]);
  });

  describe('resets of more calls than a server takes at once', () => {
    /** A connection with one call that goes on and 300 that were taken back: 100 are reset at once. */
    async function manyTakenBack(begin: (rig: ReturnType<typeof setUp>) => void = () => {}) {
      const rig = setUp({ pendingMax: 1000 });
      const askers = rig.ask(99);
      const peer = rig.dialled[0].accept(maxStreams(1000));
      await turns();
      askers.push(...rig.ask(202));
      await turns();
      begin(rig);
      for (const { stream } of askers.slice(1)) stream?.reset(ErrorCode.CANCEL);
      await turns();
      const resets = (): number => peer.of(Type.Rst).length;
      expect(resets()).to.equal(100);
      return { ...rig, peer, resets };
    }

    it('are sent at three a second while the connection lives on for others', async () => {
      const { pool, clock, resets } = await manyTakenBack();
      for (let second = 1; second <= 4; second++) {
        clock.advance(1000);
        await turns();
        expect(resets()).to.equal(100 + 3 * second);
      }
      pool.close();
      await turns();
      expect(clock.pending).to.equal(0);
    });

    it('are sent too where the connection was let go before', async () => {
      const { pool, clock, resets } = await manyTakenBack(({ pool: retiring }) => retiring.retire());
      clock.advance(1000);
      await turns();
      expect(resets()).to.equal(103);
      pool.close();
    });
  });
});
