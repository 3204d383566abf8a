import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { type Address, formatAddress } from '../core/address.ts';
import { type Clock, systemClock } from '../core/clock.ts';
import { ListenError } from '../core/listen-error.ts';
import type { Logger } from '../core/logger.ts';
import { listenOnSocketFile, type SocketAccess } from '../core/unix-socket.ts';
import { type Answer, makeAnswer } from './answer.ts';
import { readDashboard } from './dashboard-files.ts';
import type { AdminDeps } from './deps.ts';
import { LiveEvents } from './live-events.ts';
import { liveSnapshot } from './live-snapshot.ts';
import { openEventStream, send, text } from './reply.ts';
import { isLoopbackHost } from './request-guard.ts';
import { TotalsHistory } from './totals-history.ts';

export const adminConnectionsMax = 64;
export const adminHeadersTimeoutMs = 10_000;
export const adminRequestTimeoutMs = 20_000;
export const adminIdleTimeoutMs = 30_000;
export const adminHeaderBytesMax = 16 * 1024;
/** No request here needs a body; what comes is read up to this and thrown away. */
export const adminBodyBytesMax = 64 * 1024;
/** How long `close` lets replies in flight leave. */
const closeGraceMs = 500;

export interface AdminOptions {
  readonly address: Address;
  /** Of the socket file, where the address is one. */
  readonly socketAccess?: SocketAccess;
  readonly deps: AdminDeps;
  readonly logger: Logger;
  readonly clock?: Clock;
  /** Further names that `Host` may carry, beside localhost and our own addresses. */
  readonly allowedHosts?: readonly string[];
}

export interface AdminServer {
  /** Where it really listens; port 0 is replaced by the one the system gave. */
  readonly address: Address;
  /** Ends event streams and connections; resolves when the port is free. Safe to call twice. */
  close(): Promise<void>;
}

/**
 * Starts the admin API and the live page. Rejects with a sentence where the address cannot be had. Once it listens,
 * nothing a client sends ends it or throws out of it.
 */
export async function startAdmin(options: AdminOptions): Promise<AdminServer> {
  const { address, deps, logger, clock = systemClock } = options;
  const history = new TotalsHistory(clock, () => deps.stats().totals);
  const events = new LiveEvents(
    clock,
    () => liveSnapshot(deps, clock.wallMs()),
    () => history.list(),
  );
  const answer = makeAnswer({
    deps,
    clock,
    events,
    history,
    files: readDashboard(),
    allowedHosts: options.allowedHosts ?? [],
    unix: address.kind === 'unix',
  });
  const server = boundedServer(serve(answer, events, logger));
  try {
    await listen(server, address, options.socketAccess ?? {});
  } catch (error) {
    history.close();
    throw new ListenError('', address, error);
  }
  if (address.kind === 'tcp' && !isLoopbackHost(address.host))
    logger.warn('the admin server asks for no password and is open to the network', {
      address: formatAddress(address),
    });
  return {
    address: boundAddress(server, address),
    close: () => {
      history.close();
      events.close();
      return closeServer(server, clock);
    },
  };
}

type Serve = (request: IncomingMessage, response: ServerResponse) => void;

/** Reads the body away, answers, and turns whatever is thrown into a 500. */
function serve(answer: (request: IncomingMessage) => Answer, events: LiveEvents, logger: Logger): Serve {
  return (request, response) => {
    request.on('error', () => response.destroy());
    response.on('error', () => response.destroy());
    const failed = (error: unknown): void => {
      logger.error('an admin request failed', { path: request.url, error: String(error) });
      if (response.headersSent) response.destroy();
      else send(response, text(`This could not be answered: ${error}`, 500));
    };
    afterBody(request, response, () => {
      try {
        const reply = answer(request);
        if (reply === 'events') {
          openEventStream(response);
          events.add(response);
        } else if (reply instanceof Promise) reply.then((late) => send(response, late)).catch(failed);
        else send(response, reply);
      } catch (error) {
        failed(error);
      }
    });
  };
}

/** Calls back when the body has ended; one over the limit gets 413 and the end of the connection. */
function afterBody(request: IncomingMessage, response: ServerResponse, done: () => void): void {
  let bytes = 0;
  request.on('data', (chunk: Buffer) => {
    const wasWithin = bytes <= adminBodyBytesMax;
    bytes += chunk.length;
    if (bytes <= adminBodyBytesMax) return;
    if (wasWithin)
      send(
        response,
        text(`A body over ${adminBodyBytesMax} bytes is not read.`, 413, { connection: 'close' }),
      );
    else request.socket.destroy();
  });
  request.on('end', () => {
    if (bytes <= adminBodyBytesMax) done();
  });
}

function boundedServer(onRequest: Serve): Server {
  const server = createServer(
    {
      maxHeaderSize: adminHeaderBytesMax,
      headersTimeout: adminHeadersTimeoutMs,
      requestTimeout: adminRequestTimeoutMs,
      keepAliveTimeout: adminIdleTimeoutMs,
      connectionsCheckingInterval: 2_000,
    },
    onRequest,
  );
  server.maxConnections = adminConnectionsMax;
  server.timeout = adminIdleTimeoutMs; // of silence in both directions; an event stream speaks every second
  server.on('clientError', (_error, socket) => {
    if (socket.writable)
      socket.end('HTTP/1.1 400 Bad Request\r\nconnection: close\r\ncontent-length: 0\r\n\r\n');
    else socket.destroy();
  });
  const refuse = (_request: IncomingMessage, socket: { destroy(): void }) => socket.destroy();
  server.on('connect', refuse);
  server.on('upgrade', refuse);
  server.on('connection', (socket: Socket) => socket.on('error', () => socket.destroy()));
  return server;
}

async function listen(server: Server, address: Address, access: SocketAccess): Promise<void> {
  if (address.kind === 'unix') return listenOnSocketFile(server, address.path, access);
  server.listen(address.port, address.host);
  await once(server, 'listening');
}

function boundAddress(server: Server, asked: Address): Address {
  const bound = server.address();
  if (asked.kind === 'unix' || bound === null || typeof bound === 'string') return asked;
  return { kind: 'tcp', host: asked.host, port: bound.port };
}

function closeServer(server: Server, clock: Clock): Promise<void> {
  return new Promise((resolve) => {
    const force = clock.after(closeGraceMs, () => server.closeAllConnections());
    server.close(() => {
      force.cancel();
      resolve();
    });
    server.closeIdleConnections();
  });
}
