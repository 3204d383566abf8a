import http, { type IncomingMessage, type ServerResponse } from 'node:http';
import type { IncomingHttpHeaders } from 'node:http2';
import net, { type AddressInfo, type Socket } from 'node:net';
import type { Endpoint } from '../../src/upstream/endpoint.ts';
import { type RawServer, startRawServer } from '../support/raw-http2.ts';

/** Replicas that do as a request asks, and clients that do what no client should. */

export interface Replica {
  readonly address: string;
  /** Does this to every request, whatever it asks for; '' for what it asks for. */
  broken: string;
  close(): Promise<void> | void;
}

/** More than is buffered anywhere on the way. */
const largeBody = Buffer.alloc(4 << 20, 'l');

/** A reply before the body is in, which is not read: the connection closes, and where bytes are unread it is reset. */
function refuse(request: IncomingMessage, response: ServerResponse): void {
  response.writeHead(413, { connection: 'close' }).end(() => request.socket.destroy());
}

/** What a request asks for stands in `x-do`. */
const asked = (headers: IncomingHttpHeaders, broken: string): string[] =>
  (broken || String(headers['x-do'] ?? 'ok')).split(' ');

/** gRPC and web over HTTP/2, as node's server takes them: at most 128 header fields. */
export async function http2Replica(): Promise<Replica> {
  const server: RawServer = await startRawServer((stream, headers) => {
    const [deed, more] = asked(headers, replica.broken);
    const grpc = headers['content-type'] === 'application/grpc';
    if (deed === 'ok') {
      if (!grpc) stream.respond({ ':status': 200 }, { endStream: true });
      else
        stream.respond(
          { ':status': 200, 'content-type': 'application/grpc', 'grpc-status': 0 },
          { endStream: true },
        );
      stream.resume();
    } else if (deed === 'no-status')
      stream.respond({ ':status': 200, 'content-type': 'application/grpc' }, { endStream: true });
    else if (deed === 'grpc')
      stream.respond(
        { ':status': 200, 'content-type': 'application/grpc', 'grpc-status': more },
        { endStream: true },
      );
    else if (deed === 'http') stream.respond({ ':status': Number(more) }, { endStream: true });
    else if (deed === 'refuse') stream.respond({ ':status': 413 }, { endStream: true });
    else if (deed === 'large') {
      stream.respond({ ':status': 200 });
      stream.end(largeBody);
    } else if (deed === 'reset') stream.close(Number(more));
    else if (deed === 'hang') stream.resume();
    else if (deed === 'hang-up') stream.session?.socket?.destroy();
  });
  const replica = { address: server.address, broken: '', close: () => server.close() };
  return replica;
}

/** Web and WebSocket over HTTP/1.1, as node's server takes them: at most 16 KiB of header fields. */
export async function http1Replica(): Promise<Replica> {
  const sockets = new Set<Socket>();
  const server = http.createServer((request, response) => {
    const [deed, more] = asked(request.headers, replica.broken);
    request.on('error', () => {});
    if (deed === 'ok') response.end('ok');
    else if (deed === 'large') response.end(largeBody);
    else if (deed === 'refuse') refuse(request, response);
    else if (deed === 'http') response.writeHead(Number(more)).end();
    else if (deed === 'hang') request.resume();
    else if (deed === 'hang-up') request.socket.destroy();
    else if (deed === 'garbage') request.socket.end('no HTTP at all\r\n\r\n');
    else response.writeHead(500).end();
  });
  server.on('upgrade', (request, socket) => {
    socket.on('error', () => {});
    socket.on('end', () => socket.end());
    const [deed] = asked(request.headers, replica.broken);
    if (deed === 'ok')
      socket.write('HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n');
    else socket.destroy();
  });
  server.on('connection', (socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
  });
  const replica: Replica = {
    address: await listen(server),
    broken: '',
    close: () => closeAll(server, sockets),
  };
  return replica;
}

/** Takes bytes and resets on `die`. */
export async function tcpReplica(): Promise<Replica> {
  const sockets = new Set<Socket>();
  const server = net.createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => {});
    socket.on('close', () => sockets.delete(socket));
    socket.on('data', (chunk) => {
      if (replica.broken !== '' || chunk.includes('die')) socket.resetAndDestroy();
      else socket.end('ok');
    });
  });
  const replica: Replica = {
    address: await listen(server),
    broken: '',
    close: () => closeAll(server, sockets),
  };
  return replica;
}

async function listen(server: net.Server): Promise<string> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return `127.0.0.1:${(server.address() as AddressInfo).port}`;
}

async function closeAll(server: net.Server, sockets: Set<Socket>): Promise<void> {
  const closed = new Promise<void>((resolve) => server.close(() => resolve()));
  for (const socket of sockets) socket.destroy();
  await closed;
}

/** What is held against an endpoint; '' for nothing. */
export function blame(endpoint: Endpoint): string {
  const { outlier, phantomLoad, address, unusableBecause, suspicion } = endpoint;
  const found: string[] = [];
  if (outlier !== null && (outlier.ejections > 0 || outlier.state !== 'in'))
    found.push(`ejected: ${outlier.ejectedBecause}`);
  if (phantomLoad !== 0) found.push(`penalised with ${phantomLoad} calls`);
  if (unusableBecause !== '') found.push(unusableBecause);
  return found.length === 0
    ? ''
    : `${address}: ${found.join(', ')} ${suspicion === null ? '' : '(suspected)'}`;
}
