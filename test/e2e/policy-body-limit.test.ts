import { once } from 'node:events';
import { createServer } from 'node:http';
import { constants } from 'node:http2';
import { type AddressInfo, connect } from 'node:net';
import { expect } from 'chai';
import { connectRaw, grpcHead, startRawServer } from '../support/raw-http2.ts';
import { greeterConfig } from '../support/sidecar.ts';
import { until } from '../support/until.ts';
import { rig } from './rig.ts';

describe('bodyLimit, end to end', () => {
  const { sidecar, greeter, client, defer } = rig();
  const limited = {
    listeners: [
      {
        name: 'in',
        listen: '127.0.0.1:0',
        routes: [{ name: 'all', cluster: 'greeter', bodyLimit: '1KiB' }],
      },
    ],
  };

  async function webReplica(): Promise<{ address: string; requests: () => number }> {
    let requests = 0;
    const server = createServer((request, reply) => {
      requests++;
      request.resume();
      request.on('end', () => reply.end('ok'));
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    defer(() => {
      server.closeAllConnections();
      return new Promise((resolve) => server.close(resolve));
    });
    return { address: `127.0.0.1:${(server.address() as AddressInfo).port}`, requests: () => requests };
  }

  it('refuses gRPC calls that are too large, and the replica stays in use', async () => {
    const replica = await greeter();
    const proxy = await sidecar(greeterConfig([replica], {}, limited));
    const caller = client(proxy.target());
    for (let i = 0; i < 10; i++) {
      const large = await caller.sayHello('x'.repeat(2000));
      expect([large.code, large.details.includes('[body_too_large]')]).to.deep.equal([8, true]);
    }
    expect((await caller.sayHello('x')).code).to.equal(0);
    expect(proxy.endpoint(replica.address)).to.include({ error: 0, unclear: 0, unusableBecause: '' });
  });

  it('ends a body without content-length once it is too large, over HTTP/2 and HTTP/1.1', async () => {
    const resets: number[] = [];
    const server = await startRawServer((stream) => {
      stream.resume();
      stream.on('close', () => resets.push(stream.rstCode));
    });
    defer(() => server.close());
    const proxy = await sidecar(greeterConfig([server], { health: 'none' }, limited));
    const http2 = connectRaw(proxy.target());
    defer(() => http2.close());
    const { stream, reply } = http2.open({ ':method': 'POST', ':path': '/x' });
    stream.write(Buffer.alloc(1000));
    await until(
      () => server.streams.length === 1,
      () => 'the request has not reached the replica',
    );
    stream.end(Buffer.alloc(25));
    expect((await reply).headers).to.include({ ':status': 413, 'x-outrigger-error': 'body_too_large' });
    await until(
      () => resets.length === 1,
      () => 'the replica has not seen the request end',
    );
    expect(resets).to.deep.equal([constants.NGHTTP2_CANCEL]);
    const sent = await fetch(`http://${proxy.target()}/x`, {
      method: 'POST',
      duplex: 'half',
      body: new ReadableStream({
        start(controller) {
          for (let i = 0; i < 3; i++) controller.enqueue(Buffer.alloc(500));
          controller.close();
        },
      }),
    } as RequestInit);
    expect([sent.status, sent.headers.get('x-outrigger-error')]).to.deep.equal([413, 'body_too_large']);
    const { error, unclear } = proxy.endpoint(server.address);
    expect([error, unclear]).to.deep.equal([0, 0]);
    expect(proxy.calls().map((call) => call.error)).to.deep.equal(['body_too_large', 'body_too_large']);
  });

  it('refuses a client that waits for 100 Continue at once, and asks no replica', async () => {
    const replica = await webReplica();
    const proxy = await sidecar(greeterConfig([replica], { protocol: 'http1', health: 'none' }, limited));
    const [host, port] = proxy.target().split(':');
    const say = async (length: number, body: string) => {
      const socket = connect({ host, port: Number(port) });
      let heard = '';
      socket.on('data', (chunk: Buffer) => {
        heard += chunk.toString('latin1');
        if (heard.endsWith('100 Continue\r\n\r\n')) socket.write(body);
      });
      socket.write(
        `POST /x HTTP/1.1\r\nhost: a\r\nexpect: 100-continue\r\nconnection: close\r\ncontent-length: ${length}\r\n\r\n`,
      );
      await once(socket, 'close');
      return heard;
    };
    expect(await say(1025, 'never sent')).to.match(/^HTTP\/1\.1 413 Payload Too Large\r\n/);
    expect(replica.requests()).to.equal(0);
    expect(await say(3, 'abc')).to.match(/^HTTP\/1\.1 100 Continue\r\n\r\nHTTP\/1\.1 200 OK\r\n/);
    expect(replica.requests()).to.equal(1);
  });

  it('counts the messages of a gRPC call together', async () => {
    const replica = await greeter();
    const proxy = await sidecar(greeterConfig([replica], {}, limited));
    const http2 = connectRaw(proxy.target());
    defer(() => http2.close());
    const message = Buffer.alloc(600);
    message.writeUInt32BE(595, 1);
    const { stream, reply } = http2.open(grpcHead('/helloworld.Greeter/SayHello'));
    stream.write(message);
    stream.end(message);
    expect((await reply).headers).to.include({ 'grpc-status': '8', 'x-outrigger-error': 'body_too_large' });
  });
});
