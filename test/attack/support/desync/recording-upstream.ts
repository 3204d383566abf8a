import { once } from 'node:events';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';

/** A request as an endpoint finds it in its bytes. */
export interface FoundRequest {
  readonly method: string;
  readonly target: string;
}

export type Answer = (request: FoundRequest, socket: Socket) => void;

/** Where the first request in `text` ends, or -1 while it is not whole: RFC 9112 section 6 for senders that are in order. */
function requestEnd(text: string): number {
  const headEnd = text.indexOf('\r\n\r\n') + 4;
  if (headEnd < 4) return -1;
  const head = text.slice(0, headEnd);
  if (/^transfer-encoding: chunked\r$/m.test(head)) return chunksEnd(text, headEnd);
  const length = /^content-length: (\d+)\r$/m.exec(head);
  const end = headEnd + Number(length?.[1] ?? 0);
  return end <= text.length ? end : -1;
}

function chunksEnd(text: string, start: number): number {
  for (let at = start; ; ) {
    const lineEnd = text.indexOf('\r\n', at);
    if (lineEnd < 0) return -1;
    const size = Number.parseInt(text.slice(at, lineEnd), 16);
    if (size === 0) {
      const end = text.indexOf('\r\n\r\n', lineEnd);
      return end < 0 ? -1 : end + 4;
    }
    at = lineEnd + 2 + size + 2;
    if (at > text.length) return -1;
  }
}

/** What it answers by default: the method and the target that it found. */
export const echo: Answer = ({ method, target }, socket) => {
  const body = `${method} ${target}`;
  const length = `HTTP/1.1 200 OK\r\ncontent-length: ${body.length}\r\n\r\n`;
  socket.write(method === 'HEAD' ? length : `${length}${body}`);
};

/** An HTTP/1.1 endpoint that keeps every byte it gets, and answers each request that it finds in them. */
export class RecordingUpstream {
  /** All that came, over all connections in the order of arrival. */
  received = '';
  /** Connections so far. */
  connections = 0;
  answer: Answer = echo;
  /** Given every piece that comes, before the requests in it are answered. */
  heard: (socket: Socket) => void = () => {};
  private readonly server: Server;
  private readonly sockets = new Set<Socket>();

  constructor() {
    this.server = createServer((socket) => this.connected(socket));
  }

  async start(): Promise<this> {
    this.server.listen(0, '127.0.0.1');
    await once(this.server, 'listening');
    return this;
  }

  get address(): string {
    return `127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }
  /** Connections that are open. */
  get open(): number {
    return this.sockets.size;
  }

  /** Forgets what it got, for the next row of a table. */
  reset(): void {
    this.received = '';
    this.connections = 0;
    this.answer = echo;
    this.heard = () => {};
  }

  async close(): Promise<void> {
    const closed = once(this.server, 'close');
    this.server.close();
    for (const socket of this.sockets) socket.destroy();
    await closed;
  }

  private connected(socket: Socket): void {
    this.connections++;
    this.sockets.add(socket);
    socket.setNoDelay(true);
    socket.on('error', () => {});
    socket.on('close', () => this.sockets.delete(socket));
    let rest = '';
    socket.on('data', (chunk: Buffer) => {
      const text = chunk.toString('latin1');
      this.received += text;
      rest += text;
      this.heard(socket);
      for (let end = requestEnd(rest); end > 0; end = requestEnd(rest)) {
        const [method, target] = rest.split(' ', 2);
        rest = rest.slice(end);
        this.answer({ method, target }, socket);
      }
    });
  }
}
