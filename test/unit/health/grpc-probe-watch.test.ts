import * as grpc from '@grpc/grpc-js';
import { expect } from 'chai';
import type { Address } from '../../../src/core/address.ts';
import { type Clock, systemClock, VirtualClock } from '../../../src/core/clock.ts';
import { grpcProbe } from '../../../src/health/grpc-probe.ts';
import { until } from '../../support/until.ts';
import { type HealthCall, serve, type WatchCall } from './health-service-rig.ts';

const timeoutMs = 2000;
const tcp = (port: number): Address => ({ kind: 'tcp', host: '127.0.0.1', port });

describe('grpcProbe with Watch', () => {
  const serving: HealthCall = (_call, done) => done(null, { status: 'SERVING' });
  /** A server and a watching probe of it that was asked once; what the server told of itself. */
  async function watching(onWatch?: (call: WatchCall) => void, clock: Clock = systemClock) {
    const watches: WatchCall[] = [];
    const server = await serve(serving, undefined, undefined, (call) => {
      watches.push(call);
      onWatch?.(call);
    });
    const told: string[] = [];
    const made = grpcProbe(tcp(server.port), clock, { service: 'a.B', mode: 'watch' });
    made.listen?.(({ verdict, reason }) => told.push(`${verdict}: ${reason}`));
    expect(await made.check(timeoutMs)).to.deep.equal({ verdict: 'healthy', reason: 'SERVING' });
    return { server, watches, told, made };
  }
  const tells = (told: readonly string[], count: number) =>
    until(
      () => told.length >= count,
      () => told.join(),
    );

  it('hears of each change as it comes, for the configured service', async () => {
    const { server, watches, told, made } = await watching((call) => call.write({ status: 'SERVING' }));
    await tells(told, 1);
    expect(watches[0].request.service).to.equal('a.B');
    watches[0].write({ status: 'NOT_SERVING' });
    watches[0].write({ status: 'SERVICE_UNKNOWN' });
    await tells(told, 3);
    expect(told).to.deep.equal([
      'healthy: SERVING',
      'unhealthy_now: NOT_SERVING',
      'unhealthy_now: SERVICE_UNKNOWN',
    ]);
    await made.check(timeoutMs);
    expect(watches, 'one watch is enough').to.have.length(1);
    made.close();
    server.close();
  });

  it('a watch that ends is a failure to be probed, and a later good probe begins another', async () => {
    const clock = new VirtualClock();
    const { server, watches, told, made } = await watching(undefined, clock);
    await until(
      () => watches.length === 1,
      () => 'no watch',
    );
    watches[0].emit('error', { code: grpc.status.UNAVAILABLE, details: 'going away' });
    await tells(told, 1);
    expect(told).to.deep.equal(['failed: Health/Watch ended: UNAVAILABLE: going away']);
    clock.advance(1000);
    expect((await made.check(timeoutMs)).verdict).to.equal('healthy');
    await until(
      () => watches.length === 2,
      () => 'no second watch',
    );
    made.close();
    server.close();
  });

  it('a Check that says nothing about health does not contradict what the Watch reported', async () => {
    let watch: WatchCall | null = null;
    let check: HealthCall = serving;
    const server = await serve(
      (call, done) => check(call, done),
      undefined,
      undefined,
      (call) => {
        watch = call;
      },
    );
    const told: string[] = [];
    const made = grpcProbe(tcp(server.port), systemClock, { service: '', mode: 'watch' });
    made.listen?.(({ reason }) => told.push(reason));
    await made.check(timeoutMs);
    check = (_call, done) => done({ code: grpc.status.RESOURCE_EXHAUSTED, details: 'slow down' });
    const limited = { verdict: 'inconclusive', reason: 'RESOURCE_EXHAUSTED: slow down' };
    expect(await made.check(timeoutMs), 'before its first report').to.deep.equal(limited);
    watch!.write({ status: 'NOT_SERVING' });
    await tells(told, 1);
    expect(await made.check(timeoutMs)).to.deep.equal({ verdict: 'unhealthy_now', reason: 'NOT_SERVING' });
    watch!.write({ status: 'SERVING' });
    await tells(told, 2);
    expect(await made.check(timeoutMs)).to.deep.equal({ verdict: 'healthy', reason: 'SERVING' });
    watch!.emit('error', { code: grpc.status.UNAVAILABLE, details: 'going away' });
    await tells(told, 3);
    expect(await made.check(timeoutMs), 'after its end').to.deep.equal(limited);
    made.close();
    server.close();
  });

  it('a Watch that never lasts is opened with increasing intervals, and one that lasted at once', async () => {
    const clock = new VirtualClock();
    let lastsMs = 0;
    const openedMs: number[] = [];
    let ended = 0;
    const server = await serve(serving, undefined, undefined, (call) => {
      openedMs.push(clock.now());
      call.write({ status: 'SERVING' });
      if (lastsMs === 0) call.end();
      else calls.push(call);
    });
    const calls: WatchCall[] = [];
    const made = grpcProbe(tcp(server.port), clock, { service: '', mode: 'watch' });
    made.listen?.(({ verdict }) => {
      if (verdict === 'failed') ended += 1;
    });
    const opens = (count: number) =>
      until(
        () => openedMs.length === count,
        () => `${openedMs}`,
      );
    const ends = (count: number) =>
      until(
        () => ended === count,
        () => `${ended}`,
      );
    for (let ms = 0; ms < 130_000; ms += 500) {
      await made.check(timeoutMs);
      const due =
        openedMs.length === 0 ||
        clock.now() - openedMs.at(-1)! >= Math.min(1000 * 2 ** (openedMs.length - 1), 60_000);
      if (due) {
        const count = openedMs.length + 1;
        await opens(count);
        await ends(count);
      }
      clock.advance(500);
    }
    expect(openedMs).to.deep.equal([0, 1000, 3000, 7000, 15_000, 31_000, 63_000, 123_000]);
    // The next one lasts, and the one after it need not wait.
    lastsMs = 60_000;
    clock.advance(60_000);
    await made.check(timeoutMs);
    await opens(9);
    clock.advance(lastsMs);
    calls[0].end();
    await ends(9);
    await made.check(timeoutMs);
    await opens(10);
    made.close();
    server.close();
  });

  it('does without where the server has none, and does not ask again', async () => {
    const { server, watches, told, made } = await watching((call) =>
      call.emit('error', { code: grpc.status.UNIMPLEMENTED, details: 'no Watch here' }),
    );
    await until(
      () => watches.length === 1,
      () => 'no watch',
    );
    for (let i = 0; i < 3; i++) expect((await made.check(timeoutMs)).verdict).to.equal('healthy');
    expect([watches.length, told]).to.deep.equal([1, []]);
    made.close();
    server.close();
  });
});
