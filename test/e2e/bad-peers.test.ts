import { randomInt } from 'node:crypto';
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import * as grpc from '@grpc/grpc-js';
import { expect } from 'chai';
import { SeededRandom } from '../../src/core/random.ts';
import { judgesRealTime } from '../support/real-time.ts';
import { greeterConfig } from '../support/sidecar.ts';
import { until } from '../support/until.ts';
import { rig } from './rig.ts';

const { status } = grpc;

/** What it says, how, and what is said of it. */
const wrongServers: Array<readonly [string, (socket: Socket) => void, RegExp]> = [
  [
    'HTTP/1.1',
    (socket) =>
      socket.once('data', () => socket.end('HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n')),
    /does not speak HTTP\/2/,
  ],
  ['TLS', (socket) => socket.end(Buffer.from('15030100020232', 'hex')), /no connection to .*closed/],
  ['noise', (socket) => socket.write(Buffer.alloc(5000, 0xa5)), /does not speak HTTP\/2/],
  ['a banner', (socket) => socket.write('220 mail.example ESMTP ready\r\n'), /does not speak HTTP\/2|within/],
  ['nothing, and hangs up', (socket) => socket.end(), /no connection to .*closed/],
  ['a reset', (socket) => socket.resetAndDestroy(), /no connection to/],
];

/** What it says. */
const clientHello = Buffer.from(
  '16030100c8010000c40303000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f00000213010100009900',
  'hex',
);
const seed = randomInt(2 ** 31);
const random = new SeededRandom(seed);
const noise = (bytes: number): Buffer =>
  Buffer.from(Array.from({ length: bytes }, () => random.u32() & 0xff));
const preface = 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n';
const wrongClients: Array<readonly [string, Buffer | string]> = [
  ['nothing', ''],
  ['one byte of a preface', 'P'],
  ['half a preface', preface.slice(0, 12)],
  ['a preface that goes wrong', 'PRI * HTTP/2.0\r\n\r\nXX\r\n\r\n'],
  ['a preface and noise', Buffer.concat([Buffer.from(preface), noise(2000)])],
  [
    'a preface and a frame too long',
    Buffer.concat([Buffer.from(preface), Buffer.from('ffffff0400000000000000', 'hex')]),
  ],
  ['a TLS ClientHello', clientHello],
  ['noise', noise(3000)],
  ['zeros', Buffer.alloc(100_000)],
  ['an HTTP/1.1 request line without end', `GET /${'a'.repeat(200_000)}`],
  [
    'a request that smuggles',
    'POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 5\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\nGET /',
  ],
  ['SSH', 'SSH-2.0-OpenSSH_9.6\r\n'],
];

describe('peers that are not what they should be', function () {
  judgesRealTime(this, 'connections that nobody answers time out after 300 ms');
  const { greeter, sidecar, client: grpcClient, chain, defer } = rig();

  async function tcpServer(onSocket: (socket: Socket) => void): Promise<string> {
    const sockets = new Set<Socket>();
    const server = createServer((socket) => {
      sockets.add(socket);
      socket.on('error', () => {}).on('close', () => sockets.delete(socket));
      onSocket(socket);
    }).listen(0, '127.0.0.1');
    await once(server, 'listening');
    defer(() => {
      for (const socket of sockets) socket.destroy();
      return new Promise((resolve) => server.close(resolve));
    });
    return `127.0.0.1:${(server.address() as AddressInfo).port}`;
  }

  const bare = { health: 'none', outlier: 'none' };
  for (const [what, behave, expected] of wrongServers) {
    it(`an upstream that speaks ${what}: UNAVAILABLE with the reason, and another is used if there is one`, async () => {
      const address = await tcpServer(behave);
      const proxy = await sidecar(greeterConfig([{ address }], { ...bare, connectTimeout: '300ms' }));
      const { code, details } = await grpcClient(proxy.target()).sayHello('x');
      expect(code).to.equal(status.UNAVAILABLE);
      expect(details).to.match(expected);
      expect(details).to.match(
        /the upstream did not process the call; .*\[connect_(failed|timeout)\] \(call \S+\)$/,
      );
      const alive = await greeter();
      const both = await sidecar(
        greeterConfig([{ address, weight: 1000 }, alive], { ...bare, connectTimeout: '300ms' }),
      );
      const client = grpcClient(both.target());
      for (let i = 0; i < 5; i++) expect((await client.sayHello('x')).code).to.equal(status.OK);
    });
  }

  it('a probe to such an upstream fails with a reason too', async () => {
    const address = await tcpServer((socket) => socket.end('HTTP/1.1 400 Bad Request\r\n\r\n'));
    const proxy = await sidecar(greeterConfig([{ address }]));
    const { status: health, reason } = proxy.endpoint(address).health;
    expect(health).to.equal('unhealthy');
    expect(reason).to.match(/\S/);
  });

  it(`clients that speak ${wrongClients.map(([what]) => what).join(', ')}: others go on`, async () => {
    const { client, sidecar: proxy } = await chain();
    await client.sayHello('x');
    const [host, port] = proxy.target().split(':');
    for (const [what, bytes] of wrongClients) {
      for (const how of ['wait', 'end', 'reset']) {
        const socket = connect(Number(port), host);
        socket.on('error', () => {});
        await once(socket, 'connect');
        defer(() => socket.destroy());
        if (bytes.length > 0) socket.write(bytes);
        socket.resume();
        if (how === 'end') socket.end();
        if (how === 'reset') setImmediate(() => socket.resetAndDestroy());
        const { code } = await client.sayHello(what);
        expect(code, `${what}, then ${how}, seed ${seed}`).to.equal(status.OK);
      }
    }
  });

  it('a client that hangs up before it has said what it speaks is let go at once', async () => {
    const { sidecar: proxy, client } = await chain();
    await client.sayHello('x');
    const [host, port] = proxy.target().split(':');
    for (const said of ['', 'P', 'PR']) {
      const socket = connect({ port: Number(port), host, allowHalfOpen: true });
      defer(() => socket.destroy());
      await once(socket, 'connect');
      socket.end(said);
      socket.resume();
      await once(socket, 'end');
    }
  });

  it('a thousand connections that come and go leave none behind, and calls go on', async () => {
    const { client, sidecar: proxy } = await chain();
    const [host, port] = proxy.target().split(':');
    let going = true;
    const failures: string[] = [];
    const calls = (async () => {
      while (going) {
        const { code, details } = await client.sayHello('x');
        if (code !== status.OK) failures.push(details);
      }
    })();
    for (let batch = 0; batch < 20; batch++) {
      await Promise.all(
        Array.from({ length: 50 }, async (_, i) => {
          const socket = connect(Number(port), host);
          socket.on('error', () => {});
          await once(socket, 'connect');
          if (i % 3 === 1) socket.write(preface);
          if (i % 3 === 2) socket.resetAndDestroy();
          else socket.destroy();
        }),
      );
    }
    going = false;
    await calls;
    expect(failures).to.deep.equal([]);
    const connections = async (): Promise<number> => {
      const [listener] = (await (await fetch(`${proxy.adminUrl}/listeners?format=json`)).json()) as Array<{
        connections: number;
      }>;
      return listener.connections;
    };
    let left = 0;
    await until(
      async () => {
        left = await connections();
        return left === 1;
      },
      () => `${left} connections are left`,
    );
  });

  it('connections over the limit are refused, and those that are there live on', async () => {
    const replica = await greeter();
    const shape = greeterConfig([replica]);
    const proxy = await sidecar({
      ...shape,
      listeners: [{ ...shape.listeners![0], limits: { maxConnections: 3 } }],
    });
    const client = grpcClient(proxy.target());
    await client.sayHello('x');
    const [host, port] = proxy.target().split(':');
    const sockets = await Promise.all(
      Array.from({ length: 6 }, async () => {
        const socket = connect(Number(port), host);
        socket.on('error', () => {});
        defer(() => socket.destroy());
        await once(socket, 'connect');
        socket.resume();
        return socket;
      }),
    );
    await until(
      () => sockets.filter((socket) => socket.destroyed).length === 4,
      () => `${sockets.filter((socket) => socket.destroyed).length} of 4 were closed`,
    );
    expect((await client.sayHello('x')).code).to.equal(status.OK);
    expect(
      proxy.log.some((line) =>
        line.includes('connection refused: the listener is at its limit (limits.maxConnections)'),
      ),
    ).to.equal(true);
  });
});
