import { createHash } from 'node:crypto';
import { once } from 'node:events';
import http, { type IncomingHttpHeaders } from 'node:http';
import http2 from 'node:http2';
import { type AddressInfo, connect } from 'node:net';
import type { Duplex } from 'node:stream';

/** Both ends of a WebSocket as bytes, over HTTP/1.1 (RFC 6455) or HTTP/2 (RFC 8441). */

export type TunnelProtocol = 'http1' | 'http2';

/** A handshake that a server got. */
export interface ServedTunnel {
  readonly headers: IncomingHttpHeaders & http2.IncomingHttpHeaders;
  readonly duplex: Duplex;
  /** All that came from the client so far. */
  heard(): string;
}

export interface TunnelServer {
  readonly address: string;
  readonly tunnels: ServedTunnel[];
  close(): Promise<void>;
}

export interface TunnelServerOptions {
  /** The status of the reply; below 300 the WebSocket is open, in the way of the protocol. */
  readonly status?: number;
  readonly headers?: Readonly<Record<string, string>>;
  /** What is said in the same breath as the reply, or its body where it declines. */
  readonly greeting?: string;
  /** HTTP/2: whether it says that it takes extended CONNECT. By default it does. */
  readonly announces?: boolean;
}

const key = 'dGhlIHNhbXBsZSBub25jZQ==';

export function acceptFor(handshakeKey: string): string {
  return createHash('sha1').update(`${handshakeKey}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest('base64');
}

export function startTunnelServer(
  protocol: TunnelProtocol,
  options: TunnelServerOptions = {},
): Promise<TunnelServer> {
  return protocol === 'http1' ? startHttp1(options) : startHttp2(options);
}

function hear(headers: ServedTunnel['headers'], duplex: Duplex): ServedTunnel {
  let text = '';
  duplex.on('error', () => {});
  duplex.on('data', (chunk: Buffer) => {
    text += chunk.toString('latin1');
  });
  duplex.on('end', () => duplex.end());
  return { headers, duplex, heard: () => text };
}

async function startHttp1({ status = 101, headers = {}, greeting = '' }: TunnelServerOptions) {
  const tunnels: ServedTunnel[] = [];
  const server = http.createServer();
  server.on('upgrade', (request, socket, surplus: Buffer) => {
    socket.unshift(surplus);
    const all: Record<string, string> =
      status === 101
        ? {
            connection: 'upgrade',
            upgrade: 'websocket',
            'sec-websocket-accept': acceptFor(String(request.headers['sec-websocket-key'])),
          }
        : { 'content-length': String(greeting.length) };
    const lines = Object.entries({ ...all, ...headers }).map(([name, value]) => `${name}: ${value}\r\n`);
    socket.write(`HTTP/1.1 ${status} Said\r\n${lines.join('')}\r\n${greeting}`);
    tunnels.push(hear(request.headers, socket));
  });
  const address = await listening(server);
  const close = async () => {
    for (const { duplex } of tunnels) duplex.destroy();
    server.closeAllConnections();
    await new Promise<void>((resolve) => server.close(() => resolve()));
  };
  return { address, tunnels, close };
}

async function startHttp2({
  status = 200,
  headers = {},
  greeting = '',
  announces = true,
}: TunnelServerOptions) {
  const tunnels: ServedTunnel[] = [];
  const sessions = new Set<http2.Http2Session>();
  const server = http2.createServer({ settings: { enableConnectProtocol: announces } });
  server.on('session', (session) => sessions.add(session));
  server.on('stream', (stream, seen) => {
    stream.respond({ ':status': status, ...headers });
    if (status >= 300) stream.end(greeting);
    else if (greeting !== '') stream.write(greeting);
    tunnels.push(hear(seen, stream));
  });
  const address = await listening(server);
  const close = async () => {
    for (const session of sessions) session.destroy();
    await new Promise<void>((resolve) => server.close(() => resolve()));
  };
  return { address, tunnels, close };
}

async function listening(server: http.Server | http2.Http2Server): Promise<string> {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return `127.0.0.1:${(server.address() as AddressInfo).port}`;
}

/** What a client got for its handshake. */
export interface OpenedTunnel {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | undefined>>;
  readonly duplex: Duplex;
  heard(): string;
  close(): void;
}

export interface TunnelRequest {
  readonly headers?: Readonly<Record<string, string>>;
  /** Said without waiting for the reply. */
  readonly early?: string | Buffer;
  readonly path?: string;
}

export function openTunnel(
  protocol: TunnelProtocol,
  target: string,
  request: TunnelRequest = {},
): Promise<OpenedTunnel> {
  return protocol === 'http1' ? openHttp1(target, request) : openHttp2(target, request);
}

async function openHttp1(
  target: string,
  { headers = {}, early = '', path = '/chat' }: TunnelRequest,
): Promise<OpenedTunnel> {
  const [host, port] = target.split(':');
  const socket = connect({ host, port: Number(port), allowHalfOpen: true });
  socket.on('error', () => {});
  const all = {
    host: 'chat.test',
    connection: 'upgrade',
    upgrade: 'websocket',
    'sec-websocket-version': '13',
    'sec-websocket-key': key,
    ...headers,
  };
  const lines = Object.entries(all).map(([name, value]) => `${name}: ${value}\r\n`);
  socket.write(
    Buffer.concat([Buffer.from(`GET ${path} HTTP/1.1\r\n${lines.join('')}\r\n`), Buffer.from(early)]),
  );
  let text = '';
  socket.on('data', (chunk: Buffer) => {
    text += chunk.toString('latin1');
  });
  while (!text.includes('\r\n\r\n')) {
    if (socket.destroyed || socket.readableEnded) throw new Error(`ended within ${JSON.stringify(text)}`);
    await Promise.race([once(socket, 'data'), once(socket, 'end'), once(socket, 'close')]);
  }
  const bodyAt = text.indexOf('\r\n\r\n') + 4;
  const [first, ...fields] = text.slice(0, bodyAt - 4).split('\r\n');
  const pairs = fields.map((line) => [line.split(':')[0].toLowerCase(), line.slice(line.indexOf(':') + 2)]);
  return {
    status: Number(first.split(' ')[1]),
    headers: Object.fromEntries(pairs),
    duplex: socket,
    heard: () => text.slice(bodyAt),
    close: () => socket.destroy(),
  };
}

async function openHttp2(
  target: string,
  { headers = {}, early = '', path = '/chat' }: TunnelRequest,
): Promise<OpenedTunnel> {
  const session = http2.connect(`http://${target}`);
  session.on('error', () => {});
  await once(session, 'remoteSettings');
  const stream = session.request(
    {
      ':method': 'CONNECT',
      ':protocol': 'websocket',
      ':scheme': 'http',
      ':path': path,
      ':authority': 'chat.test',
      'sec-websocket-version': '13',
      ...headers,
    },
    { endStream: false },
  );
  stream.on('error', () => {});
  if (early.length > 0) stream.write(early);
  let text = '';
  stream.on('data', (chunk: Buffer) => {
    text += chunk.toString('latin1');
  });
  const [got] = (await Promise.race([
    once(stream, 'response'),
    once(stream, 'close').then(() => {
      throw new Error(`the stream was reset with ${stream.rstCode}`);
    }),
  ])) as [http2.IncomingHttpHeaders & { ':status'?: number }];
  return {
    status: Number(got[':status']),
    headers: got as Record<string, string>,
    duplex: stream,
    heard: () => text,
    close: () => session.destroy(),
  };
}
