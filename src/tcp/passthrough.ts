import net, { type Socket } from 'node:net';
import { type Address, formatAddress } from '../core/address.ts';
import type { Clock, Timer } from '../core/clock.ts';
import { connectionErrorText } from '../core/connection-error.ts';
import { type Ending, endings } from '../core/ending.ts';
import { contain, type InternalErrors } from '../core/internal-errors.ts';
import type { ReplyErrorCode } from '../core/reply-error.ts';
import { readShared, sharedRead } from '../transport/shared-read.ts';
import { abort, Relay } from './relay.ts';

/** The endpoint that was picked for a connection and counted as active until `release`. */
export interface TcpTarget {
  readonly address: Address;
  /** Milliseconds the connection may take. */
  readonly connectTimeoutMs: number;
  /** Once, when the endpoint is done with; `error` is a code of the table where it failed, else '', and `detail` a sentence. */
  release(ending: Ending, error: ReplyErrorCode | '', detail: string): void;
}

/** Why a connection gets no endpoint. */
export interface TcpRefusal {
  readonly code: ReplyErrorCode;
  readonly detail: string;
}

/** How a connection went, for logs and metrics. */
export interface TcpOutcome {
  /** `formatAddress` of the endpoint last attempted, '' where none was. */
  readonly endpoint: string;
  readonly attempts: number;
  readonly bytesFromClient: number;
  readonly bytesToClient: number;
  readonly durationMs: number;
  /** A code of the table where something failed, else ''. */
  readonly error: ReplyErrorCode | '';
  readonly detail: string;
  /** Who ended it; the upstream where both ends closed in order. */
  readonly endedBy: 'client' | 'upstream' | 'outrigger';
}

export interface TcpPassthroughOptions {
  readonly clock: Clock;
  /** Which endpoint, or why there is none. `attempt` counts from 1. */
  pick(client: Socket, attempt: number): TcpTarget | TcpRefusal;
  /** Endpoints attempted, one after the other, before the client is disconnected. */
  readonly connectAttemptsMax: number;
  /** Without a byte either way; 0 for never. */
  readonly idleTimeoutMs: number;
  /** Once per accepted connection, when it is over. */
  ended?(outcome: TcpOutcome, client: Socket): void;
  /** Without it an exception of our own is thrown on. */
  readonly internalErrors?: InternalErrors;
}

export interface TcpPassthrough {
  /**
   * Forwards a socket that nobody reads any more; `firstBytes` were read from it. It must have been accepted with
   * `allowHalfOpen`, or the client's FIN would end what the endpoint still has to say.
   */
  accept(client: Socket, firstBytes: Buffer | null): void;
  /** Takes no new connections; those there are go on to their own end. */
  drain(): void;
  /** Closes every connection. */
  close(): void;
  /** Connections accepted and not over. */
  readonly connections: number;
  /** Connections that are over. */
  readonly ended: number;
}

/** Layer 4: bytes between a client and an endpoint, one endpoint per connection. */
export function createTcpPassthrough(options: TcpPassthroughOptions): TcpPassthrough {
  const sessions = new Set<Session>();
  let draining = false;
  let ended = 0;
  return {
    accept(client, firstBytes) {
      client.on('error', () => {}); // `close` follows and is what counts.
      if (draining || client.destroyed) {
        abort(client);
        return;
      }
      const session = new Session(client, firstBytes, options, () => {
        sessions.delete(session);
        ended++;
      });
      sessions.add(session);
      session.connect();
    },
    drain() {
      draining = true;
    },
    close() {
      draining = true;
      for (const session of [...sessions]) session.fail('draining', 'the sidecar shut down');
    },
    get connections() {
      return sessions.size;
    },
    get ended() {
      return ended;
    },
  };
}

/**
 * One client connection.
 *
 *     connecting ──connect──▶ relaying ──both ends, or one broke──▶ over
 *         └──refused, timed out──▶ connecting to another, or over
 */
class Session {
  private readonly client: Socket;
  /** What came before there was an endpoint. */
  private early: Buffer | null;
  private readonly options: TcpPassthroughOptions;
  private readonly over: () => void;
  private readonly startedMs: number;
  private target: TcpTarget | null = null;
  private upstream: Socket | null = null;
  private relay: Relay | null = null;
  private timer: Timer | null = null;
  private attempts = 0;
  private endpoint = '';
  private done = false;

  constructor(client: Socket, firstBytes: Buffer | null, options: TcpPassthroughOptions, over: () => void) {
    this.options = options;
    this.over = over;
    this.startedMs = options.clock.now();
    this.early = firstBytes;
    const untouched = client.readableLength === 0 && !client.readableEnded;
    this.client = untouched ? readShared(client, this.onClientRead) : client;
    if (this.client === client) client.on('data', (chunk: Buffer) => this.onClientRead(chunk, chunk.length));
    else this.client.on('error', () => {});
    if (this.early === null) this.client.resume();
    else this.client.pause();
    // Before the relay reads, only a reset is noticed; a client that just leaves is, when its FIN is read.
    this.client.once('close', () => {
      const detail = 'the client closed before an endpoint took the connection';
      if (this.relay === null) this.contained(() => this.finish('', detail, endings.cancelled, 'client'));
    });
  }

  connect(): void {
    this.attempts += 1;
    const { clock } = this.options;
    const target = this.options.pick(this.client, this.attempts);
    if ('code' in target) {
      this.fail(target.code, target.detail);
      return;
    }
    this.target = target;
    const { address, connectTimeoutMs } = target;
    this.endpoint = formatAddress(address);
    const to = address.kind === 'unix' ? { path: address.path } : { host: address.host, port: address.port };
    const upstream = net.connect({
      ...to,
      allowHalfOpen: true,
      noDelay: true,
      onread: sharedRead(this.onUpstreamRead),
    });
    this.upstream = upstream;
    let failure: { code: ReplyErrorCode; why: string } = { code: 'connect_failed', why: '' };
    this.timer = clock.after(connectTimeoutMs, () => {
      failure = { code: 'connect_timeout', why: `no connection within ${connectTimeoutMs} ms` };
      upstream.destroy();
    });
    upstream.on('error', (error: NodeJS.ErrnoException) => {
      if (failure.why === '') failure.why = connectionErrorText(error, 'server');
    });
    upstream.once('connect', () => this.contained(() => this.relaying(upstream)));
    upstream.once('close', () => {
      if (this.relay === null && !this.done) this.contained(() => this.retry(failure.code, failure.why));
    });
  }

  private readonly onClientRead = (bytes: Buffer, length: number): void => {
    try {
      if (this.relay !== null) this.relay.fromClient.received(bytes, length);
      else this.keepEarly(bytes, length);
    } catch (error) {
      this.crashed(error);
    }
  };

  private readonly onUpstreamRead = (bytes: Buffer, length: number): void => {
    try {
      this.relay?.fromUpstream.received(bytes, length);
    } catch (error) {
      this.crashed(error);
    }
  };

  /** What the client sends before there is an endpoint waits, and no more is read. */
  private keepEarly(bytes: Buffer, length: number): void {
    this.early = Buffer.from(bytes.subarray(0, length));
    this.client.pause();
  }

  private crashed(error: unknown): void {
    this.contained(() => {
      throw error;
    });
  }

  /** Runs what a socket calls; a bug of ours ends both of them. */
  private contained(run: () => void): void {
    const destroy = (): void => {
      this.client.destroy();
      this.upstream?.destroy();
    };
    contain(this.options.internalErrors, 'tcp', { destroy }, run);
  }

  fail(error: ReplyErrorCode | '', detail: string): void {
    abort(this.client);
    if (this.upstream !== null) abort(this.upstream);
    this.finish(error, detail, this.relay === null ? endings.terminated : endings.answered);
  }

  private retry(code: ReplyErrorCode, why: string): void {
    this.timer?.cancel();
    const detail = `${this.endpoint} gave no connection: ${why}`;
    this.release(endings.connectFailed, code, detail);
    if (this.attempts < this.options.connectAttemptsMax) this.connect();
    else this.fail(code, detail);
  }

  private relaying(upstream: Socket): void {
    this.timer?.cancel();
    this.timer = null;
    this.relay = new Relay(this.client, upstream, (broken) => {
      this.contained(() => {
        // Of the bytes in between nothing is known: they may be why the endpoint broke off.
        if (broken === 'upstream')
          this.finish('upstream_closed', `${this.endpoint} broke off`, endings.connectionEnded, 'upstream');
        else if (broken === 'client') this.finish('', 'the client broke off', endings.answered, 'client');
        else this.finish('', '', endings.answered, 'upstream');
      });
    });
    const { early } = this;
    this.early = null;
    if (early !== null) this.relay.fromClient.received(early, early.length);
    this.client.resume();
    if (this.options.idleTimeoutMs > 0) this.watchIdle(this.options.idleTimeoutMs, 0);
  }

  /** Checks once per `idleTimeoutMs` whether any byte moved, so that moving one costs nothing. */
  private watchIdle(idleTimeoutMs: number, movedBefore: number): void {
    this.timer = this.options.clock.after(idleTimeoutMs, () => {
      const moved = this.relay?.bytesMoved ?? 0;
      if (moved === movedBefore) this.fail('', `idle for ${idleTimeoutMs} ms`);
      else this.watchIdle(idleTimeoutMs, moved);
    });
  }

  private finish(
    error: ReplyErrorCode | '',
    detail: string,
    ending: Ending,
    endedBy: TcpOutcome['endedBy'] = 'outrigger',
  ): void {
    if (this.done) return;
    this.done = true;
    this.timer?.cancel();
    if (this.relay === null) this.upstream?.destroy();
    this.release(ending, error, detail);
    this.over();
    const outcome: TcpOutcome = {
      endpoint: this.endpoint,
      attempts: this.attempts,
      bytesFromClient: this.relay?.fromClient.bytes ?? 0,
      bytesToClient: this.relay?.fromUpstream.bytes ?? 0,
      durationMs: this.options.clock.now() - this.startedMs,
      error,
      detail,
      endedBy,
    };
    this.options.ended?.(outcome, this.client);
  }

  private release(ending: Ending, error: ReplyErrorCode | '', detail: string): void {
    const target = this.target;
    this.target = null;
    target?.release(ending, error, detail);
  }
}
