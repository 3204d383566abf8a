import { once } from 'node:events';
import type { IncomingHttpHeaders } from 'node:http2';
import { expect } from 'chai';
import { connectRaw, type RawHandler, startRawServer } from '../support/raw-http2.ts';
import { greeterConfig } from '../support/sidecar.ts';
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
