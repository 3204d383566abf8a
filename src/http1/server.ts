import http from 'node:http';
import type { Socket } from 'node:net';
import type { Clock } from '../core/clock.ts';
import type { HeaderBlock } from '../core/header-block.ts';
import type { InternalErrors } from '../core/internal-errors.ts';
import { endSocket, errorReply } from './error-reply.ts';
import type { RequestRefusal } from './request-head.ts';
import { type Http1StreamHandler, ServerConnection } from './server-connection.ts';

/** Hands over the socket of a WebSocket request; `surplus` holds bytes that were read too far. */
export type UpgradeHandler = (head: HeaderBlock, socket: Socket, surplus: Buffer) => void;

export interface Http1ServerOptions {
  readonly clock: Clock;
  readonly onStream: Http1StreamHandler;
  readonly onUpgrade: UpgradeHandler;
  /** From accept, or from the first byte of a later request, to the end of its head. */
  readonly headerTimeoutMs: number;
  /** Bytes of a header section, request line included; above it the answer is 431. */
  readonly headerBytesMax: number;
  /** How long a connection is kept between requests. node adds one second to it. */
  readonly idleTimeoutMs: number;
  /** How long a client that has sent its FIN may wait for bytes of its reply. */
  readonly halfCloseTimeoutMs: number;
  /** Without it an exception of our own is thrown on. */
  readonly internalErrors?: InternalErrors;
}

export interface Http1Server {
  /**
   * Serves HTTP/1.x on a socket that nobody reads any more, paused or never read; `firstBytes` were read
   * from it. Opened with `allowHalfOpen`, so that an error reply can still be read after the client's FIN.
   */
  accept(socket: Socket, firstBytes: Buffer | null): void;
  /** Whether each reply says `connection: close` from now on. Idle connections stay open for their next request. */
  lastReplies(on: boolean): void;
  /** Closes idle connections now and the others with their next reply, which says `connection: close`. */
  drain(): void;
  /** Closes every connection, WebSockets included. The server accepts none afterwards. */
  close(): void;
  /** Open connections, WebSockets included. */
  readonly connections: number;
}

/**
 * HTTP/1.1 over sockets that somebody else accepted: a node:http server that never listens. node parses, strictly,
 * frames the replies and keeps the header and idle timeouts (on the real clock); here each exchange becomes
 * a `MessageStream`.
 */
export function createHttp1Server(options: Http1ServerOptions): Http1Server {
  const connections = new Map<Socket, ServerConnection>();
  const server = http.createServer({
    insecureHTTPParser: false,
    maxHeaderSize: options.headerBytesMax,
    headersTimeout: options.headerTimeoutMs,
    // A request body may take as long as its ends do: streams have no default timeout.
    requestTimeout: 0,
    keepAliveTimeout: options.idleTimeoutMs,
    connectionsCheckingInterval: Math.max(10, Math.min(1000, options.headerTimeoutMs / 4)),
    // Checked by `readRequestHead`, which says so in the reply.
    requireHostHeader: false,
    shouldUpgradeCallback: (request) =>
      isWebSocket(request) && connections.get(request.socket)?.idle === true,
  });
  // A FIN after a whole request need not mean that nobody waits for its reply; `ServerConnection` sees to it.
  Object.assign(server, { httpAllowHalfOpen: true });
  // node would drop, in silence, whatever fields come after the first thousand; `headerBytesMax` is the limit.
  server.maxHeadersCount = 0;
  // node starts the timer behind headersTimeout when the server listens, and this one never does.
  server.emit('listening');

  const of = (request: http.IncomingMessage) => connections.get(request.socket);
  const request = (
    request: http.IncomingMessage,
    response: http.ServerResponse,
    expectsContinue: boolean,
    refusal: RequestRefusal | null = null,
  ): void => {
    const connection = of(request);
    connection?.contained(() => connection.request(request, response, expectsContinue, refusal));
  };
  server.on('request', (incoming, response) => request(incoming, response, false));
  server.on('checkContinue', (incoming, response) => request(incoming, response, true));
  server.on('checkExpectation', (incoming, response) => {
    request(incoming, response, false, { httpStatus: 417, reason: 'an unknown expectation' });
  });
  server.on('clientError', (error, socket) => {
    const connection = connections.get(socket as Socket);
    connection?.contained(() => connection.parseError(error));
  });
  server.on('upgrade', (request, socket, surplus) => {
    const connection = of(request);
    connection?.contained(() => {
      const head = connection.handOver(request);
      if (head !== null) options.onUpgrade(head, socket as Socket, surplus);
    });
  });
  server.on('connect', (request, socket) => {
    // With replies outstanding there is no saying which request an answer here would be read as.
    if (of(request)?.idle !== true) socket.destroy();
    else endSocket(socket as Socket, options.clock, connectRefused);
  });

  let closed = false;
  let lastReplies = false;
  return {
    accept(socket, firstBytes) {
      socket.on('error', () => {}); // `close` follows and is what counts.
      if (closed || socket.destroyed) {
        socket.destroy();
        return;
      }
      const connection = new ServerConnection(socket, options);
      connection.draining = lastReplies;
      connections.set(socket, connection);
      socket.once('close', () => {
        connections.delete(socket);
        connection.contained(() => connection.closed());
      });
      socket.setNoDelay(true);
      if (firstBytes !== null && firstBytes.length > 0) socket.unshift(firstBytes);
      server.emit('connection', socket);
      // After node's own listener, which ends what has no request under way.
      socket.once('end', () => connection.halfClosed());
      socket.resume();
    },
    lastReplies(on) {
      lastReplies = on;
      for (const connection of connections.values()) connection.draining = on;
    },
    drain() {
      lastReplies = true;
      for (const connection of connections.values()) connection.drain();
    },
    close() {
      closed = true;
      for (const socket of connections.keys()) socket.destroy();
      server.close();
    },
    get connections() {
      return connections.size;
    },
  };
}

/** Other upgrades (h2c from curl) are declined by going on in HTTP/1.1, as RFC 9110 section 7.8 allows. */
function isWebSocket({ method, headers, httpVersionMinor }: http.IncomingMessage): boolean {
  if (method !== 'GET' || headers.upgrade?.toLowerCase() !== 'websocket') return false;
  // RFC 9110 section 7.8: a server ignores it in HTTP/1.0.
  if (httpVersionMinor === 0) return false;
  // The bytes of a body would be taken for frames.
  return headers['content-length'] === undefined && headers['transfer-encoding'] === undefined;
}

const connectRefused = errorReply(
  {
    code: 'protocol_error',
    detail: 'the client sent CONNECT, which is not served here',
    mayHaveProcessed: false,
  },
  405,
);
