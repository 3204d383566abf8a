import { once } from 'node:events';
import { createServer, type Server, type Socket } from 'node:net';
import {
  createServer as createTlsServer,
  TLSSocket,
  type TlsOptions,
  type Server as TlsServer,
} from 'node:tls';
import { type CallHandler, callHandler } from '../call/handler.ts';
import type { Peer } from '../call/peer.ts';
import type { ProxyContext } from '../call/plan.ts';
import type { Address } from '../core/address.ts';
import type { Timer } from '../core/clock.ts';
import { connectionErrorText } from '../core/connection-error.ts';
import type { HeaderBlock } from '../core/header-block.ts';
import { contain } from '../core/internal-errors.ts';
import { ListenError } from '../core/listen-error.ts';
import type { LogFacts } from '../core/logger.ts';
import type { MessageStream } from '../core/message-stream.ts';
import { rateLimitedLogger } from '../core/rate-limited-logger.ts';
import { forbiddenCipher } from '../core/tls-cipher.ts';
import {
  applySocketAccess,
  closeServer,
  listenOnSocketFile,
  type SocketAccess,
} from '../core/unix-socket.ts';
import { HttpDate } from '../http1/http-date.ts';
import { isWebSocketConnect } from '../http1/websocket-head.ts';
import { readShared } from '../transport/shared-read.ts';
import { emptyQueue } from './accept-queue.ts';
import type { ConnectionSlots } from './connection-slots.ts';
import type { Http1DownstreamDeps, Http1DownstreamSettings } from './downstream.ts';
import { Http1Downstream, type UpgradeHandler } from './http1-downstream.ts';
import { Http2Downstream } from './http2-downstream.ts';
import type { NetworkListener, NetworkListenerSettings, PreparedListener } from './network-listener.ts';
import { certificateName, peerOf, peerText, showsBadCertificate } from './peers.ts';
import { isClientHello, type Sniffed, sniffProtocol } from './sniff.ts';
import { type TlsFailureCounts, tlsFailureReason } from './tls-failures.ts';

export interface ListenerSettings extends NetworkListenerSettings, Http1DownstreamSettings {
  /** Of the socket file, where the address is one. */
  readonly socketAccess: SocketAccess;
  /** Connections at the most; more are closed as they come. */
  readonly connectionsMax: number;
}

export interface ListenerDeps extends Http1DownstreamDeps {
  /** What calls run on; asked per call. */
  readonly context: () => ProxyContext;
  readonly onUpgrade: UpgradeHandler;
  /** Takes over a stream whose head asks for a WebSocket (RFC 8441). */
  readonly onWebSocket: (head: HeaderBlock, stream: MessageStream, peer: Peer) => void;
  /** `protocol: tcp`: takes the whole connection. */
  readonly onTcp: ((socket: Socket) => void) | null;
  /** Shared by all listeners; a connection without one is closed as it comes. */
  readonly slots: ConnectionSlots;
  /** Shared by all listeners; nothing is counted if not given. */
  readonly tlsFailures?: TlsFailureCounts;
}

/** The stall timeout while the buffers of all connections together are more than half full, milliseconds. */
const shortStallTimeoutMs = 15_000;
/** The same when the process is about to run out of memory, milliseconds. */
const pressedStallTimeoutMs = 3000;

/** Stalls are checked every second, or more often where a timeout is short, but at least this far apart, milliseconds. */
const stallCheckMsMin = 25;

/** What connections are accepted with. */
export interface PreparedTcpListener extends PreparedListener {
  readonly settings: ListenerSettings;
  /** Never listens: it is handed the connections. Null without TLS. */
  readonly tls: TlsServer | null;
}

/**
 * One address that clients connect to: accepts, finds out the protocol, hands on. Its settings may change while it
 * runs; a connection keeps those it was accepted with.
 */
export class Listener implements NetworkListener {
  settings: ListenerSettings;
  private readonly deps: ListenerDeps;
  private readonly server: Server;
  private tls: TlsServer | null;
  private readonly http1 = new Map<Socket, Http1Downstream>();
  private readonly http2 = new Map<Socket, Http2Downstream>();
  private readonly date: HttpDate;
  private readonly sockets = new Set<Socket>();
  /** What lies beneath TLS: until its handshake is over nothing else knows of it. */
  private readonly rawSockets = new Set<Socket>();
  private bound: Address | null = null;
  /** Takes no new connections. */
  private closing = false;
  /** HTTP/1.1: each reply says `connection: close`. */
  private lastReplies = false;
  /** Connections ever. */
  private accepted = 0;
  private stallTimer: Timer | null = null;

  constructor(settings: ListenerSettings, listenerDeps: ListenerDeps) {
    const deps = { ...listenerDeps, logger: rateLimitedLogger(listenerDeps.logger, listenerDeps.clock) };
    this.settings = settings;
    this.deps = deps;
    this.date = new HttpDate(deps.clock);
    this.tls = this.prepare(settings).tls;
    // What is to be told of a half-closed connection differs by protocol, so it is for them to close the other half.
    this.server = createServer({ allowHalfOpen: true }, (socket) => this.connected(socket));
    this.server.maxConnections = settings.connectionsMax;
    this.server.on('drop', () => {
      deps.logger.warn('connection refused: the listener is at its limit (limits.maxConnections)', {
        listener: this.settings.name,
        connectionsMax: this.settings.connectionsMax,
      });
    });
  }

  /** Reads nothing and changes nothing yet. Throws on certificates and keys that do not fit. */
  prepare(settings: ListenerSettings): PreparedTcpListener {
    return { settings, tls: settings.tls === null ? null : this.tlsServer(settings, settings.tls) };
  }

  /** From now on connections are accepted with these settings, whose address is this listener's. */
  apply({ settings, tls }: PreparedTcpListener): void {
    this.settings = settings;
    this.tls = tls;
    this.server.maxConnections = settings.connectionsMax;
    this.applySocketAccess();
  }

  private applySocketAccess(): void {
    const { address, socketAccess } = this.settings;
    if (address.kind !== 'unix') return;
    try {
      applySocketAccess(address.path, socketAccess);
    } catch (error) {
      this.deps.logger.error('cannot change the mode or owner of the socket file', {
        reason: (error as Error).message,
      });
    }
  }

  /** Binds. Rejects with a sentence that names the address and what to do. */
  async listen(): Promise<Address> {
    const { address, name } = this.settings;
    try {
      await this.bind();
    } catch (error) {
      throw new ListenError(name, address, error);
    }
    // Descriptors running out is the usual one: the kernel keeps the connection for the next accept.
    this.server.on('error', (error) => this.deps.logger.error('accept failed', { reason: error.message }));
    const at = this.server.address();
    this.watchStalls();
    this.bound =
      at !== null && typeof at === 'object' ? { kind: 'tcp', host: at.address, port: at.port } : address;
    return this.bound;
  }

  private bind(): Promise<unknown> {
    const { address, shared: reusePort, socketAccess } = this.settings;
    if (address.kind === 'unix') return listenOnSocketFile(this.server, address.path, socketAccess);
    this.server.listen({ host: address.host, port: address.port, backlog: 1024, reusePort });
    return once(this.server, 'listening');
  }

  /** Where it listens, with the port the system gave. */
  get address(): Address {
    return this.bound ?? this.settings.address;
  }

  get connections(): number {
    return this.sockets.size;
  }

  /** Connections whose clients have not been handed all of their replies. */
  get undelivered(): number {
    let count = 0;
    for (const socket of this.sockets) {
      const connection = this.http2.get(socket) ?? this.http1.get(socket);
      if (socket.writableLength > 0 || (connection !== undefined && connection.active > 0)) count++;
    }
    return count;
  }

  /**
   * Asks the clients of open connections to take their next calls on another connection, and accepts new ones as ever. A new HTTP/2
   * connection gets no GOAWAY before the listener closes: a client that has no other address would connect without end.
   */
  announceShutdown(goawayDelayMs: number): void {
    if (this.closing) return;
    this.setLastReplies(true);
    for (const connection of this.http2.values()) connection.retire(goawayDelayMs);
  }

  /** The shutdown that was announced does not take place. Connections that got a GOAWAY close when their calls have ended. */
  resume(): void {
    if (!this.closing) this.setLastReplies(false);
  }

  /** Takes no new connections, once those that wait to be accepted are, and asks clients to take their next calls on another connection. */
  async stopAccepting(): Promise<void> {
    if (!this.closing && this.server.listening) await emptyQueue(this.deps.clock, () => this.accepted);
    this.closing = true;
    closeServer(this.server);
    for (const connection of this.http2.values()) connection.announceShutdown();
    this.lastReplies = true;
    for (const connection of this.http1.values()) connection.drain();
  }

  private setLastReplies(on: boolean): void {
    this.lastReplies = on;
    for (const connection of this.http1.values()) connection.lastReply(on);
  }

  /** Takes no new calls; connections close as theirs end. */
  shutdown(): void {
    for (const connection of this.http2.values()) connection.shutdown();
  }

  /** Closes whatever is left. */
  close(): void {
    closeServer(this.server);
    this.stallTimer?.cancel();
    for (const connection of [...this.http1.values(), ...this.http2.values()]) connection.destroy();
    for (const socket of [...this.sockets, ...this.rawSockets]) socket.destroy();
  }

  private watchStalls(): void {
    const { stallTimeoutMs, uploadStallTimeoutMs, prefaceTimeoutMs } = this.settings;
    const shortestMs = Math.min(stallTimeoutMs, uploadStallTimeoutMs, prefaceTimeoutMs);
    const everyMs = Math.max(stallCheckMsMin, Math.min(1000, shortestMs / 4));
    this.stallTimer = this.deps.clock.after(everyMs, () => {
      const timeoutMs = Math.min(stallTimeoutMs, this.patienceMs());
      const checksMax = timeoutMs / everyMs;
      const uploadChecksMax = uploadStallTimeoutMs / everyMs;
      for (const connection of this.http2.values())
        connection.checkStalls(checksMax, uploadChecksMax, prefaceTimeoutMs / everyMs);
      for (const connection of this.http1.values()) connection.checkStalls(checksMax, uploadChecksMax);
      this.watchStalls();
    });
  }

  /** Memory is not kept for readers that stand still while others may need it. */
  private patienceMs(): number {
    const { budget } = this.settings.http2;
    if (budget.pressed) return pressedStallTimeoutMs;
    return budget.short ? shortStallTimeoutMs : Number.POSITIVE_INFINITY;
  }

  private connected(socket: Socket): void {
    this.accepted++;
    if (!this.takeSlot(socket)) return;
    if (this.tls === null) return this.accept(socket, null);
    this.rawSockets.add(socket);
    // Asked for now, it is still known once the connection is closed.
    void socket.remoteAddress;
    socket.once('close', () => this.rawSockets.delete(socket));
    this.tls.emit('connection', socket);
  }

  private tlsServer(settings: ListenerSettings, tls: TlsOptions): TlsServer {
    const options: TlsOptions = {
      ...tls,
      allowHalfOpen: true,
      ALPNProtocols: ['h2', 'http/1.1'],
      handshakeTimeout: settings.prefaceTimeoutMs,
    };
    const server = createTlsServer(options, (socket: TLSSocket) => {
      if (showsBadCertificate(socket)) {
        const reason = connectionErrorText(String(socket.authorizationError), 'client');
        this.deps.tlsFailures?.add(this.settings.name, 'client_certificate');
        this.deps.logger.warn('TLS client certificate refused', { ...this.tlsFacts(socket), reason });
        socket.destroy();
      } else this.accept(socket, socket.alpnProtocol || null);
    });
    server.on('tlsClientError', (error, socket) => {
      // Node closes the connection of a client whose certificate it refuses, and the error tells of that alone.
      const refused = Boolean(socket.authorizationError);
      const cause = refused ? String(socket.authorizationError) : error;
      const counted = refused ? 'client_certificate' : tlsFailureReason(error);
      this.deps.tlsFailures?.add(this.settings.name, counted);
      this.deps.logger.warn(refused ? 'TLS client certificate refused' : 'TLS handshake failed', {
        ...this.tlsFacts(socket),
        reason: connectionErrorText(cause, 'client'),
      });
      socket.destroy();
    });
    return server;
  }

  /** Which listener, who, the name in its certificate, and the name that the client asked for (SNI). */
  private tlsFacts(socket: TLSSocket): LogFacts {
    return {
      listener: this.settings.name,
      peer: peerText(socket),
      certificate: certificateName(socket),
      serverName: socket.servername || undefined,
    };
  }

  private takeSlot(socket: Socket): boolean {
    if (this.deps.slots.hold(socket)) return true;
    this.deps.logger.warn('connection refused: the process is at its limit of open files (ulimit -n)', {
      listener: this.settings.name,
    });
    socket.on('error', () => {});
    socket.destroy();
    return false;
  }

  private accept(socket: Socket, alpn: string | null): void {
    contain(this.deps.internalErrors, 'accept', socket, () => this.take(socket, alpn));
  }

  private take(socket: Socket, alpn: string | null): void {
    // Before anything else: a reset that arrives with no handler attached would end the process.
    socket.on('error', () => {});
    this.sockets.add(socket);
    socket.once('close', () => this.sockets.delete(socket));
    if (this.deps.onTcp !== null) return this.deps.onTcp(socket);
    if (alpn === 'h2') return void this.open(socket, 'http2', null);
    if (alpn === 'http/1.1') return void this.open(socket, 'http1', null);
    const timer = this.deps.clock.after(this.settings.prefaceTimeoutMs, () => socket.destroy());
    socket.once('close', () => timer.cancel());
    sniffProtocol(socket, (protocol, first) => {
      timer.cancel();
      contain(this.deps.internalErrors, 'accept', socket, () => {
        if (isClientHello(first) && !(socket instanceof TLSSocket)) this.warnOfTls(socket);
        this.serve(socket, protocol, first);
      });
    });
  }

  /** It gets the reply of HTTP/1.1 to a malformed request, which its TLS library calls a wrong version. */
  private warnOfTls(socket: Socket): void {
    this.deps.logger.warn(
      'a client uses TLS on a listener without TLS; add tls to the listener, or connect without TLS',
      { listener: this.settings.name, peer: peerText(socket) },
    );
  }

  /** Without TLS, a connection reads into the buffer that all such connections share. */
  private serve(accepted: Socket, protocol: Sniffed, first: Buffer): void {
    if (accepted instanceof TLSSocket) return void this.open(accepted, protocol, first);
    let connection: Http1Downstream | Http2Downstream | null = null;
    const socket = readShared(accepted, (bytes, length) => connection?.received(bytes, length));
    if (socket !== accepted) {
      this.sockets.delete(accepted);
      this.sockets.add(socket);
      socket.once('close', () => this.sockets.delete(socket));
    }
    connection = this.open(socket, protocol, first);
  }

  private open(socket: Socket, protocol: Sniffed, first: Buffer | null): Http1Downstream | Http2Downstream {
    const connection = protocol === 'http2' ? this.openHttp2(socket, first) : this.openHttp1(socket, first);
    socket.resume();
    return connection;
  }

  private openHttp1(socket: Socket, first: Buffer | null): Http1Downstream {
    const { deps, settings } = this;
    const peer = peerOf(socket, '1.1');
    const handlers = { peer, calls: callHandler(deps.context, peer), onUpgrade: deps.onUpgrade };
    const connection = new Http1Downstream(socket, handlers, this.date, settings, deps, () => {
      this.http1.delete(socket);
    });
    this.http1.set(socket, connection);
    if (this.closing) connection.drain();
    else if (this.lastReplies) connection.lastReply(true);
    connection.start(first);
    return connection;
  }

  private openHttp2(socket: Socket, first: Buffer | null): Http2Downstream {
    const peer = peerOf(socket, '2');
    const calls = callHandler(this.deps.context, peer);
    const handler: CallHandler = {
      oversize: calls.oversize,
      stream: (stream, head, end) => {
        if (isWebSocketConnect(head)) this.deps.onWebSocket(head, stream, peer);
        else calls.stream(stream, head, end);
      },
    };
    const connection = new Http2Downstream(socket, handler, this.settings, this.deps, () => {
      this.http2.delete(socket);
    });
    this.http2.set(socket, connection);
    connection.start(first);
    const cipher = forbiddenCipher(socket);
    if (cipher !== '') connection.refuseCipher(cipher);
    if (this.closing) connection.announceShutdown();
    return connection;
  }
}
