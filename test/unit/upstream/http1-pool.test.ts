import { createServer, type Server, type Socket } from 'node:net';
import { duplexPair } from 'node:stream';
import { createServer as createTlsServer, type TLSSocket } from 'node:tls';
import { expect } from 'chai';
import { VirtualClock } from '../../../src/core/clock.ts';
import { ErrorCode } from '../../../src/core/error-code.ts';
import { HeadCache } from '../../../src/http1/head-cache.ts';
import { FlushScheduler } from '../../../src/transport/flush-scheduler.ts';
import { Http1Pool, type Http1PoolSettings } from '../../../src/upstream/http1-pool.ts';
import { PoolTotals } from '../../../src/upstream/pool-totals.ts';
import type { OpenFailure, StreamOpener } from '../../../src/upstream/stream-opener.ts';
import { newAuthority } from '../../support/certificates.ts';
import { requestHead } from '../../support/client-end.ts';
import { poolDefaults } from '../../support/http1-pool.ts';
import { Recorder } from '../../support/memory-pair.ts';
import { until } from '../../support/until.ts';

const ok = 'HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok';

/** Asks for a stream, sends a request on it and keeps what happened. */
class Asker extends Recorder implements StreamOpener {
  readonly clientAddress = '192.0.2.7';
  readonly forwardsClient: boolean;
  failure: OpenFailure | null = null;
  private readonly method: string;

  constructor(method = 'GET', forwardsClient = true) {
    super();
    this.method = method;
    this.forwardsClient = forwardsClient;
  }
  opened(stream: NonNullable<Recorder['stream']>): void {
    this.stream = stream;
    stream.head(requestHead(this.method), this.method !== 'UPLOAD');
  }
  openFailed(failure: OpenFailure): void {
    this.failure = failure;
  }
}

/** A server whose connections the test answers. */
class Endpoint {
  readonly server: Server;
  readonly sockets: Socket[] = [];
  /** What each connection has received. */
  readonly heard: string[] = [];

  constructor(server: Server = createServer({ allowHalfOpen: true })) {
    this.server = server;
    server.on('setTicketKeys' in server ? 'secureConnection' : 'connection', (socket: Socket) => {
      const n = this.sockets.push(socket) - 1;
      this.heard.push('');
      socket.on('error', () => {});
      socket.on('data', (chunk) => {
        this.heard[n] += chunk.toString('latin1');
      });
      socket.on('end', () => socket.end());
    });
  }
  async listen(): Promise<number> {
    await new Promise<void>((resolve) => this.server.listen(0, '127.0.0.1', resolve));
    return (this.server.address() as { port: number }).port;
  }
  /** Requests without a body that arrived on all connections. */
  get requests(): number {
    return this.heard.join('').split('\r\n\r\n').length - 1;
  }
  async close(): Promise<void> {
    for (const socket of this.sockets) socket.destroy();
    await new Promise((resolve) => this.server.close(resolve));
  }
}

describe('Http1Pool', () => {
  let endpoint: Endpoint;
  let clock: VirtualClock;
  let pool: Http1Pool;

  async function start(
    settings: Partial<Http1PoolSettings> = {},
    server?: Server,
    tls: object | null = null,
    scheduler = new FlushScheduler(),
  ): Promise<void> {
    endpoint = new Endpoint(server);
    clock = new VirtualClock();
    const port = await endpoint.listen();
    pool = new Http1Pool(
      { kind: 'tcp', host: '127.0.0.1', port },
      tls,
      { ...poolDefaults, ...settings },
      { clock, scheduler, heads: new HeadCache() },
    );
  }
  afterEach(async () => {
    pool.close();
    await endpoint.close();
    expect(pool.connections).to.equal(0);
    // What is left is the time that sockets which were closed politely have for their last bytes.
    clock.advance(60_000);
    expect(clock.pending).to.equal(0);
  });

  function ask(count = 1, method = 'GET'): Asker[] {
    const askers = Array.from({ length: count }, () => new Asker(method));
    for (const asker of askers) pool.open(asker);
    return askers;
  }
  const requests = (count: number) =>
    until(
      () => endpoint.requests === count,
      () => `${count} requests`,
    );
  const ended = (asker: Asker) =>
    until(
      () => asker.ends === 1,
      () => 'the reply is whole',
    );

  it('uses a kept connection again, the latest first', async () => {
    await start();
    const askers = ask(3);
    await requests(3);
    expect(pool.connections).to.equal(3);
    for (const [i, asker] of askers.entries()) {
      endpoint.sockets[i].write(ok);
      await ended(asker);
    }
    expect(pool.active).to.equal(0);
    const [next] = ask();
    await requests(4);
    expect(endpoint.heard[2].split('\r\n\r\n')).to.have.length(3);
    endpoint.sockets[2].write(ok);
    await ended(next);
    expect(endpoint.sockets).to.have.length(3);
  });

  it('says who asks, but where the head says all of that', async () => {
    await start();
    pool.open(new Asker('GET'));
    pool.open(new Asker('GET', false));
    await requests(2);
    const said = endpoint.heard.map((text) =>
      text.includes('x-forwarded-for: 192.0.2.7\r\nx-forwarded-proto: http\r\n'),
    );
    expect(said.sort()).to.deep.equal([false, true]);
  });

  it('lets requests wait in their order, and gives them the connections that come free', async () => {
    await start({ connectionsMax: 2, pendingMax: 3 });
    const askers = ask(5);
    const [refused] = ask();
    const name = `127.0.0.1:${(endpoint.server.address() as { port: number }).port}`;
    expect(refused.failure).to.deep.equal({
      code: 'overloaded',
      message: `${name} has 3 requests waiting for a connection already`,
    });
    await requests(2);
    pool.cancel(askers[2]);
    pool.cancel(askers[2]);
    expect(ask()[0].failure).to.equal(null);
    for (let served = 2; served <= 5; served++) {
      const busy = endpoint.heard.findIndex((text) => text !== '');
      endpoint.heard[busy] = '';
      endpoint.sockets[busy].write(ok);
      await until(
        () => endpoint.requests === (served < 5 ? 2 : 1) || served >= 4,
        () => 'the next request',
      );
    }
    await until(
      () => [0, 1, 3, 4].every((i) => askers[i].stream !== null),
      () => 'all but the cancelled one',
    );
    expect(askers[2].stream).to.equal(null);
    expect(endpoint.sockets).to.have.length(2);
  });

  it('keeps to the limits of the cluster, and counts neither connections nor requests for good', async () => {
    const totals = new PoolTotals(2, 1);
    totals.connections = 1;
    await start({ totals, pendingMax: 10 });
    const [first, second, third] = ask(3);
    // One connection may be opened for any endpoint; the second is over the limit of the cluster.
    expect([pool.connections, totals.connections, totals.pending]).to.deep.equal([1, 2, 1]);
    expect(third.failure?.code).to.equal('overloaded');
    expect(third.failure?.message).to.match(
      /^the cluster of 127\.0\.0\.1:\d+ has 1 request waiting for connections already$/,
    );
    await requests(1);
    endpoint.sockets[0].write(ok);
    await ended(first);
    expect(totals.pending).to.equal(0);
    await requests(2);
    second.stream!.reset(ErrorCode.CANCEL);
    expect([totals.connections, totals.pending, pool.active]).to.deep.equal([1, 0, 0]);
  });

  it('closes an idle connection of another pool where the cluster has no room for one that is needed', async () => {
    const totals = new PoolTotals(3, 10);
    await start({ totals });
    const { port } = endpoint.server.address() as { port: number };
    const deps = { clock, scheduler: new FlushScheduler(), heads: new HeadCache() };
    const settings = { ...poolDefaults, totals };
    const other = new Http1Pool({ kind: 'tcp', host: '127.0.0.1', port }, null, settings, deps);
    const askers = ask(2);
    await requests(2);
    for (const socket of endpoint.sockets) socket.write(ok);
    for (const asker of askers) await ended(asker);
    const others = [new Asker(), new Asker()];
    for (const asker of others) other.open(asker);
    // The first that was kept goes, and the second is still there.
    expect([pool.connections, other.connections, totals.connections]).to.deep.equal([1, 2, 3]);
    await requests(4);
    await until(
      () => endpoint.sockets[0].destroyed,
      () => 'the oldest is closed',
    );
    other.open(new Asker());
    other.open(new Asker());
    expect([pool.connections, other.connections, totals.connections]).to.deep.equal([0, 3, 3]);
    other.close();
    expect([totals.connections, totals.pending]).to.deep.equal([0, 0]);
  });

  it('uses no kept connection again once one of them turned out to be dead', async () => {
    await start();
    const askers = ask(3);
    await requests(3);
    for (const socket of endpoint.sockets) socket.write(ok);
    for (const asker of askers) await ended(asker);
    const [stale] = ask();
    await requests(4);
    endpoint.sockets.find((_, i) => endpoint.heard[i].split('\r\n\r\n').length === 3)!.destroy();
    await ended(stale);
    expect(stale.failures.map(({ kind }) => kind)).to.deep.equal(['refused']);
    expect(pool.connections).to.equal(0);
  });

  it('knows that nothing of a request has left where the kernel refuses its first byte', async () => {
    // Each flush at once: what the endpoint did is in the kernel, and has not been read.
    await start({}, undefined, null, new FlushScheduler((run) => run()));
    const [first] = ask();
    await requests(1);
    endpoint.sockets[0].write(ok);
    await ended(first);
    endpoint.sockets[0].resetAndDestroy();
    const [next] = ask(1, 'POST');
    await ended(next);
    expect(next.failures[0]).to.include({ kind: 'unsent', code: ErrorCode.NO_ERROR });
    expect(next.failures[0].message).to.include('before the request had left: connection reset');
  });

  it('gives the place of a request back that is reset in the middle of its upload', async () => {
    await start({ connectionsMax: 2, pendingMax: 10 });
    const stalled = ask(2, 'UPLOAD');
    const [next] = ask();
    await requests(2);
    expect(next.stream).to.equal(null);
    stalled[0].stream!.reset(ErrorCode.CANCEL);
    await requests(3);
    endpoint.sockets[2].write(ok);
    await ended(next);
  });

  it('closes what is idle for too long, or longer than the endpoint keeps it, less a second', async () => {
    await start({ idleTimeoutMs: 10_000 });
    const serve = async (socket: number, reply = ok): Promise<void> => {
      const [asker] = ask();
      await until(
        () => endpoint.heard[socket]?.endsWith('\r\n\r\n') === true,
        () => 'a request',
      );
      endpoint.heard[socket] = '';
      endpoint.sockets[socket].write(reply);
      await ended(asker);
    };
    await serve(0);
    clock.advance(9900);
    await serve(0, ok.replace('\r\n\r\n', '\r\nkeep-alive: timeout=3\r\n\r\n'));
    clock.advance(1900);
    await serve(0);
    expect(endpoint.sockets).to.have.length(1);
    // Found at use, before the regular check.
    await serve(0, ok.replace('\r\n\r\n', '\r\nkeep-alive: timeout=3\r\n\r\n'));
    clock.advance(2000);
    await serve(1);
    // And by the check.
    clock.advance(12_500);
    expect(pool.connections).to.equal(0);
    await until(
      () => endpoint.sockets[1].destroyed,
      () => 'the endpoint sees it closed',
    );
    await serve(2, ok.replace('\r\n\r\n', '\r\nkeep-alive: timeout=1\r\n\r\n'));
    expect(pool.connections).to.equal(0);
  });

  it('keeps so many idle connections and no more', async () => {
    await start({ idleMax: 1 });
    const askers = ask(3);
    await requests(3);
    for (const socket of endpoint.sockets) socket.write(ok);
    for (const asker of askers) await ended(asker);
    expect(pool.connections).to.equal(1);
  });

  it('fails those that wait for a connection that cannot be opened, with one failure', async () => {
    await start();
    const { port } = endpoint.server.address() as { port: number };
    await endpoint.close();
    const askers = ask(2);
    await until(
      () => askers.every(({ failure }) => failure !== null),
      () => 'both failed',
    );
    expect(askers[0].failure).to.deep.equal({
      code: 'connect_failed',
      message: `127.0.0.1:${port} gave no connection: connection refused (ECONNREFUSED)`,
    });
    expect(pool.backingOff).to.equal('');
  });

  it('gives a connection so long to open, TLS included', async () => {
    await start({ connectTimeoutMs: 700 }, undefined, { rejectUnauthorized: false });
    const [asker] = ask();
    await until(
      () => endpoint.sockets.length === 1,
      () => 'it connects',
    );
    clock.advance(699);
    expect(asker.failure).to.equal(null);
    clock.advance(1);
    expect(asker.failure?.code).to.equal('connect_timeout');
    expect(asker.failure?.message).to.match(/ gave no connection within 700 ms$/);
    expect(pool.connections).to.equal(0);
  });

  it('retires: idle connections close, and the others behind their reply', async () => {
    await start();
    const [idle, busy] = ask(2);
    await requests(2);
    endpoint.sockets[0].write(ok);
    await ended(idle);
    pool.retire();
    expect(pool.connections).to.equal(1);
    endpoint.sockets[1].write(ok);
    await ended(busy);
    expect(pool.connections).to.equal(0);
    ask();
    await requests(3);
    expect(endpoint.sockets).to.have.length(3);
  });

  it('drains: who waits goes elsewhere, what runs finishes, and nothing new begins', async () => {
    await start({ connectionsMax: 1 });
    const [running, waiting] = ask(2);
    await requests(1);
    pool.drain();
    expect(waiting.failure?.message).to.match(/ is no longer used$/);
    expect(ask()[0].failure?.code).to.equal('connect_failed');
    endpoint.sockets[0].write(ok);
    await ended(running);
    expect(running.failures).to.deep.equal([]);
    expect(pool.connections).to.equal(0);
  });

  it('closes: what runs fails', async () => {
    await start();
    const [running] = ask();
    await requests(1);
    pool.close();
    expect(running.failures.map(({ kind }) => kind)).to.deep.equal(['closed']);
  });

  it('delivers the reply of an endpoint that answers early and closes without reading, every time', async function () {
    this.timeout(30_000);
    await start({ connectionsMax: 1 });
    const reply = 'HTTP/1.1 413 Content Too Large\r\ncontent-length: 2\r\nconnection: close\r\n\r\nno';
    endpoint.server.removeAllListeners('connection');
    endpoint.server.on('connection', (socket: Socket) => {
      socket.pause();
      socket.on('error', () => {});
      // Closed with bytes that nobody has read: the kernel resets the connection.
      socket.write(reply, () => socket.destroy());
    });
    const piece = Buffer.alloc(16_384, 0x61);
    for (let n = 0; n < 100; n++) {
      const asker = new Asker('UPLOAD');
      let left = 25;
      const more = () => {
        for (; left > 0 && asker.ends === 0; left--) asker.stream!.data(piece, 0, piece.length, left === 1);
      };
      asker.sent = () => void setImmediate(more);
      asker.opened = (stream) => {
        asker.stream = stream;
        stream.head(requestHead('POST', ['content-length', '409600']), false);
        for (let i = 0; i < 4; i++, left--) stream.data(piece, 0, piece.length, false);
      };
      pool.open(asker);
      await ended(asker);
      expect(asker.events.join(), `exchange ${n}`).to.match(/^head 413,data 2 last$/);
    }
  });

  describe('with TLS', () => {
    const authority = newAuthority();
    const { cert, key } = authority.issue(['upstream.test']);
    const trust = { ca: authority.cert, servername: 'upstream.test' };

    it('offers http/1.1, and tells an incomplete end from a clean one', async () => {
      for (const maxVersion of ['TLSv1.2', 'TLSv1.3'] as const) {
        for (const clean of [true, false]) {
          await start({}, createTlsServer({ cert, key, maxVersion, ALPNProtocols: ['http/1.1'] }), trust);
          const [asker] = ask();
          await requests(1);
          const socket = endpoint.sockets[0] as TLSSocket;
          expect(socket.alpnProtocol).to.equal('http/1.1');
          const reply = 'HTTP/1.1 200 OK\r\n\r\nsome';
          if (clean) socket.end(reply);
          else {
            socket.write(reply);
            await until(
              () => asker.bodyBytes === 4,
              () => 'the beginning',
            );
            // The connection below TLS ends without a word of TLS.
            (socket as unknown as { _handle: { close(): void } })._handle.close();
          }
          await ended(asker);
          if (clean) expect(asker.events.at(-1)).to.equal('data 0 last');
          else {
            expect(asker.failures[0].kind).to.equal('closed');
            expect(asker.failures[0].message).to.match(
              /^127\.0\.0\.1:\d+ \(upstream\.test\) broke off its reply: .*close_notify$/,
            );
          }
          pool.close();
          if (maxVersion !== 'TLSv1.3' || clean) await endpoint.close();
        }
      }
    });

    it('resumes the session of an earlier connection', async () => {
      await start({}, createTlsServer({ cert, key }), trust);
      const [first] = ask();
      await requests(1);
      endpoint.sockets[0].write(ok.replace('\r\n\r\n', '\r\nconnection: close\r\n\r\n'));
      await ended(first);
      ask();
      await requests(2);
      expect((endpoint.sockets[1] as TLSSocket).isSessionReused()).to.equal(true);
    });

    it('says why a server refuses our certificate, and who it is: it never gave the connection', async () => {
      await start();
      const [near] = duplexPair();
      const socket = Object.assign(near, { setNoDelay() {} }) as unknown as Socket;
      const { scheduler, heads } = { scheduler: new FlushScheduler(), heads: new HeadCache() };
      const address = { kind: 'tcp', host: '10.0.0.1', port: 443 } as const;
      const inMemory = new Http1Pool(address, trust, poolDefaults, {
        clock,
        scheduler,
        heads,
        dial: () => socket,
      });
      const asker = new Asker('POST');
      inMemory.open(asker);
      socket.emit('secureConnect');
      await until(
        () => inMemory.active === 1,
        () => 'the request is sent',
      );
      await new Promise((resolve) => setImmediate(resolve));
      // As Node reports it in TLS 1.3, whose servers judge the certificate after the handshake.
      const text =
        '0A000418:SSL routines:ssl3_read_bytes:tlsv1 alert unknown ca:rec_layer_s3.c:918:SSL alert number 48';
      socket.destroy(
        Object.assign(new Error(`407D6B55:error:${text}`), { code: 'ERR_SSL_TLSV1_ALERT_UNKNOWN_CA' }),
      );
      await ended(asker);
      expect(asker.failures).to.deep.equal([
        {
          kind: 'unsent',
          code: ErrorCode.CONNECT_ERROR,
          message:
            '10.0.0.1:443 (upstream.test) gave no connection: the server does not trust the authority of our certificate; check tls.cert and tls.key of the cluster and the authorities of the server',
        },
      ]);
    });
  });
});
