import { expect } from 'chai';
import { VirtualClock } from '../../../src/core/clock.ts';
import { ErrorCode } from '../../../src/core/error-code.ts';
import { SeededRandom } from '../../../src/core/random.ts';
import { connectionDefaults } from '../../../src/http2/options.ts';
import { FlushScheduler } from '../../../src/transport/flush-scheduler.ts';
import { defaultConnectionLife } from '../../../src/upstream/connection-life.ts';
import { Http2Pool, type Http2PoolSettings } from '../../../src/upstream/http2-pool.ts';
import { SubchannelCounts } from '../../../src/upstream/subchannels.ts';
import { startFrameServer } from '../../support/frame-peer.ts';
import { until } from '../../support/until.ts';
import { turns } from './dialled.ts';
import { Asker, answer, setUp } from './pool-rig.ts';

/** gRFC A94: what a pool counts of its connections. */
describe('Http2Pool, as a subchannel', () => {
  const streamIdMax = 0x7fff_ffff;

  function counted(settings: Partial<Http2PoolSettings> = {}) {
    const counts = new SubchannelCounts();
    return { counts, ...setUp({ ...settings, subchannel: () => counts }) };
  }

  /** With one connection, whose only call was answered. */
  async function connected(settings: Partial<Http2PoolSettings> = {}) {
    const rig = counted(settings);
    rig.ask();
    const peer = rig.dialled[0].accept();
    await turns();
    answer(peer);
    await turns();
    return { ...rig, peer };
  }

  const seen = ({ succeeded, failed, open, disconnections }: SubchannelCounts) => ({
    succeeded,
    failed,
    open,
    disconnections: Object.fromEntries(disconnections),
  });

  it('counts a connection once it can carry calls', async () => {
    const { counts, pool, dialled, ask } = counted();
    ask();
    await turns();
    expect(seen(counts)).to.deep.equal({ succeeded: 0, failed: 0, open: 0, disconnections: {} });
    dialled[0].accept();
    await turns();
    expect(seen(counts)).to.deep.equal({ succeeded: 1, failed: 0, open: 1, disconnections: {} });
    pool.close();
  });

  it('counts attempts that fail or take too long, and no disconnection for them', async () => {
    const { counts, pool, clock, dialled, ask } = counted();
    ask();
    dialled[0].fail('refused', 'ECONNREFUSED');
    await turns();
    expect(counts.failed).to.equal(1);
    clock.advance(1300);
    ask();
    expect(dialled).to.have.length(2);
    clock.advance(1000);
    await turns();
    expect(seen(counts)).to.deep.equal({ succeeded: 0, failed: 2, open: 0, disconnections: {} });
    pool.close();
  });

  it('does not count an attempt that a shutdown ends', async () => {
    const { counts, pool, ask } = counted();
    ask();
    pool.drain();
    await turns();
    expect(seen(counts)).to.deep.equal({ succeeded: 0, failed: 0, open: 0, disconnections: {} });
  });

  const breaks: Array<[code: string | undefined, reason: string]> = [
    ['ECONNRESET', 'connection reset'],
    ['ETIMEDOUT', 'connection timed out'],
    ['ECONNABORTED', 'connection aborted'],
    ['EPIPE', 'socket error'],
    ['ERR_SSL_BAD_RECORD', 'unknown'],
    [undefined, 'unknown'],
  ];
  for (const [code, reason] of breaks)
    it(`counts a connection that broke with ${code ?? 'no code'} as ${reason}`, async () => {
      const { counts, pool, dialled } = await connected();
      dialled[0].fail('broke', code);
      await turns();
      expect(seen(counts)).to.deep.equal({
        succeeded: 1,
        failed: 0,
        open: 0,
        disconnections: { [reason]: 1 },
      });
      pool.close();
    });

  it('counts the code of GOAWAY, and ends with it whatever breaks the connection afterwards', async () => {
    const { counts, pool, dialled, ask } = counted();
    ask();
    const peer = dialled[0].accept();
    await turns();
    peer.goaway(streamIdMax, ErrorCode.ENHANCE_YOUR_CALM);
    await turns();
    expect(counts.open, 'while it has a call').to.equal(1);
    dialled[0].fail('broke', 'EPIPE');
    await turns();
    expect(seen(counts).disconnections).to.deep.equal({ 'GOAWAY ENHANCE_YOUR_CALM': 1 });
    pool.close();
  });

  it('counts a GOAWAY with a code that nobody knows as one with INTERNAL_ERROR', async () => {
    const { counts, pool, peer } = await connected();
    peer.goaway(streamIdMax, 0xbad);
    await turns();
    expect(seen(counts).disconnections).to.deep.equal({ 'GOAWAY INTERNAL_ERROR': 1 });
    pool.close();
  });

  it('counts what Outrigger closes by itself as a shutdown: idle, retired, drained, closed', async () => {
    const ends: Array<(rig: Awaited<ReturnType<typeof connected>>) => void> = [
      ({ clock }) => clock.advance(defaultConnectionLife.idleTimeoutMs + 60_000),
      ({ pool }) => pool.retire(),
      ({ pool }) => pool.drain(),
      ({ pool }) => pool.close(),
    ];
    for (const end of ends) {
      const rig = await connected();
      end(rig);
      await turns();
      expect(seen(rig.counts)).to.deep.equal({
        succeeded: 1,
        failed: 0,
        open: 0,
        disconnections: { 'subchannel shutdown': 1 },
      });
      rig.pool.close();
    }
  });

  it('counts a connection that does not answer a keepalive PING as timed out', async () => {
    const keepalive = { intervalMs: 1000, timeoutMs: 1000, withoutCalls: true };
    const { counts, pool, clock, dialled, ask } = counted({ life: { ...defaultConnectionLife, keepalive } });
    ask();
    const peer = dialled[0].accept();
    await turns();
    // A peer that reads nothing more.
    peer.socket.pause();
    peer.socket.removeAllListeners('data');
    for (let i = 0; i < 20; i++) clock.advance(250);
    await turns();
    expect(seen(counts).disconnections).to.deep.equal({ 'connection timed out': 1 });
    pool.close();
  });

  it('counts a real connection that the endpoint resets as reset', async () => {
    const server = await startFrameServer(() => {});
    const [host, port] = server.address.split(':');
    const counts = new SubchannelCounts();
    const settings = { connectTimeoutMs: 4000, connectionsMax: 1, pendingMax: 1, http2: connectionDefaults };
    const pool = new Http2Pool(
      { kind: 'tcp', host, port: Number(port) },
      null,
      { ...settings, subchannel: () => counts },
      { clock: new VirtualClock(), random: new SeededRandom(1), scheduler: new FlushScheduler() },
      () => {},
    );
    pool.open(new Asker());
    await until(
      () => counts.open === 1,
      () => 'no connection',
    );
    server.peers[0].socket.resetAndDestroy();
    await until(
      () => counts.open === 0,
      () => 'still open',
    );
    expect(seen(counts).disconnections).to.deep.equal({ 'connection reset': 1 });
    pool.close();
    await server.close();
  });
});
