import { readFileSync } from 'node:fs';
import { createServer, type Socket } from 'node:net';
import { createServer as createTlsServer } from 'node:tls';
import { parseArgs } from 'node:util';
import { bodyOf, contentLength, MessageSplitter, requestId } from './wire/http1.ts';

/**
 * The HTTP/1.1 replicas of the bench, all in this one process, over bare sockets, so that the proxy is what is measured.
 * `node replica-http1.ts PORT...`; 0 takes a free port. With `--cert FILE --key FILE` they speak TLS and take no client
 * without that very certificate. Prints the ports as a JSON array once they listen, and ends when its standard input does.
 *
 * A request without a body is answered with as many bytes as the last segment of its path says (`GET /bytes/100`), or with
 * none; a request with a body gets that body back. A reply repeats the request's `x-request-id`.
 */
const repliesKeptMax = 16;
const replyBytesMax = 16 << 20;

/** Whole replies by the number of bytes; as in every server, the `date` is renewed once a second. */
const replies = new Map<number, Buffer>();
let date = '';
function renewDate(): void {
  date = new Date().toUTCString();
  replies.clear();
}
renewDate();
setInterval(renewDate, 1000);

function replyHead(bytes: number, id: string | null): string {
  const own = id === null ? '' : `x-request-id: ${id}\r\netag: "${id}"\r\n`;
  return `HTTP/1.1 200 OK\r\nserver: bench\r\ndate: ${date}\r\ncontent-type: application/octet-stream\r\n${own}content-length: ${bytes}\r\n\r\n`;
}

function makeReply(body: Buffer, id: string | null): Buffer {
  return Buffer.concat([Buffer.from(replyHead(body.length, id), 'latin1'), body]);
}

const bodies = new Map<number, Buffer>();
function bodyFor(head: string): Buffer {
  const bytes = Number(/^\S+ \S*\/(\d+)(?:\?\S*)? /.exec(head)?.[1] ?? 0);
  let body = bodies.get(bytes);
  if (body === undefined) {
    body = bodyOf(Math.min(bytes, replyBytesMax));
    if (bodies.size < repliesKeptMax) bodies.set(bytes, body);
  }
  return body;
}

function replyFor(head: string): Buffer {
  const id = requestId(head);
  const body = bodyFor(head);
  if (id !== null) return makeReply(body, id);
  let reply = replies.get(body.length);
  if (reply === undefined) {
    reply = makeReply(body, null);
    if (replies.size < repliesKeptMax) replies.set(body.length, reply);
  }
  return reply;
}

function serve(socket: Socket): void {
  socket.setNoDelay(true);
  socket.on('error', () => socket.destroy());
  let head = '';
  let parts: Buffer[] = [];
  const splitter = new MessageSplitter(
    (text) => {
      head = text;
      // The bench's requests name their length; a proxy that sends them in chunks does other work than the rest.
      if (/\r\ntransfer-encoding:/i.test(text))
        socket.end('HTTP/1.1 411 Length Required\r\ncontent-length: 0\r\n\r\n');
      return contentLength(text) ?? 0;
    },
    (bytes, start, end) => parts.push(Buffer.from(bytes.subarray(start, end))),
    () => {
      socket.write(parts.length === 0 ? replyFor(head) : makeReply(Buffer.concat(parts), requestId(head)));
      if (parts.length > 0) parts = [];
    },
  );
  socket.on('data', (chunk: Buffer) => splitter.take(chunk, chunk.length));
}

const { values, positionals } = parseArgs({
  options: { cert: { type: 'string' }, key: { type: 'string' } },
  allowPositionals: true,
});
const cert = values.cert === undefined ? null : readFileSync(values.cert);
const key = values.key === undefined ? null : readFileSync(values.key);

function newServer() {
  if (cert === null || key === null) return createServer(serve);
  return createTlsServer({ cert, key, ca: cert, requestCert: true, ALPNProtocols: ['http/1.1'] }, serve);
}

const ports = await Promise.all(
  positionals.map(
    (port) =>
      new Promise<number>((resolve) => {
        const server = newServer();
        server.listen(Number(port), '127.0.0.1', () => resolve((server.address() as { port: number }).port));
      }),
  ),
);
process.stdout.write(`${JSON.stringify(ports)}\n`);
process.stdin.resume().on('end', () => process.exit(0));
