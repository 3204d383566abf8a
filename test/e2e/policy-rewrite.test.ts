import { once } from 'node:events';
import { createServer } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { expect } from 'chai';
import { startRawServer } from '../support/raw-http2.ts';
import { rig } from './rig.ts';

describe('rewrite, end to end', () => {
  const { sidecar, greeter, client, defer } = rig();

  /** Says what it was asked for, whatever that is; a WebSocket with its status line. */
  async function echo(): Promise<{ address: string }> {
    const server = createServer((request, reply) => reply.end(`${request.headers.host} ${request.url}`));
    server.on('upgrade', (request, socket) => {
      socket.end(
        `HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: websocket\r\nx-seen: ${request.headers.host} ${request.url}\r\n\r\n`,
      );
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    defer(() => {
      server.closeAllConnections();
      return new Promise((resolve) => server.close(resolve));
    });
    return { address: `127.0.0.1:${(server.address() as AddressInfo).port}` };
  }

  const shape = (address: string, rewrite: object, protocol = 'http1') => ({
    listeners: [{ name: 'in', listen: '127.0.0.1:0', routes: [{ name: 'all', cluster: 'c', rewrite }] }],
    clusters: [{ name: 'c', protocol, health: 'none', endpoints: [{ address }] }],
  });

  it('reaches an HTTP/1.1 replica with another path and host', async () => {
    const { address } = await echo();
    const rewrite = { pathPrefix: { from: '/api', to: '/' }, authority: 'inner.example' };
    const proxy = await sidecar(shape(address, rewrite));
    const reply = await fetch(`http://${proxy.target()}/api/a?b=1`);
    expect(await reply.text()).to.equal('inner.example /a?b=1');
  });

  it('reaches an HTTP/2 replica with the name of the endpoint', async () => {
    const server = await startRawServer((stream, headers) => {
      stream.respond({ ':status': 200 });
      stream.end(`${headers[':authority']} ${headers[':path']}`);
    });
    defer(() => server.close());
    const rewrite = { pathRegex: { from: '/(\\w+)/(\\w+)', to: '/$2/$1' }, authority: '{endpoint}' };
    const proxy = await sidecar(shape(`localhost:${server.port}`, rewrite, 'http2'));
    const reply = await fetch(`http://${proxy.target()}/a/b`);
    expect(await reply.text()).to.equal(`localhost:${server.port} /b/a`);
  });

  it('sends gRPC calls to another method', async () => {
    const replica = await greeter();
    const rewrite = { pathPrefix: { from: '/helloworld.Greeter/SayHi', to: '/helloworld.Greeter/SayHello' } };
    const proxy = await sidecar(shape(replica.address, rewrite, 'http2'));
    expect((await client(proxy.target()).sayHello('x')).code).to.equal(0);
    const gone = await sidecar(shape(replica.address, { path: '/helloworld.Greeter/Gone' }, 'http2'));
    expect((await client(gone.target()).sayHello('x')).code).to.equal(12);
  });

  it('rewrites the handshake of a WebSocket', async () => {
    const { address } = await echo();
    const proxy = await sidecar(
      shape(address, { pathPrefix: { from: '/api', to: '/' }, authority: 'inner' }),
    );
    const [host, port] = proxy.target().split(':');
    const socket = connect({ host, port: Number(port) });
    let heard = '';
    socket.on('data', (chunk: Buffer) => {
      heard += chunk.toString('latin1');
    });
    socket.write(
      'GET /api/chat HTTP/1.1\r\nhost: a\r\nconnection: upgrade\r\nupgrade: websocket\r\nsec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n',
    );
    socket.on('end', () => socket.end());
    await once(socket, 'close');
    expect(heard).to.match(/^HTTP\/1\.1 101 /);
    expect(heard).to.match(/x-seen: inner \/chat\r\n/i);
  });
});
