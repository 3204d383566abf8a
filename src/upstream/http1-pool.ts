import type { Socket } from 'node:net';
import type { ConnectionOptions as TlsConnectionOptions } from 'node:tls';
import { type Address, formatAddress } from '../core/address.ts';
import { boundedText, failureCharsMax } from '../core/bounded-text.ts';
import type { Timer } from '../core/clock.ts';
import { contain } from '../core/internal-errors.ts';
import { pluralize } from '../core/pluralize.ts';
import type { StreamWait } from '../core/stream-wait.ts';
import { bindHttp1Client, type Http1ClientBinding } from '../http1/bind-client.ts';
import type { HeadCache } from '../http1/head-cache.ts';
import type { MessageError, ParserLimits } from '../http1/message.ts';
import { type DialProtocol, dial } from '../transport/dial.ts';
import type { OnRead } from '../transport/shared-read.ts';
import type { BindingDeps } from '../transport/socket-binding.ts';
import { OpenerQueue } from './opener-queue.ts';
import { type IdleHolder, PoolTotals } from './pool-totals.ts';
import type { OpenFailure, StreamOpener, StreamPool } from './stream-opener.ts';

export interface Http1PoolSettings {
  /** For a new connection, TLS included; waiting for a kept one does not count. */
  readonly connectTimeoutMs: number;
  /** Connections to this endpoint at the most. */
  readonly connectionsMax: number;
  /** Requests that may wait for a connection, beyond those for which one is being opened. */
  readonly pendingMax: number;
  /** Idle connections kept. */
  readonly idleMax: number;
  /** How long an idle connection is kept; less where the endpoint says so in `keep-alive: timeout=`. */
  readonly idleTimeoutMs: number;
  /** For replies. */
  readonly limits: ParserLimits;
  /** What all pools of the cluster hold; no limit if not given. */
  readonly totals?: PoolTotals;
}

export interface Http1PoolDeps extends BindingDeps {
  readonly heads: HeadCache;
  /** An endpoint violated HTTP/1.1; `name` is the endpoint as messages name it. */
  readonly refused?: (name: string, error: MessageError) => void;
  /** Replaced in tests. */
  readonly dial?: (
    address: Address,
    tls: TlsConnectionOptions | null,
    onRead: OnRead,
    protocol: DialProtocol,
  ) => Socket;
}

/** An endpoint closes an idle connection when its `keep-alive: timeout=` has passed; we stop using it this much earlier. */
const keepAliveMarginMs = 1000;

/** Bounds of the interval between two checks of idle connections, milliseconds. */
const checkMsMin = 10;
const checkMsMax = 15_000;

/** A timer so late, milliseconds, shows a stall of the event loop and not of a busy turn. */
const stallMsMin = 50;

interface Pooled {
  readonly binding: Http1ClientBinding;
  /** `Clock.now()` of when it was dialled, and of when it was ready. */
  readonly dialedMs: number;
  readyMs: number;
  ready: boolean;
  /** It closes once it is idle. */
  retired: boolean;
  connectTimer: Timer | null;
  timedOut: boolean;
  /** `Clock.now()` of when it is no longer kept, rounded; of use while it is idle. */
  expiresMs: number;
}

/**
 * The HTTP/1.1 connections to one endpoint. Each carries one exchange at a time and is kept behind it; of those that are kept the
 * latest is used first, so that the others age out. Where there is none, the request waits for a new one or for the first that
 * is given back, in the order of arrival.
 */
export class Http1Pool implements StreamPool, IdleHolder {
  /** It attempts a new connection for each request: an endpoint that refuses is ejected by the outlier detector. */
  readonly backingOff = '';
  private readonly address: Address;
  /** The endpoint in messages: its address, and the name that TLS verifies where that is another. */
  private readonly name: string;
  private readonly tls: TlsConnectionOptions | null;
  private readonly settings: Http1PoolSettings;
  private readonly deps: Http1PoolDeps;
  private readonly totals: PoolTotals;
  private readonly pooled: Pooled[] = [];
  /** The latest is the last. */
  private readonly idle: Pooled[] = [];
  private readonly waiting: OpenerQueue;
  /** Connections that are being opened. */
  private connecting = 0;
  /** What this pool has added to `totals.pending`. */
  private pending = 0;
  /** Runs while there are idle connections. */
  private checkTimer: Timer | null = null;
  private draining = false;
  /** Of the latest connection by TLS that had one: the next resumes it (RFC 8446 section 2.2). */
  private session: Buffer | null = null;
  /** It is among the holders of `totals`. */
  private isHolder = false;

  constructor(
    address: Address,
    tls: TlsConnectionOptions | null,
    settings: Http1PoolSettings,
    deps: Http1PoolDeps,
  ) {
    this.address = address;
    this.name = nameOf(address, tls);
    this.tls = tls;
    this.settings = settings;
    this.deps = deps;
    this.totals = settings.totals ?? new PoolTotals(Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY);
    this.waiting = new OpenerQueue(deps.clock, this.totals.waits);
  }

  get connections(): number {
    return this.pooled.length;
  }

  /** Connections that carry an exchange, and requests that wait for one. */
  get active(): number {
    return this.pooled.length - this.idle.length - this.connecting + this.waiting.length;
  }

  open(opener: StreamOpener): void {
    const kept = this.takeIdle();
    if (kept !== null) return this.give(kept, opener, null);
    if (this.draining) return opener.openFailed(this.drained());
    this.waiting.push(opener, this.isAtLimit);
    this.connectAsNeeded();
    const failure = this.tooManyWait();
    if (failure === null) return this.countPending();
    this.waiting.pop();
    opener.openFailed(failure);
  }

  cancel(opener: StreamOpener): void {
    if (this.waiting.remove(opener)) this.countPending();
  }

  resetBackoff(): void {}

  retire(): void {
    for (const pooled of this.pooled) if (pooled.ready) pooled.retired = true;
    this.closeIdle();
  }

  drain(): void {
    this.draining = true;
    this.failWaiting(this.drained());
    this.closeIdle();
    // Who has not answered yet has no request to finish.
    for (const pooled of [...this.pooled]) if (!pooled.ready) pooled.binding.connection.close();
  }

  close(): void {
    this.draining = true;
    this.failWaiting(this.drained());
    for (const { binding } of [...this.pooled]) {
      binding.connection.close();
      binding.socket.destroy();
    }
  }

  // Requests that wait.

  /** No connection can be opened for one more request that waits. */
  private get isAtLimit(): boolean {
    const { length } = this.pooled;
    if (this.waiting.length < this.connecting) return false;
    if (length >= this.settings.connectionsMax) return true;
    return !this.totals.mayMakeRoom(length);
  }

  /** How many wait without a connection that is being opened for them. */
  private get uncovered(): number {
    return Math.max(0, this.waiting.length - this.connecting);
  }

  private countPending(): void {
    const { uncovered } = this;
    this.totals.pending += uncovered - this.pending;
    this.pending = uncovered;
  }

  /** Why the last of those that wait must not; null where it may. */
  private tooManyWait(): OpenFailure | null {
    const { uncovered, pending, totals, name } = this;
    if (uncovered <= pending) return null;
    if (uncovered > this.settings.pendingMax) {
      const message = `${name} has ${pluralize(uncovered - 1, 'request')} waiting for a connection already`;
      return { code: 'overloaded', message };
    }
    if (totals.mayWait) return null;
    const message = `the cluster of ${name} has ${pluralize(totals.pending, 'request')} waiting for connections already`;
    return { code: 'overloaded', message };
  }

  private failWaiting(failure: OpenFailure): void {
    const waiting = this.waiting.takeAll();
    this.countPending();
    for (const opener of waiting) opener.openFailed(failure);
  }

  private drained(): OpenFailure {
    return { code: 'connect_failed', message: `${this.name} is no longer used` };
  }

  // Idle connections.

  private takeIdle(): Pooled | null {
    if (this.idle.length === 0) return null;
    const nowMs = this.deps.clock.now();
    let kept = this.idle.pop();
    while (kept !== undefined && nowMs >= kept.expiresMs) {
      kept.binding.connection.close();
      kept = this.idle.pop();
    }
    return kept ?? null;
  }

  private give({ binding }: Pooled, opener: StreamOpener, wait: StreamWait | null): void {
    const clientAddress = opener.forwardsClient ? opener.clientAddress : null;
    opener.opened(binding.connection.open(opener, clientAddress), wait);
  }

  private becameIdle(pooled: Pooled): void {
    if (this.draining || pooled.retired) return pooled.binding.connection.close();
    if (this.waiting.length > 0) {
      // Read before the request leaves the queue: an exception in between would lose the request.
      const endedMs = this.deps.clock.now();
      const opener = this.waiting.serveFirst(endedMs)!;
      this.countPending();
      const { dialedMs, readyMs } = pooled;
      return this.give(pooled, opener, { dialedMs, readyMs, endedMs });
    }
    const keptMs = this.keptMs(pooled);
    if (keptMs <= 0 || this.idle.length >= this.settings.idleMax) return pooled.binding.connection.close();
    pooled.expiresMs = Math.round(this.deps.clock.now() + keptMs);
    this.idle.push(pooled);
    if (!this.isHolder) {
      this.isHolder = true;
      this.totals.idleHolders.add(this);
    }
    this.scheduleCheck();
  }

  private keptMs({ binding }: Pooled): number {
    const { keepAliveSeconds } = binding.connection;
    const { idleTimeoutMs } = this.settings;
    if (keepAliveSeconds < 0) return idleTimeoutMs;
    return Math.min(idleTimeoutMs, keepAliveSeconds * 1000 - keepAliveMarginMs);
  }

  get hasIdle(): boolean {
    return this.idle.length > 0;
  }

  closeOldestIdle(): boolean {
    this.isHolder = this.idle.length > 0;
    if (this.isHolder) this.idle[0].binding.connection.close();
    return this.isHolder;
  }

  private closeIdle(): void {
    for (const { binding } of [...this.idle]) binding.connection.close();
  }

  private scheduleCheck(): void {
    const withinMs = Math.min(Math.max(this.settings.idleTimeoutMs / 4, checkMsMin), checkMsMax);
    this.checkTimer ??= this.deps.clock.after(withinMs, this.onCheck);
  }

  private readonly onCheck = (): void => {
    this.checkTimer = null;
    const nowMs = this.deps.clock.now();
    for (const pooled of [...this.idle]) if (nowMs >= pooled.expiresMs) pooled.binding.connection.close();
    if (this.idle.length > 0) this.scheduleCheck();
  };

  // New connections.

  private connectAsNeeded(): void {
    while (
      this.waiting.length > this.connecting &&
      this.pooled.length < this.settings.connectionsMax &&
      this.totals.makeRoom(this.pooled.length)
    )
      this.connect();
  }

  private connect(): void {
    const onRead: OnRead = (bytes, length) => pooled.binding.received(bytes, length);
    const { session } = this;
    const tls = this.tls === null || session === null ? this.tls : { ...this.tls, session };
    const socket = (this.deps.dial ?? dial)(this.address, tls, onRead, 'http/1.1');
    socket.on('session', (ticket: Buffer) => {
      this.session = ticket;
    });
    const options = {
      name: this.name,
      fallbackHost: this.address.kind === 'unix' ? 'localhost' : formatAddress(this.address),
      limits: this.settings.limits,
      heads: this.deps.heads,
    };
    const pooled: Pooled = {
      binding: bindHttp1Client(socket, options, this.deps, {
        idle: () => this.becameIdle(pooled),
        refused: (error) => this.deps.refused?.(this.name, error),
        ended: () => this.ended(pooled),
      }),
      dialedMs: this.deps.clock.now(),
      readyMs: 0,
      ready: false,
      retired: false,
      connectTimer: null,
      timedOut: false,
      expiresMs: 0,
    };
    this.pooled.push(pooled);
    this.connecting++;
    this.totals.connections++;
    const { internalErrors } = this.deps;
    socket.once(this.tls === null ? 'connect' : 'secureConnect', () =>
      contain(internalErrors, 'http1', socket, () => this.connected(pooled)),
    );
    this.limitConnect(pooled, this.settings.connectTimeoutMs);
    pooled.binding.start();
  }

  /** A timer that comes late was held up by this process, as was what the peer may have said: it has that long again. */
  private limitConnect(pooled: Pooled, withinMs: number): void {
    const { clock } = this.deps;
    const dueMs = clock.now() + withinMs;
    pooled.connectTimer = clock.after(withinMs, () => {
      const lateMs = clock.now() - dueMs;
      if (lateMs >= stallMsMin) return this.limitConnect(pooled, Math.min(lateMs, withinMs));
      pooled.timedOut = true;
      pooled.binding.destroy('connecting took too long');
    });
  }

  private connected(pooled: Pooled): void {
    if (pooled.binding.connection.over) return;
    pooled.ready = true;
    pooled.readyMs = this.deps.clock.now();
    pooled.connectTimer?.cancel();
    this.connecting--;
    this.becameIdle(pooled);
    this.countPending();
  }

  private ended(pooled: Pooled): void {
    const index = this.pooled.indexOf(pooled);
    if (index < 0) return;
    this.pooled.splice(index, 1);
    this.totals.connections--;
    const idleIndex = this.idle.lastIndexOf(pooled);
    if (idleIndex >= 0) this.idle.splice(idleIndex, 1);
    if (this.idle.length === 0) {
      this.totals.idleHolders.delete(this);
      this.isHolder = false;
      this.checkTimer?.cancel();
      this.checkTimer = null;
    }
    if (pooled.binding.connection.wasStale) this.closeIdle();
    if (!pooled.ready) {
      this.session = null;
      pooled.connectTimer?.cancel();
      this.connecting--;
      if (!this.draining) this.connectFailed(pooled);
    }
    this.connectAsNeeded();
    this.countPending();
  }

  /** One connection was for one request: the first of those that wait fails. Without any other connection all of them do. */
  private connectFailed(pooled: Pooled): void {
    const failure = this.describe(pooled);
    if (this.pooled.length === 0) return this.failWaiting(failure);
    const opener = this.waiting.failFirst();
    this.countPending();
    opener?.openFailed(failure);
  }

  private describe({ binding, timedOut }: Pooled): OpenFailure {
    const { name } = this;
    if (timedOut) {
      const message = `${name} gave no connection within ${this.settings.connectTimeoutMs} ms`;
      return { code: 'connect_timeout', message };
    }
    const reason = boundedText(binding.connection.lossReason, failureCharsMax);
    return { code: 'connect_failed', message: `${name} gave no connection: ${reason}` };
  }
}

function nameOf(address: Address, tls: TlsConnectionOptions | null): string {
  const text = formatAddress(address);
  const name = tls?.servername ?? '';
  if (name === '' || (address.kind === 'tcp' && address.host === name)) return text;
  return `${text} (${name})`;
}
