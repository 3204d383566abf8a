import net from 'node:net';
import { expect } from 'chai';
import { HeaderBlock } from '../../src/core/header-block.ts';
import type { StreamFailure } from '../../src/core/message-stream.ts';
import { closeListener, eventually, listen, type Rig, startRig, tcp, Wire } from './http1-rig.ts';

const get = 'GET / HTTP/1.1\r\nhost: a\r\n\r\n';
const ok = 'HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok';

/** What an endpoint may send behind the end of its reply (RFC 9112 section 6.3: it is no part of the reply). */
const surpluses: ReadonlyArray<readonly [name: string, bytes: string]> = [
  ['junk', 'junk'],
  ['one byte', '\0'],
  ['an empty line and junk', '\r\njunk'],
  ['a second reply', 'HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nevil'],
  ['the beginning of a second reply', 'HTTP/1.1 200 OK\r\nx: '],
  ['the lines of half a second reply', 'HTTP/1.1 200 OK\r\nx: y\r\n'],
  ['an interim reply', 'HTTP/1.1 100 Continue\r\n\r\n'],
  ['another chunk', '4\r\nevil\r\n0\r\n\r\n'],
  ['a long body', 'x'.repeat(100_000)],
];

const replies: ReadonlyArray<readonly [name: string, method: string, reply: string, last: string]> = [
  ['a length', 'GET', ok, '\r\n\r\nok'],
  ['length 0', 'GET', 'HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n', '\r\n\r\n'],
  [
    'chunks',
    'GET',
    'HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n',
    '2\r\nok\r\n0\r\n\r\n',
  ],
  [
    'chunks and trailers',
    'GET',
    'HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nok\r\n0\r\nx-t: 1\r\n\r\n',
    '0\r\nx-t: 1\r\n\r\n',
  ],
  ['an interim reply before it', 'GET', `HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\n${ok}`, '\r\n\r\nok'],
  ['connection: close', 'GET', ok.replace('\r\n\r\n', '\r\nconnection: close\r\n\r\n'), '\r\n\r\nok'],
  ['HTTP/1.0', 'GET', ok.replace('HTTP/1.1', 'HTTP/1.0'), '\r\n\r\nok'],
  ['no body, to HEAD', 'HEAD', 'HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\n', '\r\n\r\n'],
  ['no body, by 204', 'GET', 'HTTP/1.1 204 No Content\r\nx-last: 1\r\n\r\n', '\r\n\r\n'],
  ['no body, by 304', 'GET', 'HTTP/1.1 304 Not Modified\r\ncontent-length: 4\r\n\r\n', '\r\n\r\n'],
];

describe('HTTP/1.1 upstream, bytes behind a reply', () => {
  let server: net.Server;
  let rig: Rig;
  const sockets: net.Socket[] = [];
  /** What the endpoint does with the n-th request, counted over all of its connections. */
  let answer: (socket: net.Socket, n: number) => void;

  beforeEach(async () => {
    let requests = 0;
    server = net.createServer({ allowHalfOpen: false }, (socket) => {
      sockets.push(socket);
      socket.setNoDelay(true);
      socket.on('error', () => {});
      let heard = '';
      socket.on('data', (chunk) => {
        const before = heard.split('\r\n\r\n').length;
        heard += chunk.toString('latin1');
        for (let n = before; n < heard.split('\r\n\r\n').length; n++) answer(socket, ++requests);
      });
    });
    rig = await startRig(tcp(await listen(server)));
  });
  afterEach(async () => {
    await rig.close();
    for (const socket of sockets.splice(0)) socket.destroy();
    await closeListener(server);
  });

  /** The connection with the surplus closes, and the next request goes on another. */
  async function expectNoReuse(wire: Wire, connection: net.Socket): Promise<void> {
    await eventually(() => connection.destroyed, 'the connection with the surplus closes');
    answer = (socket) => socket.write(ok.replace('\r\n\r\n', '\r\nx-next: 1\r\n\r\n'));
    wire.text = '';
    wire.say(get);
    await wire.until('\r\n\r\nok');
    expect(wire.text).to.include('x-next: 1').and.not.include('evil');
    expect(sockets.at(-1), 'another connection').to.not.equal(connection);
    wire.socket.destroy();
  }

  for (const [framing, method, reply, last] of replies) {
    for (const [name, surplus] of surpluses) {
      for (const kept of [false, true]) {
        it(`drops ${name} behind a reply with ${framing} on a ${kept ? 'kept' : 'new'} connection`, async () => {
          const at = kept ? 2 : 1;
          answer = (socket, n) => socket.write(n === at ? reply + surplus : ok);
          const wire = new Wire(rig.port);
          if (kept) {
            wire.say(get);
            await wire.until('\r\n\r\nok');
            await eventually(() => rig.pool.active === 0);
            wire.text = '';
          }
          wire.say(get.replace('GET', method));
          await wire.until(last);
          await eventually(() => rig.pool.active === 0);
          expect(sockets).to.have.length(1);
          expect(rig.calls.at(-1)?.upstreamFailure).to.equal(null);
          expect(wire.text).to.not.include('junk').and.not.include('evil').and.not.include('xxx');
          expect(wire.text.endsWith(last), wire.text).to.equal(true);
          await expectNoReuse(wire, sockets[0]);
        });
      }
    }
  }

  it('closes a connection that says more while it is idle', async () => {
    answer = (socket) => socket.write(ok);
    const wire = new Wire(rig.port);
    wire.say(get);
    await wire.until('\r\n\r\nok');
    await eventually(() => rig.pool.active === 0);
    sockets[0].write('HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nevil');
    await expectNoReuse(wire, sockets[0]);
  });

  it('keeps a connection whose reply comes in many pieces and ends where it should', async () => {
    answer = async (socket) => {
      for (const byte of 'HTTP/1.1 102 P\r\n\r\nHTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n') {
        await new Promise((resolve) => socket.write(byte, resolve));
        await new Promise((resolve) => setImmediate(resolve));
      }
    };
    const wire = new Wire(rig.port);
    for (let n = 0; n < 3; n++) {
      wire.text = '';
      wire.say(get);
      await wire.until('0\r\n\r\n');
      await eventually(() => rig.pool.active === 0);
    }
    expect(sockets).to.have.length(1);
    wire.socket.destroy();
  });

  it('delivers a long reply with surplus to a client that reads slowly', async () => {
    const body = 'b'.repeat(1_000_000);
    answer = (socket) => socket.write(`HTTP/1.1 200 OK\r\ncontent-length: ${body.length}\r\n\r\n${body}junk`);
    const wire = new Wire(rig.port);
    wire.socket.pause();
    wire.say(get);
    await eventually(() => rig.calls[0]?.replyInFlightMax > 0);
    wire.socket.resume();
    await eventually(() => wire.text.endsWith(body));
    await eventually(() => rig.pool.active === 0);
    expect(rig.calls[0].upstreamFailure).to.equal(null);
    await expectNoReuse(wire, sockets[0]);
  });

  describe('before the request has ended', () => {
    const beginning = 'POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 10\r\n\r\nhalf.';

    for (const [when, first, later] of [
      ['in the packet of the reply', `${ok}junk`, ''],
      ['in a later packet', ok, 'junk'],
      ['in a later packet, as a second reply', ok, 'HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nevil'],
    ]) {
      it(`delivers the reply and closes the connection, with surplus ${when}`, async () => {
        answer = (socket) => socket.write(first);
        // The owner of the exchange goes on with the request, which nobody is going to read.
        const heard: string[] = [];
        const failures: StreamFailure[] = [];
        const stream = rig.pool.open({
          head: (head) => void heard.push(String(head.status)),
          data: (bytes, start, end, last) => {
            heard.push(Buffer.from(bytes.subarray(start, end)).toString());
            if (last) heard.push('end');
          },
          trailers() {},
          sent() {},
          failed: (failure) => void failures.push(failure),
        });
        stream.head(
          HeaderBlock.of(
            [':method', 'POST'],
            [':path', '/'],
            [':scheme', 'http'],
            [':authority', 'a'],
            ['content-length', '10'],
          ),
          false,
        );
        stream.data(Buffer.from('half.'), 0, 5, false);
        await eventually(() => heard.at(-1) === 'end');
        expect(heard.join(' ').replace(/ +/g, ' ')).to.equal('200 ok end');
        if (later !== '') sockets[0].write(later);
        stream.data(Buffer.from('half.'), 0, 5, true);
        expect(rig.pool.active).to.equal(0);
        await expectNoReuse(new Wire(rig.port), sockets[0]);
        expect(failures).to.deep.equal([]);
      });
    }

    it('delivers the reply to an HTTP/1.1 client', async () => {
      answer = (socket) => socket.write(`${ok}junk`);
      const wire = new Wire(rig.port);
      wire.say(beginning);
      await wire.until('\r\n\r\nok');
      expect(wire.text).to.match(/^HTTP\/1\.1 200 /);
      await eventually(() => rig.pool.active === 0);
      wire.socket.destroy();
    });

    it('delivers a whole reply whose connection is reset behind it', async () => {
      answer = (socket) => socket.write(ok, () => socket.resetAndDestroy());
      const wire = new Wire(rig.port);
      wire.say(beginning);
      await wire.until('\r\n\r\nok');
      expect(wire.text).to.match(/^HTTP\/1\.1 200 /);
      await eventually(() => rig.pool.active === 0);
      wire.socket.destroy();
    });
  });
});
