import { once } from 'node:events';
import net from 'node:net';
import { expect } from 'chai';
import { VirtualClock } from '../../src/core/clock.ts';
import { ErrorCode } from '../../src/core/error-code.ts';
import { judgesRealTime } from '../support/real-time.ts';
import {
  closeListener,
  eventually,
  listen,
  type Rig,
  type RigOptions,
  startRig,
  tcp,
  Wire,
} from './http1-rig.ts';

const get = 'GET / HTTP/1.1\r\nhost: a\r\n\r\n';
const post = 'POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 2\r\n\r\nhi';

describe('HTTP/1.1 failures', function () {
  judgesRealTime(this, 'halves of messages arrive with pauses, against time limits');
  let server: net.Server;
  let rig: Rig;
  const sockets: net.Socket[] = [];
  /** What the endpoint does with the n-th lump of bytes on a connection. */
  let answer: (socket: net.Socket, n: number, heard: string) => void;

  async function start(options?: RigOptions): Promise<void> {
    server = net.createServer({ allowHalfOpen: true }, (socket) => {
      sockets.push(socket);
      let n = 0;
      socket.on('error', () => {});
      socket.on('data', (chunk) => answer(socket, ++n, chunk.toString('latin1')));
    });
    rig = await startRig(tcp(await listen(server)), options);
  }
  afterEach(async () => {
    await rig.close();
    for (const socket of sockets.splice(0)) socket.destroy();
    await closeListener(server);
  });
  const ok = (socket: net.Socket) => socket.write('HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok');

  describe('of the endpoint', () => {
    it('is not sent where nobody listens', async () => {
      await start();
      await closeListener(server);
      const wire = new Wire(rig.port);
      wire.say(get);
      await wire.until('ECONNREFUSED');
      expect(wire.text)
        .to.match(/^HTTP\/1\.1 502 /)
        .and.include('x-failure: unsent');
      wire.socket.destroy();
      expect(rig.pool.active).to.equal(0);
    });

    it('is not sent where the Unix socket is not there', async () => {
      await start();
      await rig.close();
      rig = await startRig({ kind: 'unix', path: '/nowhere/at.all' });
      const wire = new Wire(rig.port);
      wire.say(post);
      await wire.until('ENOENT');
      expect(wire.text).to.include('x-failure: unsent').and.include('unix:/nowhere/at.all');
      wire.socket.destroy();
    });

    it('is refused where no connection comes in time, TLS included', async () => {
      const clock = new VirtualClock();
      answer = () => {}; // A TLS client says its hello and waits.
      await start({ clock, pool: { tls: { rejectUnauthorized: false }, connectTimeoutMs: 700 } });
      const wire = new Wire(rig.port);
      wire.say(get);
      await eventually(() => sockets.length === 1);
      clock.advance(699);
      expect(rig.calls[0].upstreamFailure).to.equal(null);
      clock.advance(1);
      await wire.until('within 700 ms');
      expect(rig.calls[0].upstreamFailure).to.include({ kind: 'unsent', code: ErrorCode.CONNECT_ERROR });
      wire.socket.destroy();
      await eventually(() => rig.server.connections === 0);
      expect(clock.pending).to.equal(0);
    });

    it('is closed, not refused, where a new connection ends without a reply', async () => {
      answer = (socket) => socket.destroy();
      await start();
      const wire = new Wire(rig.port);
      wire.say(get);
      await wire.until('without a reply');
      expect(rig.calls[0].upstreamFailure).to.include({ kind: 'closed', code: ErrorCode.STREAM_CLOSED });
      wire.socket.destroy();
    });

    for (const [method, request, kind, what] of [
      ['GET', get, 'refused', 'closed an idle connection as it was used again'],
      ['POST', post, 'closed', 'closed a connection that it had kept, without a reply'],
    ]) {
      it(`is ${kind} where a reused connection ends without a reply to ${method}`, async () => {
        answer = (socket, n) => (n === 1 ? ok(socket) : socket.resetAndDestroy());
        await start();
        const wire = new Wire(rig.port);
        wire.say(get);
        await wire.until('ok');
        await eventually(() => rig.pool.active === 0);
        wire.say(request);
        await wire.until('x-failure');
        expect(rig.calls[1].upstreamFailure).to.include({ kind }).and.property('message').that.includes(what);
        expect(sockets).to.have.length(1);
        wire.socket.destroy();
      });
    }

    it('is closed where part of a reply came on a reused connection', async () => {
      answer = (socket, n) => {
        if (n === 1) ok(socket);
        else socket.end('HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\npart');
      };
      await start();
      const wire = new Wire(rig.port);
      wire.say(get);
      await wire.until('ok');
      wire.say(get);
      await wire.closed;
      expect(rig.calls[1].upstreamFailure?.kind).to.equal('closed');
    });

    const halves: Array<[name: string, head: string]> = [
      ['content-length', 'content-length: 10\r\n\r\nhalf'],
      ['chunks', 'transfer-encoding: chunked\r\n\r\n4\r\nhalf\r\n'],
    ];
    for (const [name, half] of halves) {
      for (const version of ['1.1', '1.0']) {
        it(`breaks the reply to an HTTP/${version} client when it breaks off a body with ${name}`, async () => {
          answer = (socket) => socket.write(`HTTP/1.1 200 OK\r\n${half}`);
          await start();
          const wire = new Wire(rig.port);
          wire.say(`GET / HTTP/${version}\r\nhost: a\r\n\r\n`);
          await wire.until('half');
          sockets[0].destroy();
          await wire.closed;
          const whole =
            wire.text.endsWith('0\r\n\r\n') || (!/content-length|chunked/i.test(wire.text) && !wire.broken);
          expect(whole, wire.text).to.equal(false);
          expect(rig.calls[0].upstreamFailure?.kind).to.equal('closed');
        });
      }
    }

    it('ends a reply that ends with its connection', async () => {
      answer = (socket) => socket.end('HTTP/1.0 200 OK\r\n\r\nall of it');
      await start();
      const wire = new Wire(rig.port);
      wire.say(get);
      await wire.until('\r\n0\r\n\r\n');
      expect(wire.text).to.include('all of it');
      wire.socket.destroy();
    });
  });

  describe('of the client', () => {
    it('cancels upstream when it leaves before the reply', async () => {
      answer = () => {};
      await start();
      const wire = new Wire(rig.port);
      wire.say(get);
      await eventually(() => sockets.length === 1);
      wire.socket.destroy();
      await once(sockets[0], 'end').catch(() => {});
      await eventually(() => rig.calls[0].downstreamFailure !== null);
      expect(rig.calls[0].downstreamFailure).to.include({ kind: 'closed', code: ErrorCode.CANCEL });
      expect(rig.pool.active).to.equal(0);
    });

    const half = 'HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nha';

    it('gets its reply after a FIN, if it begins in time, and however long it takes then', async () => {
      answer = (socket) => {
        setTimeout(() => socket.write(half), 20);
        setTimeout(() => socket.write('lf'), 300);
      };
      await start();
      const wire = new Wire(rig.port);
      wire.say(get);
      wire.socket.end();
      await wire.closed;
      expect(wire.text).to.match(/^HTTP\/1\.1 200 OK\r\n[\s\S]*\r\n\r\nhalf$/);
      await eventually(() => rig.pool.active === 0 && rig.server.connections === 0);
    });

    it('gets all of its pipelined replies after a FIN', async () => {
      answer = (socket) => void setTimeout(() => socket.write(`${half}lf`), 30);
      await start({ halfCloseTimeoutMs: 2000 });
      const wire = new Wire(rig.port);
      wire.say(get + get + get);
      wire.socket.end();
      await wire.closed;
      expect(wire.text.match(/\r\n\r\nhalf/g)).to.have.length(3);
    });

    it('is taken to have gone where nothing can be said to it in time', async () => {
      answer = (socket) => socket.write(half);
      await start({ halfCloseTimeoutMs: 100 });
      const wire = new Wire(rig.port);
      wire.say(get);
      await wire.until('ha');
      wire.socket.destroy();
      await eventually(() => rig.pool.active === 0 && rig.server.connections === 0);
    });

    it('is taken to have gone where it resets what is said to it', async () => {
      answer = (socket) => socket.write('HTTP/1.1 200 OK\r\ncontent-length: 1000000\r\n\r\nha');
      await start({ halfCloseTimeoutMs: 60_000 });
      const wire = new Wire(rig.port);
      wire.say(get);
      await wire.until('ha');
      wire.socket.destroy();
      await wire.closed;
      // The first write is answered with a reset, which shows at the next one. Both may be read, and relayed, as one.
      await eventually(() => {
        if (rig.pool.active > 0) sockets[0].write('l');
        return rig.pool.active === 0 && rig.server.connections === 0;
      });
    });

    it('cancels upstream when it leaves in the middle of its body', async () => {
      let heard = '';
      answer = (_socket, _n, text) => {
        heard += text;
      };
      await start();
      const wire = new Wire(rig.port);
      wire.say('POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 100\r\n\r\nhalf');
      await eventually(() => heard.endsWith('half'));
      const left = once(sockets[0], 'close');
      sockets[0].on('end', () => sockets[0].destroy());
      wire.socket.destroy();
      await left;
      await eventually(() => rig.pool.active === 0);
    });

    it('cancels upstream when it leaves while it does not read', async () => {
      answer = (socket) => {
        socket.write('HTTP/1.1 200 OK\r\ncontent-length: 100000000\r\n\r\n');
        socket.write(Buffer.alloc(50_000_000));
      };
      await start();
      const wire = new Wire(rig.port);
      wire.socket.pause();
      wire.say(get);
      await eventually(() => rig.calls[0]?.replyInFlightMax > 0);
      wire.socket.destroy();
      await eventually(() => rig.pool.active === 0 && rig.server.connections === 0);
    });
  });

  describe('of limits', () => {
    it('refuses at once what neither a connection nor the queue has room for', async () => {
      const waiting: net.Socket[] = [];
      answer = (socket) => void waiting.push(socket);
      await start({ pool: { connectionsMax: 1, pendingMax: 1 } });
      const wires = [1, 2, 3].map(() => new Wire(rig.port));
      wires[0].say(get);
      await eventually(() => waiting.length === 1);
      wires[1].say(get);
      await eventually(() => rig.pool.active === 2);
      wires[2].say(get);
      await wires[2].until('waiting for a connection already');
      ok(waiting[0]);
      await wires[0].until('ok');
      await eventually(() => waiting.length === 2);
      ok(waiting[1]);
      await wires[1].until('ok');
      expect(sockets, 'the one that waited got the connection of the first').to.have.length(1);
      for (const wire of wires) wire.socket.destroy();
    });

    it('lets what runs finish when the pool closes, then closes the connection', async () => {
      let busy: net.Socket | undefined;
      answer = (socket) => {
        busy = socket;
      };
      await start();
      const wire = new Wire(rig.port);
      wire.say(get);
      await eventually(() => busy !== undefined);
      rig.pool.close();
      const ended = once(busy as net.Socket, 'end');
      ok(busy as net.Socket);
      await wire.until('ok');
      await ended;
      wire.text = '';
      wire.say(get);
      await wire.until('is no longer used');
      wire.socket.destroy();
    });
  });
});
