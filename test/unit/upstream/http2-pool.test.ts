import { expect } from 'chai';
import { ErrorCode } from '../../../src/core/error-code.ts';
import { PoolTotals } from '../../../src/upstream/pool-totals.ts';
import { Type } from '../../support/frame-peer.ts';
import { turns } from './dialled.ts';
import { answer, maxStreams, setUp } from './pool-rig.ts';

describe('Http2Pool', () => {
  it('connects at the first call, and gives a stream once the peer has said SETTINGS', async () => {
    const { pool, dialled, ask } = setUp();
    expect(dialled).to.have.length(0);
    const [asker] = ask();
    await turns();
    expect(asker.stream).to.equal(null);
    const peer = dialled[0].accept();
    await turns();
    expect(asker.stream).to.not.equal(null);
    expect(peer.of(Type.Headers)).to.have.length(1);
    expect(pool.connections).to.equal(1);
    pool.close();
  });

  it('carries many calls on one connection, also those that came while it was being made', async () => {
    const { pool, dialled, ask } = setUp();
    const early = ask(50);
    dialled[0].accept();
    await turns();
    const late = ask(49);
    for (const { stream } of [...early, ...late]) expect(stream).to.not.equal(null);
    expect(dialled).to.have.length(1);
    pool.close();
  });

  it('opens another connection as soon as the streams of one are used up', async () => {
    const { pool, dialled, ask } = setUp();
    const askers = ask(5);
    dialled[0].accept(maxStreams(2));
    await turns();
    // It knows by now how many a connection carries.
    expect(dialled).to.have.length(3);
    for (const one of dialled.slice(1)) one.accept(maxStreams(2));
    await turns();
    for (const { stream } of askers) expect(stream).to.not.equal(null);
    pool.close();
  });

  it('opens no more connections than allowed; calls wait for a stream to end', async () => {
    const { pool, dialled, ask } = setUp({ connectionsMax: 1 });
    const [first, second] = ask(2);
    const peer = dialled[0].accept(maxStreams(1));
    await turns();
    expect([first.stream === null, second.stream === null]).to.deep.equal([false, true]);
    answer(peer);
    await turns();
    expect(second.stream).to.not.equal(null);
    expect(dialled).to.have.length(1);
    pool.close();
  });

  it('shares the limits of its cluster, but for the first connection', async () => {
    const totals = new PoolTotals(2, 3);
    const [a, b, c] = [setUp({ totals }), setUp({ totals }), setUp({ totals })];
    const [first, second] = a.ask(2);
    const peer = a.dialled[0].accept(maxStreams(1));
    await turns();
    expect([first.stream === null, second.stream === null]).to.deep.equal([false, true]);
    expect(a.dialled).to.have.length(2);
    const [third, fourth, fifth] = [...a.ask(1), ...b.ask(1), ...c.ask(1)];
    expect(fifth.failure).to.deep.equal({
      code: 'overloaded',
      message: 'the cluster of 10.0.0.1:50051 has 3 calls waiting for connections already',
    });
    expect([b.dialled.length, totals.connections, totals.pending]).to.deep.equal([1, 3, 3]);
    b.dialled[0].accept(maxStreams(1));
    a.dialled[1].accept(maxStreams(1));
    await turns();
    expect([second.stream === null, third.stream === null, fourth.stream === null]).to.deep.equal([
      false,
      true,
      false,
    ]);
    answer(peer);
    await turns();
    expect(third.stream).to.not.equal(null);
    for (const { pool } of [a, b, c]) pool.close();
    expect([totals.connections, totals.pending]).to.deep.equal([0, 0]);
  });

  it('counts how long calls waited for the first connection, and how long at the limit of streams', async () => {
    const totals = new PoolTotals(1, 10);
    const { connect, limit } = totals.waits;
    const { pool, clock, dialled, ask } = setUp({ totals });
    ask(1);
    clock.advance(40);
    const peer = dialled[0].accept(maxStreams(1));
    await turns();
    expect([connect.count, connect.sum, limit.count]).to.deep.equal([1, 0.04, 0]);
    const [, cancelled] = ask(2);
    pool.cancel(cancelled);
    clock.advance(7);
    answer(peer);
    await turns();
    expect([connect.count, limit.count, limit.sum]).to.deep.equal([1, 1, 0.007]);
    pool.close();
  });

  it('says overloaded at once to a call too many that waits', () => {
    const { pool, ask } = setUp({ pendingMax: 2 });
    const [, , third] = ask(3);
    expect(third.failure).to.deep.equal({
      code: 'overloaded',
      message: '10.0.0.1:50051 has 2 calls waiting for a connection already',
    });
    pool.close();
  });

  it('a call that is cancelled while it waits gets nothing', async () => {
    const { pool, dialled, ask } = setUp();
    const [first, second] = ask(2);
    pool.cancel(first);
    dialled[0].accept();
    await turns();
    expect([first.stream, first.failure]).to.deep.equal([null, null]);
    expect(second.stream).to.not.equal(null);
    pool.close();
  });

  it('a failed connection fails all that wait, and the next at once, until the back-off is over', async () => {
    const { pool, clock, dialled, ask, changes } = setUp();
    const waiting = ask(3);
    dialled[0].fail('connect ECONNREFUSED');
    await turns();
    const message =
      'no connection to 10.0.0.1:50051: the connection broke: connection refused (ECONNREFUSED)';
    for (const { failure } of waiting) expect(failure).to.deep.equal({ code: 'connect_failed', message });
    expect([pool.backingOff, changes()]).to.deep.equal([message, 1]);
    expect(ask()[0].failure?.message).to.equal(message);
    expect(dialled).to.have.length(1);
    clock.advance(1201); // 1 s ± 20%
    expect([pool.backingOff, changes()]).to.deep.equal(['', 2]);
    ask();
    expect(dialled).to.have.length(2);
    pool.close();
  });

  it('the back-off grows by 1.6 with each consecutive failure, and a success forgets them', async () => {
    const { pool, clock, dialled, ask } = setUp();
    const backoffMs = async (): Promise<number> => {
      ask();
      dialled.at(-1)!.fail('no');
      await turns();
      const sinceMs = clock.now();
      while (pool.backingOff !== '') clock.advance(10);
      return clock.now() - sinceMs;
    };
    for (const expected of [1000, 1600, 2560])
      expect(await backoffMs()).to.be.within(expected * 0.8 - 10, expected * 1.2 + 10);
    ask();
    dialled.at(-1)!.accept();
    await turns();
    dialled.at(-1)!.fail('crashed');
    await turns();
    expect(await backoffMs()).to.be.within(790, 1210);
    pool.close();
  });

  it('connections that were attempted side by side and fail together count as one failure', async () => {
    const { pool, clock, dialled, ask } = setUp({ pendingMax: 1000 });
    ask(250); // 100 streams a connection are expected: three connections
    expect(dialled).to.have.length(3);
    for (const one of dialled) one.fail('no');
    await turns();
    clock.advance(1201);
    expect(pool.backingOff).to.equal('');
    pool.close();
  });

  it('an endpoint that was seen alive is connected to at once', async () => {
    const { pool, dialled, ask } = setUp();
    ask();
    dialled[0].fail('no');
    await turns();
    pool.resetBackoff();
    expect(pool.backingOff).to.equal('');
    ask();
    expect(dialled).to.have.length(2);
    pool.close();
  });

  it('stays in use while a connection lives, though another was unavailable', async () => {
    const { pool, dialled, ask } = setUp();
    const [first, second] = ask(2);
    const peer = dialled[0].accept(maxStreams(1));
    await turns();
    dialled[1].fail('too many');
    await turns();
    expect(pool.backingOff).to.equal('');
    expect(second.failure).to.equal(null);
    answer(peer);
    await turns();
    expect(first.ended).to.equal('answered');
    expect(second.stream).to.not.equal(null);
    pool.close();
  });

  it('when the last connection goes during a back-off, who waits goes to another endpoint at once', async () => {
    const { pool, dialled, ask, changes } = setUp();
    const [first, second] = ask(2);
    dialled[0].accept(maxStreams(1));
    await turns();
    dialled[1].fail('too many');
    await turns();
    const before = changes();
    dialled[0].fail('crashed');
    await turns();
    expect(first.ended).to.equal('closed');
    expect(second.failure?.code).to.equal('connect_failed');
    expect([pool.backingOff === '', changes()]).to.deep.equal([false, before + 1]);
    pool.close();
  });

  it('gives up a peer that says no SETTINGS within the connect timeout', async () => {
    const { pool, clock, dialled, ask } = setUp();
    const [asker] = ask();
    clock.advance(1000);
    await turns();
    expect(asker.failure).to.deep.equal({
      code: 'connect_timeout',
      message: 'no HTTP/2 connection to 10.0.0.1:50051 within 1000 ms',
    });
    expect(dialled[0].closed).to.equal(true);
    pool.close();
  });

  it('a peer that allows no streams is waited for, and not swamped with connections', async () => {
    const { pool, clock, dialled, ask } = setUp();
    const [first] = ask();
    const peer = dialled[0].accept(maxStreams(0));
    await turns();
    expect([dialled.length, first.stream]).to.deep.equal([1, null]);
    peer.send(Type.Settings, 0, 0, Buffer.from('000300000001', 'hex'));
    await turns();
    expect(first.stream).to.not.equal(null);
    const [second] = ask();
    dialled[1].accept(maxStreams(0));
    await turns();
    expect(dialled).to.have.length(2);
    clock.advance(1000);
    await turns();
    expect(second.failure, 'it waits for the connection that lives').to.equal(null);
    pool.close();
  });

  it('names a peer that speaks something else', async () => {
    const { pool, dialled, ask } = setUp();
    const [asker] = ask();
    dialled[0].say('HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n');
    await turns();
    expect(asker.failure?.code).to.equal('connect_failed');
    expect(asker.failure?.message).to.match(/^10\.0\.0\.1:50051 does not speak HTTP\/2 \(/);
    pool.close();
  });

  it('after GOAWAY the next call gets a new connection, and the old one finishes its own', async () => {
    const { pool, dialled, ask } = setUp();
    const [first] = ask();
    const peer = dialled[0].accept();
    await turns();
    peer.goaway(0x7fff_ffff, ErrorCode.NO_ERROR);
    await turns();
    const [second] = ask();
    expect(dialled).to.have.length(2);
    dialled[1].accept();
    answer(peer);
    await turns();
    expect(first.ended).to.equal('answered');
    expect(second.stream).to.not.equal(null);
    expect(pool.connections).to.equal(1);
    pool.close();
  });

  it('retired, its connections close when their calls are over, and the next call makes another', async () => {
    const { pool, dialled, ask } = setUp();
    const [running] = ask();
    const peer = dialled[0].accept();
    await turns();
    pool.retire();
    const [next] = ask();
    expect(dialled).to.have.length(2);
    dialled[1].accept();
    answer(peer);
    await turns();
    expect([running.ended, next.stream === null, pool.connections]).to.deep.equal(['answered', false, 1]);
    expect(peer.of(Type.Goaway)).to.have.length(1);
    pool.close();
  });

  it('draining: running calls finish, who waits or comes goes to another endpoint, nothing is opened any more', async () => {
    const { pool, clock, dialled, ask } = setUp({ connectionsMax: 1 });
    const [running, waiting] = ask(2);
    const peer = dialled[0].accept(maxStreams(1));
    await turns();
    pool.drain();
    expect(waiting.failure).to.deep.equal({
      code: 'connect_failed',
      message: '10.0.0.1:50051 is no longer used',
    });
    expect(ask()[0].failure?.code).to.equal('connect_failed');
    answer(peer);
    await turns();
    expect(running.ended).to.equal('answered');
    expect([pool.connections, dialled.length]).to.deep.equal([0, 1]);
    peer.socket.end(); // as a server does that has seen our end
    await turns();
    expect(clock.pending).to.equal(0);
  });

  it('draining while a connection is being made ends that one too', async () => {
    const { pool, clock, dialled, ask } = setUp();
    const [asker] = ask();
    pool.drain();
    expect(asker.failure?.code).to.equal('connect_failed');
    dialled[0].fail('closed');
    await turns();
    expect([pool.connections, clock.pending]).to.deep.equal([0, 0]);
  });

  it('gives a connection up that stays inside a header section, within three checks, and no other', async () => {
    const { pool, clock, dialled, ask } = setUp();
    const [stuck] = ask();
    const peer = dialled[0].accept();
    await turns();
    clock.advance(60_000);
    await turns();
    expect([stuck.ended, pool.connections]).to.deep.equal(['', 1]);
    // HEADERS without END_HEADERS.
    peer.send(Type.Headers, 0, 1, Buffer.of(0x88));
    await turns();
    for (let ms = 0; ms < 45_000; ms += 15_000) {
      clock.advance(15_000);
      await turns();
    }
    expect([stuck.ended, pool.connections]).to.deep.equal(['protocol', 0]);
    pool.close();
  });

  it('closed, it answers everyone and leaves no timer', async () => {
    const { pool, clock, dialled, ask } = setUp();
    const [running] = ask();
    dialled[0].accept();
    await turns();
    ask(500);
    dialled[1]?.fail('no');
    await turns();
    pool.close();
    await turns();
    expect(running.ended).to.equal('closed');
    expect([pool.connections, clock.pending]).to.deep.equal([0, 0]);
  });
});
