import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import { type AddressInfo, connect, createServer as createTcpServer } from 'node:net';
import { expect } from 'chai';
import { type Clock, systemClock } from '../../src/core/clock.ts';
import { type Random, SeededRandom } from '../../src/core/random.ts';
import { rig } from '../e2e/rig.ts';
import { judgesRealTime } from '../support/real-time.ts';
import type { Sidecar } from '../support/sidecar.ts';
import { until } from '../support/until.ts';

/** Throws at the `in`-th question, once; counts on. */
class Fuse {
  private left = Number.POSITIVE_INFINITY;

  arm(inQuestions: number): void {
    this.left = inQuestions;
  }

  /** Whether it never came to it. */
  disarm(): boolean {
    const unused = this.left > 0;
    this.left = Number.POSITIVE_INFINITY;
    return unused;
  }

  /** Runs what is no part of a call: timers, which nobody could tell whose they are. */
  aside(run: () => void): void {
    const { left } = this;
    this.left = Number.POSITIVE_INFINITY;
    run();
    this.left = left;
  }

  asked(): void {
    this.left--;
    if (this.left === 0) throw new Error('a bug, made by the test');
  }
}

/** What every part of the way of a call asks for now and then: the places where a bug of ours could be. */
function faulty(fuse: Fuse): { clock: Clock; random: Random } {
  const random = new SeededRandom(1);
  const ask = <T>(answer: () => T): T => {
    fuse.asked();
    return answer();
  };
  return {
    clock: {
      ...systemClock,
      now: () => ask(() => systemClock.now()),
      wallMs: () => ask(() => systemClock.wallMs()),
      after: (delayMs, callback) => ask(() => systemClock.after(delayMs, () => fuse.aside(callback))),
    },
    random: {
      next: () => ask(() => random.next()),
      u32: () => ask(() => random.u32()),
      i32: () => ask(() => random.i32()),
    },
  };
}

const patienceMs = 3000;
const quiet = { health: 'none', outlier: 'none' } as const;

describe('bugs of our own', function () {
  judgesRealTime(this, 'what does not answer in time counts as lost');
  const { greeter, sidecar, client, defer } = rig();

  const expectLogged = (proxy: Sidecar, times: number): void => {
    const lines = proxy.log.filter((line) => line.includes('internal error:'));
    // Told with where it happened, and sparingly.
    expect(lines.length).to.be.within(1, Math.max(20, times * 2));
    for (const line of lines) expect(line).to.match(/ error .*seam=\w+ stack=.*made by the test.*\.ts/);
  };

  /**
   * One call after the other, each with an exception one step further on its way, until one comes through without. A stream
   * that has nothing to do with them lives on, and nothing is left of them.
   */
  async function everyStep(
    cluster: Record<string, unknown>,
    listener: Record<string, unknown>,
    attempt: (proxy: Sidecar) => Promise<boolean>,
  ): Promise<void> {
    const fuse = new Fuse();
    const replica = await greeter();
    const proxy = await sidecar(
      {
        clusters: [
          { name: 'other', endpoints: [{ address: replica.address }], ...quiet },
          { name: 'tried', ...quiet, ...cluster },
        ],
        listeners: [
          { name: 'in', listen: '127.0.0.1:0', ...listener },
          { name: 'aside', listen: '127.0.0.1:0', routes: [{ name: 'all', cluster: 'other' }] },
        ],
      },
      { ...faulty(fuse), expectsBugs: true },
    );
    const aside = client(proxy.target('aside')).openBidi();
    let echoes = 0;
    aside.call.on('data', () => echoes++);
    const asideLives = async (): Promise<void> => {
      const before = echoes;
      aside.call.write({ payload: Buffer.from('x') });
      await until(
        () => echoes > before,
        () => 'the stream beside has stalled',
      );
    };
    let steps = 0;
    for (let unused = false; !unused; ) {
      await asideLives();
      fuse.arm(++steps);
      const well = await attempt(proxy);
      unused = fuse.disarm();
      if (unused) expect(well, 'a call without a bug').to.equal(true);
      // A connection that was lost while it was made is tried anew after a while.
      const tried = proxy.cluster('tried').all();
      await until(
        () => tried.every(({ unusableBecause }) => unusableBecause === ''),
        () => `step ${steps}: ${tried.map(({ unusableBecause }) => unusableBecause)}`,
      );
    }
    await asideLives();
    aside.call.end();
    expect((await aside.result).code).to.equal(0);
    expect(steps).to.be.greaterThan(5);
    expectLogged(proxy, steps);
    const metrics = await (await fetch(`${proxy.adminUrl}/metrics`)).text();
    expect(metrics).to.match(/outrigger_internal_errors_total\{outrigger_seam="\w+"\} [1-9]/);
  }

  it('anywhere on the way of a gRPC call: a connection ends, no call hangs, the others go on', async () => {
    const replicas = [await greeter(), await greeter()];
    const endpoints = replicas.map(({ address }) => ({ address }));
    await everyStep({ endpoints }, { routes: [{ name: 'all', cluster: 'tried' }] }, async (proxy) => {
      const caller = client(proxy.target());
      const message = { payload: Buffer.from('x') };
      const { code, details } = await caller.bidi([message, message], { deadlineMs: patienceMs });
      // Not the client's own deadline: it was told.
      expect(code, details).to.not.equal(4);
      return code === 0;
    });
  });

  it('anywhere on the way of an HTTP/1.1 request', async () => {
    const server = createServer((request, response) => request.pipe(response));
    defer(() => closed(server));
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const address = `127.0.0.1:${(server.address() as AddressInfo).port}`;
    await everyStep(
      { protocol: 'http1', endpoints: [{ address }] },
      { routes: [{ name: 'all', cluster: 'tried' }] },
      async (proxy) => {
        const signal = AbortSignal.timeout(patienceMs);
        const reply = await fetch(`http://${proxy.target()}/x`, { method: 'POST', body: 'hello', signal })
          .then((answer) => answer.text())
          .catch((error: Error) => error);
        expect((reply as Error).name, String(reply)).to.not.equal('TimeoutError');
        return reply === 'hello';
      },
    );
  });

  it('anywhere on the way of a TCP connection', async () => {
    const echo = createTcpServer((socket) => socket.on('error', () => {}).pipe(socket));
    defer(() => echo.close());
    echo.listen(0, '127.0.0.1');
    await once(echo, 'listening');
    const address = `127.0.0.1:${(echo.address() as AddressInfo).port}`;
    await everyStep(
      { protocol: 'tcp', endpoints: [{ address }] },
      { protocol: 'tcp', cluster: 'tried' },
      async (proxy) => {
        const [host, port] = proxy.target().split(':');
        const socket = connect(Number(port), host);
        socket.on('error', () => {});
        let said = '';
        socket.on('data', (chunk) => {
          said += chunk;
        });
        socket.end('hello');
        await Promise.race([once(socket, 'close'), new Promise((gone) => setTimeout(gone, patienceMs))]);
        expect(socket.destroyed, 'the client was left alone').to.equal(true);
        return said === 'hello';
      },
    );
  });
});

function closed(server: Server): Promise<void> {
  server.closeAllConnections();
  return new Promise((resolve) => void server.close(() => resolve()));
}
