import { expect } from 'chai';
import { HeaderBlock } from '../../src/core/header-block.ts';
import type { MessageStream } from '../../src/core/message-stream.ts';
import { eventually, type Rig, startRig, startUpstream, tcp, type Upstream, Wire } from './http1-rig.ts';

const empty = new Uint8Array(0);

/** How the owner of an upstream stream ends a request without a byte of body, as the HTTP/2 engine and others do. */
const ends: ReadonlyArray<readonly [name: string, end: (stream: MessageStream, head: HeaderBlock) => void]> =
  [
    ['with its head', (stream, head) => stream.head(head, true)],
    [
      'with an empty last frame in the same turn',
      (stream, head) => {
        stream.head(head, false);
        stream.data(empty, 0, 0, true);
      },
    ],
    [
      'with empty frames and an empty last frame',
      (stream, head) => {
        stream.head(head, false);
        stream.data(empty, 0, 0, false);
        stream.data(empty, 0, 0, false);
        stream.data(empty, 0, 0, true);
      },
    ],
    [
      'with trailers alone',
      (stream, head) => {
        stream.head(head, false);
        stream.trailers(HeaderBlock.of(['x-trailer', '1']));
      },
    ],
    [
      'with an empty last frame in a later turn',
      (stream, head) => {
        stream.head(head, false);
        setImmediate(() => stream.data(empty, 0, 0, true));
      },
    ],
    [
      'with trailers in a later turn',
      (stream, head) => {
        stream.head(head, false);
        setImmediate(() => stream.trailers(HeaderBlock.of(['x-trailer', '1'])));
      },
    ],
  ];

describe('HTTP/1.1 upstream, requests without a byte of body', () => {
  let upstream: Upstream;
  let rig: Rig;

  beforeEach(async () => {
    upstream = await startUpstream((request, response) => {
      const body = `saw ${request.method}`;
      response.setHeader('content-length', body.length); // node keeps no connection whose reply to HEAD has no length.
      response.end(body);
    });
    rig = await startRig(tcp(upstream.port));
  });
  afterEach(async () => {
    await rig.close();
    await upstream.close();
  });

  /** One exchange on the rig's pool; gives what came, in order. */
  async function exchange(
    head: HeaderBlock,
    end: (stream: MessageStream, head: HeaderBlock) => void,
  ): Promise<string[]> {
    const heard: string[] = [];
    const stream = rig.pool.open({
      head: (reply, last) => void heard.push(String(reply.status), ...(last ? ['end'] : [])),
      data(bytes, from, to, last) {
        if (to > from) heard.push(Buffer.from(bytes.subarray(from, to)).toString());
        if (last) heard.push('end');
      },
      trailers: () => void heard.push('end'),
      sent() {},
      failed: ({ message }) => void heard.push(message, 'end'),
    });
    end(stream, head);
    await eventually(() => heard.at(-1) === 'end');
    await eventually(() => rig.pool.active === 0);
    return heard;
  }

  for (const method of ['POST', 'PUT', 'GET', 'DELETE', 'HEAD']) {
    for (const [name, end] of ends) {
      it(`answers a ${method} that ends ${name}, on a new connection and on a kept one`, async () => {
        const head = HeaderBlock.of(
          [':method', method],
          [':scheme', 'http'],
          [':authority', 'a'],
          [':path', '/'],
        );
        const body = method === 'HEAD' ? [] : [`saw ${method}`];
        for (let n = 0; n < 3; n++) expect(await exchange(head, end)).to.deep.equal(['200', ...body, 'end']);
        expect(upstream.connections()).to.equal(1);
        expect(upstream.seen.map((seen) => seen.body)).to.deep.equal(['', '', '']);
      });
    }
  }

  it('answers an empty body that is announced as content-length: 0 and ends with an empty frame', async () => {
    const head = HeaderBlock.of(
      [':method', 'POST'],
      [':scheme', 'http'],
      [':authority', 'a'],
      [':path', '/'],
      ['content-length', '0'],
    );
    for (let n = 0; n < 2; n++)
      expect(await exchange(head, ends[1][1])).to.deep.equal(['200', 'saw POST', 'end']);
  });

  for (const [name, body] of [
    ['an empty chunked body', '0\r\n\r\n'],
    ['trailers alone', '0\r\nx-trailer: 1\r\n\r\n'],
  ]) {
    it(`answers an HTTP/1.1 POST with ${name} in the packet of its head, again and again`, async () => {
      const wire = new Wire(rig.port);
      for (let n = 0; n < 3; n++) {
        wire.text = '';
        wire.say(`POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n${body}`);
        await wire.until('saw POST');
        expect(wire.text).to.match(/^HTTP\/1\.1 200 /);
        await eventually(() => rig.pool.active === 0);
      }
      expect(upstream.connections()).to.equal(1);
      wire.socket.destroy();
    });
  }
});
