import { constants } from 'node:http2';
import * as grpc from '@grpc/grpc-js';
import { expect } from 'chai';
import { decodeGrpcMessage } from '../../src/core/grpc-message.ts';
import { startFrameServer, Type } from '../support/frame-peer.ts';
import { connectRaw, grpcHead, type RawHandler, startRawServer } from '../support/raw-http2.ts';
import { greeterConfig } from '../support/sidecar.ts';
import { until } from '../support/until.ts';
import { rig } from './rig.ts';

const grpcReply = { ':status': 200, 'content-type': 'application/grpc' };
const { status } = grpc;

describe('an upstream that fails', () => {
  const { sidecar, client: grpcClient, defer } = rig();

  async function upstream(handle: RawHandler) {
    const server = await startRawServer(handle);
    defer(() => server.close());
    const proxy = await sidecar(greeterConfig([server], { health: 'none', outlier: 'none' }));
    const raw = connectRaw(proxy.target());
    defer(() => raw.close());
    return { server, proxy, raw, client: grpcClient(proxy.target()) };
  }

  // protocol.md, "gRPC status".
  const resets: Array<readonly [number, number]> = [
    [constants.NGHTTP2_NO_ERROR, status.INTERNAL],
    [constants.NGHTTP2_PROTOCOL_ERROR, status.INTERNAL],
    [constants.NGHTTP2_INTERNAL_ERROR, status.INTERNAL],
    [constants.NGHTTP2_FLOW_CONTROL_ERROR, status.INTERNAL],
    [constants.NGHTTP2_STREAM_CLOSED, status.INTERNAL],
    [constants.NGHTTP2_FRAME_SIZE_ERROR, status.INTERNAL],
    [constants.NGHTTP2_REFUSED_STREAM, status.UNAVAILABLE],
    [constants.NGHTTP2_CANCEL, status.CANCELLED],
    [constants.NGHTTP2_COMPRESSION_ERROR, status.INTERNAL],
    [constants.NGHTTP2_CONNECT_ERROR, status.INTERNAL],
    [constants.NGHTTP2_ENHANCE_YOUR_CALM, status.RESOURCE_EXHAUSTED],
    [constants.NGHTTP2_INADEQUATE_SECURITY, status.PERMISSION_DENIED],
    [constants.NGHTTP2_HTTP_1_1_REQUIRED, status.INTERNAL],
  ];
  it('a reset before the reply becomes the status of its code, trailers-only, with x-outrigger-error', async () => {
    let code = 0;
    const { raw, proxy } = await upstream((stream) => stream.close(code));
    for (const [reset, expected] of resets) {
      code = reset;
      const { headers, rstCode } = await raw.request(grpcHead('/a.B/C'), null);
      expect(headers, `reset ${reset}`).to.include({
        ':status': 200,
        'grpc-status': String(expected),
        'x-outrigger-error': 'upstream_reset',
      });
      expect(rstCode).to.equal(0);
      const message = decodeGrpcMessage(String(headers['grpc-message']));
      expect(message).to.match(/^endpoint 127\.0\.0\.1:\d+ failed: it reset the stream with [A-Z0-9_]+; /);
      expect(message).to.match(
        /the upstream (may have|did not) process(ed)? the call; .* \[upstream_reset\] \(call \S+\)$/,
      );
    }
    expect(proxy.cluster().active).to.equal(0);
  });

  /** A server that sends the head of a reply and a byte of it, and then resets. */
  async function halfReply(code: () => number, head: ReadonlyArray<readonly [string, string]>) {
    const server = await startFrameServer((peer, frame) => {
      if (frame.type !== Type.Headers) return;
      peer.headers(frame.streamId, head);
      peer.data(frame.streamId, Buffer.from('x'));
      peer.rst(frame.streamId, code());
    });
    defer(() => server.close());
    const proxy = await sidecar(greeterConfig([server], { health: 'none', outlier: 'none' }));
    const raw = connectRaw(proxy.target());
    defer(() => raw.close());
    return raw;
  }

  it('a reset after the head of the reply becomes trailers with the same status', async () => {
    let code = 0;
    const head = [
      [':status', '200'],
      ['content-type', 'application/grpc'],
    ] as const;
    const raw = await halfReply(() => code, head);
    for (const [reset, expected] of resets) {
      code = reset;
      const { body, trailers, rstCode } = await raw.request(grpcHead('/a.B/C'), null);
      expect(body.toString()).to.equal('x');
      expect(trailers, `reset ${reset}`).to.include({
        'grpc-status': String(expected),
        'x-outrigger-error': 'upstream_reset',
      });
      expect(rstCode).to.equal(0);
    }
  });

  it('a reset ends an HTTP reply that had begun with a reset, never with a clean end', async () => {
    for (const code of [constants.NGHTTP2_NO_ERROR, constants.NGHTTP2_CANCEL]) {
      const raw = await halfReply(() => code, [[':status', '200']]);
      const { rstCode, body } = await raw.request({ ':path': '/' });
      expect([rstCode, body.toString()]).to.deep.equal([constants.NGHTTP2_INTERNAL_ERROR, 'x']);
    }
  });

  it('a reset before an HTTP reply is a 502 with a line of text', async () => {
    const { raw } = await upstream((stream) => stream.close(constants.NGHTTP2_INTERNAL_ERROR));
    const { headers, body } = await raw.request({ ':path': '/' });
    expect(headers).to.include({ ':status': 502, 'x-outrigger-error': 'upstream_reset' });
    expect(body.toString()).to.match(
      /^endpoint .* failed: it reset the stream with INTERNAL_ERROR; .*\[upstream_reset\] \(call \S+\)\n$/,
    );
  });

  it('a lost connection is UNAVAILABLE, whether before or after the head of the reply', async () => {
    const { raw, client } = await upstream((stream, headers) => {
      if (headers[':path'] === '/a.B/Late') stream.respond(grpcReply);
      setImmediate(() => stream.session?.destroy());
    });
    const { headers } = await raw.request(grpcHead('/a.B/C'), null);
    expect(headers).to.include({ 'grpc-status': '14', 'x-outrigger-error': 'upstream_closed' });
    const late = await raw.request(grpcHead('/a.B/Late'), null);
    expect({ ...late.headers, ...late.trailers }).to.include({
      'grpc-status': '14',
      'x-outrigger-error': 'upstream_closed',
    });
    const { code, details } = await client.sayHello('x');
    expect(code).to.equal(status.UNAVAILABLE);
    expect(details).to.match(/the upstream may have processed the call; .*\[upstream_closed\]/);
  });

  it('an HTTP status without grpc-status passes as it is, and is counted as the status it means', async () => {
    const meant: Array<readonly [number, number]> = [
      [400, status.INTERNAL],
      [401, status.UNAUTHENTICATED],
      [403, status.PERMISSION_DENIED],
      [404, status.UNIMPLEMENTED],
      [429, status.UNAVAILABLE],
      [431, status.INTERNAL],
      [502, status.UNAVAILABLE],
      [503, status.UNAVAILABLE],
      [504, status.UNAVAILABLE],
      [418, status.UNKNOWN],
      [200, status.UNKNOWN],
    ];
    const { raw, proxy } = await upstream((stream, headers) => {
      stream.respond({ ':status': Number(headers['x-status']), 'content-type': 'text/html' });
      stream.end('<p>no gRPC here</p>');
    });
    for (const [http, expected] of meant) {
      const { headers, body } = await raw.request(grpcHead('/a.B/C', { 'x-status': String(http) }), null);
      expect(headers).to.include({ ':status': http, 'content-type': 'text/html' });
      expect(body.toString()).to.equal('<p>no gRPC here</p>');
      expect(proxy.calls().at(-1)).to.include({ grpcStatus: expected, httpStatus: http });
    }
  });

  it('headers that break HTTP/2 fail that call with INTERNAL and no other', async () => {
    let finish = (): void => {};
    const { raw, proxy } = await upstream((stream, headers) => {
      if (headers[':path'] === '/a.B/Fine') {
        finish = () => stream.respond({ ...grpcReply, 'grpc-status': '0' }, { endStream: true });
        return;
      }
      stream.respond(grpcReply, { waitForTrailers: true });
      stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': '0', 'content-length': '7' }));
      stream.end();
    });
    const fine = raw.request(grpcHead('/a.B/Fine'), null);
    const broken = await raw.request(grpcHead('/a.B/Broken'), null);
    expect({ ...broken.headers, ...broken.trailers }).to.include({ 'grpc-status': '13' });
    finish();
    expect((await fine).headers['grpc-status']).to.equal('0');
    expect(proxy.cluster().active).to.equal(0);
  });

  it('what Outrigger says carries no status of the application (A54)', async () => {
    let code = 0;
    const { raw } = await upstream((stream) => stream.close(code));
    const forbidden = [
      status.INVALID_ARGUMENT,
      status.NOT_FOUND,
      status.ALREADY_EXISTS,
      status.FAILED_PRECONDITION,
    ]
      .concat([status.ABORTED, status.OUT_OF_RANGE, status.DATA_LOSS])
      .map(String);
    for (code = 0; code < 20; code++) {
      const { headers } = await raw.request(grpcHead('/a.B/C'), null);
      expect(headers['grpc-status']).to.be.a('string');
      expect(forbidden).to.not.include(headers['grpc-status']);
    }
  });

  it('every failure is on the record: who, how, and on which endpoint', async () => {
    const { raw, proxy, server } = await upstream((stream) => stream.close(constants.NGHTTP2_INTERNAL_ERROR));
    await raw.request(grpcHead('/a.B/C'), null);
    await until(
      () => proxy.calls().length === 1,
      () => 'no record',
    );
    const [record] = proxy.calls();
    expect(record).to.include({
      error: 'upstream_reset',
      endedBy: 'outrigger',
      grpcStatus: status.INTERNAL,
      httpStatus: 200,
    });
    expect(record.attempts[0]).to.include({ endpoint: server.address, error: 'upstream_reset', number: 1 });
    expect(proxy.endpoint(server.address)).to.include({ active: 0, error: 1, success: 0 });
  });
});
