import { randomInt } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as grpc from '@grpc/grpc-js';
import { expect } from 'chai';
import { SeededRandom } from '../../src/core/random.ts';
import { greeterConfig, type Program, startProgram, startSidecar } from '../support/sidecar.ts';
import { until } from '../support/until.ts';
import { rig } from './rig.ts';

const { status } = grpc;

describe('a wrong command line or configuration', function () {
  this.timeout(20_000);
  const { defer } = rig();

  function program(args: readonly string[], env: Record<string, string> = {}): Program {
    const running = startProgram(args, env);
    defer(() => running.signal('SIGKILL'));
    return running;
  }
  function file(text: string): string {
    const folder = mkdtempSync(join(tmpdir(), 'outrigger-e2e-'));
    defer(() => rmSync(folder, { recursive: true }));
    const path = join(folder, 'outrigger.yaml');
    writeFileSync(path, text);
    return path;
  }
  async function listeningServer(): Promise<Server> {
    const server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    defer(() => new Promise((resolve) => server.close(resolve)));
    return server;
  }
  const portOf = (server: Server): number => (server.address() as AddressInfo).port;

  it('every problem of the file at once, by line and column, and exit code 2', async () => {
    const path = file(`listeners:
  - name: in
    listen: 127.0.0.1
    routs: []
clusters:
  - name: greeter
    endpoints:
      - address: "127.0.0.1"
      - { address: 127.0.0.1:50051, weight: -1 }
`);
    const running = program(['run', '--config', path]);
    expect(await running.exit).to.equal(2);
    const lines = running.stderr.trim().split('\n');
    expect(lines.find((line) => line.includes(':3:13 listeners[0].listen: "127.0.0.1" has no port'))).to.be.a(
      'string',
    );
    expect(lines.find((line) => /:4:5 .*routs.*routes/.test(line))).to.be.a('string');
    expect(
      lines.find((line) => /:8:18 clusters\[0\]\.endpoints\[0\]\.address: .* has no port/.test(line)),
    ).to.be.a('string');
    expect(lines.find((line) => /:9:45 clusters\[0\]\.endpoints\[1\]\.weight/.test(line))).to.be.a('string');
    expect(running.stdout).to.equal('');
  });

  it('a file that is no YAML, or is not there', async () => {
    const broken = program(['run', '--config', file('listeners: [')]);
    const missing = program(['run', '--config', '/nonexistent/outrigger.yaml']);
    expect(await broken.exit).to.equal(2);
    expect(broken.stderr).to.match(/outrigger\.yaml:\d+:\d+: this is not YAML/);
    expect(await missing.exit).to.equal(2);
    expect(missing.stderr).to.contain('/nonexistent/outrigger.yaml');
  });

  it('an unknown command or flag: exit code 2 and the nearest that there is', async () => {
    const command = program(['rum']);
    const flag = program(['run', '--frm', '127.0.0.1:1']);
    expect(await command.exit).to.equal(2);
    expect(command.stderr).to.contain('run');
    expect(await flag.exit).to.equal(2);
    expect(flag.stderr).to.contain('--from');
  });

  it('a listener whose port is in use: a sentence with the mend, and exit code 1', async () => {
    const port = portOf(await listeningServer());
    const running = program([
      ...['run', '--from', `127.0.0.1:${port}`, '--to', '127.0.0.1:1', '--admin', '127.0.0.1:0'],
    ]);
    expect(await running.exit).to.equal(1);
    expect(running.stderr).to.match(
      new RegExp(
        `cannot listen on 127\\.0\\.0\\.1:${port}: the address is in use; stop what listens there or choose another port`,
      ),
    );
  });

  it('an admin port in use: the same', async () => {
    const port = portOf(await listeningServer());
    const running = program([
      ...['run', '--from', '127.0.0.1:0', '--to', '127.0.0.1:1', '--admin', `127.0.0.1:${port}`],
    ]);
    expect(await running.exit).to.equal(1);
    expect(running.stderr).to.contain(`127.0.0.1:${port} is in use`);
  });

  it('a start that fails leaves nothing behind', async () => {
    const port = portOf(await listeningServer());
    const config = greeterConfig([{ address: '127.0.0.1:1' }]);
    const listeners = [
      ...config.listeners!,
      { ...config.listeners![0], name: 'second', listen: `127.0.0.1:${port}` },
    ];
    let reason = '';
    await startSidecar({ ...config, listeners }).catch((error: Error) => {
      reason = error.message;
    });
    expect(reason).to.contain('listener second cannot listen');
    // That there is no socket, timer or server left is checked after the suite.
  });
});

describe('peers that are not what they should be', function () {
  this.timeout(20_000);
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
  const wrongServers: Array<readonly [string, (socket: Socket) => void, RegExp]> = [
    [
      'HTTP/1.1',
      (socket) =>
        socket.once('data', () => socket.end('HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n')),
      /does not speak HTTP\/2/,
    ],
    ['TLS', (socket) => socket.end(Buffer.from('15030100020232', 'hex')), /no connection to .*closed/],
    ['noise', (socket) => socket.write(Buffer.alloc(5000, 0xa5)), /does not speak HTTP\/2/],
    [
      'a banner',
      (socket) => socket.write('220 mail.example ESMTP ready\r\n'),
      /does not speak HTTP\/2|within/,
    ],
    ['nothing, and hangs up', (socket) => socket.end(), /no connection to .*closed/],
    ['a reset', (socket) => socket.resetAndDestroy(), /no connection to/],
  ];
  for (const [what, behave, expected] of wrongServers) {
    it(`an upstream that speaks ${what}: UNAVAILABLE with the reason, and another is used if there is one`, async () => {
      const address = await tcpServer(behave);
      const proxy = await sidecar(greeterConfig([{ address }], { ...bare, connectTimeout: '300ms' }));
      const { code, details } = await grpcClient(proxy.target()).sayHello('x');
      expect(code).to.equal(status.UNAVAILABLE);
      expect(details).to.match(expected);
      expect(details).to.match(/the upstream did not process the call; .*\[connect_(failed|timeout)\]$/);
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
    ['one octet of a preface', 'P'],
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
  it(`clients that speak ${wrongClients.map(([what]) => what).join(', ')}: others go on`, async () => {
    const { client, sidecar: proxy } = await chain();
    await client.sayHello('x');
    const [host, port] = proxy.target().split(':');
    for (const [what, octets] of wrongClients) {
      for (const how of ['wait', 'end', 'reset']) {
        const socket = connect(Number(port), host);
        socket.on('error', () => {});
        await once(socket, 'connect');
        defer(() => socket.destroy());
        if (octets.length > 0) socket.write(octets);
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
    expect(proxy.log.some((line) => line.includes('connection refused: the listener is full'))).to.equal(
      true,
    );
  });
});
