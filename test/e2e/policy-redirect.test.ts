import { once } from 'node:events';
import { connect } from 'node:net';
import { expect } from 'chai';
import { connectRaw } from '../support/raw-http2.ts';
import { rig } from './rig.ts';

describe('redirect, end to end', () => {
  const { sidecar, client, defer } = rig();
  const shape = (...routes: object[]) => ({
    listeners: [
      { name: 'in', listen: '127.0.0.1:0', routes: routes.map((route, i) => ({ name: `r${i}`, ...route })) },
    ],
    clusters: [{ name: 'unused', health: 'none', endpoints: [{ address: '127.0.0.1:9' }] }],
  });
  const moved = {
    match: { pathPrefix: '/old' },
    redirect: { pathPrefix: { from: '/old', to: '/new' }, status: 307 },
  };
  const found = { match: { pathPrefix: '/new' }, respond: { body: 'found' } };
  const elsewhere = { redirect: { scheme: 'https', host: 'new.example' } };

  it('is followed by a client of HTTP/1.1', async () => {
    const proxy = await sidecar(shape(moved, found));
    const reply = await fetch(`http://${proxy.target()}/old/a?b=1`, { method: 'POST', body: 'x' });
    expect([reply.status, reply.redirected, await reply.text()]).to.deep.equal([200, true, 'found']);
    expect(new URL(reply.url).pathname + new URL(reply.url).search).to.equal('/new/a?b=1');
    const head = await fetch(`http://${proxy.target()}/old/a`, { method: 'HEAD', redirect: 'manual' });
    expect([head.status, head.headers.get('location')]).to.deep.equal([307, '/new/a']);
  });

  it('reaches HTTP/2, and gRPC as a status', async () => {
    const proxy = await sidecar(shape(elsewhere));
    const http2 = connectRaw(proxy.target());
    defer(() => http2.close());
    const { headers, body } = await http2.request({ ':path': '/a?b' });
    expect([headers[':status'], headers.location]).to.deep.equal([302, 'https://new.example/a?b']);
    expect(body).to.have.length(0);
    const call = await client(proxy.target()).sayHello('x');
    expect(call.code).to.equal(12);
    expect(call.details).to.match(/redirects to https:\/\/new\.example\/helloworld\.Greeter\/SayHello/);
  });

  it('answers a WebSocket as HTTP/1.1 and ends its connection', async () => {
    const proxy = await sidecar(shape(elsewhere));
    const [host, port] = proxy.target().split(':');
    const socket = connect({ host, port: Number(port) });
    let heard = '';
    socket.on('data', (chunk: Buffer) => {
      heard += chunk.toString('latin1');
    });
    socket.write(
      'GET /chat HTTP/1.1\r\nhost: a\r\nconnection: upgrade\r\nupgrade: websocket\r\nsec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n',
    );
    await once(socket, 'close');
    expect(heard).to.match(/^HTTP\/1\.1 302 Found\r\nlocation: https:\/\/new\.example\/chat\r\n/);
    expect(heard).to.match(/\r\nconnection: close\r\ncontent-length: 0\r\n\r\n$/);
  });
});
