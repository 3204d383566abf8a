import { once } from 'node:events';
import type { IncomingHttpHeaders } from 'node:http2';
import { expect } from 'chai';
import { connectRaw, type RawHandler, startRawServer } from '../support/raw-http2.ts';
import { greeterConfig } from '../support/sidecar.ts';
import { raw } from './blame-clients.ts';
import { rig } from './rig.ts';

describe('interim replies over HTTP/2', () => {
  const { sidecar, defer } = rig();

  /** A client of a sidecar whose only endpoint does this. */
  async function serving(handle: RawHandler) {
    const server = await startRawServer(handle);
    defer(() => server.close());
    const proxy = await sidecar(greeterConfig([server], { health: 'none' }));
    const client = connectRaw(proxy.target());
    defer(() => client.close());
    return client;
  }

  it('100, 102 and 103 of an endpoint reach the client in their order', async () => {
    const client = await serving((stream) => {
      stream.additionalHeaders({ ':status': 102 });
      stream.additionalHeaders({ ':status': 103, link: '</style.css>; rel=preload' });
      stream.additionalHeaders({ ':status': 100 });
      stream.respond({ ':status': 200 });
      stream.end('done');
    });
    const { stream, reply } = client.open({ ':method': 'GET', ':path': '/' }, true);
    const interim: IncomingHttpHeaders[] = [];
    stream.on('headers', (head) => interim.push(head));
    const { headers, body } = await reply;
    expect(interim.map((head) => head[':status'])).to.deep.equal([102, 103, 100]);
    expect(interim[1].link).to.equal('</style.css>; rel=preload');
    expect([headers[':status'], body.toString()]).to.deep.equal([200, 'done']);
  });

  it('reach an HTTP/1.1 client from an endpoint with HTTP/2', async () => {
    const server = await startRawServer((stream) => {
      stream.additionalHeaders({ ':status': 102 });
      stream.additionalHeaders({ ':status': 103, link: '</style.css>; rel=preload' });
      stream.respond({ ':status': 200, 'content-length': '4' });
      stream.end('done');
    });
    defer(() => server.close());
    const proxy = await sidecar(greeterConfig([server], { health: 'none' }));
    const reply = await raw(proxy.target(), 'GET / HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n');
    const heads = reply.split('\r\n\r\n').map((head) => head.split('\r\n'));
    expect(heads.map(([start]) => start)).to.deep.equal([
      'HTTP/1.1 102 Processing',
      'HTTP/1.1 103 Early Hints',
      'HTTP/1.1 200 OK',
      'done',
    ]);
    expect(heads[1]).to.include('link: </style.css>; rel=preload');
  });

  it('a client that waits for 100 (Continue) gets it, and the endpoint hears nothing of that', async () => {
    const asked: IncomingHttpHeaders[] = [];
    const client = await serving((stream, headers) => {
      asked.push(headers);
      stream.respond({ ':status': 200 });
      stream.pipe(stream);
    });
    const { stream, reply } = client.open({ ':method': 'POST', ':path': '/', expect: '100-continue' });
    await once(stream, 'continue');
    stream.end('the body');
    const { headers, body } = await reply;
    expect([headers[':status'], body.toString()]).to.deep.equal([200, 'the body']);
    expect(asked.map(({ expect: expectation }) => expectation)).to.deep.equal([undefined]);
  });
});
