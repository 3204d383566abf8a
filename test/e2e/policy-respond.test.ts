import { once } from 'node:events';
import { connect } from 'node:net';
import { expect } from 'chai';
import { connectRaw } from '../support/raw-http2.ts';
import { rig } from './rig.ts';

/** All that comes back on a connection of its own, until Outrigger ends it. */
async function exchange(target: string, text: string): Promise<string> {
  const [host, port] = target.split(':');
  const socket = connect({ host, port: Number(port) });
  let heard = '';
  socket.on('data', (chunk: Buffer) => {
    heard += chunk.toString('latin1');
  });
  socket.write(text);
  await once(socket, 'close');
  return heard;
}

describe('respond, end to end', () => {
  const { sidecar, client, defer } = rig();
  const shape = (respond: object) => ({
    listeners: [{ name: 'in', listen: '127.0.0.1:0', routes: [{ name: 'closed', respond }] }],
    clusters: [{ name: 'unused', health: 'none', endpoints: [{ address: '127.0.0.1:9' }] }],
  });
  const closed = { status: 503, headers: { 'retry-after': '120' }, body: 'closed\n', grpcMessage: 'closed' };

  it('gives gRPC, HTTP/2, HTTP/1.1 and HEAD their replies', async () => {
    const proxy = await sidecar(shape(closed));
    const call = await client(proxy.target()).sayHello('x');
    expect([call.code, call.details]).to.deep.equal([14, 'closed']);
    const http2 = connectRaw(proxy.target());
    defer(() => http2.close());
    const reply = await http2.request({ ':path': '/x' });
    expect(reply.headers).to.include({ ':status': 503, 'retry-after': '120', 'content-length': '7' });
    expect(reply.body.toString()).to.equal('closed\n');
    const got = await fetch(`http://${proxy.target()}/x`);
    expect([got.status, got.headers.get('retry-after'), await got.text()]).to.deep.equal([
      503,
      '120',
      'closed\n',
    ]);
    const head = await fetch(`http://${proxy.target()}/x`, { method: 'HEAD' });
    expect([head.status, head.headers.get('content-length'), await head.text()]).to.deep.equal([
      503,
      '7',
      '',
    ]);
  });

  it('leaves an HTTP/1.1 connection to the next request', async () => {
    const proxy = await sidecar(shape(closed));
    const heard = await exchange(
      proxy.target(),
      'POST /a HTTP/1.1\r\nhost: a\r\ncontent-length: 3\r\n\r\nabcGET /b HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n',
    );
    expect(heard.match(/^HTTP\/1\.1 503 /gm)).to.have.length(2);
    expect(heard.match(/^closed$/gm)).to.have.length(2);
  });

  it('answers a WebSocket as HTTP/1.1 and ends its connection', async () => {
    const proxy = await sidecar(shape(closed));
    const heard = await exchange(
      proxy.target(),
      'GET /chat HTTP/1.1\r\nhost: a\r\nconnection: upgrade\r\nupgrade: websocket\r\nsec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n',
    );
    expect(heard).to.match(/^HTTP\/1\.1 503 Service Unavailable\r\n/);
    expect(heard).to.match(/\r\nconnection: close\r\ncontent-length: 7\r\n\r\nclosed\n$/);
    expect(proxy.calls()[0]).to.include({ httpStatus: 503, error: '' });
  });
});
