import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import * as grpc from '@grpc/grpc-js';
import { expect } from 'chai';
import { startRawServer } from '../support/raw-http2.ts';
import { judgesRealTime } from '../support/real-time.ts';
import { greeterConfig } from '../support/sidecar.ts';
import { until } from '../support/until.ts';
import { rig } from './rig.ts';

const { status } = grpc;

describe('connections to replicas', function () {
  judgesRealTime(this, 'it compares how long calls take');
  const { greeter, sidecar, client: connect, defer } = rig();

  it('a replica with a limit of 10 streams under 100 concurrent calls causes no stall', async () => {
    const delayMs = 200;
    const replica = await greeter({ maxConcurrentStreams: 10, delayMs });
    const proxy = await sidecar(greeterConfig([replica]));
    const client = connect(proxy.target());
    const round = async (): Promise<number[]> =>
      Promise.all(
        Array.from({ length: 100 }, async () => {
          const startedMs = performance.now();
          const { code, details } = await client.sayHello('x');
          expect(code, details).to.equal(status.OK);
          return performance.now() - startedMs;
        }),
      );
    await round();
    const slowest = Math.max(...(await round()));
    // Queued behind one connection, ten after ten, the last would take ten times as long as the replica does.
    expect(slowest).to.be.below(delayMs * 4);
    expect(proxy.cluster().all()[0].pool.connections).to.be.within(10, 12);
    expect(replica.openConnections, 'and the one of the health check').to.be.within(11, 13);
  });

  it('connections that were opened for a burst close again, and calls go on', async () => {
    const replica = await greeter({ maxConcurrentStreams: 5, delayMs: 20 });
    const connections = { surplusIdleTimeout: '200ms' };
    const proxy = await sidecar(greeterConfig([replica], { connections, health: 'none' }));
    const client = connect(proxy.target());
    await Promise.all(Array.from({ length: 30 }, () => client.sayHello('x')));
    expect(replica.openConnections).to.be.greaterThan(4);
    await until(
      () => replica.openConnections === 1,
      () => `${replica.openConnections} connections`,
    );
    expect((await client.sayHello('x')).code).to.equal(status.OK);
    expect(replica.openConnections).to.equal(1);
  });

  it('connections that grow old under load are replaced, and no call fails', async () => {
    const replica = await greeter({ delayMs: 2 });
    const proxy = await sidecar(greeterConfig([replica], { connections: { maxAge: '1s' }, health: 'none' }));
    const client = connect(proxy.target());
    const failed: string[] = [];
    let going = true;
    const workers = Array.from({ length: 10 }, async () => {
      while (going) {
        const { code, details } = await client.sayHello('x');
        if (code !== status.OK) failed.push(details);
      }
    });
    await until(
      () => replica.connections >= 4,
      () => `${replica.connections} connections`,
    );
    going = false;
    await Promise.all(workers);
    expect(failed).to.deep.equal([]);
    expect(replica.openConnections).to.be.at.most(2);
  });

  it('per endpoint and over the cluster: over a limit a call fails at once as overloaded', async () => {
    const [a, b] = [await greeter({ delayMs: 300 }), await greeter({ delayMs: 300 })];
    const limits = { perEndpoint: { maxRequests: 2 } };
    const proxy = await sidecar(greeterConfig([a, b], { limits, health: 'none' }));
    const client = connect(proxy.target());
    const replies = await Promise.all(Array.from({ length: 6 }, () => client.sayHello('x')));
    expect([a.calls, b.calls]).to.deep.equal([2, 2]);
    const refused = replies.filter(({ code }) => code !== status.OK);
    expect(refused).to.have.length(2);
    for (const { details } of refused)
      expect(details).to.match(/is at its limit of 2 requests in flight.*\[overloaded\] \(call \S+\)$/);
  });

  /** An HTTP/1.1 replica, the sidecar before it, and how many connections to it there are. */
  async function http1(more: object, answer: RequestListener) {
    const server = createServer({ keepAliveTimeout: 0 }, answer);
    const sockets = new Set<Socket>();
    server.on('connection', (socket) => {
      sockets.add(socket);
      socket.once('close', () => sockets.delete(socket));
    });
    await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
    defer(() => {
      server.closeAllConnections();
      server.close();
    });
    const { port } = server.address() as AddressInfo;
    const proxy = await sidecar({
      listeners: [{ name: 'in', listen: '127.0.0.1:0', routes: [{ name: 'all', cluster: 'web' }] }],
      clusters: [
        {
          name: 'web',
          protocol: 'http1',
          health: 'none',
          endpoints: [{ address: `127.0.0.1:${port}` }],
          ...more,
        },
      ],
    });
    return { sockets, get: () => fetch(`http://${proxy.target()}/`) };
  }

  it('an idle HTTP/1.1 connection is kept for the next request, and closes after the idle timeout', async () => {
    let asked = 0;
    const connections = { idleTimeout: '300ms' };
    const { sockets, get } = await http1({ connections }, (_request, reply) => void reply.end(`${++asked}`));
    await (await get()).text();
    const [first] = sockets;
    expect(await (await get()).text()).to.equal('2');
    expect([...sockets]).to.deep.equal([first]);
    await until(
      () => sockets.size === 0,
      () => `${sockets.size} connections`,
    );
  });

  it('a reply over the header limit of its cluster fails its call, over either protocol', async () => {
    const limits = { headerListBytes: '1KiB' };
    const big = 'b'.repeat(1500);
    for (const [fits, more] of [
      [true, {}],
      [false, { limits }],
    ] as const) {
      const { get } = await http1(more, (_request, reply) => void reply.setHeader('x-big', big).end());
      expect((await get()).status, 'HTTP/1.1').to.equal(fits ? 200 : 502);
      const server = await startRawServer((stream) =>
        stream.respond({ ':status': 200, 'grpc-status': '0', 'x-big': big }, { endStream: true }),
      );
      defer(() => server.close());
      const proxy = await sidecar(greeterConfig([server], { health: 'none', outlier: 'none', ...more }));
      await connect(proxy.target()).sayHello('x');
      expect(proxy.calls().at(-1)?.error, 'HTTP/2').to.equal(fits ? '' : 'upstream_reset');
    }
  });
});
