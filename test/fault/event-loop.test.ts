import * as grpc from '@grpc/grpc-js';
import { expect } from 'chai';
import { type Clock, systemClock } from '../../src/core/clock.ts';
import { rig } from '../e2e/rig.ts';
import { judgesRealTime } from '../support/real-time.ts';
import { greeterConfig } from '../support/sidecar.ts';
import { until } from '../support/until.ts';

const { status } = grpc;

/** Nothing in this process runs for so long: the sidecar, its client and its replicas alike. */
function stall(ms: number): void {
  const untilMs = performance.now() + ms;
  while (performance.now() < untilMs);
}

describe('an event loop that stalls, and clocks that jump', function () {
  judgesRealTime(this, 'it stalls the event loop and measures what that does to calls');
  const { chain, greeter, sidecar, client } = rig();

  it('a stall delays calls and fails none that has time left', async () => {
    const { client: caller, sidecar: proxy, replica } = await chain({ delayMs: 100 });
    const calls = Array.from({ length: 50 }, (_, i) =>
      caller.sayHello(`${i}`, i % 2 === 0 ? {} : { deadlineMs: 5000 }),
    );
    await until(
      () => replica.active > 0,
      () => 'no call has come',
    );
    stall(700);
    const results = await Promise.all(calls);
    expect(results.every(({ code }) => code === status.OK)).to.equal(true);
    expect(proxy.endpoint(replica.address).health.status).to.equal('healthy');
  });

  it('a deadline that passed meanwhile is reported as such, once, and the server hears of it', async () => {
    const { client: caller, sidecar: proxy, replica } = await chain({ delayMs: 8000 });
    // The client's own deadline is far off: it is the sidecar's that must fire.
    const metadata = [['grpc-timeout', '300m']] as const;
    const calls = Array.from({ length: 20 }, () => caller.sayHello('x', { metadata }));
    await until(
      () => replica.active === 20,
      () => `${replica.active} calls have come`,
    );
    stall(600);
    const sinceMs = performance.now();
    const results = await Promise.all(calls);
    // Long before the replies would have come.
    expect(performance.now() - sinceMs).to.be.below(2000);
    expect(results.every(({ code }) => code === status.DEADLINE_EXCEEDED)).to.equal(true);
    await until(
      () => replica.active === 0,
      () => `${replica.active} calls are still at work`,
    );
    expect(proxy.cluster().active).to.equal(0);
    expect(proxy.calls()).to.have.length(20);
  });

  it('a stall of more than the connect timeout does not take a connection for lost that is there', async () => {
    const replica = await greeter();
    const proxy = await sidecar(greeterConfig([replica], { health: 'none', connectTimeout: '200ms' }));
    const call = client(proxy.target()).sayHello('x');
    // The turn in which the call came, with the connect under way and not yet answered.
    const endpoint = proxy.endpoint(replica.address);
    while (endpoint.active === 0) await new Promise((resolve) => setImmediate(resolve));
    stall(500);
    const { code, details } = await call;
    expect(code, details).to.equal(status.OK);
  });

  it('a wall clock that jumps hours ahead or back changes nothing but what is written down', async () => {
    let jumpMs = 0;
    const clock: Clock = { ...systemClock, wallMs: () => systemClock.wallMs() + jumpMs };
    const replica = await greeter({ delayMs: 50 });
    const proxy = await sidecar(greeterConfig([replica]), { clock });
    const caller = client(proxy.target());
    for (const hours of [0, 5, -5, 24 * 400, -24 * 400]) {
      const calls = Array.from({ length: 10 }, () => caller.sayHello('x', { deadlineMs: 5000 }));
      await until(
        () => replica.active > 0,
        () => 'no call has come',
      );
      jumpMs = hours * 3_600_000;
      const results = await Promise.all(calls);
      expect(results.every(({ code }) => code === status.OK)).to.equal(true);
    }
    const records = proxy.calls();
    expect(records).to.have.length(50);
    for (const { startedMs, endedMs } of records) expect(endedMs - startedMs).to.be.within(40, 2000);
    expect(proxy.endpoint(replica.address).health.status).to.equal('healthy');
  });
});
