import { once } from 'node:events';
import { Agent, createServer as createHttpServer, get } from 'node:http';
import { type AddressInfo, connect, createServer } from 'node:net';
import { status } from '@grpc/grpc-js';
import { expect } from 'chai';
import { configOf } from '../../src/cli/run.ts';
import { connectFrames, Type } from '../support/frame-peer.ts';
import { greeterConfig, type Sidecar } from '../support/sidecar.ts';
import { until } from '../support/until.ts';
import { rig } from './rig.ts';

const requestFields = [
  [':method', 'POST'],
  [':scheme', 'http'],
  [':path', '/helloworld.Greeter/SayHello'],
  [':authority', 'test'],
  ['content-type', 'application/grpc'],
] as const;

/** What a connection of its own for one HTTP/1.1 request, or for TCP bytes, came to. */
function ask(target: string, write: string, answered: RegExp): Promise<string> {
  return new Promise((resolve) => {
    const socket = connect(Number(target.split(':')[1]), '127.0.0.1');
    let text = '';
    let failure = '';
    socket.on('connect', () => socket.write(write));
    socket.on('data', (chunk) => {
      text += chunk;
      if (answered.test(text)) socket.end();
    });
    socket.on('error', (error: NodeJS.ErrnoException) => {
      failure = error.code ?? error.message;
    });
    socket.on('close', () =>
      resolve(answered.test(text) ? 'OK' : failure || `closed after ${text.length} bytes`),
    );
  });
}

describe('a drain with a delay', function () {
  this.timeout(20_000);
  const { greeter, sidecar, client: grpcClient, defer } = rig();

  const post = async (proxy: { adminUrl: string }, path: string) => {
    const reply = await fetch(`${proxy.adminUrl}${path}`, {
      method: 'POST',
      headers: { accept: 'application/json' },
    });
    return { status: reply.status, body: await reply.json() };
  };
  const readyOf = async (proxy: { adminUrl: string }): Promise<[number, string]> => {
    const reply = await fetch(`${proxy.adminUrl}/ready`);
    return [reply.status, await reply.text()];
  };

  /** Listeners for gRPC and HTTP/1.1, and for TCP, in front of servers of their own. */
  async function everyProtocol(drain: Record<string, string>) {
    const replica = await greeter();
    const web = createHttpServer((_request, reply) => reply.end('fine'));
    const echo = createServer((socket) => socket.on('error', () => {}).pipe(socket));
    for (const server of [web, echo]) {
      await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
      defer(() => server.close());
    }
    defer(() => web.closeAllConnections());
    const at = (server: { address(): unknown }) => `127.0.0.1:${(server.address() as AddressInfo).port}`;
    const listener = (name: string) => ({
      name,
      listen: '127.0.0.1:0',
      routes: [{ name: 'all', cluster: name }],
    });
    return {
      listeners: [
        listener('grpc'),
        listener('web'),
        { name: 'raw', listen: '127.0.0.1:0', protocol: 'tcp', cluster: 'raw' },
      ],
      clusters: [
        { name: 'grpc', endpoints: [{ address: replica.address }] },
        { name: 'web', protocol: 'http1', endpoints: [{ address: at(web) }] },
        { name: 'raw', protocol: 'tcp', endpoints: [{ address: at(echo) }] },
      ],
      drain,
    };
  }

  it('refuses no client that connects during it, whatever it speaks; then it does', async () => {
    const shape = await everyProtocol({ delay: '2500ms', grace: '5s', goawayDelay: '100ms' });
    const proxy = await sidecar(shape);
    const outcomes = new Map<string, number>();
    const agent = new Agent({ keepAlive: true });
    defer(() => agent.destroy());
    const keptAlive = () =>
      new Promise<string>((resolve) => {
        get(`http://${proxy.target('web')}/`, { agent }, (reply) => {
          reply.resume().on('end', () => resolve('OK'));
        }).on('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message));
      });
    const longLived = grpcClient(proxy.target('grpc'));
    const calls: Record<string, () => Promise<string>> = {
      'gRPC, a connection each': async () => {
        const client = grpcClient(proxy.target('grpc'), { 'grpc.use_local_subchannel_pool': 1 });
        const { code, details } = await client.sayHello('x');
        client.close();
        return code === status.OK ? 'OK' : `${code} ${details}`;
      },
      'gRPC, one channel': async () => {
        const { code, details } = await longLived.sayHello('x');
        return code === status.OK ? 'OK' : `${code} ${details}`;
      },
      'HTTP/1.1, a connection each': () =>
        ask(proxy.target('web'), 'GET / HTTP/1.1\r\nhost: x\r\n\r\n', /fine/),
      'HTTP/1.1, kept alive': keptAlive,
      TCP: () => ask(proxy.target('raw'), 'hello', /hello/),
    };
    let stop = false;
    const load = Object.entries(calls).flatMap(([name, call]) =>
      [1, 2].map(async () => {
        while (!stop) {
          const begunAccepting = proxy.app.lifecycle.progress?.phase !== 'closing';
          const outcome = await call();
          // What began before the listeners closed must be fine; one that began later is refused.
          if (!begunAccepting || stop) break;
          const overtaken = proxy.app.lifecycle.isClosing && outcome !== 'OK' && name.includes('each');
          const key = overtaken ? 'at the end' : `${name}: ${outcome}`;
          outcomes.set(key, (outcomes.get(key) ?? 0) + 1);
          if (proxy.app.lifecycle.isClosing) break;
        }
      }),
    );
    await until(
      () => outcomes.size >= 5,
      () => JSON.stringify([...outcomes]),
    );
    expect((await post(proxy, '/drain')).status).to.equal(200);
    const [code, text] = await readyOf(proxy);
    expect(code).to.equal(503);
    expect(text).to.match(/^not ready: draining: new connections are accepted for another [012]\.\d s\n$/);
    const before = new Map(outcomes);
    await until(
      () => proxy.app.lifecycle.isClosing,
      () => 'the listeners do not close',
    );
    stop = true;
    await Promise.all(load);
    for (const name of Object.keys(calls))
      expect(outcomes.get(`${name}: OK`), name).to.be.greaterThan((before.get(`${name}: OK`) ?? 0) + 5);
    const bad = [...outcomes.keys()].filter((key) => !key.endsWith(': OK') && key !== 'at the end');
    expect(bad).to.deep.equal([]);
    await until(
      () => proxy.app.lifecycle.drained !== null,
      () => 'not drained',
    );
    const late = connect(Number(proxy.target('web').split(':')[1]), '127.0.0.1');
    const [error] = (await once(late, 'error')) as [NodeJS.ErrnoException];
    expect(error.code).to.equal('ECONNREFUSED');
  });

  it('an open HTTP/2 connection gets both GOAWAYs; one that is opened meanwhile gets none before the end', async () => {
    const replica = await greeter();
    const drain = { delay: '600ms', grace: '5s', goawayDelay: '100ms' };
    const proxy = await sidecar(greeterConfig([replica], {}, { drain }));
    const old = await connectFrames(proxy.target());
    defer(() => old.socket.destroy());
    await until(
      () => old.of(Type.Settings).length > 1,
      () => 'no SETTINGS',
    );
    await post(proxy, '/drain');
    const fresh = await connectFrames(proxy.target());
    defer(() => fresh.socket.destroy());
    fresh.headers(1, requestFields, true);
    await until(
      () => old.of(Type.Goaway).length === 2 && fresh.of(Type.Headers).length > 0,
      () => `${old.of(Type.Goaway).length} GOAWAYs`,
    );
    const lastIds = old.of(Type.Goaway).map(({ payload }) => payload.readUInt32BE(0));
    expect(lastIds).to.deep.equal([0x7fff_ffff, 0]);
    expect(proxy.app.lifecycle.isClosing, 'still accepting').to.equal(false);
    await fresh.roundTrip();
    expect(fresh.of(Type.Goaway)).to.have.length(0);
    await until(
      () => fresh.of(Type.Goaway).length === 2,
      () => `${fresh.of(Type.Goaway).length} GOAWAYs`,
    );
    expect(fresh.of(Type.Goaway).map(({ payload }) => payload.readUInt32BE(0))).to.deep.equal([
      0x7fff_ffff, 1,
    ]);
  });

  it('HTTP/1.1: an idle connection may make one more request, and its reply says close', async () => {
    const shape = await everyProtocol({ delay: '10s', grace: '1s', goawayDelay: '0s' });
    const proxy = await sidecar(shape);
    defer(() => proxy.app.lifecycle.endGrace());
    const socket = connect(Number(proxy.target('web').split(':')[1]), '127.0.0.1');
    defer(() => socket.destroy());
    let text = '';
    socket.on('data', (chunk) => {
      text += chunk;
    });
    const closed = once(socket, 'close');
    const said = (pattern: RegExp) =>
      until(
        () => pattern.test(text),
        () => text,
      );
    socket.write('GET /1 HTTP/1.1\r\nhost: x\r\n\r\n');
    await said(/fine/);
    expect(text).not.to.match(/connection: close/i);
    await post(proxy, '/drain');
    text = '';
    // Two at once: both are answered, and the last says so.
    socket.write('GET /2 HTTP/1.1\r\nhost: x\r\n\r\nGET /3 HTTP/1.1\r\nhost: x\r\n\r\n');
    await closed;
    expect(text.match(/fine/g)).to.have.length(2);
    expect(text.match(/connection: close/gi)).to.have.length(1);
    const other = await ask(
      proxy.target('web'),
      'GET / HTTP/1.1\r\nhost: x\r\n\r\n',
      /connection: close[\s\S]*fine/i,
    );
    expect(other).to.equal('OK');
  });

  it('undrain takes it back: ready again, connections stay; and it can be drained again', async () => {
    const shape = await everyProtocol({ delay: '700ms', grace: '1s', goawayDelay: '50ms' });
    const proxy = await sidecar(shape);
    expect(await post(proxy, '/undrain')).to.deep.equal({
      status: 200,
      body: {
        draining: false,
        outcome: 'not_draining',
        message: 'not draining: there is no drain to cancel',
      },
    });
    const drained = await post(proxy, '/drain');
    expect(drained.body).to.deep.include({ draining: true, phase: 'accepting' });
    expect((await post(proxy, '/drain')).status, 'again').to.equal(200);
    const metrics = async () => (await fetch(`${proxy.adminUrl}/metrics`)).text();
    expect(await metrics())
      .to.match(/^outrigger_ready 0$/m)
      .and.match(/^outrigger_state\{outrigger_state="draining"\} 1$/m);
    const undrained = await post(proxy, '/undrain');
    expect([undrained.status, undrained.body]).to.deep.equal([
      200,
      {
        draining: false,
        outcome: 'undrained',
        message: 'the drain was cancelled: /ready answers 200 again, and connections stay open',
      },
    ]);
    expect(await readyOf(proxy)).to.deep.equal([200, 'ready\n']);
    expect(await metrics()).to.match(/^outrigger_state\{outrigger_state="ready"\} 1$/m);
    const again = await ask(
      proxy.target('web'),
      'GET / HTTP/1.1\r\nhost: x\r\n\r\n',
      /^HTTP\/1\.1 200(?![\s\S]*connection: close)[\s\S]*fine/i,
    );
    expect(again, 'HTTP/1.1 is kept alive').to.equal('OK');
    await post(proxy, '/drain');
    await until(
      () => proxy.app.lifecycle.drained !== null,
      () => 'not drained',
    );
    expect(await post(proxy, '/undrain')).to.deep.include({ status: 409 });
    expect((await readyOf(proxy))[1]).to.match(/listeners are closed/);
    expect(await metrics()).to.match(/^outrigger_state\{outrigger_state="drained"\} 1$/m);
  });

  it('a call in flight and a TCP connection go on through a drain that is taken back, beyond its grace', async () => {
    const shape = await everyProtocol({ delay: '300ms', grace: '100ms', goawayDelay: '0s' });
    const proxy = await sidecar(shape);
    const stream = grpcClient(proxy.target('grpc')).serverStream({ options: { replies: 8, pauseMs: 100 } });
    const socket = connect(Number(proxy.target('raw').split(':')[1]), '127.0.0.1');
    defer(() => socket.destroy());
    socket.write('a');
    await once(socket, 'data');
    await until(
      () => proxy.cluster('grpc').active === 1,
      () => 'the stream has not begun',
    );
    await post(proxy, '/drain');
    await post(proxy, '/undrain');
    const { code, replies } = await stream;
    expect([code, replies.length]).to.deep.equal([status.OK, 8]);
    socket.write('b');
    const [echoed] = (await once(socket, 'data')) as [Buffer];
    expect(String(echoed)).to.equal('b');
  });

  it('a WebSocket is accepted during it, and goes on until the grace is over', async () => {
    const ws = createHttpServer();
    ws.on('upgrade', (_request, socket) => {
      socket.write('HTTP/1.1 101 Switching Protocols\r\nconnection: Upgrade\r\nupgrade: websocket\r\n\r\n');
      socket.on('error', () => {}).pipe(socket);
    });
    await new Promise<void>((listening) => ws.listen(0, '127.0.0.1', listening));
    defer(() => ws.close());
    const { port } = ws.address() as AddressInfo;
    const drain = { delay: '600ms', grace: '400ms', goawayDelay: '0s' };
    const cluster = { protocol: 'http1', health: 'none' };
    const proxy = await sidecar(greeterConfig([{ address: `127.0.0.1:${port}` }], cluster, { drain }));
    const open = async () => {
      const socket = connect(Number(proxy.target().split(':')[1]), '127.0.0.1');
      defer(() => socket.destroy());
      socket.on('error', () => {});
      const closed = once(socket, 'close');
      socket.write(
        'GET / HTTP/1.1\r\nhost: x\r\nconnection: Upgrade\r\nupgrade: websocket\r\nsec-websocket-version: 13\r\nsec-websocket-key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n',
      );
      const [head] = (await once(socket, 'data')) as [Buffer];
      expect(String(head)).to.match(/^HTTP\/1\.1 101 /);
      return { socket, closed };
    };
    const old = await open();
    await post(proxy, '/drain');
    const fresh = await open();
    await until(
      () => proxy.app.lifecycle.isClosing,
      () => 'the listeners do not close',
    );
    for (const { socket } of [old, fresh]) {
      socket.write('still here');
      const [echoed] = (await once(socket, 'data')) as [Buffer];
      expect(String(echoed)).to.equal('still here');
    }
    await Promise.all([old.closed, fresh.closed]);
    await until(
      () => proxy.app.lifecycle.drained !== null,
      () => 'not drained',
    );
    expect(proxy.app.lifecycle.drained).to.include({ cut: 2 });
  });

  it('a reload changes the delay of the next drain', async () => {
    const replica = await greeter();
    const shape = greeterConfig([replica], {}, { drain: { delay: '1h' } });
    const next = { admin: { listen: '127.0.0.1:0' }, ...shape, drain: { delay: '100ms' } };
    const proxy = await sidecar(shape, {
      load: () => ({
        config: configOf(next),
        file: undefined,
        warnings: [],
        placeOf: () => ({ file: 'configuration', line: 0, column: 0 }),
      }),
    });
    await post(proxy, '/drain');
    expect(proxy.app.lifecycle.progress?.acceptingForMs).to.be.greaterThan(3_500_000);
    await post(proxy, '/undrain');
    expect(await proxy.app.reload('a test')).to.include({ ok: true });
    await post(proxy, '/drain');
    await until(
      () => proxy.app.lifecycle.drained !== null,
      () => 'not drained',
    );
  });

  it('undrain comes too late for the inbound listeners when it does for the sidecar', async () => {
    const replica = await greeter();
    const shape = greeterConfig([replica], {}, { drain: { delay: '10s' } });
    const [listener] = shape.listeners ?? [];
    const proxy = await sidecar({ ...shape, listeners: [{ ...listener, direction: 'inbound' }] });
    await post(proxy, '/drain?direction=inbound');
    expect((await readyOf(proxy))[0]).to.equal(503);
    const stopped = proxy.app.stop();
    defer(() => stopped);
    defer(() => proxy.app.lifecycle.endGrace());
    expect((await post(proxy, '/undrain')).body).to.include({ outcome: 'stopping' });
    // Replies of HTTP/1.1 still ask the client to go.
    const reply = await fetch(`http://${proxy.target()}/`, { headers: { connection: 'keep-alive' } });
    await reply.text();
    expect(reply.headers.get('connection')).to.equal('close');
  });

  it('a reload during it is refused, and works after undrain', async () => {
    const replica = await greeter();
    const proxy: Sidecar = await sidecar(greeterConfig([replica], {}, { drain: { delay: '10s' } }));
    defer(() => proxy.app.lifecycle.endGrace());
    await post(proxy, '/drain');
    const refused = await proxy.app.reload('a test');
    expect(refused).to.deep.include({
      ok: false,
      problems: ['the sidecar is draining; take the drain back with outrigger undrain, and reload then'],
    });
    await post(proxy, '/undrain');
    const outcome = await proxy.app.reload('a test');
    expect(outcome.ok === false && outcome.problems).to.deep.equal(['there is no configuration to reload']);
  });
});
