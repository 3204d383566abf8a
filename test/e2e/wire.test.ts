import { constants } from 'node:http2';
import { expect } from 'chai';
import {
  connectRaw,
  grpcHead,
  grpcMessage,
  type RawHandler,
  type RawServer,
  startRawServer,
} from '../support/raw-http2.ts';
import { greeterConfig, type Sidecar } from '../support/sidecar.ts';
import { until } from '../support/until.ts';
import { rig } from './rig.ts';

const ok = { 'grpc-status': '0' };
const grpcReply = { ':status': 200, 'content-type': 'application/grpc' };

describe('what gRPC libraries never do passes exactly too', () => {
  const { sidecar, defer } = rig();

  async function between(handle: RawHandler, shape: Record<string, unknown> = {}) {
    const server: RawServer = await startRawServer(handle);
    defer(() => server.close());
    const proxy: Sidecar = await sidecar(greeterConfig([server], { health: 'none', ...shape }));
    const client = connectRaw(proxy.target());
    defer(() => client.close());
    return { server, client, proxy };
  }

  it('request trailers reach the server', async () => {
    let got = {};
    const { client } = await between((stream) => {
      stream.on('trailers', (trailers) => {
        got = trailers;
        stream.respond({ ...grpcReply, ...ok }, { endStream: true });
      });
      stream.resume();
    });
    const { headers } = await client.request(grpcHead('/a.B/C'), grpcMessage(Buffer.from('x')), {
      'x-checksum': '42',
    });
    expect(headers['grpc-status']).to.equal('0');
    expect(got).to.include({ 'x-checksum': '42' });
  });

  it('trailers-only is one header section with the end of the stream', async () => {
    const { client } = await between((stream) =>
      stream.respond({ ...grpcReply, 'grpc-status': '5' }, { endStream: true }),
    );
    const { stream, reply } = client.open(grpcHead('/a.B/C'), true);
    let ended = false;
    stream.on('response', (_headers, flags) => {
      ended = (flags & constants.NGHTTP2_FLAG_END_STREAM) !== 0;
    });
    const { headers, trailers, body } = await reply;
    expect(headers['grpc-status']).to.equal('5');
    expect(ended).to.equal(true);
    expect([Object.keys(trailers), body.length]).to.deep.equal([[], 0]);
  });

  it('trailers after a body come as trailers', async () => {
    const { client } = await between((stream) => {
      stream.respond(grpcReply, { waitForTrailers: true });
      stream.on('wantTrailers', () => stream.sendTrailers({ ...ok, 'x-late': 'yes' }));
      stream.end(grpcMessage(Buffer.from('hello')));
    });
    const { headers, trailers, body } = await client.request(
      grpcHead('/a.B/C'),
      grpcMessage(Buffer.alloc(0)),
    );
    expect(headers['grpc-status']).to.equal(undefined);
    expect(trailers).to.include({ 'grpc-status': '0', 'x-late': 'yes' });
    expect(body.subarray(5).toString()).to.equal('hello');
  });

  it('the head of a request arrives as it was sent, and nothing is added', async () => {
    let got: Record<string, unknown> = {};
    const { client } = await between((stream, headers) => {
      got = Object.fromEntries(Object.entries(headers)); // without node's symbols
      stream.respond({ ...grpcReply, ...ok }, { endStream: true });
    });
    const sent = grpcHead('/a.B/C?q=1', {
      ':authority': 'orders.example:99',
      'user-agent': 'grpc-test/1',
      'x-empty': '',
      'x-repeat': ['1', '2', '1'],
      'grpc-encoding': 'gzip',
      traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01',
    });
    await client.request(sent, null);
    expect(got).to.deep.equal({ ...sent, ':scheme': 'http', 'x-repeat': '1, 2, 1' });
  });

  it('a reply before the end of the request is whole, and the rest of the request is declined', async () => {
    let upstreamCode = -1;
    const { client, proxy } = await between((stream) => {
      stream.on('close', () => {
        upstreamCode = stream.rstCode ?? -1;
      });
      stream.respond({ ...grpcReply, 'grpc-status': '8', 'grpc-message': 'enough' }, { endStream: true });
    });
    const { stream, reply } = client.open(grpcHead('/a.B/C'));
    stream.write(grpcMessage(Buffer.alloc(100)));
    const { headers, rstCode } = await reply;
    expect(headers).to.include({ 'grpc-status': '8', 'grpc-message': 'enough' });
    expect(rstCode).to.equal(constants.NGHTTP2_NO_ERROR);
    await until(
      () => upstreamCode === constants.NGHTTP2_NO_ERROR,
      () => `the upstream saw ${upstreamCode}`,
    );
    expect(proxy.calls()[0]).to.include({ endedBy: 'upstream', error: '', grpcStatus: 8 });
  });

  it('an early reply with a body, whole', async () => {
    const bytes = Buffer.alloc(300_000, 0x61);
    const { client } = await between((stream) => {
      stream.respond(grpcReply, { waitForTrailers: true });
      stream.on('wantTrailers', () => stream.sendTrailers(ok));
      stream.end(bytes);
    });
    const { stream, reply } = client.open(grpcHead('/a.B/C'));
    stream.write(grpcMessage(Buffer.alloc(10)));
    const { body, trailers } = await reply;
    expect(body.length).to.equal(bytes.length);
    expect(trailers['grpc-status']).to.equal('0');
  });

  it('RST_STREAM(NO_ERROR) after the trailers is no failure', async () => {
    const { client, proxy } = await between((stream) => {
      stream.respond({ ...grpcReply, ...ok }, { endStream: true });
      stream.close(constants.NGHTTP2_NO_ERROR);
    });
    const { headers } = await client.open(grpcHead('/a.B/C')).reply;
    expect(headers['grpc-status']).to.equal('0');
    expect(proxy.calls()[0].error).to.equal('');
  });

  it('HEAD: the length that a GET would have, and no body', async () => {
    const { client } = await between((stream) => {
      stream.respond({ ':status': 200, 'content-length': '1234' }, { endStream: true });
    });
    const { headers, body } = await client.request({ ':method': 'HEAD', ':path': '/x' });
    expect(headers).to.include({ ':status': 200, 'content-length': '1234' });
    expect(body.length).to.equal(0);
  });

  it('a plain HTTP/2 exchange with a body each way', async () => {
    const { client } = await between((stream) => {
      stream.respond({ ':status': 201, 'content-type': 'text/plain' });
      stream.pipe(stream);
    });
    const bytes = Buffer.alloc(200_000, 0x62);
    const { headers, body } = await client.request({ ':method': 'PUT', ':path': '/x' }, bytes);
    expect(headers[':status']).to.equal(201);
    expect(body.equals(bytes)).to.equal(true);
  });

  it('204 and 304 without a body; a 103 is for the hop and goes no further', async () => {
    const { client } = await between((stream, headers) => {
      stream.additionalHeaders({ ':status': 103, link: '</a.css>' });
      stream.respond({ ':status': Number(String(headers[':path']).slice(1)) }, { endStream: true });
    });
    for (const status of [204, 304]) {
      const { headers } = await client.request({ ':path': `/${status}` });
      expect(headers[':status']).to.equal(status);
      expect(headers.link).to.equal(undefined);
    }
  });

  it('bytes above 0x7f in a header value stay what they are', async () => {
    let got: unknown;
    const { client } = await between((stream, headers) => {
      got = headers['x-latin'];
      stream.respond({ ':status': 200, 'x-back': 'caf\u00e9' }, { endStream: true });
    });
    const { headers } = await client.request({ ':path': '/', 'x-latin': 'na\u00efve' });
    expect(got).to.equal('na\u00efve');
    expect(headers['x-back']).to.equal('caf\u00e9');
  });

  it('a grpc-timeout that is no business of gRPC passes as any header', async () => {
    let got: unknown;
    const { client } = await between((stream, headers) => {
      got = headers['grpc-timeout'];
      stream.respond({ ':status': 200 }, { endStream: true });
    });
    const { headers } = await client.request({ ':path': '/', 'grpc-timeout': 'soon' });
    expect(headers[':status']).to.equal(200);
    expect(got).to.equal('soon');
  });

  it('a header section of many frames (CONTINUATION), both ways', async () => {
    const fields = Object.fromEntries(
      Array.from({ length: 30 }, (_, i) => [`x-long-${i}`, `${i}`.repeat(500)]),
    );
    let got: Record<string, unknown> = {};
    const { client } = await between((stream, headers) => {
      got = headers;
      stream.respond({ ':status': 200, ...fields }, { endStream: true });
    });
    const { headers } = await client.request({ ':path': '/', ...fields });
    expect(got).to.include(fields);
    expect(headers).to.include(fields);
  });

  it('a header section over the limit is refused with its own code, and the connection lives', async () => {
    const { client } = await between((stream) =>
      stream.respond({ ...grpcReply, ...ok }, { endStream: true }),
    );
    const long = Object.fromEntries(Array.from({ length: 8 }, (_, i) => [`x-long-${i}`, 'x'.repeat(8000)]));
    const refused = await client.request(grpcHead('/a.B/C', long));
    expect(refused.headers).to.include({
      ':status': 200,
      'grpc-status': '8',
      'x-outrigger-error': 'header_too_large',
    });
    expect((await client.request(grpcHead('/a.B/C'))).headers['grpc-status']).to.equal('0');
  });
});
