import { connect, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { LatencyHistogram } from '../../src/core/histogram.ts';
import type { LoopResult } from './closed-loop.ts';
import { bodyOf, contentLength, MessageSplitter, requestId } from './wire/http1.ts';

/**
 * The bench's own HTTP/1.1 generator: one request in flight on each connection, and of every reply it checks the status, the
 * length and each byte of the body. `node closed-loop-http1.ts JSON`, see `Http1Work`; prints `LoopResult` as JSON. Exits
 * with 1 at the first wrong reply.
 */
export interface Http1Work {
  readonly port: number;
  readonly tls: boolean;
  readonly connections: number;
  readonly calls: number;
  /** Bytes of the request's body; 0 is a GET. */
  readonly requestBytes: number;
  /** Bytes of the reply's body. A request with a body gets that body back. */
  readonly replyBytes: number;
  /** Every request and every reply with a path and fields that none had before. */
  readonly churn: boolean;
  /** A new connection for every request. */
  readonly reconnect: boolean;
}

/** Of all connections: what is read is dealt with before the next read. */
const readBuffer = Buffer.allocUnsafeSlow(262_144);
const work = JSON.parse(process.argv[2]) as Http1Work;
const { requestBytes } = work;
const expected = bodyOf(requestBytes > 0 ? requestBytes : work.replyBytes);
/** A browser's or an SDK's: enough that a proxy has something to parse. */
const commonFields = `host: bench.test:${work.port}\r\nuser-agent: Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0\r\naccept: */*\r\naccept-language: en-US,en;q=0.5\r\naccept-encoding: gzip, deflate, br\r\n`;
const lengthField =
  requestBytes > 0 ? `content-type: application/octet-stream\r\ncontent-length: ${requestBytes}\r\n` : '';
const line = requestBytes > 0 ? 'POST /api/echo HTTP/1.1\r\n' : `GET /images/${work.replyBytes} HTTP/1.1\r\n`;
const plainRequest = withBody(`${line}${commonFields}${lengthField}\r\n`);

let started = 0;
let finished = 0;
let unique = 0;
const latency = new LatencyHistogram();
let allDone: () => void = () => {};

function withBody(head: string): Buffer {
  const bytes = Buffer.from(head, 'latin1');
  return requestBytes === 0 ? bytes : Buffer.concat([bytes, expected]);
}

function wrong(what: string): never {
  process.stderr.write(`closed-loop-http1: ${what}\n`);
  process.exit(1);
}

function churnRequest(id: string): Buffer {
  const fields = `x-request-id: ${id}\r\ncookie: session=${id}; theme=dark\r\nif-none-match: "${id}"\r\n`;
  const own =
    requestBytes > 0
      ? `POST /api/echo?id=${id} HTTP/1.1\r\n`
      : `GET /images/${work.replyBytes}?id=${id} HTTP/1.1\r\n`;
  return withBody(`${own}${commonFields}${fields}${lengthField}\r\n`);
}

/** Sends one request after the other over a connection until all are sent. */
function client(): void {
  let startedMs = 0;
  let id = '';
  let bodyBytes = 0;
  let open = false;

  const onHead = (head: string): number => {
    if (!open) wrong('a reply without a request');
    if (!head.startsWith('HTTP/1.1 200 ')) wrong(`a reply begins ${JSON.stringify(head.slice(0, 60))}`);
    const length = contentLength(head);
    if (length !== expected.length)
      wrong(`a reply has a content-length of ${length}, not ${expected.length}`);
    if (work.churn && requestId(head) !== id) wrong(`the reply to ${id} is that to ${requestId(head)}`);
    bodyBytes = 0;
    return length;
  };
  const onBody = (bytes: Buffer, from: number, to: number): void => {
    if (bytes.compare(expected, bodyBytes, bodyBytes + (to - from), from, to) !== 0)
      wrong('a body is not what was sent');
    bodyBytes += to - from;
  };
  const splitter = new MessageSplitter(onHead, onBody, () => {
    open = false;
    latency.record(performance.now() - startedMs);
    if (++finished === work.calls) return allDone();
    if (work.reconnect) {
      socket.end();
      if (started < work.calls) client();
    } else if (started < work.calls) start();
  });
  const onRead = (bytes: Buffer, length: number): void => {
    splitter.take(bytes, length);
    if (!splitter.idle && !open) wrong('bytes follow the reply');
  };
  const socket = connection(onRead);
  socket.on('error', (error) => wrong(error.message));
  socket.on('close', () => {
    if (open || (!work.reconnect && started < work.calls)) wrong('the connection was closed');
  });
  const start = (): void => {
    started++;
    open = true;
    startedMs = performance.now();
    if (work.churn) id = (++unique).toString(16).padStart(16, '0');
    socket.write(work.churn ? churnRequest(id) : plainRequest);
  };
  start();
}

function connection(onRead: (bytes: Buffer, length: number) => void): Socket {
  const to = { port: work.port, host: '127.0.0.1' };
  if (!work.tls) {
    const callback = (length: number): boolean => {
      onRead(readBuffer, length);
      return true;
    };
    return connect({ ...to, onread: { buffer: readBuffer, callback } }).setNoDelay(true);
  }
  const socket = connectTls({ ...to, ALPNProtocols: ['http/1.1'], rejectUnauthorized: false });
  socket.on('data', (chunk: Buffer) => onRead(chunk, chunk.length));
  return socket.setNoDelay(true);
}

const beganMs = performance.now();
await new Promise<void>((done) => {
  allDone = done;
  for (let i = 0; i < Math.min(work.connections, work.calls); i++) client();
});
const result: LoopResult = {
  calls: finished,
  seconds: (performance.now() - beganMs) / 1000,
  p50Ms: latency.quantile(0.5),
  p99Ms: latency.quantile(0.99),
};
process.stdout.write(`${JSON.stringify(result)}\n`, () => process.exit(0));
