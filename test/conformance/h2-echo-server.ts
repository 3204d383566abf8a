/**
 * The engine as a server with nothing behind it: answers GET with a few lines of text, and any other method with the
 * body that came. `node test/conformance/h2-echo-server.ts [PORT]` prints `listening on PORT`; `startEchoServer` is for tests.
 */
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { systemClock } from '../../src/core/clock.ts';
import { constantField } from '../../src/core/field.ts';
import { HeaderBlock } from '../../src/core/header-block.ts';
import type { StreamReceiver } from '../../src/core/message-stream.ts';
import { bindHttp2 } from '../../src/http2/bind.ts';
import { connectionDefaults } from '../../src/http2/options.ts';
import type { Http2Stream } from '../../src/http2/stream.ts';
import { FlushScheduler } from '../../src/transport/flush-scheduler.ts';

const ok = new HeaderBlock([constantField(':status', '200'), constantField('content-type', 'text/plain')]);
const tooLarge = new HeaderBlock([constantField(':status', '431')]);
const greeting = Buffer.from('Hello from the engine.\n'.repeat(4), 'latin1');

/** Sends back what comes; the credit for it is given when it has left. */
class Echo implements StreamReceiver {
  private readonly stream: Http2Stream;
  constructor(stream: Http2Stream) {
    this.stream = stream;
  }
  head(): void {}
  data(bytes: Uint8Array, start: number, end: number, last: boolean): void {
    this.stream.data(bytes, start, end, last);
  }
  trailers(): void {
    this.stream.data(greeting, 0, 0, true);
  }
  failed(): void {}
  sent(bytes: number): void {
    this.stream.consumed(bytes);
  }
}

/** Answers when the request is whole, and not before: the suite looks at streams that are half open. */
class Greet implements StreamReceiver {
  private readonly stream: Http2Stream;
  constructor(stream: Http2Stream) {
    this.stream = stream;
  }
  head(): void {}
  data(_bytes: Uint8Array, start: number, end: number, last: boolean): void {
    this.stream.consumed(end - start);
    if (last) greet(this.stream);
  }
  trailers(): void {
    greet(this.stream);
  }
  failed(): void {}
  sent(): void {}
}

function greet(stream: Http2Stream): void {
  stream.head(ok, false);
  stream.data(greeting, 0, greeting.length, true);
}

function answer(stream: Http2Stream, head: HeaderBlock, end: boolean): void {
  if (end) return greet(stream);
  if (head.method === 'GET') {
    stream.receiver = new Greet(stream);
    return;
  }
  stream.receiver = new Echo(stream);
  stream.head(ok, false);
}

export function startEchoServer(port: number): Promise<{ port: number; close(): void }> {
  const scheduler = new FlushScheduler();
  const sockets = new Set<Socket>();
  const server: Server = createServer({ allowHalfOpen: true }, (socket) => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
    const binding = bindHttp2(
      socket,
      'server',
      connectionDefaults,
      { clock: systemClock, scheduler },
      {
        stream: answer,
        oversize: (stream) => stream.head(tooLarge, true),
        ended: () => {},
      },
    );
    binding.start();
  });
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, '127.0.0.1', () => {
      resolve({
        port: (server.address() as AddressInfo).port,
        close() {
          server.close();
          for (const socket of sockets) socket.destroy();
        },
      });
    });
  });
}

if (import.meta.main) {
  const { port } = await startEchoServer(Number(process.argv[2] ?? 0));
  console.log(`listening on ${port}`);
}
