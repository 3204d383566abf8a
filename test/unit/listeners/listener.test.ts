import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { request } from 'node:http';
import { createConnection, createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { type Address, formatAddress } from '../../../src/core/address.ts';
import { ErrorCode } from '../../../src/core/error-code.ts';
import { HeaderBlock } from '../../../src/core/header-block.ts';
import { silentLogger } from '../../../src/core/logger.ts';
import { SeededRandom } from '../../../src/core/random.ts';
import { HeadCache } from '../../../src/http1/head-cache.ts';
import { ViolationCounts } from '../../../src/http1/violation-counts.ts';
import { connectionDefaults } from '../../../src/http2/options.ts';
import { ConnectionSlots } from '../../../src/listeners/connection-slots.ts';
import { Listener, type ListenerDeps, type ListenerSettings } from '../../../src/listeners/listener.ts';
import { FlushScheduler } from '../../../src/transport/flush-scheduler.ts';
import { connectFrames, Type } from '../../support/frame-peer.ts';
import { until } from '../../support/until.ts';
import { callRig } from '../call/call-rig.ts';

const loopback: Address = { kind: 'tcp', host: '127.0.0.1', port: 0 };
const defaults: ListenerSettings = {
  name: 'in',
  address: loopback,
  socketAccess: {},
  direction: 'outbound',
  protocol: 'auto',
  tls: null,
  connectionsMax: 100,
  shared: false,
  prefaceTimeoutMs: 1000,
  idleTimeoutMs: 60_000,
  ageMsMax: Number.POSITIVE_INFINITY,
  stallTimeoutMs: 60_000,
  uploadStallTimeoutMs: 60_000,
  halfCloseTimeoutMs: 2000,
  http2: connectionDefaults,
};
const requestFields = [
  [':method', 'GET'],
  [':scheme', 'http'],
  [':path', '/other'],
  [':authority', 'test'],
] as const;

/** With what sentence a listener that cannot bind says so. */
async function refusal(listener: Listener): Promise<string> {
  let said = '';
  await listener.listen().catch((error: Error) => {
    said = error.message;
  });
  return said;
}

describe('Listener', () => {
  const deferred: Array<() => unknown> = [];
  afterEach(async () => {
    for (let takeDown = deferred.pop(); takeDown !== undefined; takeDown = deferred.pop()) await takeDown();
  });

  /** Over a call path whose only route, `/a.B`, leads to pools in memory. */
  function setUp(settings: Partial<ListenerSettings> = {}, deps: Partial<ListenerDeps> = {}) {
    const rig = callRig();
    const listener = new Listener(
      { ...defaults, ...settings },
      {
        clock: rig.clock,
        scheduler: new FlushScheduler(),
        logger: silentLogger,
        random: new SeededRandom(1),
        context: () => rig.context,
        onUpgrade: (_head, tunnel) => tunnel.reset(ErrorCode.CANCEL),
        onWebSocket: (_head, stream) => stream.reset(ErrorCode.CANCEL),
        headCache: new HeadCache(),
        refusedRequests: new ViolationCounts(),
        onTcp: null,
        slots: new ConnectionSlots(1000),
        ...deps,
      },
    );
    deferred.push(() => {
      listener.close();
      rig.cluster.stop();
    });
    return { listener, rig };
  }
  async function open(listener: Listener): Promise<Socket> {
    const { address } = listener;
    const socket = createConnection(
      address.kind === 'tcp' ? { host: address.host, port: address.port } : { path: address.path },
    );
    socket.on('error', () => {});
    deferred.push(() => socket.destroy());
    await once(socket, 'connect');
    await until(
      () => listener.connections > 0,
      () => 'it was not accepted',
    );
    return socket.resume();
  }
  function folder(): string {
    const path = mkdtempSync(join(tmpdir(), 'outrigger-listener-'));
    deferred.push(() => rmSync(path, { recursive: true }));
    return path;
  }
  const closed = (socket: Socket): Promise<void> =>
    until(
      () => socket.destroyed,
      () => 'the connection is still open',
    );

  it('binds the port the system gives, and says which', async () => {
    const { listener } = setUp();
    const bound = await listener.listen();
    expect(bound).to.include({ kind: 'tcp', host: '127.0.0.1' });
    expect(bound).to.have.property('port').that.is.greaterThan(0);
    expect(listener.address).to.deep.equal(bound);
  });

  for (const [what, address, mend] of [
    [
      'an address of another machine',
      { kind: 'tcp', host: '192.0.2.1', port: 0 },
      /no such address; choose one/,
    ],
    [
      'a folder that is not there',
      { kind: 'unix', path: '/nonexistent/x.sock' },
      /its folder does not exist; create it/,
    ],
    [
      'a path that is too long for a socket',
      { kind: 'unix', path: `/tmp/${'x'.repeat(120)}` },
      /too long for a socket; choose one of at most 107 bytes/,
    ],
  ] as const) {
    it(`${what}: a sentence with the name, the address and the fix`, async () => {
      const { listener } = setUp({ address });
      const said = await refusal(listener);
      expect(said)
        .to.match(/^listener in cannot listen on /)
        .and.match(mend);
      expect(said).to.contain(formatAddress(address));
    });
  }

  describe('on a socket file', () => {
    it('a path that holds a file and no socket: the same, and the file stays', async () => {
      const path = join(folder(), 'x.sock');
      writeFileSync(path, 'data');
      const { listener } = setUp({ address: { kind: 'unix', path } });
      const said = await refusal(listener);
      expect(said).to.equal(
        `listener in cannot listen on unix:${path}: ${path} is a file and no socket; choose another path, or remove the file`,
      );
      expect(readFileSync(path, 'utf8')).to.equal('data');
    });

    it('a socket file on which another process listens: the same', async () => {
      const path = join(folder(), 'x.sock');
      const other = createServer((socket) => socket.destroy()).listen(path);
      await once(other, 'listening');
      deferred.push(() => new Promise((resolve) => other.close(resolve)));
      const { listener } = setUp({ address: { kind: 'unix', path } });
      const said = await refusal(listener);
      expect(said).to.match(/another process listens on it; stop that process, or choose another path$/);
    });

    it('gives its socket file the mode that is configured, also when a reload changes it', async () => {
      const path = join(folder(), 'x.sock');
      const { listener } = setUp({ address: { kind: 'unix', path }, socketAccess: { mode: 0o660 } });
      await listener.listen();
      const mode = (): number => statSync(path).mode & 0o777;
      expect(mode()).to.equal(0o660);
      listener.apply(listener.prepare({ ...listener.settings, socketAccess: { mode: 0o600 } }));
      expect(mode()).to.equal(0o600);
    });
  });

  it('a port in use: the same', async () => {
    const other = createServer().listen(0, '127.0.0.1');
    await once(other, 'listening');
    deferred.push(() => new Promise((resolve) => other.close(resolve)));
    const { port } = other.address() as { port: number };
    const { listener } = setUp({ address: { ...loopback, port } });
    const said = await refusal(listener);
    expect(said).to.equal(
      `listener in cannot listen on 127.0.0.1:${port}: the address is in use; stop what listens there or choose another port`,
    );
  });

  it('serves HTTP/1.1 and HTTP/2 on one port', async () => {
    const { listener, rig } = setUp();
    const target = formatAddress(await listener.listen());
    const reply = await fetch(`http://${target}/other`);
    expect(reply.status).to.equal(404);
    await reply.text();
    const peer = await connectFrames(target);
    deferred.push(() => peer.socket.destroy());
    peer.headers(1, requestFields, true);
    await until(
      () => peer.of(Type.Headers).length === 1,
      () => 'no reply',
    );
    expect(rig.settled.map(({ error, listener: name }) => [error, name])).to.deep.equal([
      ['no_route', 'in'],
      ['no_route', 'in'],
    ]);
    expect(rig.settled[1].clientPort).to.equal(peer.socket.localPort);
  });

  it('serves on a Unix socket', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'outrigger-listener-'));
    deferred.push(() => rmSync(folder, { recursive: true }));
    const path = join(folder, 'in.sock');
    const { listener, rig } = setUp({ address: { kind: 'unix', path } });
    expect(await listener.listen()).to.deep.equal({ kind: 'unix', path });
    const status = await new Promise((resolve, reject) => {
      request({ socketPath: path, path: '/other', agent: false }, (reply) => {
        reply.resume();
        resolve(reply.statusCode);
      })
        .on('error', reject)
        .end();
    });
    expect(status).to.equal(404);
    expect(rig.settled[0]).to.include({ clientAddress: '', clientPort: 0 });
  });

  it('closes a connection that says nothing, or half of its preface, within the handshake timeout', async () => {
    const { listener, rig } = setUp();
    const target = formatAddress(await listener.listen());
    for (const said of ['', 'PR', 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n']) {
      const socket = await open(listener);
      // Our SETTINGS answer a whole preface: from then on it is another timer's business.
      const answered = said.startsWith('PRI') ? once(socket, 'data') : null;
      socket.write(said, 'latin1');
      await answered;
      rig.clock.advance(999);
      const witness = await connectFrames(target);
      await witness.roundTrip();
      expect(socket.destroyed, JSON.stringify(said)).to.equal(false);
      rig.clock.advance(1);
      await closed(socket);
      witness.socket.destroy();
    }
    await until(
      () => listener.connections === 0,
      () => `${listener.connections} connections`,
    );
  });

  it('asks an HTTP/2 connection without calls to go, after one to two idle times', async () => {
    const { listener, rig } = setUp();
    const target = formatAddress(await listener.listen());
    const peer = await connectFrames(target);
    deferred.push(() => peer.socket.destroy());
    peer.headers(1, requestFields, true);
    await until(
      () => peer.of(Type.Headers).length === 1,
      () => 'no reply',
    );
    rig.clock.advance(60_000);
    await peer.roundTrip();
    expect(peer.of(Type.Goaway)).to.have.length(0);
    rig.clock.advance(60_000);
    await until(
      () => peer.of(Type.Goaway).length === 1,
      () => 'no GOAWAY',
    );
    // What it sends before it hears of that is still served.
    peer.headers(3, requestFields, true);
    await until(
      () => peer.of(Type.Headers).length === 2,
      () => 'no second reply',
    );
    rig.clock.advance(1000);
    await until(
      () => peer.of(Type.Goaway).length === 2,
      () => 'no second GOAWAY',
    );
    const said = peer
      .of(Type.Goaway)
      .map(({ payload }) => [payload.readUInt32BE(0), payload.readUInt32BE(4)]);
    expect(said).to.deep.equal([
      [0x7fff_ffff, 0],
      [3, 0],
    ]);
    await closed(peer.socket);
  });

  it('asks an old HTTP/2 connection to go; its calls finish', async () => {
    const { listener, rig } = setUp({ ageMsMax: 600_000, idleTimeoutMs: 10_000_000 });
    const target = formatAddress(await listener.listen());
    const peer = await connectFrames(target);
    deferred.push(() => peer.socket.destroy());
    peer.headers(1, [...requestFields.slice(0, 2), [':path', '/a.B/C'], [':authority', 'test']], true);
    await until(
      () => rig.pools[0].streams.length === 1,
      () => 'no call',
    );
    rig.clock.advance(600_000 * 0.89);
    await peer.roundTrip();
    expect(peer.of(Type.Goaway)).to.have.length(0);
    rig.clock.advance(600_000 * 0.21 + 1000);
    await until(
      () => peer.of(Type.Goaway).length === 2,
      () => 'no GOAWAYs',
    );
    expect(listener.connections, 'its call runs').to.equal(1);
    rig.pools[0].streams[0].receiver?.head(HeaderBlock.of([':status', '200']), true);
    await closed(peer.socket);
    expect(peer.of(Type.Headers)).to.have.length(1);
  });

  it('a connection with a call is never idle', async () => {
    const { listener, rig } = setUp();
    const target = formatAddress(await listener.listen());
    const peer = await connectFrames(target);
    deferred.push(() => peer.socket.destroy());
    peer.headers(1, [...requestFields.slice(0, 2), [':path', '/a.B/C'], [':authority', 'test']], true);
    await until(
      () => rig.pools[0].streams.length === 1,
      () => 'no call',
    );
    for (let i = 0; i < 5; i++) rig.clock.advance(60_000);
    await peer.roundTrip();
    expect(peer.of(Type.Goaway)).to.have.length(0);
    expect(listener.undelivered, 'its reply is to come').to.equal(1);
  });

  it('with protocol tcp, hands the whole connection on', async () => {
    const sockets: Socket[] = [];
    const { listener } = setUp({ protocol: 'tcp' }, { onTcp: (socket) => void sockets.push(socket) });
    await listener.listen();
    const client = await open(listener);
    client.write('anything');
    await until(
      () => sockets.length === 1,
      () => 'nothing was handed on',
    );
    const [data] = (await once(sockets[0], 'data')) as [Buffer];
    expect(data.toString()).to.equal('anything');
  });

  describe('its connections', () => {
    it('ends a request of whose body next to nothing comes, over HTTP/1.1 and HTTP/2', async () => {
      const { listener, rig } = setUp({ uploadStallTimeoutMs: 30_000 });
      const target = formatAddress(await listener.listen());
      const old = await open(listener);
      let said = '';
      old.on('data', (chunk: Buffer) => {
        said += chunk;
      });
      old.write('POST /a.B/C HTTP/1.1\r\nhost: test\r\ncontent-length: 100\r\n\r\nhalf');
      const peer = await connectFrames(target);
      deferred.push(() => peer.socket.destroy());
      const fields = [
        [':method', 'POST'],
        ...requestFields.slice(1, 2),
        [':path', '/a.B/C'],
        [':authority', 'test'],
      ];
      peer.headers(1, fields as Array<[string, string]>, false);
      await until(
        () => rig.pools[0].streams.length === 2,
        () => 'no calls',
      );
      rig.clock.advance(29_000);
      await peer.roundTrip();
      expect([said, peer.of(Type.Rst).length]).to.deep.equal(['', 0]);
      // In steps, so that the reply leaves before the time to read it is over.
      for (let i = 0; i < 8; i++) {
        rig.clock.advance(250);
        await peer.roundTrip();
      }
      await closed(old);
      expect(said).to.match(/^HTTP\/1\.1 408 /);
      await until(
        () => peer.of(Type.Rst).length === 1,
        () => 'no reset',
      );
    });

    it('closes a connection for which the process has no slot, and serves the next once one is free', async () => {
      const slots = new ConnectionSlots(2);
      const { listener } = setUp({}, { slots });
      await listener.listen();
      const held = [await open(listener), await open(listener)];
      await until(
        () => slots.held === 2,
        () => `${slots.held} slots held`,
      );
      await closed(await open(listener));
      expect(slots.held).to.equal(2);
      held[0].end();
      held[1].resetAndDestroy();
      await until(
        () => slots.held === 0,
        () => `${slots.held} slots held`,
      );
      const peer = await connectFrames(formatAddress(listener.address));
      deferred.push(() => peer.socket.destroy());
      await peer.roundTrip();
      expect(slots.held).to.equal(1);
    });

    it('closed, it leaves no connection and no timer, whatever state they were in', async () => {
      const { listener, rig } = setUp();
      await listener.listen();
      const sockets = [await open(listener), await open(listener), await open(listener)];
      sockets[1].write('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n');
      sockets[2].write('GET / HT');
      await until(
        () => listener.connections === 3,
        () => `${listener.connections} connections`,
      );
      listener.close();
      for (const socket of sockets) await closed(socket);
      rig.cluster.stop();
      await until(
        () => listener.connections === 0 && rig.clock.pending === 0,
        () => `${listener.connections} connections, ${rig.clock.pending} timers`,
      );
    });
  });
});
