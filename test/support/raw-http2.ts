import { once } from 'node:events';
import http2, { type IncomingHttpHeaders, type OutgoingHttpHeaders } from 'node:http2';
import { type AddressInfo, connect, type Socket } from 'node:net';

/** node:http2 peers that do what gRPC libraries never would. */

/** What a stream of one message is on the wire: a flag, a length, the bytes. */
export function grpcMessage(bytes: Uint8Array): Buffer {
  const prefix = Buffer.alloc(5);
  prefix.writeUInt32BE(bytes.length, 1);
  return Buffer.concat([prefix, bytes]);
}

/** The head of a gRPC request; pass undefined to leave a field out. */
export function grpcHead(path: string, more: OutgoingHttpHeaders = {}): OutgoingHttpHeaders {
  return { ':method': 'POST', ':path': path, 'content-type': 'application/grpc', te: 'trailers', ...more };
}

export interface RawServer {
  readonly address: string;
  readonly port: number;
  readonly sessions: readonly http2.ServerHttp2Session[];
  /** Streams begun so far. */
  readonly streams: readonly http2.ServerHttp2Stream[];
  close(): Promise<void>;
}

export type RawHandler = (stream: http2.ServerHttp2Stream, headers: IncomingHttpHeaders) => void;

/** An HTTP/2 server on 127.0.0.1 that does with each stream what the test says. */
export async function startRawServer(
  handle: RawHandler,
  options: http2.ServerOptions = {},
): Promise<RawServer> {
  const server = http2.createServer(options);
  const sessions: http2.ServerHttp2Session[] = [];
  const streams: http2.ServerHttp2Stream[] = [];
  const sockets = new Set<Socket>();
  server.on('connection', (socket: Socket) => {
    sockets.add(socket);
    socket.on('error', () => {});
    socket.on('close', () => sockets.delete(socket));
  });
  server.on('session', (session) => {
    sessions.push(session);
    session.on('error', () => {});
  });
  server.on('stream', (stream, headers) => {
    streams.push(stream);
    stream.on('error', () => {});
    handle(stream, headers);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return {
    address: `127.0.0.1:${port}`,
    port,
    sessions,
    streams,
    close: async () => {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      for (const socket of sockets) socket.destroy();
      await closed;
    },
  };
}

/** Everything that came back on one stream. */
export interface RawReply {
  readonly headers: IncomingHttpHeaders;
  readonly trailers: IncomingHttpHeaders;
  readonly body: Buffer;
  /** The code of RST_STREAM, 0 where there was none. */
  readonly rstCode: number;
}

/** A client with one HTTP/2 connection. */
export interface RawClient {
  readonly session: http2.ClientHttp2Session;
  /** Sends a whole request. */
  request(
    headers: OutgoingHttpHeaders,
    body?: Uint8Array | null,
    trailers?: OutgoingHttpHeaders,
  ): Promise<RawReply>;
  /** A request in the test's own hands; `reply` settles when the stream has closed. */
  open(
    headers: OutgoingHttpHeaders,
    endStream?: boolean,
  ): { stream: http2.ClientHttp2Stream; reply: Promise<RawReply> };
  /** Resets the connection, as a client that crashes does. */
  cut(): void;
  close(): void;
}

export function connectRaw(target: string, options: http2.ClientSessionOptions = {}): RawClient {
  const [host, port] = target.split(':');
  const socket = connect(Number(port), host);
  const session = http2.connect(`http://${target}`, { ...options, createConnection: () => socket });
  session.on('error', () => {});
  const open = (headers: OutgoingHttpHeaders, endStream = false, waitForTrailers = false) => {
    const stream = session.request(headers, { endStream, waitForTrailers });
    return { stream, reply: collect(stream) };
  };
  return {
    session,
    open,
    request(headers, body = null, trailers) {
      const { stream, reply } = open(
        headers,
        body === null && trailers === undefined,
        trailers !== undefined,
      );
      if (trailers !== undefined) stream.on('wantTrailers', () => stream.sendTrailers(trailers));
      if (body !== null) stream.end(body);
      else if (trailers !== undefined) stream.end();
      return reply;
    },
    cut: () => void socket.resetAndDestroy(),
    close: () => session.destroy(),
  };
}

function collect(stream: http2.ClientHttp2Stream): Promise<RawReply> {
  let headers: IncomingHttpHeaders = {};
  let trailers: IncomingHttpHeaders = {};
  const pieces: Buffer[] = [];
  stream.on('response', (got) => {
    headers = got;
  });
  stream.on('trailers', (got) => {
    trailers = got;
  });
  stream.on('data', (piece: Buffer) => pieces.push(piece));
  stream.on('error', () => {});
  return new Promise((resolve) => {
    stream.on('close', () => {
      resolve({ headers, trailers, body: Buffer.concat(pieces), rstCode: stream.rstCode ?? 0 });
    });
  });
}
