import { createServer as createHttpServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import * as grpc from '@grpc/grpc-js';
import { expect } from 'chai';
import { decodeGrpcMessage } from '../../src/core/grpc-message.ts';
import { connectRaw, grpcHead, startRawServer } from '../support/raw-http2.ts';
import type { Sidecar } from '../support/sidecar.ts';
import { freeAddresses } from '../support/sidecar-process.ts';
import { until } from '../support/until.ts';
import { rig } from './rig.ts';

const { status } = grpc;

describe('routing', () => {
  const { greeter, sidecar, client: grpcClient, defer } = rig();

  /** An HTTP/2 server that answers with its name, whatever is asked. */
  async function named(name: string) {
    const server = await startRawServer((stream, headers) => {
      const grpcCall = String(headers['content-type']).startsWith('application/grpc');
      const reply = { ':status': 200, 'x-name': name, ...(grpcCall && { 'grpc-status': '0' }) };
      stream.respond(reply, { endStream: true });
    });
    defer(() => server.close());
    return { name, health: 'none', endpoints: [{ address: server.address }] };
  }

  /** An HTTP/1.1 server on 127.0.0.1. */
  async function http1Server(answer: RequestListener) {
    const server = createHttpServer(answer);
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    defer(() => {
      server.closeAllConnections();
      return new Promise((resolve) => server.close(resolve));
    });
    return { server, address: `127.0.0.1:${(server.address() as AddressInfo).port}` };
  }

  const listener = (...routes: object[]) => [
    { name: 'in', listen: '127.0.0.1:0', routes: routes.map((route, i) => ({ name: `r${i}`, ...route })) },
  ];
  function raw(proxy: Sidecar) {
    const client = connectRaw(proxy.target());
    defer(() => client.close());
    return client;
  }

  it('by authority, path, prefix, gRPC service and method, and header; the first that matches', async () => {
    const names = ['authority', 'path', 'prefix', 'method', 'service', 'header', 'rest'];
    const proxy = await sidecar({
      clusters: await Promise.all(names.map(named)),
      listeners: listener(
        { match: { authority: 'orders' }, cluster: 'authority' },
        { match: { path: '/exact' }, cluster: 'path' },
        { match: { pathPrefix: '/api' }, cluster: 'prefix' },
        { match: { grpc: { service: 'a.B', method: 'C' } }, cluster: 'method' },
        { match: { grpc: { service: 'a.B' } }, cluster: 'service' },
        { match: { headers: [{ name: 'X-Canary', exact: 'yes' }] }, cluster: 'header' },
        { cluster: 'rest' },
      ),
    });
    const client = raw(proxy);
    const where = async (headers: Record<string, string>) =>
      (await client.request(headers)).headers['x-name'];
    const plain = { ':authority': 'other' };
    expect(await where({ ':path': '/x', ':authority': 'orders' })).to.equal('authority');
    expect(await where({ ':path': '/x', ':authority': 'orders:8080' })).to.equal('authority');
    expect(await where({ ...plain, ':path': '/exact' })).to.equal('path');
    expect(await where({ ...plain, ':path': '/exact?q=1' })).to.equal('path');
    expect(await where({ ...plain, ':path': '/api/v1' })).to.equal('prefix');
    expect(await where({ ...plain, ':path': '/apiary' })).to.equal('rest');
    expect((await client.request(grpcHead('/a.B/C'))).headers['x-name']).to.equal('method');
    expect((await client.request(grpcHead('/a.B/D'))).headers['x-name']).to.equal('service');
    expect(await where({ ...plain, ':path': '/a.B/C' }), 'no gRPC by its type').to.equal('rest');
    expect(await where({ ...plain, ':path': '/x', 'x-canary': 'yes' })).to.equal('header');
    expect(await where({ ...plain, ':path': '/x', 'x-canary': 'no' })).to.equal('rest');
    expect(proxy.calls().at(-1)).to.include({ route: 'r6', cluster: 'rest', listener: 'in' });
  });

  it('each listener has routes of its own', async () => {
    const clusters = [await named('one'), await named('two')];
    const proxy = await sidecar({
      clusters,
      listeners: ['one', 'two'].map((name) => ({
        name,
        listen: '127.0.0.1:0',
        routes: [{ name: 'all', cluster: name }],
      })),
    });
    for (const name of ['one', 'two']) {
      const client = connectRaw(proxy.target(name));
      defer(() => client.close());
      expect((await client.request({ ':path': '/' })).headers['x-name']).to.equal(name);
    }
  });

  it('gRPC, HTTP/1.1 to /api and to /images on one port', async () => {
    const replica = await greeter();
    const api = await http1Server((request, reply) => void reply.end(`api ${request.method} ${request.url}`));
    const images = await http1Server((request, reply) => {
      reply.setHeader('content-type', 'image/png');
      request.pipe(reply);
    });
    const proxy = await sidecar({
      clusters: [
        { name: 'greeter', endpoints: [{ address: replica.address }] },
        { name: 'api', protocol: 'http1', endpoints: [{ address: api.address }] },
        { name: 'images', protocol: 'http1', endpoints: [{ address: images.address }] },
      ],
      listeners: listener(
        { match: { grpc: {} }, cluster: 'greeter' },
        { match: { pathPrefix: '/api' }, cluster: 'api' },
        { match: { pathPrefix: '/images' }, cluster: 'images' },
      ),
    });
    expect((await grpcClient(proxy.target()).sayHello('x')).code).to.equal(status.OK);
    const url = `http://${proxy.target()}`;
    expect(await (await fetch(`${url}/api/v1?q=%20`)).text()).to.equal('api GET /api/v1?q=%20');
    const bytes = Buffer.alloc(100_000, 0x89);
    const image = await fetch(`${url}/images/1`, { method: 'POST', body: bytes });
    expect(image.headers.get('content-type')).to.equal('image/png');
    expect(Buffer.from(await image.arrayBuffer()).equals(bytes)).to.equal(true);
    // HTTP/2 that is not gRPC, on the same port, to the same HTTP/1.1 servers.
    const { headers, body } = await raw(proxy).request({ ':path': '/api/h2' });
    expect([headers[':status'], body.toString()]).to.deep.equal([200, 'api GET /api/h2']);
    const posted = await raw(proxy).request({ ':method': 'POST', ':path': '/images/2' }, bytes);
    expect(posted.body.equals(bytes)).to.equal(true);
  });

  it('calls to an HTTP/1.1 pool are balanced and counted as any other', async () => {
    const counts = [0, 0];
    const servers = await Promise.all(
      counts.map((_, i) =>
        http1Server((_request, reply) => {
          counts[i]++;
          setTimeout(() => reply.end(), 3);
        }),
      ),
    );
    const proxy = await sidecar({
      clusters: [
        {
          name: 'pool',
          protocol: 'http1',
          endpoints: servers.map(({ address }, i) => ({ address, weight: i + 1 })),
        },
      ],
      listeners: listener({ cluster: 'pool' }),
    });
    const client = raw(proxy);
    for (let i = 0; i < 20; i++)
      await Promise.all(Array.from({ length: 12 }, () => client.request({ ':path': '/' })));
    expect(counts[0] + counts[1]).to.equal(240);
    expect(counts[0]).to.be.within(70, 90);
    expect(
      proxy
        .cluster()
        .all()
        .map(({ success, active }) => [success, active]),
    ).to.deep.equal([
      [counts[0], 0],
      [counts[1], 0],
    ]);
  });

  it('a WebSocket goes through, is balanced as a call and counted until it ends', async () => {
    const { createHash } = await import('node:crypto');
    const { server, address } = await http1Server((_request, reply) => void reply.end());
    server.on('upgrade', (request, socket) => {
      const key = `${request.headers['sec-websocket-key']}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`;
      socket.write(
        'HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nconnection: upgrade\r\n' +
          `sec-websocket-accept: ${createHash('sha1').update(key).digest('base64')}\r\n\r\n`,
      );
      // Each text frame of the client comes back without its mask.
      socket.on('data', (frame: Buffer) => {
        if ((frame[0] & 0x0f) !== 1) return void socket.end(Buffer.of(0x88, 0)); // a close for a close
        const length = frame[1] & 0x7f;
        const mask = frame.subarray(2, 6);
        const text = frame.subarray(6, 6 + length).map((byte, i) => byte ^ mask[i % 4]);
        socket.write(Buffer.concat([Buffer.of(0x81, length), text]));
      });
      socket.on('error', () => {});
    });
    const proxy = await sidecar({
      clusters: [{ name: 'chat', protocol: 'http1', endpoints: [{ address }] }],
      listeners: listener({ match: { path: '/chat' }, cluster: 'chat' }),
    });
    const socket = new WebSocket(`ws://${proxy.target()}/chat`);
    const next = (name: 'open' | 'message' | 'close'): Promise<Event & { data?: unknown }> =>
      new Promise((resolve, reject) => {
        socket.addEventListener(name, resolve, { once: true });
        socket.addEventListener('error', () => reject(new Error('the socket failed')), { once: true });
      });
    await next('open');
    expect(proxy.cluster().active).to.equal(1);
    for (const text of ['hello', 'again']) {
      socket.send(text);
      expect((await next('message')).data).to.equal(text);
    }
    socket.close();
    await next('close');
    await until(
      () => proxy.cluster().active === 0,
      () => 'it is still counted',
    );
    const call = proxy.calls().at(-1)!;
    expect(call).to.include({ httpStatus: 101, cluster: 'chat', error: '' });
    expect(call.attempts[0].httpStatus).to.equal(101);
    expect(String(call.attempts[0].pick)).to.equal(
      `1 endpoint was usable; ${address} was the only choice (0/1)`,
    );
  });

  describe('errors of our own', () => {
    const noRoute = async () =>
      sidecar({
        clusters: [await named('only')],
        listeners: listener({ match: { path: '/only' }, cluster: 'only' }),
      });

    it('no_route: gRPC UNIMPLEMENTED trailers-only, HTTP 404 in both protocols', async () => {
      const proxy = await noRoute();
      const reply = await raw(proxy).request(grpcHead('/a.B/C', { ':authority': 'orders' }));
      expect(reply.headers).to.include({
        ':status': 200,
        'content-type': 'application/grpc',
        'grpc-status': '12',
        'x-outrigger-error': 'no_route',
      });
      expect(decodeGrpcMessage(String(reply.headers['grpc-message']))).to.equal(
        `no route matches POST orders/a.B/C; the upstream did not process the call; check the routes of this listener [no_route] (call ${reply.headers['x-outrigger-call']})`,
      );
      const h2 = await raw(proxy).request({ ':path': '/nowhere' });
      expect(h2.headers).to.include({ ':status': 404, 'x-outrigger-error': 'no_route' });
      expect(h2.body.toString()).to.match(/^no route matches GET .*\[no_route\] \(call \w{4}-\w{8}\)\n$/);
      const h1 = await fetch(`http://${proxy.target()}/nowhere`);
      expect([h1.status, h1.headers.get('x-outrigger-error')]).to.deep.equal([404, 'no_route']);
      expect(await h1.text()).to.match(/\[no_route\] \(call \w{4}-\w{8}\)\n$/);
      const head = await fetch(`http://${proxy.target()}/nowhere`, { method: 'HEAD' });
      expect([head.status, await head.text()]).to.deep.equal([404, '']);
    });

    it('no_route answers a client that still sends, and its connection is good for the next call', async () => {
      const proxy = await noRoute();
      const client = raw(proxy);
      const big = await client.request(grpcHead('/a.B/C'), Buffer.alloc(2 << 20));
      expect(big.headers['grpc-status']).to.equal('12');
      expect((await client.request({ ':path': '/only' })).headers['x-name']).to.equal('only');
    });

    it('connect_failed and no_healthy_endpoint: 503', async () => {
      const [dead] = await freeAddresses(1);
      const proxy = await sidecar({
        clusters: [{ name: 'dead', health: 'none', endpoints: [{ address: dead }] }],
        listeners: listener({ cluster: 'dead' }),
      });
      const client = raw(proxy);
      const codes: unknown[] = [];
      for (let i = 0; i < 2; i++) {
        const { headers } = await client.request({ ':path': '/' });
        expect(headers[':status']).to.equal(503);
        codes.push(headers['x-outrigger-error']);
      }
      expect(codes).to.deep.equal(['connect_failed', 'no_healthy_endpoint']);
    });

    it('overloaded: over the limit of calls in flight, at once', async () => {
      const replica = await greeter();
      const proxy = await sidecar({
        clusters: [{ name: 'busy', endpoints: [{ address: replica.address }], limits: { maxRequests: 2 } }],
        listeners: listener({ cluster: 'busy' }),
      });
      const client = grpcClient(proxy.target());
      const held = [1, 2].map(() => client.openBidi());
      for (const { call } of held) {
        call.on('data', () => {});
        call.write({});
      }
      const { code, details } = await client.sayHello('x');
      expect(code).to.equal(status.UNAVAILABLE);
      expect(details).to.match(
        /^cluster busy is at its limit of 2 requests in flight; .*\[overloaded\] \(call \S+\)$/,
      );
      for (const { call } of held) call.end();
      for (const { result } of held) expect((await result).code).to.equal(status.OK);
      expect((await client.sayHello('x')).code).to.equal(status.OK);
    });
  });
});
