import * as grpc from '@grpc/grpc-js';
import { expect } from 'chai';
import { ErrorCode } from '../../src/core/error-code.ts';
import { decodeGrpcMessage } from '../../src/core/grpc-message.ts';
import { Flags, type Frame, type FramePeer, Setting, startFrameServer, Type } from '../support/frame-peer.ts';
import { connectRaw, grpcHead, grpcMessage } from '../support/raw-http2.ts';
import { greeterConfig } from '../support/sidecar.ts';
import { freeAddresses } from '../support/sidecar-process.ts';
import { until } from '../support/until.ts';
import { rig } from './rig.ts';

const { status } = grpc;
const okFields = [
  [':status', '200'],
  ['content-type', 'application/grpc'],
  ['grpc-status', '0'],
] as const;
/** No probe and no ejection stands between a call and its endpoint. */
const bare = { health: 'none', outlier: 'none' };

describe('calls that no server began are retried on another endpoint', () => {
  const { greeter, sidecar, client: grpcClient, defer } = rig();

  async function frameServer(
    onFrame: (peer: FramePeer, frame: Frame) => void,
    settings: ReadonlyArray<readonly [number, number]> = [],
  ) {
    const server = await startFrameServer(onFrame, settings);
    defer(() => server.close());
    return server;
  }
  const refusing = (code: number) =>
    frameServer((peer, frame) => {
      if (frame.type === Type.Headers) peer.rst(frame.streamId, code);
    });
  function raw(target: string) {
    const client = connectRaw(target);
    defer(() => client.close());
    return client;
  }

  it('a refused connection', async () => {
    const [dead] = await freeAddresses(1);
    const alive = await greeter();
    const proxy = await sidecar(greeterConfig([{ address: dead, weight: 1000 }, alive], bare));
    const client = grpcClient(proxy.target());
    for (let i = 0; i < 20; i++) expect((await client.sayHello('x')).code).to.equal(status.OK);
    expect(alive.calls).to.equal(20);
    const first = proxy.calls()[0];
    expect(first.attempts.map(({ endpoint, error }) => [endpoint, error])).to.deep.equal([
      [dead, 'connect_failed'],
      [alive.address, ''],
    ]);
  });

  it('REFUSED_STREAM, with the body sent again', async () => {
    const refuser = await refusing(ErrorCode.REFUSED_STREAM);
    const alive = await greeter();
    const proxy = await sidecar(greeterConfig([{ ...refuser, weight: 1000 }, alive], bare));
    const client = grpcClient(proxy.target());
    const payload = Buffer.alloc(20_000, 'abc');
    const { code, replies } = await client.unary({ payload });
    expect(code).to.equal(status.OK);
    expect(replies[0].payload.equals(payload)).to.equal(true);
    expect(refuser.peers[0].of(Type.Headers)).to.have.length(1);
    expect(proxy.calls()[0].attempts).to.have.length(2);
  });

  it('with request trailers and a half-closed stream of several messages', async () => {
    const refuser = await refusing(ErrorCode.REFUSED_STREAM);
    const frames: Frame[] = [];
    const taker = await frameServer((peer, frame) => {
      if (frame.streamId === 0) return;
      frames.push(frame);
      if ((frame.flags & Flags.EndStream) !== 0) peer.headers(frame.streamId, okFields, true);
    });
    const proxy = await sidecar(greeterConfig([{ ...refuser, weight: 1000 }, taker], bare));
    const body = Buffer.concat([grpcMessage(Buffer.from('one')), grpcMessage(Buffer.from('two'))]);
    const { headers } = await raw(proxy.target()).request(grpcHead('/a.B/C'), body, { 'x-sum': '7' });
    expect(headers['grpc-status']).to.equal('0');
    const sent = Buffer.concat(frames.filter(({ type }) => type === Type.Data).map(({ payload }) => payload));
    expect(sent.equals(body)).to.equal(true);
    expect(frames.at(-1)).to.include({ type: Type.Headers, flags: Flags.EndStream | Flags.EndHeaders });
  });

  it('refused twice is an answer: UNAVAILABLE, and the server is said to have done nothing', async () => {
    const all = await Promise.all([1, 2, 3].map(() => refusing(ErrorCode.REFUSED_STREAM)));
    const proxy = await sidecar(greeterConfig(all, bare));
    const { headers } = await raw(proxy.target()).request(grpcHead('/a.B/C'));
    expect(headers).to.include({ 'grpc-status': '14', 'x-outrigger-error': 'upstream_reset' });
    expect(decodeGrpcMessage(String(headers['grpc-message']))).to.contain(
      'the upstream did not process the call',
    );
    const streams = all.reduce((sum, { peers }) => sum + (peers[0]?.of(Type.Headers).length ?? 0), 0);
    expect(streams).to.equal(2);
  });

  it('any other reset is not retried', async () => {
    const all = await Promise.all([1, 2].map(() => refusing(ErrorCode.CANCEL)));
    const proxy = await sidecar(greeterConfig(all, bare));
    const { headers } = await raw(proxy.target()).request(grpcHead('/a.B/C'));
    expect(headers['grpc-status']).to.equal('1');
    expect(proxy.calls()[0].attempts).to.have.length(1);
  });

  it('GOAWAY(n): calls up to n finish, later ones go to another endpoint', async () => {
    const open: number[] = [];
    const leaving = await frameServer((peer, frame) => {
      if (frame.type !== Type.Headers) return;
      open.push(frame.streamId);
      if (open.length < 4) return;
      peer.goaway(open[1], ErrorCode.NO_ERROR, 'bye');
      for (const id of open.slice(0, 2)) peer.headers(id, okFields, true);
    });
    const alive = await frameServer((peer, frame) => {
      if (frame.type === Type.Headers) peer.headers(frame.streamId, [...okFields, ['x-second', 'yes']], true);
    });
    const proxy = await sidecar(
      greeterConfig([{ ...leaving, weight: 1_000_000 }, alive], { ...bare, balancer: { policy: 'random' } }),
    );
    const client = raw(proxy.target());
    const replies = await Promise.all([1, 2, 3, 4].map(() => client.request(grpcHead('/a.B/C'))));
    for (const { headers } of replies) expect(headers['grpc-status']).to.equal('0');
    expect(replies.filter(({ headers }) => headers['x-second'] === 'yes')).to.have.length(2);
  });

  it('GOAWAY twice says UNAVAILABLE and not INTERNAL', async () => {
    const all = await Promise.all(
      [1, 2].map(() =>
        frameServer((peer, frame) => {
          if (frame.type === Type.Headers) peer.goaway(0, ErrorCode.NO_ERROR);
        }),
      ),
    );
    const proxy = await sidecar(greeterConfig(all, bare));
    const { headers } = await raw(proxy.target()).request(grpcHead('/a.B/C'));
    expect(headers['grpc-status']).to.equal('14');
    expect(decodeGrpcMessage(String(headers['grpc-message']))).to.contain(
      'the upstream did not process the call',
    );
  });

  it('GOAWAY from the only replica: the call goes there again, on a new connection', async () => {
    const server = await frameServer((peer, frame) => {
      if (frame.type !== Type.Headers) return;
      if (server.peers.length === 1) peer.goaway(0, ErrorCode.NO_ERROR);
      else peer.headers(frame.streamId, okFields, true);
    });
    const proxy = await sidecar(greeterConfig([server], bare));
    const { headers } = await raw(proxy.target()).request(grpcHead('/a.B/C'), grpcMessage(Buffer.from('x')));
    expect(headers['grpc-status']).to.equal('0');
    expect(server.peers).to.have.length(2);
  });

  it('a body that is no longer kept is not sent again', async () => {
    const server = await frameServer((peer, frame) => {
      if (frame.type === Type.Data) peer.windowUpdate(0, frame.payload.length);
      if (frame.type === Type.Data && !peer.frames.some(({ type }) => type === Type.Rst)) {
        peer.windowUpdate(frame.streamId, frame.payload.length);
        received += frame.payload.length;
        if (received > 100_000) peer.rst(frame.streamId, ErrorCode.REFUSED_STREAM);
      }
    });
    let received = 0;
    const other = await greeter();
    const proxy = await sidecar(greeterConfig([{ ...server, weight: 1_000_000 }, other], bare));
    const { headers } = await raw(proxy.target()).request(grpcHead('/a.B/C'), Buffer.alloc(200_000));
    expect(headers).to.include({ 'grpc-status': '14', 'x-outrigger-error': 'upstream_reset' });
    expect(other.calls).to.equal(0);
  });

  it('a large body waits for the first connection, and passes whole', async () => {
    const alive = await greeter();
    const proxy = await sidecar(greeterConfig([alive], bare));
    const payload = Buffer.alloc(3 << 20, 'xyz');
    const { code, replies } = await grpcClient(proxy.target()).unary({ payload });
    expect(code).to.equal(status.OK);
    expect(replies[0].payload.equals(payload)).to.equal(true);
  });

  it('as does one over HTTP/1.1, and one through windows larger than usual', async () => {
    const echo = await (await import('../support/raw-http2.ts')).startRawServer((stream) => {
      stream.respond({ ':status': 200 });
      stream.pipe(stream);
    });
    defer(() => echo.close());
    const shape = greeterConfig([echo], bare);
    const listeners = [
      {
        name: 'in',
        listen: '127.0.0.1:0',
        limits: { streamWindowBytes: '1MiB', connectionWindowBytes: '4MiB' },
        routes: [{ name: 'all', cluster: 'greeter' }],
      },
    ];
    const body = Buffer.alloc(900_000, 'q');
    for (const proxy of [await sidecar({ ...shape, listeners }), await sidecar(shape)]) {
      const reply = await fetch(`http://${proxy.target()}/`, { method: 'POST', body });
      expect(reply.status).to.equal(200);
      expect(Buffer.from(await reply.arrayBuffer()).equals(body)).to.equal(true);
      await proxy.stop();
    }
    const proxy = await sidecar({ ...shape, listeners });
    const { headers, body: back } = await raw(proxy.target()).request(
      { ':method': 'POST', ':path': '/' },
      body,
    );
    expect(headers[':status']).to.equal(200);
    expect(back.equals(body)).to.equal(true);
  });

  it('a connection that never says SETTINGS is given up, and the calls go to another endpoint', async () => {
    const { createServer } = await import('node:net');
    const silent = createServer((socket) => socket.resume().on('error', () => {}));
    await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve));
    defer(() => silent.close());
    const { port } = silent.address() as { port: number };
    const alive = await greeter();
    const proxy = await sidecar(
      greeterConfig([{ address: `127.0.0.1:${port}`, weight: 1_000_000 }, alive], {
        ...bare,
        connectTimeout: '300ms',
      }),
    );
    const { code } = await grpcClient(proxy.target()).sayHello('x');
    expect(code).to.equal(status.OK);
    expect(proxy.calls()[0].attempts[0].error).to.equal('connect_timeout');
  });

  it('no replica at all: the message names each and why it is of no use', async () => {
    const dead = await freeAddresses(2);
    const proxy = await sidecar(
      greeterConfig(
        dead.map((address) => ({ address })),
        bare,
      ),
    );
    const client = grpcClient(proxy.target());
    const first = await client.sayHello('x');
    expect(first.code).to.equal(status.UNAVAILABLE);
    expect(first.details).to.match(
      /no connection to 127\.0\.0\.1:\d+: .*ECONNREFUSED.*\[connect_failed\] \(call \S+\)$/,
    );
    const second = await client.sayHello('x');
    expect(second.details).to.match(
      /^cluster greeter has no usable endpoint: .*ECONNREFUSED.*\[no_healthy_endpoint\] \(call \S+\)$/,
    );
    for (const address of dead) expect(second.details).to.contain(address);
  });

  it('a busy replica: another connection is opened when its streams are used up', async () => {
    const server = await frameServer(
      (peer, frame) => {
        if (frame.type !== Type.Headers) return;
        open.set(peer, [...(open.get(peer) ?? []), frame.streamId]);
      },
      [[Setting.MaxConcurrentStreams, 10]],
    );
    const open = new Map<FramePeer, number[]>();
    const proxy = await sidecar(greeterConfig([server], bare));
    const client = raw(proxy.target());
    const calls = Array.from({ length: 100 }, () => client.request(grpcHead('/a.B/C')));
    const begun = (): number => [...open.values()].reduce((sum, ids) => sum + ids.length, 0);
    // All hundred run at once, though nobody has answered one: none waits behind another.
    await until(
      () => begun() === 100,
      () => `${begun()} of 100 calls have begun on ${server.peers.length} connections`,
    );
    expect(server.peers).to.have.length(10);
    for (const ids of open.values()) expect(ids).to.have.length(10);
    for (const [peer, ids] of open) for (const id of ids) peer.headers(id, okFields, true);
    for (const { headers } of await Promise.all(calls)) expect(headers['grpc-status']).to.equal('0');
  });
});
