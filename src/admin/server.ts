import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { createServer as createTlsServer, type Server as TlsServer } from 'node:https';
import type { Socket } from 'node:net';
import type { TlsOptions } from 'node:tls';
import type { Address } from '../core/address.ts';
import { type Clock, systemClock } from '../core/clock.ts';
import { ListenError } from '../core/listen-error.ts';
import type { Logger } from '../core/logger.ts';
import { closeServer, listenOnSocketFile, type SocketAccess } from '../core/unix-socket.ts';
import { isLocalPeer } from './access.ts';
import { type Answer, type AnswerOptions, keptBodyBytes, makeAnswer } from './answer.ts';
import { readDashboard } from './dashboard-files.ts';
import type { AdminDeps } from './deps.ts';
import { LiveData } from './live-data.ts';
import { LiveEvents } from './live-events.ts';
import { makeProbeAnswer } from './probe-answer.ts';
import { type AdminSecurity, RenewableSecurity } from './renewable-security.ts';
import { send, text } from './reply.ts';
import { TapStreams } from './tap-streams.ts';

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
  /** A second address, for `/ready`, `/live` and `/metrics` only. */
  readonly probes?: Address;
  readonly deps: AdminDeps;
  readonly logger: Logger;
  readonly clock?: Clock;
  /** Further names that `Host` may carry, beside localhost and our own addresses. */
  readonly allowedHosts?: readonly string[];
  /** Asked at the start and by `renew`; may throw a sentence. */
  readonly security?: () => AdminSecurity;
  /** Whether a peer is on this machine; for tests, which have no other one. */
  readonly isLocalPeer?: (socket: Socket) => boolean;
}

export interface AdminServer {
  /** Where it really listens; port 0 is replaced by the one the system gave. */
  readonly address: Address;
  /** The same of `probes`; null where there is none. */
  readonly probesAddress: Address | null;
  readonly usesTls: boolean;
  /** Reads certificates and token again, and ends the event streams of readers that they no longer let in. Throws a sentence, and keeps what it had, where one cannot be read. */
  renew(): void;
  /** Ends event streams and connections; resolves when the ports are free. Safe to call twice. */
  close(): Promise<void>;
}

/**
 * Starts the admin API and the live page, and the address for probes. Rejects with a sentence where an address cannot be
 * had. Once it listens, nothing a client sends ends it or throws out of it.
 */
export async function startAdmin(options: AdminOptions): Promise<AdminServer> {
  const { address, probes, deps, logger, clock = systemClock, allowedHosts = [] } = options;
  const security = new RenewableSecurity(options.security);
  const live = new LiveData(deps, clock);
  const events = new LiveEvents(clock, live.sections, () => live.history());
  const taps = new TapStreams((query, descriptors) => deps.tap(query, descriptors));
  const answers: AnswerOptions = {
    deps,
    clock,
    events,
    taps,
    live,
    files: readDashboard(),
    allowedHosts: withOwnHost(allowedHosts, address),
    unix: address.kind === 'unix',
    credentials: () => security.credentials,
    isLocalPeer: options.isLocalPeer ?? isLocalPeer,
  };
  const keptBytes = (request: IncomingMessage): number => keptBodyBytes(request, answers);
  const server = boundedServer(serve(makeAnswer(answers), keptBytes, logger), security.tls);
  server.on('secureConnection', (socket: Socket) => security.connected(socket));
  const close = async (): Promise<void> => {
    live.close();
    events.close();
    taps.close();
    deps.replicaCalls.close();
    await closeConnections(server, clock);
  };
  let probesServer: BoundServer | null = null;
  try {
    await listen(server, address, options.socketAccess ?? {});
  } catch (error) {
    live.close();
    throw new ListenError('', address, error);
  }
  if (probes !== undefined) {
    const hosts = withOwnHost(allowedHosts, probes);
    const probeAnswer = makeProbeAnswer({ deps, clock, allowedHosts: hosts, unix: probes.kind === 'unix' });
    const made = boundedServer(
      serve(probeAnswer, () => 0, logger),
      null,
    );
    try {
      await listen(made, probes, options.socketAccess ?? {});
    } catch (error) {
      await close();
      throw new ListenError('', probes, error, 'admin.probes');
    }
    probesServer = { server: made, address: boundAddress(made, probes) };
  }
  return {
    address: boundAddress(server, address),
    probesAddress: probesServer?.address ?? null,
    usesTls: security.tls !== null,
    renew() {
      const { token, certificates } = security.renew();
      if (security.tls !== null) (server as TlsServer).setSecureContext(security.tls);
      if (token) logger.info('the admin token has changed');
      if (certificates) logger.info('the admin certificates have changed');
      events.recheck();
      taps.recheck();
    },
    close: async () => {
      await Promise.all([
        close(),
        probesServer === null ? undefined : closeConnections(probesServer.server, clock),
      ]);
    },
  };
}

/**
 * The host that the operator wrote is a name of the server too, and the one that the log shows and that a successor asks
 * (`drain.handover`): `0.0.0.0`, or a name.
 */
function withOwnHost(allowedHosts: readonly string[], address: Address): readonly string[] {
  return address.kind === 'tcp' ? [...allowedHosts, address.host] : allowedHosts;
}

interface BoundServer {
  readonly server: Server;
  readonly address: Address;
}

type Serve = (request: IncomingMessage, response: ServerResponse) => void;

/** Reads the body, of which it keeps what the answer needs, answers, and turns whatever is thrown into a 500. */
function serve(
  answer: (request: IncomingMessage, body: Buffer) => Answer,
  keptBytes: (request: IncomingMessage) => number,
  logger: Logger,
): Serve {
  return (request, response) => {
    request.on('error', () => response.destroy());
    response.on('error', () => response.destroy());
    const failed = (error: unknown): void => {
      logger.error('an admin request failed', { path: request.url?.split('?', 1)[0], error: String(error) });
      if (response.headersSent) response.destroy();
      else send(response, text(`The admin server failed to answer: ${error}`, 500));
    };
    afterBody(request, response, keptBytes(request), (body) => {
      try {
        const reply = answer(request, body);
        if ('open' in reply) reply.open(response);
        else if (reply instanceof Promise) reply.then((late) => send(response, late)).catch(failed);
        else send(response, reply);
      } catch (error) {
        failed(error);
      }
    });
  };
}

/** Bodies that are kept for requests that are not complete, all of them together. */
const keptBodyBytesMax = 16 * 1024 * 1024;
let keptBodyBytesNow = 0;

/**
 * Calls back when the body has ended; one over the limit gets 413 and the end of the connection. Up to `keptBytes` of it are kept;
 * of a body that nobody needs, nothing is.
 */
function afterBody(
  request: IncomingMessage,
  response: ServerResponse,
  keptBytes: number,
  done: (body: Buffer) => void,
): void {
  let bytes = 0;
  const kept: Buffer[] = [];
  const bytesMax = Math.max(keptBytes, adminBodyBytesMax);
  const tooLong = (): boolean => bytes > bytesMax || (keptBytes > 0 && keptBodyBytesNow > keptBodyBytesMax);
  const release = (): void => {
    if (keptBytes > 0) keptBodyBytesNow -= bytes;
  };
  let refused = false;
  request.on('data', (chunk: Buffer) => {
    bytes += chunk.length;
    if (keptBytes > 0) keptBodyBytesNow += chunk.length;
    if (refused) request.socket.destroy();
    else if (tooLong()) {
      refused = true;
      kept.length = 0;
      send(response, text(`A body over ${bytesMax} bytes is not read.`, 413, { connection: 'close' }));
    } else if (keptBytes > 0) kept.push(chunk);
  });
  request.once('close', release);
  request.on('end', () => {
    if (!refused) done(Buffer.concat(kept));
  });
}

function boundedServer(onRequest: Serve, tls: TlsOptions | null): Server {
  const bounds = {
    maxHeaderSize: adminHeaderBytesMax,
    headersTimeout: adminHeadersTimeoutMs,
    requestTimeout: adminRequestTimeoutMs,
    keepAliveTimeout: adminIdleTimeoutMs,
    connectionsCheckingInterval: 2_000,
  };
  const server =
    tls === null
      ? createServer(bounds, onRequest)
      : createTlsServer({ ...bounds, handshakeTimeout: adminHeadersTimeoutMs, ...tls }, onRequest);
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

function closeConnections(server: Server, clock: Clock): Promise<void> {
  return new Promise((resolve) => {
    const force = clock.after(closeGraceMs, () => server.closeAllConnections());
    closeServer(server, () => {
      force.cancel();
      resolve();
    });
    server.closeIdleConnections();
  });
}
