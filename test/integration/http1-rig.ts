import { once } from 'node:events';
import http from 'node:http';
import net from 'node:net';
import type { Address } from '../../src/core/address.ts';
import { type Clock, systemClock } from '../../src/core/clock.ts';
import { ErrorCode } from '../../src/core/error-code.ts';
import { HeaderBlock } from '../../src/core/header-block.ts';
import { silentLogger } from '../../src/core/logger.ts';
import type { MessageStream, StreamFailure, StreamReceiver } from '../../src/core/message-stream.ts';
import { SeededRandom } from '../../src/core/random.ts';
import { HeadCache } from '../../src/http1/head-cache.ts';
import { HttpDate } from '../../src/http1/http-date.ts';
import { ViolationCounts } from '../../src/http1/violation-counts.ts';
import { connectionDefaults } from '../../src/http2/options.ts';
import { Http1Downstream, type UpgradeHandler } from '../../src/listeners/http1-downstream.ts';
import { FlushScheduler } from '../../src/transport/flush-scheduler.ts';
import { poolDefaults, TestPool, type TestPoolOptions } from '../support/http1-pool.ts';

/** The least that can stand between the two sides of a call: no routing, no retry, one endpoint. */
export class FakeCall {
  downstreamFailure: StreamFailure | null = null;
  upstreamFailure: StreamFailure | null = null;
  /** Bytes pushed by one side and not yet taken by the other, at most. */
  requestInFlightMax = 0;
  replyInFlightMax = 0;
  private requestInFlight = 0;
  private replyInFlight = 0;
  private requestEnded: boolean;
  private replied = false;

  constructor(downstream: MessageStream, pool: TestPool, head: HeaderBlock, end: boolean) {
    this.requestEnded = end;
    const upstream = pool.open(
      this.fromUpstream(downstream, () => upstream),
      '192.0.2.7',
    );
    downstream.receiver = this.fromDownstream(upstream, downstream);
    upstream.head(head, end);
    if (downstream.expectsContinue) downstream.interim?.(HeaderBlock.of([':status', '100']));
  }

  private fromDownstream(upstream: MessageStream, downstream: MessageStream): StreamReceiver {
    return {
      head() {},
      data: (bytes, start, end, last) => {
        this.requestEnded = last;
        this.requestInFlight += end - start;
        this.requestInFlightMax = Math.max(this.requestInFlightMax, this.requestInFlight);
        upstream.data(bytes, start, end, last);
        bytes.fill(0x21, start, end); // Whoever keeps bytes must have copied them.
      },
      trailers: (trailers) => {
        this.requestEnded = true;
        upstream.trailers(trailers);
      },
      sent: (bytes) => {
        this.replyInFlight -= bytes;
        upstream.consumed(bytes);
      },
      failed: (failure) => {
        this.downstreamFailure = failure;
        upstream.reset(ErrorCode.CANCEL);
        downstream.receiver = null;
      },
    };
  }

  private fromUpstream(downstream: MessageStream, upstream: () => MessageStream): StreamReceiver {
    const ended = () => {
      if (this.requestEnded) return;
      downstream.reset(ErrorCode.NO_ERROR);
      upstream().reset(ErrorCode.NO_ERROR);
    };
    return {
      interim: (head) => downstream.interim?.(head),
      head: (head, end) => {
        this.replied = true;
        downstream.head(head, end);
        if (end) ended();
      },
      data: (bytes, start, end, last) => {
        this.replyInFlight += end - start;
        this.replyInFlightMax = Math.max(this.replyInFlightMax, this.replyInFlight);
        downstream.data(bytes, start, end, last);
        bytes.fill(0x21, start, end);
        if (last) ended();
      },
      trailers: (trailers) => {
        downstream.trailers(trailers);
        ended();
      },
      sent: (bytes) => {
        this.requestInFlight -= bytes;
        downstream.consumed(bytes);
      },
      failed: (failure) => {
        this.upstreamFailure = failure;
        if (this.replied) downstream.reset(ErrorCode.INTERNAL_ERROR);
        else {
          const head = HeaderBlock.of([':status', '502'], ['x-failure', failure.kind]);
          downstream.head(head, false);
          const text = Buffer.from(failure.message);
          downstream.data(text, 0, text.length, true);
          if (!this.requestEnded) downstream.reset(ErrorCode.NO_ERROR);
        }
      },
    };
  }
}

type StreamHandler = (stream: MessageStream, head: HeaderBlock, end: boolean) => void;

export interface Http1ServerOptions {
  clock?: Clock;
  headerTimeoutMs?: number;
  headerBytesMax?: number;
  headerFieldsMax?: number;
  idleTimeoutMs?: number;
  halfCloseTimeoutMs?: number;
  onUpgrade?: UpgradeHandler;
}

/** HTTP/1.1 on sockets that somebody else accepts. */
export class Http1Server {
  readonly refused = new ViolationCounts();
  private readonly open = new Map<net.Socket, Http1Downstream>();
  private readonly onStream: StreamHandler;
  private readonly options: Http1ServerOptions;
  private readonly scheduler = new FlushScheduler();
  private readonly heads = new HeadCache();

  constructor(onStream: StreamHandler, options: Http1ServerOptions = {}) {
    this.onStream = onStream;
    this.options = options;
  }

  accept(socket: net.Socket, first: Buffer | null): void {
    const { options } = this;
    const clock = options.clock ?? systemClock;
    const connection = new Http1Downstream(
      socket,
      {
        peer: { address: socket.remoteAddress ?? '', port: socket.remotePort ?? 0 },
        calls: { stream: this.onStream, oversize() {} },
        onUpgrade: options.onUpgrade ?? ((_head, tunnel) => tunnel.reset(ErrorCode.CANCEL)),
      },
      new HttpDate(clock),
      {
        name: 'rig',
        http2: {
          ...connectionDefaults,
          headerListBytesMax: options.headerBytesMax ?? 16_384,
          headerFieldsMax: options.headerFieldsMax ?? 100,
        },
        prefaceTimeoutMs: options.headerTimeoutMs ?? 10_000,
        idleTimeoutMs: options.idleTimeoutMs ?? 60_000,
        ageMsMax: Number.POSITIVE_INFINITY,
        stallTimeoutMs: 60_000,
        uploadStallTimeoutMs: 60_000,
        halfCloseTimeoutMs: options.halfCloseTimeoutMs ?? 100,
      },
      {
        clock,
        scheduler: this.scheduler,
        logger: silentLogger,
        random: new SeededRandom(1),
        headCache: this.heads,
        refusedRequests: this.refused,
      },
      () => {},
    );
    this.open.set(socket, connection);
    socket.once('close', () => this.open.delete(socket));
    connection.start(first);
    socket.resume();
  }

  /** Open connections, WebSockets included. */
  get connections(): number {
    return this.open.size;
  }
  drain(): void {
    for (const connection of this.open.values()) connection.drain();
  }
  close(): void {
    for (const [socket, connection] of this.open) {
      connection.destroy();
      socket.destroy();
    }
  }
}

export interface Rig {
  readonly port: number;
  readonly server: Http1Server;
  readonly pool: TestPool;
  /** In order of arrival. */
  readonly calls: FakeCall[];
  close(): Promise<void>;
}

export interface RigOptions extends Http1ServerOptions {
  pool?: Partial<TestPoolOptions>;
  /** Read the first bytes before the server gets the socket, as a listener that sniffs does. */
  sniff?: boolean;
}

/** A sidecar of HTTP/1.1 alone in front of one endpoint. */
export async function startRig(target: Address, options: RigOptions = {}): Promise<Rig> {
  const clock = options.clock ?? systemClock;
  const pool = new TestPool(target, { ...poolDefaults, clock, ...options.pool });
  const calls: FakeCall[] = [];
  const onStream: StreamHandler = (stream, head, end) =>
    void calls.push(new FakeCall(stream, pool, head, end));
  const server = new Http1Server(onStream, options);
  const listener = net.createServer({ allowHalfOpen: true, pauseOnConnect: true }, (socket) => {
    if (!options.sniff) return server.accept(socket, null);
    socket.once('data', (first: Buffer) => {
      socket.pause();
      server.accept(socket, first);
    });
    socket.resume();
  });
  const port = await listen(listener);
  return {
    port,
    server,
    pool,
    calls,
    async close() {
      server.close();
      pool.destroy();
      await closeListener(listener);
    },
  };
}

export async function listen(server: net.Server): Promise<number> {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return (server.address() as net.AddressInfo).port;
}

export function closeListener(server: net.Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve());
    if (server instanceof http.Server) server.closeAllConnections();
  });
}

export function tcp(port: number): Address {
  return { kind: 'tcp', host: '127.0.0.1', port };
}

/** Says bytes and gives all that comes back until the connection ends, cleanly or not. */
export async function say(port: number, text: string | Buffer): Promise<{ text: string; broken: boolean }> {
  const socket = net.connect({ port, host: '127.0.0.1', allowHalfOpen: true });
  const chunks: Buffer[] = [];
  let broken = false;
  socket.on('data', (chunk: Buffer) => chunks.push(chunk));
  socket.on('error', () => {
    broken = true;
  });
  socket.on('end', () => socket.end());
  socket.write(text);
  await new Promise((resolve) => socket.once('close', resolve));
  return { text: Buffer.concat(chunks).toString('latin1'), broken };
}

/** A connection that says things bit by bit and waits for what should come. */
export class Wire {
  text = '';
  broken = false;
  readonly socket: net.Socket;
  readonly closed: Promise<unknown>;

  constructor(port: number) {
    this.socket = net.connect({ port, host: '127.0.0.1' });
    this.socket.setNoDelay(true);
    this.socket.on('data', (chunk: Buffer) => {
      this.text += chunk.toString('latin1');
    });
    this.socket.on('error', () => {
      this.broken = true;
    });
    this.closed = new Promise((resolve) => this.socket.once('close', resolve));
  }
  say(text: string | Buffer): void {
    this.socket.write(text);
  }
  /** Resolves once `text` holds what is sought; rejects where the connection closes first. */
  async until(sought: string | RegExp): Promise<string> {
    const found = () => (typeof sought === 'string' ? this.text.includes(sought) : sought.test(this.text));
    while (!found()) {
      if (this.socket.destroyed)
        throw new Error(`closed before ${sought}; came: ${JSON.stringify(this.text)}`);
      await Promise.race([once(this.socket, 'data').catch(() => {}), this.closed]);
    }
    return this.text;
  }
}

export interface Seen {
  method: string;
  url: string;
  headers: http.IncomingHttpHeaders;
  rawHeaders: string[];
  body: string;
  trailers: NodeJS.Dict<string>;
  /** Which connection, counting from 1. */
  connection: number;
}

export interface Upstream {
  readonly port: number;
  readonly server: http.Server;
  readonly seen: Seen[];
  readonly connections: () => number;
  close(): Promise<void>;
}

/** A node:http endpoint that notes what it saw once a request is whole, then answers. */
export async function startUpstream(
  answer: (request: http.IncomingMessage, response: http.ServerResponse, seen: Seen) => void = (
    _q,
    s,
    seen,
  ) => s.end(`saw ${seen.method} ${seen.url} ${seen.body}`),
): Promise<Upstream> {
  const seen: Seen[] = [];
  const numbers = new Map<net.Socket, number>();
  const server = http.createServer(async (request, response) => {
    const chunks: Buffer[] = [];
    try {
      for await (const chunk of request) chunks.push(chunk);
    } catch {
      return;
    }
    const one: Seen = {
      method: request.method ?? '',
      url: request.url ?? '',
      headers: request.headers,
      rawHeaders: request.rawHeaders,
      body: Buffer.concat(chunks).toString('latin1'),
      trailers: request.trailers,
      connection: numbers.get(request.socket) ?? 0,
    };
    seen.push(one);
    answer(request, response, one);
  });
  server.on('connection', (socket) => numbers.set(socket, numbers.size + 1));
  const port = await listen(server);
  return { port, server, seen, connections: () => numbers.size, close: () => closeListener(server) };
}

/** Resolves once `condition` holds; looks again on every turn of the event loop. */
export async function eventually(condition: () => boolean, what = 'condition'): Promise<void> {
  const giveUpMs = performance.now() + 5000;
  while (!condition()) {
    if (performance.now() > giveUpMs) throw new Error(`never came true: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
}
