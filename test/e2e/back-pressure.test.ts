import { once } from 'node:events';
import { expect } from 'chai';
import { connectFrames, Flags, Setting, Type } from '../support/frame-peer.ts';
import { connectRaw, grpcHead, grpcMessage, startRawServer } from '../support/raw-http2.ts';
import { judgesRealTime } from '../support/real-time.ts';
import { greeterConfig } from '../support/sidecar.ts';
import { until } from '../support/until.ts';
import { rig } from './rig.ts';

const grpcReply = { ':status': 200, 'content-type': 'application/grpc' };
const mebibyte = 1 << 20;

/** Resolves once a figure has been the same for a while: nothing more is on its way. */
async function settled(figure: () => number): Promise<number> {
  let seen = figure();
  let sinceMs = performance.now();
  await until(
    () => {
      if (figure() !== seen) {
        seen = figure();
        sinceMs = performance.now();
      }
      return performance.now() - sinceMs > 150;
    },
    () => `it still grows, ${seen} now`,
  );
  return seen;
}

describe('back-pressure', function () {
  judgesRealTime(this, 'it waits until nothing has moved for 150 ms');
  const { sidecar, chain, defer } = rig();

  /** A server whose replies never end, and how many bytes its sockets took. */
  async function endlessServer() {
    const chunk = Buffer.alloc(16_384, 0x7a);
    let sent = 0;
    const server = await startRawServer((stream) => {
      stream.respond(grpcReply);
      const go = (): void => {
        while (!stream.destroyed) {
          sent += chunk.length;
          if (!stream.write(chunk)) break;
        }
      };
      stream.on('drain', go);
      go();
    });
    defer(() => server.close());
    return { server, sent: () => sent };
  }

  it('a stalled reader holds up no other call on its connection', async () => {
    const { client, replica } = await chain();
    const { call } = client.openServerStream({ options: { replies: 1000, replyBytes: 100_000 } });
    // Nobody reads from `call`: its window fills, the server waits.
    await until(
      () => replica.active === 1,
      () => 'the stream has not begun',
    );
    for (let i = 0; i < 50; i++) {
      const { code, replies } = await client.unary({ payload: Buffer.alloc(10_000, i) });
      expect([code, replies[0].payload.length]).to.deep.equal([0, 10_000]);
    }
    expect(replica.active, 'the stalled stream still waits').to.equal(1);
    call.cancel();
    await until(
      () => replica.active === 0,
      () => 'the stalled stream was not cancelled',
    );
  });

  it('a stalled server holds up no other call either, and the client is made to wait', async () => {
    const { client, replica } = await chain();
    const { call } = client.openClientStream();
    call.write({ options: { hold: true } });
    let written = 0;
    const go = (): void => {
      for (let more = true; more && written < 64 * mebibyte; written += 65_536)
        more = call.write({ payload: Buffer.alloc(65_536) });
    };
    call.on('drain', go);
    go();
    await until(
      () => replica.active === 1,
      () => 'the stream has not begun',
    );
    expect(await settled(() => written)).to.be.lessThan(8 * mebibyte);
    for (let i = 0; i < 20; i++)
      expect((await client.unary({ payload: Buffer.alloc(10_000) })).code).to.equal(0);
    call.cancel();
    await until(
      () => replica.active === 0,
      () => 'the stalled stream was not cancelled',
    );
  });

  it('100 streams that nobody reads: memory and what the upstream may send are bounded', async () => {
    const { server, sent } = await endlessServer();
    const proxy = await sidecar(greeterConfig([server], { health: 'none' }));
    // Windows so large that only the unread socket can stop the flow.
    const huge = 0x7fff_ffff;
    const peer = await connectFrames(proxy.target(), [[Setting.InitialWindowSize, huge]]);
    defer(() => peer.socket.destroy());
    peer.windowUpdate(0, huge - 65_535);
    globalThis.gc?.();
    const rssBefore = process.memoryUsage().rss;
    peer.socket.pause();
    for (let i = 0; i < 100; i++) {
      peer.headers(2 * i + 1, requestFields, true);
    }
    const total = await settled(sent);
    expect(server.streams).to.have.length(100);
    // A first window for each, and what the kernel and node:http2 hold: not what 100 grown windows would.
    expect(total).to.be.lessThan(50 * mebibyte);
    // Client, sidecar and server are all in this process.
    expect(process.memoryUsage().rss - rssBefore).to.be.lessThan(200 * mebibyte);
    expect(proxy.cluster().active).to.equal(100);
  });

  it('100 streams without window: no more is taken from the upstream than their windows', async () => {
    const { server, sent } = await endlessServer();
    const proxy = await sidecar(greeterConfig([server], { health: 'none' }));
    const peer = await connectFrames(proxy.target(), [[Setting.InitialWindowSize, 0]]);
    defer(() => peer.socket.destroy());
    for (let i = 0; i < 100; i++) peer.headers(2 * i + 1, requestFields, true);
    const total = await settled(sent);
    // 64 KiB a stream, and what node:http2 accepts ahead of the window: a chunk or two each.
    expect(total).to.be.at.most(100 * 64 * 1024 * 2);
    await peer.roundTrip();
    expect(peer.of(Type.Data)).to.have.length(0);
    // Once there is room it flows, on that stream alone.
    peer.windowUpdate(1, 1000);
    await until(
      () => peer.of(Type.Data).length > 0,
      () => 'nothing came',
    );
    expect(peer.of(Type.Data).reduce((sum, frame) => sum + frame.payload.length, 0)).to.equal(1000);
    expect(new Set(peer.of(Type.Data).map((frame) => frame.streamId))).to.deep.equal(new Set([1]));
  });

  it('a lowered initial window makes windows negative: nothing is sent until they are positive', async () => {
    const { server } = await endlessServer();
    const proxy = await sidecar(greeterConfig([server], { health: 'none' }));
    const peer = await connectFrames(proxy.target(), [[Setting.InitialWindowSize, 10_000]]);
    defer(() => peer.socket.destroy());
    peer.headers(1, requestFields, true);
    const got = (): number => peer.of(Type.Data).reduce((sum, frame) => sum + frame.payload.length, 0);
    await until(
      () => got() === 10_000,
      () => `${got()} bytes came`,
    );
    const lower = Buffer.alloc(6);
    lower.writeUInt16BE(Setting.InitialWindowSize, 0);
    lower.writeUInt32BE(4000, 2);
    peer.send(Type.Settings, Flags.None, 0, lower);
    peer.windowUpdate(1, 6000); // from -6000 to 0
    peer.send(Type.Ping, Flags.None, 0, Buffer.alloc(8));
    await until(
      () => peer.of(Type.Ping).length === 1,
      () => 'no answer to PING',
    );
    expect(got()).to.equal(10_000);
    peer.windowUpdate(1, 5);
    await until(
      () => got() === 10_005,
      () => `${got()} bytes came`,
    );
  });

  it('a client that asks and never reads is not read from for ever', async () => {
    const proxy = await sidecar({
      ...greeterConfig([{ address: '127.0.0.1:9' }], { health: 'none' }),
      listeners: [
        {
          name: 'in',
          listen: '127.0.0.1:0',
          routes: [{ name: 'r', match: { path: '/other' }, cluster: 'greeter' }],
        },
      ],
    });
    const peer = await connectFrames(proxy.target());
    defer(() => peer.socket.destroy());
    await once(peer.socket, 'data');
    peer.socket.pause();
    // Each is answered at once with an error, so that no limit on streams stops the client.
    let asked = 0;
    const ask = (): void => {
      while (asked < 400_000 && !peer.socket.writableNeedDrain)
        peer.headers(2 * asked++ + 1, requestFields, true);
    };
    peer.socket.on('drain', ask);
    ask();
    await settled(() => asked);
    // About 1 MiB of replies in the sidecar, and as much as the kernel holds.
    const served = ((await (await fetch(`${proxy.adminUrl}/stats?format=json`)).json()) as Stats).totals
      .calls;
    expect(served, 'calls of a deaf client that were served').to.be.lessThan(60_000);
    expect(asked, 'calls that a deaf client could ask').to.be.lessThan(200_000);
  });

  it('the credit of calls that are cancelled goes back to the connection', async () => {
    const { server } = await endlessServer();
    const proxy = await sidecar(greeterConfig([server], { health: 'none' }));
    const raw = connectRaw(proxy.target());
    defer(() => raw.close());
    // Each leaves up to a window of data behind; together far more than a connection's.
    for (let i = 0; i < 200; i++) {
      const { stream, reply } = raw.open(grpcHead('/a.B/C'), true);
      await once(stream, 'response');
      stream.close(8);
      await reply;
    }
    const { stream } = raw.open(grpcHead('/a.B/C'), true);
    let got = 0;
    stream.on('data', (piece: Buffer) => {
      got += piece.length;
    });
    await until(
      () => got > 4 * mebibyte,
      () => `only ${got} bytes came`,
    );
    stream.close(8);
  });

  it('a request body is taken no faster than the upstream takes it', async () => {
    const server = await startRawServer((stream) => stream.pause());
    defer(() => server.close());
    const proxy = await sidecar(greeterConfig([server], { health: 'none' }));
    const raw = connectRaw(proxy.target());
    defer(() => raw.close());
    const { stream } = raw.open(grpcHead('/a.B/C'));
    let written = 0;
    const go = (): void => {
      for (let more = true; more && written < 64 * mebibyte; written += 65_536)
        more = stream.write(grpcMessage(Buffer.alloc(65_531)));
    };
    stream.on('drain', go);
    go();
    expect(await settled(() => written)).to.be.lessThan(4 * mebibyte);
    stream.close(8);
  });
});

interface Stats {
  readonly totals: { readonly calls: number };
}

const requestFields = [
  [':method', 'POST'],
  [':scheme', 'http'],
  [':path', '/a.B/C'],
  [':authority', 'test'],
  ['content-type', 'application/grpc'],
  ['te', 'trailers'],
] as const;
