import net from 'node:net';
import { expect } from 'chai';
import { systemClock } from '../../src/core/clock.ts';
import { ErrorCode } from '../../src/core/error-code.ts';
import { Field } from '../../src/core/field.ts';
import { HeaderBlock } from '../../src/core/header-block.ts';
import type { StreamFailure, StreamReceiver } from '../../src/core/message-stream.ts';
import { poolDefaults, TestPool } from '../support/http1-pool.ts';
import {
  closeListener,
  eventually,
  listen,
  type Rig,
  say,
  startRig,
  startUpstream,
  tcp,
  type Upstream,
  Wire,
} from './http1-rig.ts';

const refusedRequests: Array<[name: string, status: number, head: string]> = [
  [
    'both content-length and transfer-encoding',
    400,
    'POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 4\r\ntransfer-encoding: chunked',
  ],
  [
    'two content-lengths that differ',
    400,
    'POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 4\r\ncontent-length: 5',
  ],
  ['a list of content-lengths', 400, 'POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 4, 4'],
  ['a signed content-length', 400, 'POST / HTTP/1.1\r\nhost: a\r\ncontent-length: +4'],
  ['a coding after chunked', 400, 'POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked, gzip'],
  ['a coding before chunked', 501, 'POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: gzip, chunked'],
  [
    'chunked twice',
    400,
    'POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\ntransfer-encoding: chunked',
  ],
  ['transfer-encoding in HTTP/1.0', 400, 'POST / HTTP/1.0\r\nhost: a\r\ntransfer-encoding: chunked'],
  ['a space before the colon', 400, 'GET / HTTP/1.1\r\nhost: a\r\ntransfer-encoding : chunked'],
  ['a folded line', 400, 'GET / HTTP/1.1\r\nhost: a\r\nx-a: b\r\n c: d'],
  ['a bare LF', 400, 'GET / HTTP/1.1\r\nhost: a\r\nx-a: b\nx-c: d'],
  ['a NUL in a value', 400, 'GET / HTTP/1.1\r\nhost: a\r\nx-a: b\0c'],
  ['a DEL in a value', 400, 'GET / HTTP/1.1\r\nhost: a\r\nx-a: b\x7fc'],
  ['two hosts', 400, 'GET / HTTP/1.1\r\nhost: a\r\nhost: b'],
  ['no host', 400, 'GET / HTTP/1.1\r\nx-a: b'],
  ['userinfo in the host', 400, 'GET / HTTP/1.1\r\nhost: a@b'],
  ['a path in the host', 400, 'GET / HTTP/1.1\r\nhost: a/b'],
  ['userinfo in an absolute-form', 400, 'GET http://u:p@a/ HTTP/1.1\r\nhost: a'],
  ['a target that is no path', 400, 'GET foo HTTP/1.1\r\nhost: a'],
  ['a fragment', 400, 'GET /a#b HTTP/1.1\r\nhost: a'],
  ['an asterisk without OPTIONS', 400, 'GET * HTTP/1.1\r\nhost: a'],
  ['a space in the target', 400, 'GET /a b HTTP/1.1\r\nhost: a'],
  ['CONNECT', 405, 'CONNECT a:1 HTTP/1.1\r\nhost: a:1'],
  ['an unknown expectation', 417, 'GET / HTTP/1.1\r\nhost: a\r\nexpect: the-unexpected'],
  ['no HTTP at all', 400, 'hello'],
];

const headOf = (pairs: Record<string, string | string[]>): HeaderBlock => {
  const all = { ':method': 'POST', ':scheme': 'http', ':authority': 'a.test', ':path': '/', ...pairs };
  return new HeaderBlock(
    Object.entries(all).flatMap(([name, values]) => [values].flat().map((value) => new Field(name, value))),
  );
};

const refusedHeads: Array<[name: string, head: HeaderBlock]> = [
  ['CR and LF in a value', headOf({ 'x-a': 'b\r\nx-evil: 1' })],
  ['a lone LF in a value', headOf({ 'x-a': 'b\nx-evil: 1' })],
  ['NUL in a value', headOf({ 'x-a': 'b\0' })],
  ['a space in a name', headOf({ 'x a': 'b' })],
  ['a colon in a name', headOf({ 'x:a': 'b' })],
  ['CR and LF in the path', headOf({ ':path': '/ HTTP/1.1\r\nhost: evil\r\n\r\n' })],
  ['a space in the path', headOf({ ':path': '/a HTTP/1.1' })],
  ['no slash in the path', headOf({ ':path': 'http://evil/' })],
  ['CR and LF in the method', headOf({ ':method': 'GET /evil HTTP/1.1\r\n' })],
  ['CONNECT', headOf({ ':method': 'CONNECT' })],
  ['CR and LF in the authority', headOf({ ':authority': 'a\r\nx: y' })],
  ['userinfo in the authority', headOf({ ':authority': 'a@b' })],
  ['two content-lengths that differ', headOf({ 'content-length': ['1', '2'] })],
  ['a content-length that is no number', headOf({ 'content-length': '1e3' })],
];

const hostileReplies: Array<[name: string, answer: string]> = [
  [
    'content-length beside transfer-encoding',
    'HTTP/1.1 200 OK\r\ncontent-length: 3\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n',
  ],
  ['another coding than chunked', 'HTTP/1.1 200 OK\r\ntransfer-encoding: gzip, chunked\r\n\r\n0\r\n\r\n'],
  ['transfer-encoding in HTTP/1.0', 'HTTP/1.0 200 OK\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n'],
  ['two content-lengths', 'HTTP/1.1 200 OK\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\nab'],
  ['a bare LF', 'HTTP/1.1 200 OK\r\nx-a: b\nx-c: d\r\ncontent-length: 0\r\n\r\n'],
  ['endless fields', `HTTP/1.1 200 OK\r\n${'x-a: b\r\n'.repeat(10_000)}`],
  [
    'an upgrade that nobody asked for',
    'HTTP/1.1 101 Switching Protocols\r\nupgrade: x\r\nconnection: upgrade\r\n\r\n',
  ],
  ['a flood of interim replies', 'HTTP/1.1 102 Processing\r\n\r\n'.repeat(100)],
  ['no HTTP', 'SSH-2.0-OpenSSH\r\n'],
  ['a status that is none', 'HTTP/1.1 099 Odd\r\ncontent-length: 0\r\n\r\n'],
];

describe('HTTP/1.1 request smuggling', () => {
  let upstream: Upstream;
  let rig: Rig;

  beforeEach(async () => {
    upstream = await startUpstream((_request, response, seen) => {
      // With a length, or node would not reuse the connection after the reply to HEAD.
      const text = `saw ${seen.method} ${seen.url}`;
      response
        .writeHead(200, { 'content-length': text.length })
        .end(seen.method === 'HEAD' ? undefined : text);
    });
    rig = await startRig(tcp(upstream.port), { headerBytesMax: 8192 });
  });
  afterEach(async () => {
    await rig.close();
    await upstream.close();
  });

  describe('what a client sends', () => {
    const body = '\r\n\r\n';
    for (const [name, status, head] of refusedRequests) {
      it(`is refused with ${status}: ${name}`, async () => {
        const { text } = await say(rig.port, Buffer.from(head + body, 'latin1'));
        expect(text).to.match(new RegExp(`^HTTP/1.1 ${status} `));
        expect(text)
          .to.match(/x-outrigger-error: protocol_error\r\n/)
          .and.match(/connection: close\r\n/);
        expect(text.trim()).to.match(/the client sent .*\[protocol_error\](?: \(call \S+\))?$/);
        expect(upstream.seen).to.deep.equal([]);
      });
    }

    it('is refused with 431 when its head is over the limit, however it goes on', async () => {
      const { text } = await say(
        rig.port,
        `GET / HTTP/1.1\r\nhost: a\r\nx-a: ${'b'.repeat(100_000)}\r\n\r\n`,
      );
      expect(text)
        .to.match(/^HTTP\/1.1 431 /)
        .and.match(/x-outrigger-error: header_too_large\r\n/);
      expect(upstream.seen).to.deep.equal([]);
    });

    it('is refused with 431 when it has more headers than the limit', async () => {
      const many = (count: number) => Array.from({ length: count }, () => 'a:').join('\r\n');
      const request = (count: number) =>
        `GET / HTTP/1.1\r\n${many(count)}\r\nhost: a\r\nconnection: close\r\n\r\n`;
      const refused = await say(rig.port, request(99));
      expect(refused.text)
        .to.match(/^HTTP\/1\.1 431 /)
        .and.match(/x-outrigger-error: header_too_large\r\n/);
      expect(upstream.seen).to.deep.equal([]);
      await say(rig.port, request(98));
      expect(upstream.seen[0].rawHeaders.filter((text, i) => i % 2 === 0 && text === 'a')).to.have.length(98);
    });

    it('may have any token as its method', async () => {
      await say(rig.port, 'PURGE /x HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n');
      expect(upstream.seen[0]).to.include({ method: 'PURGE', url: '/x' });
    });

    it('is answered before the garbage that follows it', async () => {
      const { text } = await say(rig.port, 'GET /1 HTTP/1.1\r\nhost: a\r\n\r\nGARBAGE\r\n\r\n');
      expect(text.match(/HTTP\/1\.1 \d+/g)).to.deep.equal(['HTTP/1.1 200', 'HTTP/1.1 400']);
      expect(text).to.include('saw GET /1');
    });

    it('fails where its chunks break, and is not taken for whole upstream', async () => {
      const wire = new Wire(rig.port);
      wire.say('POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n');
      await eventually(() => rig.calls.length === 1);
      wire.say('zz\r\n');
      await wire.closed;
      expect(wire.text).to.match(/^HTTP\/1\.1 400 /);
      expect(rig.calls[0].downstreamFailure?.kind).to.equal('protocol');
      expect(upstream.seen).to.deep.equal([]);
      await eventually(() => rig.pool.active === 0);
    });

    it('does not make the connection trust names that Connection lists', async () => {
      await say(
        rig.port,
        'POST / HTTP/1.1\r\nhost: a\r\nconnection: content-length, host, x-secret, close\r\nx-secret: 1\r\ncontent-length: 3\r\n\r\nabc',
      );
      expect(upstream.seen[0]).to.include({ body: 'abc' });
      expect(upstream.seen[0].headers)
        .to.include({ host: 'a', 'content-length': '3' })
        .and.not.have.property('x-secret');
    });

    it('keeps a field named __proto__ a field', async () => {
      await say(
        rig.port,
        'GET / HTTP/1.1\r\nhost: a\r\n__proto__: x\r\n__proto__: y\r\nconnection: close\r\n\r\n',
      );
      expect(upstream.seen[0].rawHeaders.filter((text) => text === '__proto__')).to.have.length(2);
    });

    it('is read no further when it pipelines without end', async () => {
      upstream.server.removeAllListeners('request');
      upstream.server.on('request', () => {});
      const wire = new Wire(rig.port);
      const many = Buffer.from('GET / HTTP/1.1\r\nhost: a\r\n\r\n'.repeat(100_000));
      for (let i = 0; i < 16; i++) wire.socket.write(many);
      await eventually(() => rig.calls.length > 0);
      // What the kernel does not take, after others were served, is more than anybody would read by chance.
      for (let i = 0; i < 10; i++) await say(rig.port, 'NO\r\n\r\n');
      expect(wire.socket.writableLength).to.be.greaterThan(16_000_000);
      expect(rig.calls).to.have.length(1);
      wire.socket.destroy();
    });

    it('has so long for its head and no longer', async () => {
      const slow = await startRig(tcp(upstream.port), { headerTimeoutMs: 100 });
      const wire = new Wire(slow.port);
      const idle = new Wire(slow.port);
      wire.say('GET / HTTP/1.1\r\nhost: a\r\nx-drip: ');
      await Promise.all([wire.closed, idle.closed]);
      expect(wire.text).to.match(/^HTTP\/1\.1 408 /);
      // A connection opened ahead of need: bytes now would be taken for the reply to its first request.
      expect(idle.text).to.equal('');
      await slow.close();
    });
  });

  describe('a body with GET, HEAD or OPTIONS on a pooled connection', () => {
    for (const method of ['GET', 'HEAD', 'OPTIONS', 'DELETE', 'TRACE', 'POST']) {
      for (const framing of ['content-length', 'chunks']) {
        it(`${method} with ${framing}: the body is forwarded, the next request is intact`, async () => {
          const wire = new Wire(rig.port);
          // What a desync would make a request of its own.
          const inner = 'GET /smuggled HTTP/1.1\r\nhost: evil\r\n\r\n';
          const body =
            framing === 'chunks'
              ? `transfer-encoding: chunked\r\n\r\n${inner.length.toString(16)}\r\n${inner}\r\n0\r\n\r\n`
              : `content-length: ${inner.length}\r\n\r\n${inner}`;
          wire.say(`${method} /1 HTTP/1.1\r\nhost: a\r\n${body}`);
          await wire.until('\r\n\r\n');
          await eventually(() => rig.pool.active === 0);
          wire.say('GET /2 HTTP/1.1\r\nhost: a\r\n\r\n');
          await wire.until('saw GET /2');
          expect(upstream.seen.map((seen) => [seen.method, seen.url, seen.body])).to.deep.equal([
            [method, '/1', inner],
            ['GET', '/2', ''],
          ]);
          expect(upstream.connections(), 'the same connection carried both').to.equal(1);
          wire.socket.destroy();
        });
      }
    }
  });
});

describe('HTTP/1.1 upstream leg, from a head that HTTP/2 carried', () => {
  let server: net.Server;
  let pool: TestPool;
  let heard = '';
  let answer = 'HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n';

  beforeEach(async () => {
    heard = '';
    answer = 'HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n';
    server = net.createServer((socket) => {
      socket.on('error', () => {});
      socket.on('data', (chunk) => {
        const before = heard;
        heard += chunk.toString('latin1');
        if (!before.includes('\r\n\r\n') && heard.includes('\r\n\r\n')) socket.write(answer, 'latin1');
      });
    });
    pool = new TestPool(tcp(await listen(server)), { ...poolDefaults, clock: systemClock });
  });
  afterEach(async () => {
    pool.destroy();
    await closeListener(server);
  });

  /** What a receiver heard, as words. */
  function listener() {
    const heads: HeaderBlock[] = [];
    const failures: StreamFailure[] = [];
    const state = { ended: false, body: '' };
    const receiver: StreamReceiver = {
      head: (head, end) => {
        heads.push(head);
        state.ended = end;
      },
      data: (bytes, start, end, last) => {
        state.body += Buffer.from(bytes.subarray(start, end)).toString('latin1');
        if (last) state.ended = true;
      },
      trailers: () => {
        state.ended = true;
      },
      sent: () => {},
      failed: (failure) => void failures.push(failure),
    };
    return { receiver, heads, failures, state };
  }

  for (const [name, head] of refusedHeads) {
    it(`refuses ${name} and sends nothing`, async () => {
      const { receiver, failures } = listener();
      const stream = pool.open(receiver);
      stream.head(head, false);
      expect(failures, 'not before head returned').to.deep.equal([]);
      stream.data(Buffer.from('abc'), 0, 3, true);
      await eventually(() => failures.length > 0);
      expect(failures).to.have.length(1);
      expect(failures[0]).to.include({ kind: 'unsendable', code: ErrorCode.PROTOCOL_ERROR });
      expect(heard).to.equal('');
      expect(pool.active).to.equal(0);
    });
  }

  it('writes one host, joins cookie crumbs, and writes the framing itself', async () => {
    const { receiver, state } = listener();
    const stream = pool.open(receiver, '192.0.2.1');
    const head = headOf({
      host: 'other.test',
      cookie: ['a=1', 'b=2'],
      te: 'trailers',
      'x-forwarded-for': '198.51.100.1',
      'x-forwarded-proto': 'https',
      'transfer-encoding': 'gzip',
      expect: '100-continue',
      trailer: 'x-t',
    });
    stream.head(head, false);
    stream.data(Buffer.from('-abc-'), 1, 4, false);
    stream.trailers(HeaderBlock.of(['x-t', '1'], ['content-length', '99'], ['transfer-encoding', 'chunked']));
    await eventually(() => state.ended && pool.active === 0);
    const lines = heard.split('\r\n');
    expect(lines.slice(0, lines.indexOf(''))).to.have.members([
      'POST / HTTP/1.1',
      'host: a.test',
      'trailer: x-t',
      'cookie: a=1; b=2',
      'x-forwarded-for: 198.51.100.1, 192.0.2.1',
      'x-forwarded-proto: https',
      'transfer-encoding: chunked',
    ]);
    expect(heard.endsWith('\r\n\r\n3\r\nabc\r\n0\r\nx-t: 1\r\n\r\n')).to.equal(true);
  });

  it('passes any token on as the method', async () => {
    const { receiver, state } = listener();
    pool.open(receiver).head(headOf({ ':method': 'get!' }), true);
    await eventually(() => state.ended);
    expect(heard).to.match(/^get! \/ HTTP\/1\.1\r\n/);
  });

  it('makes an empty DATA after a GET no body', async () => {
    const { receiver, state } = listener();
    const stream = pool.open(receiver);
    stream.head(headOf({ ':method': 'GET' }), false);
    stream.data(new Uint8Array(0), 0, 0, true);
    await eventually(() => state.ended);
    expect(heard).to.not.match(/transfer-encoding|content-length/i);
  });

  for (const [name, pieces] of [
    ['longer', ['abcd', 'e']],
    ['shorter', ['ab', '']],
  ] as const) {
    it(`aborts where the body is ${name} than its content-length`, async () => {
      const { receiver, failures } = listener();
      answer = '';
      const stream = pool.open(receiver);
      stream.head(headOf({ 'content-length': '4' }), false);
      const [first, second] = pieces.map((text) => Buffer.from(text));
      stream.data(first, 0, first.length, false);
      await eventually(() => heard.endsWith(pieces[0]));
      stream.data(second, 0, second.length, true);
      await eventually(() => failures.length > 0);
      expect(failures[0].kind).to.equal('unsendable');
      expect(heard.endsWith(pieces[0])).to.equal(true);
    });
  }

  for (const [name, reply] of hostileReplies) {
    it(`takes a reply with ${name} for a broken protocol`, async () => {
      answer = reply;
      const { receiver, failures, heads } = listener();
      pool.open(receiver).head(headOf({}), true);
      await eventually(() => failures.length > 0);
      expect(failures).to.have.length(1);
      expect(failures[0].kind).to.equal('protocol');
      expect(heads).to.deep.equal([]);
      expect(pool.active).to.equal(0);
    });
  }

  it('does not give a second reply on the connection to the next request', async () => {
    answer = 'HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nokHTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nevil';
    const first = listener();
    pool.open(first.receiver).head(headOf({}), true);
    await eventually(() => first.state.ended || first.failures.length > 0);
    heard = '';
    answer = 'HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\ngood';
    const second = listener();
    pool.open(second.receiver).head(headOf({}), true);
    await eventually(() => second.state.ended || second.failures.length > 0);
    expect(second.state.body).to.equal('good');
  });
});
