import { once } from 'node:events';
import { Agent, get } from 'node:http';
import { connect } from 'node:net';
import * as grpc from '@grpc/grpc-js';
import { expect } from 'chai';
import { connectFrames, Setting, Type } from '../support/frame-peer.ts';
import { connectRaw, grpcHead, startRawServer } from '../support/raw-http2.ts';
import { judgesRealTime } from '../support/real-time.ts';
import {
  type ConfigShape,
  greeterConfig,
  ready,
  type Sidecar,
  startSidecar,
  startSidecarProgram,
} from '../support/sidecar.ts';
import { until } from '../support/until.ts';
import { rig } from './rig.ts';

const { status } = grpc;
const grpcReply = { ':status': 200, 'content-type': 'application/grpc' };
const requestFields = [
  [':method', 'POST'],
  [':scheme', 'http'],
  [':path', '/a.B/C'],
  [':authority', 'test'],
  ['content-type', 'application/grpc'],
] as const;

describe('SIGTERM', function () {
  judgesRealTime(this, 'programs have to end within their drain time');
  const { greeter, client: grpcClient, defer } = rig();

  async function program(replica: { address: string }, drain: Record<string, string>) {
    const running = await startSidecarProgram(greeterConfig([replica], {}, { drain }));
    defer(async () => {
      running.signal('SIGKILL');
      await running.exit;
    });
    await until(
      async () => (await fetch(`${running.adminUrl}/ready`)).status === 200,
      () => running.stderr,
    );
    return running;
  }

  it('says GOAWAY, lets calls in flight finish, reports how it went, and ends with 0', async () => {
    const replica = await greeter({ delayMs: 600 });
    const running = await program(replica, { grace: '10s', goawayDelay: '200ms' });
    const client = grpcClient(running.target);
    const frames = await connectFrames(running.target);
    defer(() => frames.socket.destroy());
    const calls = Array.from({ length: 8 }, () => client.sayHello('x'));
    await until(
      () => replica.active === 8,
      () => `${replica.active} calls have begun`,
    );
    running.signal('SIGTERM');
    await until(
      () => frames.of(Type.Goaway).length > 0,
      () => 'no GOAWAY',
    );
    const goaway = frames.of(Type.Goaway)[0].payload;
    expect([goaway.readUInt32BE(0), goaway.readUInt32BE(4)]).to.deep.equal([0x7fff_ffff, 0]);
    const notReady = await fetch(`${running.adminUrl}/ready`);
    expect([notReady.status, await notReady.text()]).to.deep.equal([
      503,
      'not ready: draining: the listeners are closed and calls in flight finish\n',
    ]);
    for (const { code } of await Promise.all(calls)) expect(code).to.equal(status.OK);
    expect(await running.exit).to.equal(0);
    expect(running.stderr).to.match(/drained: 0 requests terminated, 8 finished\n/);
    // The last word names the streams that still count: none was opened here.
    expect(frames.of(Type.Goaway).at(-1)?.payload.readUInt32BE(0)).to.equal(0);
  });

  it('still serves what was sent before the client saw the first GOAWAY, and takes no new connection', async () => {
    const replica = await greeter();
    const running = await program(replica, { grace: '10s', goawayDelay: '500ms' });
    const frames = await connectFrames(running.target);
    defer(() => frames.socket.destroy());
    await until(
      () => frames.of(Type.Settings).length > 1,
      () => 'no SETTINGS',
    );
    running.signal('SIGTERM');
    await until(
      () => frames.of(Type.Goaway).length > 0,
      () => 'no GOAWAY',
    );
    frames.headers(1, requestFields, true);
    await until(
      () => frames.of(Type.Headers).length > 0,
      () => 'no answer to a call after the first GOAWAY',
    );
    const late = connect(Number(running.target.split(':')[1]), '127.0.0.1');
    const [error] = (await once(late, 'error')) as [NodeJS.ErrnoException];
    expect(error.code).to.equal('ECONNREFUSED');
    expect(await running.exit).to.equal(0);
    expect(frames.of(Type.Goaway).at(-1)?.payload.readUInt32BE(0)).to.equal(1);
  });

  it('when the grace is over, terminates what is left with UNAVAILABLE draining, and ends with 1', async () => {
    const replica = await greeter();
    const running = await program(replica, { grace: '400ms', goawayDelay: '50ms' });
    const client = grpcClient(running.target);
    const held = client.unary({ options: { hold: true } });
    const stream = client.openBidi();
    stream.call.on('data', () => {});
    stream.call.write({});
    await until(
      () => replica.active === 2,
      () => `${replica.active} calls have begun`,
    );
    const sinceMs = performance.now();
    running.signal('SIGTERM');
    for (const { code, details } of await Promise.all([held, stream.result])) {
      expect(code).to.equal(status.UNAVAILABLE);
      expect(details).to.match(
        /^the sidecar is shutting down and the grace period is over; .*\[draining\] \(call \S+\)$/,
      );
    }
    expect(await running.exit).to.equal(1);
    expect(performance.now() - sinceMs).to.be.within(395, 6000);
    expect(running.stderr).to.match(/drained: 2 requests terminated, 0 finished\n/);
    await until(
      () => replica.active === 0,
      () => 'the replica works on for nobody',
    );
  });

  it('idle, ends at once', async () => {
    const replica = await greeter();
    const running = await program(replica, { grace: '10s', goawayDelay: '5s' });
    const sinceMs = performance.now();
    running.signal('SIGINT');
    expect(await running.exit).to.equal(0);
    expect(performance.now() - sinceMs).to.be.lessThan(4000);
  });

  it('POST /quitquitquit ends it the same way', async () => {
    const replica = await greeter();
    const running = await program(replica, { grace: '10s', goawayDelay: '0s' });
    const reply = await fetch(`${running.adminUrl}/quitquitquit`, { method: 'POST' });
    expect(reply.status).to.be.within(200, 202);
    expect(await running.exit).to.equal(0);
  });
});

describe('draining', function () {
  judgesRealTime(this, 'programs have to drain within their drain time');
  const { greeter, sidecar, client: grpcClient, defer } = rig();

  /** Each test stops it itself; if it does not come so far, this does. */
  async function started(shape: ConfigShape): Promise<Sidecar> {
    const proxy = await startSidecar(shape);
    defer(() => proxy.stop());
    await ready(proxy);
    return proxy;
  }

  it('a reply that its client takes slowly is delivered whole', async () => {
    const size = 3_000_000;
    const server = await startRawServer((stream) => {
      stream.respond(grpcReply, { waitForTrailers: true });
      stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': '0' }));
      stream.end(Buffer.alloc(size));
    });
    defer(() => server.close());
    const proxy = await started(greeterConfig([server], { health: 'none' }));
    const frames = await connectFrames(proxy.target(), [[Setting.InitialWindowSize, 60_000]]);
    defer(() => frames.socket.destroy());
    frames.headers(1, requestFields, true);
    const got = (): number => frames.of(Type.Data).reduce((sum, { payload }) => sum + payload.length, 0);
    await until(
      () => got() === 60_000,
      () => `${got()} bytes`,
    );
    // It can have the rest; but first the sidecar is told to go.
    const stopped = proxy.stop();
    frames.windowUpdate(0, size);
    frames.windowUpdate(1, size);
    const { cut, undelivered } = await stopped;
    await until(
      () => frames.socket.readableEnded || frames.socket.destroyed,
      () => `${got()} bytes and no end`,
    );
    expect([cut, undelivered, got()]).to.deep.equal([0, 0, size]);
    expect(frames.of(Type.Headers)).to.have.length(2);
  });

  it('a client that does not take its reply within the grace is reported in the result', async () => {
    const server = await startRawServer((stream) => {
      stream.respond(grpcReply, { waitForTrailers: true });
      stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': '0' }));
      stream.end(Buffer.alloc(50_000));
    });
    defer(() => server.close());
    const proxy = await started(
      greeterConfig([server], { health: 'none' }, { drain: { grace: '100ms', goawayDelay: '0s' } }),
    );
    const frames = await connectFrames(proxy.target(), [[Setting.InitialWindowSize, 1000]]);
    defer(() => frames.socket.destroy());
    frames.headers(1, requestFields, true);
    await until(
      () => proxy.calls().length === 1,
      () => 'the call has not ended',
    );
    expect(await proxy.stop()).to.deep.equal({ cut: 0, finished: 0, undelivered: 1 });
  });

  it('HTTP/1.1: the connection of a call in flight says close, an idle one is closed', async () => {
    const server = await startRawServer((stream) => {
      stream.respond({ ':status': 200 });
      setTimeout(() => stream.end('done'), 100);
    });
    defer(() => server.close());
    const proxy = await started(greeterConfig([server], { health: 'none' }));
    const agent = new Agent({ keepAlive: true });
    defer(() => agent.destroy());
    const ask = (): Promise<{ connection: string | undefined; body: string }> =>
      new Promise((resolve, reject) => {
        get(`http://${proxy.target()}/`, { agent }, (reply) => {
          let body = '';
          reply.on('data', (piece: Buffer) => {
            body += piece;
          });
          reply.on('end', () => resolve({ connection: reply.headers.connection, body }));
        }).on('error', reject);
      });
    expect((await ask()).connection, 'kept open, as ever in HTTP/1.1').to.equal(undefined);
    const slow = ask();
    await until(
      () => proxy.cluster().active === 1,
      () => 'the call has not begun',
    );
    const stopped = proxy.stop();
    expect((await slow).body).to.equal('done');
    expect(await stopped).to.deep.equal({ cut: 0, finished: 1, undelivered: 0 });
  });

  it('leaves no timer of the grace behind, and draining twice is draining once', async () => {
    const replica = await greeter();
    const proxy = await started(greeterConfig([replica], {}, { drain: { grace: '1h', goawayDelay: '0s' } }));
    await grpcClient(proxy.target()).sayHello('x');
    const [first, second] = await Promise.all([proxy.stop(), proxy.stop()]);
    expect(first).to.equal(second);
  });

  it('a call that waits for a connection when the grace is over is terminated, and was not processed', async () => {
    const { createServer } = await import('node:net');
    const silent = createServer((socket) => socket.resume().on('error', () => {}));
    await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve));
    defer(() => silent.close());
    const { port } = silent.address() as { port: number };
    const proxy = await started(
      greeterConfig(
        [{ address: `127.0.0.1:${port}` }],
        { health: 'none', connectTimeout: '10s' },
        {
          drain: { grace: '50ms', goawayDelay: '0s' },
        },
      ),
    );
    const raw = connectRaw(proxy.target());
    defer(() => raw.close());
    const call = raw.request(grpcHead('/a.B/C'));
    await until(
      () => proxy.cluster().active === 1,
      () => 'the call has not begun',
    );
    expect((await proxy.stop()).cut).to.equal(1);
    const { headers } = await call;
    expect(headers['x-outrigger-error']).to.equal('draining');
    expect(String(headers['grpc-message'])).to.contain('did not process');
  });

  it('POST /drain drains and leaves the process and its admin page', async () => {
    const replica = await greeter();
    const proxy = await sidecar(greeterConfig([replica], {}, { drain: { delay: '0s' } }));
    expect((await fetch(`${proxy.adminUrl}/drain`, { method: 'POST' })).status).to.be.within(200, 202);
    await until(
      async () => (await fetch(`${proxy.adminUrl}/ready`)).status === 503,
      () => 'it is still ready',
    );
    expect((await fetch(`${proxy.adminUrl}/live`)).status).to.equal(200);
    const late = connect(Number(proxy.target().split(':')[1]), '127.0.0.1');
    const [error] = (await once(late, 'error')) as [NodeJS.ErrnoException];
    expect(error.code).to.equal('ECONNREFUSED');
  });
});
