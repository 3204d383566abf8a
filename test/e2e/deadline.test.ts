import { constants } from 'node:http2';
import * as grpc from '@grpc/grpc-js';
import { expect } from 'chai';
import { decodeGrpcMessage } from '../../src/core/grpc-message.ts';
import { parseGrpcTimeout } from '../../src/core/grpc-timeout.ts';
import { connectRaw, grpcHead, type RawHandler, startRawServer } from '../support/raw-http2.ts';
import { judgesRealTime } from '../support/real-time.ts';
import { greeterConfig } from '../support/sidecar.ts';
import { until } from '../support/until.ts';
import { rig } from './rig.ts';

const { status } = grpc;

describe('deadlines and cancels', function () {
  judgesRealTime(this, 'deadlines of 300 ms have to end calls neither early nor late');
  const { chain, greeter, sidecar, client: grpcClient, defer } = rig();

  async function rawServer(handle: RawHandler) {
    const server = await startRawServer(handle);
    defer(() => server.close());
    return server;
  }
  function rawClient(target: string) {
    const client = connectRaw(target);
    defer(() => client.close());
    return client;
  }
  const answer: RawHandler = (stream) =>
    stream.respond(
      { ':status': 200, 'content-type': 'application/grpc', 'grpc-status': '0' },
      { endStream: true },
    );

  it('the server gets less than the client gave, and not much less', async () => {
    const { client, replica } = await chain();
    const { code } = await client.sayHello('x', { deadlineMs: 5000 });
    expect(code).to.equal(status.OK);
    expect(replica.lastDeadlineMs).to.be.lessThan(5000).and.greaterThan(2500);
  });

  it('grpc-timeout is sent on once, counted down, in the finest unit that fits', async () => {
    const seen: unknown[] = [];
    const server = await rawServer((stream, headers) => {
      seen.push(headers['grpc-timeout']);
      answer(stream, headers);
    });
    const proxy = await sidecar(greeterConfig([server], { health: 'none' }));
    const client = rawClient(proxy.target());
    for (const [sent, ms] of [
      ['2S', 2000],
      ['1500m', 1500],
      ['2000000u', 2000],
      ['3M', 180_000],
      ['1H', 3_600_000],
      ['99999999H', 99_999_999 * 3_600_000],
    ] as const) {
      await client.request(grpcHead('/a.B/C', { 'grpc-timeout': sent }));
      const got = seen.at(-1);
      expect(got).to.match(/^\d{1,8}[HMSmun]$/);
      const gotMs = parseGrpcTimeout(String(got)) as number;
      // Hours are the only unit for the longest; one of them may go to rounding.
      expect(gotMs)
        .to.be.at.most(ms)
        .and.at.least(Math.min(ms - 1400, ms * 0.999));
    }
  });

  it('no timeout is made up', async () => {
    let seen: unknown = 'nothing';
    const server = await rawServer((stream, headers) => {
      seen = headers['grpc-timeout'];
      answer(stream, headers);
    });
    const proxy = await sidecar(greeterConfig([server], { health: 'none' }));
    await rawClient(proxy.target()).request(grpcHead('/a.B/C'));
    expect(seen).to.equal(undefined);
  });

  it('on expiry the client gets DEADLINE_EXCEEDED and the server CANCEL', async () => {
    let upstreamCode = -1;
    const server = await rawServer((stream) => {
      stream.on('close', () => {
        upstreamCode = stream.rstCode ?? -1;
      });
    });
    const proxy = await sidecar(greeterConfig([server], { health: 'none' }));
    const client = rawClient(proxy.target());
    const begunMs = performance.now();
    // A client that has no timer of its own, so that the status can only be ours.
    const { headers } = await client.request(grpcHead('/a.B/C', { 'grpc-timeout': '300m' }));
    const tookMs = performance.now() - begunMs;
    expect(headers).to.include({
      ':status': 200,
      'grpc-status': '4',
      'x-outrigger-error': 'deadline_exceeded',
    });
    expect(decodeGrpcMessage(String(headers['grpc-message']))).to.match(
      /^the deadline passed after \d+ ms, while 127\.0\.0\.1:\d+ was processing the request; the upstream may have processed the call; .*\[deadline_exceeded\] \(call \S+\)$/,
    );
    expect(tookMs).to.be.at.least(299).and.lessThan(3000);
    await until(
      () => upstreamCode === constants.NGHTTP2_CANCEL,
      () => `the upstream saw ${upstreamCode}`,
    );
    expect(proxy.cluster().active).to.equal(0);
  });

  it('expires in the middle of a stream too, with trailers', async () => {
    const server = await rawServer((stream) => {
      stream.respond({ ':status': 200, 'content-type': 'application/grpc' });
      stream.write('some');
    });
    const proxy = await sidecar(greeterConfig([server], { health: 'none' }));
    const { body, trailers } = await rawClient(proxy.target()).request(
      grpcHead('/a.B/C', { 'grpc-timeout': '300m' }),
    );
    expect(body.toString()).to.equal('some');
    expect(trailers).to.include({ 'grpc-status': '4', 'x-outrigger-error': 'deadline_exceeded' });
  });

  it('a deadline that passed before the call came is an expiry, not a hang', async () => {
    const server = await rawServer(() => {});
    const proxy = await sidecar(greeterConfig([server], { health: 'none' }));
    for (const timeout of ['0m', '0H', '1n']) {
      const { headers } = await rawClient(proxy.target()).request(
        grpcHead('/a.B/C', { 'grpc-timeout': timeout }),
      );
      expect(headers['grpc-status']).to.equal('4');
    }
  });

  for (const timeout of ['soon', '5', 'S', '-1S', '1.5S', '123456789S', '10 S', '5s', '5 ', '१S']) {
    it(`grpc-timeout ${JSON.stringify(timeout)} is malformed: INTERNAL, and the server never hears of it`, async () => {
      const server = await rawServer(answer);
      const proxy = await sidecar(greeterConfig([server], { health: 'none' }));
      // In bytes, as it is on the wire; the trailing space would not even be a valid field.
      const value = Buffer.from(timeout.trimEnd(), 'utf8').toString('latin1');
      const { headers } = await rawClient(proxy.target()).request(
        grpcHead('/a.B/C', { 'grpc-timeout': value }),
      );
      expect(headers).to.include({ 'grpc-status': '13', 'x-outrigger-error': 'protocol_error' });
      expect(decodeGrpcMessage(String(headers['grpc-message']))).to.match(
        /^grpc-timeout ".*" is malformed: it takes at most 8 digits and one of H M S m u n; the upstream did not process the call/,
      );
      // A call that does reach it is the first that it sees.
      await rawClient(proxy.target()).request(grpcHead('/a.B/C'));
      expect(server.streams).to.have.length(1);
    });
  }

  it("a route's timeout bounds calls that bring none, and is sent to the server", async () => {
    const replica = await greeter({ delayMs: 5000 });
    const shape = greeterConfig([replica]);
    const listeners = [
      {
        name: 'in',
        listen: '127.0.0.1:0',
        routes: [{ name: 'bounded', cluster: 'greeter', timeout: '400ms' }],
      },
    ];
    const proxy = await sidecar({ ...shape, listeners });
    const client = grpcClient(proxy.target());
    const { code, details } = await client.sayHello('x');
    expect(code).to.equal(status.DEADLINE_EXCEEDED);
    // The replica knows the deadline too, and may be the first to say so.
    expect(details).to.match(/\[deadline_exceeded\]|^Deadline exceeded/);
    expect(replica.lastDeadlineMs).to.be.at.most(400);
    replica.delayMs = 0;
    expect((await client.sayHello('x')).code).to.equal(status.OK);
    // The shorter of the two counts.
    await client.sayHello('x', { deadlineMs: 60_000 });
    expect(replica.lastDeadlineMs).to.be.at.most(400);
  });

  it("a route's timeout bounds HTTP calls with 504", async () => {
    const server = await rawServer(() => {});
    const shape = greeterConfig([server], { health: 'none' });
    const routes = [{ name: 'bounded', cluster: 'greeter', timeout: '50ms' }];
    const proxy = await sidecar({
      ...shape,
      listeners: [{ name: 'in', listen: '127.0.0.1:0', routes }],
    });
    const { headers, body } = await rawClient(proxy.target()).request({ ':path': '/slow' });
    expect(headers).to.include({ ':status': 504, 'x-outrigger-error': 'deadline_exceeded' });
    expect(body.toString()).to.match(/\[deadline_exceeded\] \(call \S+\)\n$/);
  });

  it("a client's cancel reaches the server promptly", async () => {
    const { client, replica, sidecar: proxy } = await chain();
    const abort = new AbortController();
    const calls = [
      client.unary({ options: { hold: true } }, { signal: abort.signal }),
      client.serverStream({ options: { hold: true } }, { signal: abort.signal }),
      client.bidi([{ options: { hold: true } }], { signal: abort.signal }),
    ];
    await until(
      () => replica.active === 3,
      () => `${replica.active} calls are running`,
    );
    expect(proxy.cluster().active).to.equal(3);
    abort.abort();
    for (const { code } of await Promise.all(calls)) expect(code).to.equal(status.CANCELLED);
    await until(
      () => replica.cancelled === 3,
      () => `${replica.cancelled} cancels seen`,
      1500,
    );
    expect(proxy.cluster().active).to.equal(0);
    for (const record of proxy.calls())
      expect(record).to.include({ endedBy: 'client', grpcStatus: status.CANCELLED, error: '' });
    expect(proxy.endpoint(replica.address)).to.include({ success: 0, error: 0 });
  });

  it("a client's lost connection cancels all its calls at the server", async () => {
    const { replica, sidecar: proxy } = await chain();
    const raw = rawClient(proxy.target());
    for (let i = 0; i < 10; i++) raw.open(grpcHead('/outrigger.test.Echo/Bidi'));
    await until(
      () => replica.active === 10,
      () => `${replica.active} calls are running`,
    );
    raw.cut();
    await until(
      () => replica.active === 0,
      () => `${replica.active} calls go on`,
      1500,
    );
    expect(proxy.cluster().active).to.equal(0);
  });

  it('a cancel while there is no connection yet leaves nothing behind', async () => {
    // A port that accepts and then says nothing: no HTTP/2 connection comes of it.
    const { createServer } = await import('node:net');
    const silent = createServer((socket) => socket.resume().on('error', () => {}));
    await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve));
    defer(() => silent.close());
    const { port } = silent.address() as { port: number };
    const proxy = await sidecar(greeterConfig([{ address: `127.0.0.1:${port}` }], { health: 'none' }));
    const raw = rawClient(proxy.target());
    const { stream, reply } = raw.open(grpcHead('/a.B/C'), true);
    await until(
      () => proxy.cluster().active === 1,
      () => 'the call has not come',
    );
    stream.close(constants.NGHTTP2_CANCEL);
    await reply;
    await until(
      () => proxy.cluster().active === 0,
      () => 'the call is still counted',
    );
  });
});
