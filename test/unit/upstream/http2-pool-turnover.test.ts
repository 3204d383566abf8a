import { expect } from 'chai';
import { VirtualClock } from '../../../src/core/clock.ts';
import { ErrorCode } from '../../../src/core/error-code.ts';
import { SeededRandom } from '../../../src/core/random.ts';
import { connectionDefaults } from '../../../src/http2/options.ts';
import type { Http2Stream } from '../../../src/http2/stream.ts';
import { FlushScheduler } from '../../../src/transport/flush-scheduler.ts';
import { defaultConnectionLife } from '../../../src/upstream/connection-life.ts';
import { Http2Pool, type Http2PoolSettings } from '../../../src/upstream/http2-pool.ts';
import { PoolTotals } from '../../../src/upstream/pool-totals.ts';
import { type FramePeer, startFrameServer, Type } from '../../support/frame-peer.ts';
import { until } from '../../support/until.ts';
import { memoryDial, turns } from './dialled.ts';
import { Asker, answer, maxStreams, setUp } from './pool-rig.ts';

/** The second event of each limit: what was counted is given back, what was delayed goes on, what broke is replaced. */
describe('Http2Pool, over time', () => {
  const unlimited = Number.POSITIVE_INFINITY;

  describe('calls that wait', () => {
    it('give their place back when they are cancelled', () => {
      const totals = new PoolTotals(unlimited, 2);
      const { pool, ask } = setUp({ pendingMax: 2, totals });
      const [first, second] = ask(2);
      pool.cancel(first);
      expect(totals.pending).to.equal(1);
      expect(ask()[0].failure).to.equal(null);
      pool.cancel(second);
      expect(totals.pending).to.equal(1);
      pool.close();
      expect(totals.pending).to.equal(0);
    });

    it('keep their place when somebody is cancelled who does not wait', async () => {
      const totals = new PoolTotals(unlimited, 10);
      const { pool, dialled, ask } = setUp({ connectionsMax: 1, totals });
      const [running, waiting] = ask(2);
      const peer = dialled[0].accept(maxStreams(1));
      await turns();
      pool.cancel(running);
      expect(totals.pending).to.equal(1);
      answer(peer);
      await turns();
      expect(waiting.stream).to.not.equal(null);
      pool.close();
    });

    it('give their place back when their connection fails', async () => {
      const totals = new PoolTotals(unlimited, 10);
      const { pool, dialled, ask } = setUp({ totals });
      ask(3);
      dialled[0].fail('no');
      await turns();
      expect(totals.pending).to.equal(0);
      pool.close();
    });

    it('are not served later once they were told that too many wait', async () => {
      const { pool, dialled, ask } = setUp({ pendingMax: 1 });
      const [, refused] = ask(2);
      dialled[0].accept();
      await turns();
      expect([refused.failure?.code, refused.stream]).to.deep.equal(['overloaded', null]);
      pool.close();
    });

    it('get a new connection when the full one that they wait for breaks', async () => {
      const { pool, dialled, ask } = setUp({ connectionsMax: 1 });
      const [, waiting] = ask(2);
      dialled[0].accept(maxStreams(1));
      await turns();
      dialled[0].fail('crashed');
      await turns();
      dialled[1].accept();
      await turns();
      expect(waiting.stream).to.not.equal(null);
      pool.close();
    });

    it('get a new connection when the full one that they wait for says GOAWAY', async () => {
      const { pool, dialled, ask } = setUp({ totals: new PoolTotals(1, 10) });
      ask(2);
      const peer = dialled[0].accept(maxStreams(1));
      await turns();
      expect(dialled).to.have.length(1);
      peer.goaway(0x7fff_ffff, ErrorCode.NO_ERROR);
      await turns();
      expect(dialled).to.have.length(2);
      pool.close();
    });

    it('stay while one of the connections lives, though another broke and none can be opened', async () => {
      const { pool, dialled, ask } = setUp();
      const [, , waiting] = ask(3);
      dialled[0].accept(maxStreams(1));
      await turns();
      const second = dialled[1].accept(maxStreams(1));
      dialled[2].fail('too many');
      await turns();
      dialled[0].fail('crashed');
      await turns();
      expect(waiting.failure).to.equal(null);
      answer(second);
      await turns();
      expect(waiting.stream).to.not.equal(null);
      pool.close();
    });
  });

  describe('a connection on which the endpoint resets every stream', () => {
    /** Resets, or answers, the streams of these. */
    const end = (peer: FramePeer, asked: Asker[], answers: boolean) => {
      for (const asker of asked) {
        const { id } = asker.stream as Http2Stream;
        if (answers) peer.headers(id, [[':status', '200']], true);
        else peer.rst(id, ErrorCode.ENHANCE_YOUR_CALM);
      }
      return turns();
    };
    /** A connection with a call that stays, that has given 100 answers, 10 ms apart. */
    const begin = async (settings: Partial<Http2PoolSettings> = {}, answers = 100) => {
      const rig = setUp(settings);
      const [long] = rig.ask();
      const peer = rig.dialled[0].accept();
      await turns();
      const each = async (count: number, answered: boolean) => {
        for (let i = 0; i < count; i++) {
          rig.clock.advance(10);
          await end(peer, rig.ask(), answered);
        }
      };
      await each(answers, true);
      return { ...rig, peer, long, each };
    };

    it('is replaced, and its calls in flight end there', async () => {
      const { pool, dialled, ask, peer, long, each } = await begin();
      await each(7, false);
      expect(dialled, 'silent for less than eight times as long as usual').to.have.length(1);
      await each(1, false);
      const [next] = ask();
      expect(dialled).to.have.length(2);
      dialled[1].accept();
      await turns();
      expect(next.stream).to.not.equal(null);
      await end(peer, [long], true);
      expect([long.ended, pool.connections]).to.deep.equal(['answered', 1]);
      pool.close();
    });

    it('is replaced after five, however long the endpoint has been silent', async () => {
      const { pool, clock, dialled, ask, peer, each } = await begin();
      clock.advance(10_000);
      await each(4, false);
      const [fifth] = ask();
      expect(dialled, 'after four').to.have.length(1);
      await end(peer, [fifth], false);
      ask();
      expect(dialled, 'after five').to.have.length(2);
      pool.close();
    });

    it('is kept while it is silent for no longer than usual, as with an endpoint that is overloaded', async () => {
      const { pool, dialled, ask, each } = await begin();
      for (let i = 0; i < 50; i++) {
        await each(6, false);
        await each(1, true);
      }
      ask();
      expect(dialled).to.have.length(1);
      pool.close();
    });

    it('is kept where it never answered', async () => {
      const { pool, dialled, ask, each } = await begin({}, 0);
      await each(200, false);
      ask();
      expect(dialled).to.have.length(1);
      pool.close();
    });

    it('is kept while it has calls and there is no room for another', async () => {
      const { pool, dialled, ask, peer, long, each } = await begin({ connectionsMax: 1 });
      await each(20, false);
      const [more] = ask();
      expect(more.stream, 'on the same connection').to.not.equal(null);
      await end(peer, [long, more], false);
      ask();
      expect(dialled, 'once it has none').to.have.length(2);
      pool.close();
    });
  });

  describe('the limit of the cluster', () => {
    it('lets a pool whose only connection drains open another', async () => {
      const totals = new PoolTotals(1, 10);
      const { pool, dialled, ask } = setUp({ totals });
      ask();
      const peer = dialled[0].accept();
      await turns();
      peer.goaway(0x7fff_ffff, ErrorCode.NO_ERROR);
      await turns();
      ask();
      expect([dialled.length, totals.connections]).to.deep.equal([2, 2]);
      pool.close();
    });

    it('holds for a pool whose only connection lives and is full', async () => {
      const { pool, dialled, ask } = setUp({ totals: new PoolTotals(1, 10) });
      ask();
      dialled[0].accept(maxStreams(1));
      await turns();
      expect([ask()[0].failure, dialled.length]).to.deep.equal([null, 1]);
      pool.close();
    });
  });

  describe('the back-off', () => {
    it('holds back those that wait for more than one connection carries, and ends with a dial for them', async () => {
      const { pool, clock, dialled, ask } = setUp();
      const [, , waiting] = ask(3);
      const peer = dialled[0].accept(maxStreams(1));
      await turns();
      dialled[1].fail('too many');
      dialled[2].fail('too many');
      await turns();
      answer(peer);
      await turns();
      expect([waiting.stream, dialled.length], 'a stream that ends is no reason to dial').to.deep.equal([
        null,
        3,
      ]);
      clock.advance(1201);
      expect(dialled).to.have.length(4);
      pool.close();
    });

    it('is over, and its growth forgotten, when the endpoint was seen alive', async () => {
      const { pool, clock, dialled, ask } = setUp();
      for (let i = 0; i < 5; i++) {
        ask();
        dialled.at(-1)!.fail('no');
        await turns();
        clock.advance(20_000);
      }
      ask();
      dialled.at(-1)!.fail('no');
      await turns();
      pool.resetBackoff();
      ask();
      dialled.at(-1)!.fail('no');
      await turns();
      expect(pool.backingOff).to.not.equal('');
      clock.advance(1201);
      expect(pool.backingOff).to.equal('');
      pool.close();
      expect(clock.pending).to.equal(0);
    });

    it('of before does not end the next one early', async () => {
      const { pool, clock, dialled, ask } = setUp();
      ask();
      dialled[0].fail('no');
      await turns();
      clock.advance(700);
      pool.resetBackoff();
      ask();
      dialled[1].fail('no');
      await turns();
      clock.advance(750);
      expect(pool.backingOff).to.not.equal('');
      pool.close();
    });

    it('that ends since the endpoint was seen alive has a connection opened for who waits', async () => {
      const { pool, dialled, ask } = setUp();
      const [, waiting] = ask(2);
      dialled[0].accept(maxStreams(1));
      await turns();
      dialled[1].fail('too many');
      await turns();
      pool.resetBackoff();
      expect(dialled).to.have.length(3);
      dialled[2].accept();
      await turns();
      expect(waiting.stream).to.not.equal(null);
      pool.close();
    });

    it('ends with the first of several connections that works', async () => {
      const { pool, dialled, ask } = setUp({ pendingMax: 1000 });
      ask(201);
      dialled[0].fail('too many');
      await turns();
      dialled[1].accept(maxStreams(100));
      await turns();
      expect(dialled.length).to.be.greaterThan(3);
      pool.close();
    });

    it('leaves nothing when the pool is closed meanwhile', async () => {
      const { pool, clock, dialled, ask } = setUp();
      ask();
      dialled[0].fail('no');
      await turns();
      pool.close();
      expect([pool.backingOff, clock.pending]).to.deep.equal(['', 0]);
    });
  });

  it('expects no more than 1,000 streams of a connection, whatever the peer allows', async () => {
    for (const [calls, connections] of [
      [1000, 1],
      [1001, 2],
    ]) {
      const { pool, dialled, ask } = setUp({ pendingMax: 5000 });
      ask();
      dialled[0].accept(maxStreams(100_000));
      await turns();
      dialled[0].fail('crashed');
      await turns();
      ask(calls);
      expect(dialled).to.have.length(1 + connections);
      pool.close();
    }
  });

  it('a GOAWAY that says nothing of too many PINGs leaves the keepalive as it is', async () => {
    const keepalive = { intervalMs: 10_000, timeoutMs: 5000, withoutCalls: true };
    for (const [code, pings] of [
      [ErrorCode.NO_ERROR, 1],
      [ErrorCode.ENHANCE_YOUR_CALM, 0],
    ]) {
      const { pool, clock, dialled, ask } = setUp({ life: { ...defaultConnectionLife, keepalive } });
      ask();
      const first = dialled[0].accept();
      await turns();
      first.goaway(0x7fff_ffff, code);
      await turns();
      ask();
      const second = dialled[1].accept();
      await turns();
      for (let i = 0; i < 12; i++) {
        clock.advance(1250);
        await turns(2);
      }
      expect(second.of(Type.Ping).filter(({ flags }) => flags === 0)).to.have.length(pings);
      pool.close();
    }
  });

  it('a peer has the connect timeout again where this process stalled, for as long as it did', async () => {
    const { pool, clock, dialled, ask } = setUp({ connectTimeoutMs: 1000 });
    const stall = (ms: number): void => {
      (clock as unknown as { nowMs: number }).nowMs += ms;
      clock.advance(0);
    };
    const [asker] = ask();
    stall(1300);
    clock.advance(299);
    expect(asker.failure).to.equal(null);
    stall(5000);
    clock.advance(299);
    expect(asker.failure).to.equal(null);
    clock.advance(1);
    expect(asker.failure?.code).to.equal('connect_timeout');
    expect(dialled[0].closed).to.equal(true);
    pool.close();
  });

  it('a bug while a connection is begun leaves no connection behind', () => {
    const clock = new VirtualClock();
    const { dial, dialled } = memoryDial();
    const totals = new PoolTotals(unlimited, unlimited);
    const settings = {
      connectTimeoutMs: 1000,
      connectionsMax: 10,
      pendingMax: 10,
      http2: connectionDefaults,
      totals,
    };
    const deps = { clock, random: new SeededRandom(1), scheduler: new FlushScheduler(), dial };
    const pool = new Http2Pool({ kind: 'tcp', host: 'a', port: 1 }, null, settings, deps, () => {});
    const { after } = clock;
    clock.after = () => {
      clock.after = after;
      throw new Error('a bug');
    };
    expect(() => pool.open(new Asker())).to.throw('a bug');
    expect([dialled[0].closed, pool.connections, totals.connections]).to.deep.equal([true, 0, 0]);
    pool.close();
  });

  it('dials the address itself, by TLS where it is given, and reads what comes', async () => {
    const server = await startFrameServer(() => {});
    const [host, port] = server.address.split(':');
    const settings = { connectTimeoutMs: 4000, connectionsMax: 1, pendingMax: 1, http2: connectionDefaults };
    const deps = { clock: new VirtualClock(), random: new SeededRandom(1), scheduler: new FlushScheduler() };
    const address = { kind: 'tcp', host, port: Number(port) } as const;
    const pool = new Http2Pool(address, null, settings, deps, () => {});
    const asker = new Asker();
    pool.open(asker);
    await until(
      () => asker.stream !== null,
      () => 'no stream',
    );
    pool.close();
    await server.close();
    const given: unknown[] = [];
    const tls = { servername: 'a' };
    const { dial } = memoryDial();
    const withTls = new Http2Pool(
      address,
      tls,
      settings,
      {
        ...deps,
        dial: (...args) => {
          given.push(...args.slice(0, 2));
          return dial();
        },
      },
      () => {},
    );
    withTls.open(new Asker());
    expect(given).to.deep.equal([address, tls]);
    withTls.close();
  });
});
