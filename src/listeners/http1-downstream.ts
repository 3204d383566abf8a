import type { Socket } from 'node:net';
import { TLSSocket } from 'node:tls';
import type { CallHandler } from '../call/handler.ts';
import type { Peer } from '../call/peer.ts';
import type { Timer } from '../core/clock.ts';
import type { HeaderBlock } from '../core/header-block.ts';
import type { MessageStream } from '../core/message-stream.ts';
import type { HttpDate } from '../http1/http-date.ts';
import type { MessageError } from '../http1/message.ts';
import { ServerConnection, type ServerConnectionListener } from '../http1/server-connection.ts';
import type { Tunnel } from '../http1/tunnel.ts';
import { SocketBinding } from '../transport/socket-binding.ts';
import { ageLimitMs, type Http1DownstreamDeps, type Http1DownstreamSettings } from './downstream.ts';

/** How long, in milliseconds, a client may go on sending a body that nobody wants once its reply is out. */
export const discardMs = 2000;

/** Bytes of the extensions of all chunks of one message; nobody is known to use them for anything. */
const chunkExtensionBytesMax = 16_384;

/** Takes over a connection whose client asks for a WebSocket. */
export type UpgradeHandler = (head: HeaderBlock, tunnel: Tunnel, peer: Peer) => void;

/** What becomes of the requests of a connection. */
export interface Http1Handlers {
  readonly peer: Peer;
  readonly calls: CallHandler;
  readonly onUpgrade: UpgradeHandler;
}

/** One HTTP/1.1 connection of a client: its requests, its timeouts, its graceful end. */
export class Http1Downstream implements ServerConnectionListener {
  private readonly binding: SocketBinding<ServerConnection>;
  private readonly handlers: Http1Handlers;
  private readonly settings: Http1DownstreamSettings;
  private readonly deps: Http1DownstreamDeps;
  private readonly onEnded: () => void;
  /** The end of the latest exchange, or the beginning of the connection, milliseconds. */
  private idleSinceMs: number;
  private waitTimer: Timer | null = null;
  private ageTimer: Timer | null = null;
  private halfCloseTimer: Timer | null = null;
  private discardTimer: Timer | null = null;
  /** Exchanges that the scheduler was notified of. */
  private counted = 0;

  constructor(
    socket: Socket,
    handlers: Http1Handlers,
    date: HttpDate,
    settings: Http1DownstreamSettings,
    deps: Http1DownstreamDeps,
    onEnded: () => void,
  ) {
    this.handlers = handlers;
    this.settings = settings;
    this.deps = deps;
    this.onEnded = onEnded;
    const { headerListBytesMax: headBytesMax, headerFieldsMax: fieldsMax } = settings.http2;
    const options = {
      scheme: socket instanceof TLSSocket ? ('https' as const) : ('http' as const),
      limits: { headBytesMax, fieldsMax, chunkExtensionBytesMax },
      heads: deps.headCache,
      date,
    };
    this.binding = new SocketBinding(
      socket,
      'client',
      deps,
      (host) => new ServerConnection(options, host, this),
    );
    this.idleSinceMs = deps.clock.now();
    this.watch(settings.prefaceTimeoutMs);
    if (settings.ageMsMax === Number.POSITIVE_INFINITY) return;
    this.ageTimer = deps.clock.after(ageLimitMs(settings, deps.random), () => this.lastReply(true));
  }

  /** For a socket that does not say `data`, see `readShared`. */
  received(bytes: Buffer, length: number): void {
    this.binding.received(bytes, length);
  }

  /** Begins; `first` was read to find out the protocol. */
  start(first: Buffer | null): void {
    this.binding.start(first);
  }

  /** Requests whose reply is not wholly sent. */
  get active(): number {
    return this.binding.connection.active;
  }

  /** Whether the next reply says `connection: close`. */
  lastReply(on: boolean): void {
    this.binding.connection.draining = on;
  }

  /** Closes once no request is under way; the next reply says `connection: close`. */
  drain(): void {
    this.binding.connection.drain();
  }

  /** To be called at regular times: ends what its client holds up, either way. */
  checkStalls(checksMax: number, uploadChecksMax: number): void {
    this.binding.connection.checkStalls(checksMax);
    this.binding.connection.checkUploads(uploadChecksMax);
  }

  destroy(): void {
    this.binding.destroy('the listener was closed');
  }

  // What the connection says.

  stream(stream: MessageStream, head: HeaderBlock, end: boolean): void {
    this.handlers.calls.stream(stream, head, end);
  }

  tunnel(head: HeaderBlock, tunnel: Tunnel): void {
    this.waitTimer?.cancel();
    this.waitTimer = null;
    this.handlers.onUpgrade(head, tunnel, this.handlers.peer);
  }

  refused({ reason, status, words, offset }: MessageError): void {
    const { name } = this.settings;
    const { address, port } = this.handlers.peer;
    this.deps.refusedRequests.add(name, reason);
    // Whoever leaves in the middle of a request has broken no rule.
    if (reason === 'incomplete') return;
    this.deps.logger.warn('client connection closed: the client violated HTTP/1.1', {
      listener: name,
      peer: `${address === '' ? 'unix' : address}:${port}`,
      status,
      reason: `it sent ${words}`,
      byte: offset,
    });
  }

  activity(): void {
    const { active } = this.binding.connection;
    this.deps.scheduler.active += active - this.counted;
    this.counted = active;
    if (active === 0) this.idleSinceMs = this.deps.clock.now();
  }

  halfClosed(): void {
    const { connection } = this.binding;
    const { flushCount } = connection;
    this.halfCloseTimer = this.deps.clock.after(this.settings.halfCloseTimeoutMs, () => {
      // A client that is gone answers bytes with a reset, which shows at the next write: until then, one that got some may be there.
      if (connection.flushCount === flushCount) this.binding.destroy('the client closed the connection');
    });
  }

  discarding(): void {
    const { connection } = this.binding;
    const { requests } = connection;
    this.discardTimer?.cancel();
    this.discardTimer = this.deps.clock.after(discardMs, () => {
      const isSame = connection.active > 0 && connection.requests === requests;
      if (isSame) this.binding.destroy('the client still sent a request that has its reply');
    });
  }

  ended(): void {
    this.waitTimer?.cancel();
    this.ageTimer?.cancel();
    this.halfCloseTimer?.cancel();
    this.discardTimer?.cancel();
    this.onEnded();
  }

  // Timeouts between requests. One timer sees to them: nothing is set or cancelled for a request.

  private watch(delayMs: number): void {
    this.waitTimer = this.deps.clock.after(delayMs, () => this.check());
  }

  private check(): void {
    const { connection } = this.binding;
    const { idleTimeoutMs, prefaceTimeoutMs } = this.settings;
    if (connection.active > 0) return this.watch(Math.min(prefaceTimeoutMs, idleTimeoutMs));
    const nowMs = this.deps.clock.now();
    const readsHead = connection.readsHead;
    const waitsForHead = readsHead || connection.requests === 0;
    // What was sent ahead waited for the reply before it.
    const sinceMs = readsHead ? Math.max(connection.headSinceMs, this.idleSinceMs) : this.idleSinceMs;
    const leftMs = sinceMs + (waitsForHead ? prefaceTimeoutMs : idleTimeoutMs) - nowMs;
    if (leftMs <= 0) {
      if (waitsForHead) connection.headTimedOut();
      else connection.closeIdle();
    }
    // A head that begins right now has its whole time, and no more.
    if (!connection.over) this.watch(leftMs <= 0 ? prefaceTimeoutMs : Math.min(leftMs, prefaceTimeoutMs));
  }
}
