import type { Socket } from 'node:net';
import type { ConnectionOptions as TlsConnectionOptions } from 'node:tls';
import { type Address, formatAddress } from '../core/address.ts';
import { boundedText, failureCharsMax } from '../core/bounded-text.ts';
import type { Timer } from '../core/clock.ts';
import { ErrorCode, errorCodeName } from '../core/error-code.ts';
import { pluralize } from '../core/pluralize.ts';
import type { Random } from '../core/random.ts';
import { SuccessGaps } from '../health/unclear-failures.ts';
import { bindHttp2, type Http2Binding } from '../http2/bind.ts';
import type { ConnectionError } from '../http2/connection-core.ts';
import type { ConnectionOptions } from '../http2/options.ts';
import { dial } from '../transport/dial.ts';
import type { OnRead } from '../transport/shared-read.ts';
import type { BindingDeps } from '../transport/socket-binding.ts';
import { AnswerWatch } from './answer-watch.ts';
import { Backoff } from './backoff.ts';
import {
  ConnectionLife,
  type ConnectionLifeSettings,
  checkIntervalMs,
  defaultConnectionLife,
} from './connection-life.ts';
import { OpenerQueue } from './opener-queue.ts';
import { PoolTotals } from './pool-totals.ts';
import type { OpenFailure, StreamOpener, StreamPool } from './stream-opener.ts';
import { type DisconnectError, goawayError, SubchannelCounts, socketError } from './subchannels.ts';

export interface Http2PoolSettings {
  readonly connectTimeoutMs: number;
  /** Connections to this endpoint at the most. */
  readonly connectionsMax: number;
  /** Calls that may wait for a connection at the most. */
  readonly pendingMax: number;
  readonly http2: ConnectionOptions;
  /** When they end by themselves; see `defaultConnectionLife`. */
  readonly life?: ConnectionLifeSettings;
  /** What all pools of the cluster hold; no limit if not given. */
  readonly totals?: PoolTotals;
  /** Returns where a connection counts that is opened now. */
  readonly subchannel?: () => SubchannelCounts;
}

export interface Http2PoolDeps extends BindingDeps {
  readonly random: Random;
  /** Replaced in tests by sockets in memory. */
  readonly dial?: (address: Address, tls: TlsConnectionOptions | null, onRead: OnRead) => Socket;
}

/** How often a connection without new streams sends the resets that had to wait, milliseconds. */
const resetPaceMs = 1000;

/** How long a replica may take over a single frame or header section, found at the first check after it, milliseconds. */
const sectionTimeoutMs = 10_000;

/** A timer so late, milliseconds, shows a stall of the event loop and not of a busy turn. */
const stallMsMin = 50;

/** Keepalive becomes rarer up to this many times, for peers that find it too much. */
const patienceMax = 64;

interface Pooled {
  readonly binding: Http2Binding;
  readonly life: ConnectionLife;
  readonly answers: AnswerWatch;
  /** `Clock.now()` of when it was dialled, and of when it was ready. */
  readonly dialedMs: number;
  readyMs: number;
  ready: boolean;
  connectTimer: Timer | null;
  /** Runs once the connection takes no new streams: what it has yet to reset is seen to. */
  resetTimer: Timer | null;
  timedOut: boolean;
  readonly counts: SubchannelCounts;
  /** The first reason there was for its end (gRFC A94). */
  endReason: DisconnectError | null;
}

/**
 * The HTTP/2 connections to one endpoint. One carries many calls; another is opened when the peer's
 * SETTINGS_MAX_CONCURRENT_STREAMS is used up, because a call must never queue behind a full connection while
 * another could be opened. A connection counts once the peer's SETTINGS came and allow a stream: only then is it known
 * to speak HTTP/2, and of use.
 */
export class Http2Pool implements StreamPool {
  private readonly address: Address;
  private readonly tls: TlsConnectionOptions | null;
  private readonly settings: Http2PoolSettings;
  private readonly deps: Http2PoolDeps;
  /** Called when `backingOff` begins or ends. */
  private readonly onChange: () => void;
  private readonly pooled: Pooled[] = [];
  private readonly waiting: OpenerQueue;
  private readonly life: ConnectionLifeSettings;
  private readonly totals: PoolTotals;
  /** Runs while there are connections. */
  private checkTimer: Timer | null = null;
  /** Doubled for each peer that said "too many pings" (gRFC A8). */
  private patience = 1;
  private readonly backoff: Backoff;
  private readonly gaps: SuccessGaps;
  private backoffTimer: Timer | null = null;
  /** Of use while there is a `backoffTimer`, or once `draining`. */
  private lastFailure: OpenFailure = { code: 'connect_failed', message: '' };
  private draining = false;
  /** Streams a new connection is expected to carry: what the peer allowed last time. */
  private streamsExpected = 100;

  constructor(
    address: Address,
    tls: TlsConnectionOptions | null,
    settings: Http2PoolSettings,
    deps: Http2PoolDeps,
    onChange: () => void,
  ) {
    this.address = address;
    this.tls = tls;
    this.settings = settings;
    this.deps = deps;
    this.onChange = onChange;
    this.backoff = new Backoff(deps.random);
    this.gaps = new SuccessGaps(deps.clock.now());
    this.life = settings.life ?? defaultConnectionLife;
    this.totals = settings.totals ?? new PoolTotals(Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY);
    this.waiting = new OpenerQueue(deps.clock, this.totals.waits);
  }

  get connections(): number {
    return this.pooled.length;
  }

  get backingOff(): string {
    // While a connection lives it may be used, whatever became of the attempt to open another.
    if (this.backoffTimer === null || this.hasReady) return '';
    return this.lastFailure.message;
  }

  private get hasReady(): boolean {
    return this.pooled.some(({ ready }) => ready);
  }

  open(opener: StreamOpener): void {
    const pooled = this.pooled;
    for (let i = 0; i < pooled.length; i++) {
      if (!pooled[i].ready) continue;
      const stream = pooled[i].binding.connection.open(opener);
      if (stream !== null) {
        opener.opened(stream, null);
        return;
      }
    }
    if (this.waiting.length >= this.settings.pendingMax || !this.totals.mayWait) {
      opener.openFailed(this.tooManyWait());
      return;
    }
    if (this.draining || (this.backoffTimer !== null && this.pooled.length === 0)) {
      opener.openFailed(this.lastFailure);
      return;
    }
    this.waiting.push(opener, this.hasReady);
    this.totals.pending++;
    this.connectAsNeeded();
  }

  private tooManyWait(): OpenFailure {
    const { length } = this.waiting;
    const { pending } = this.totals;
    const message =
      length >= this.settings.pendingMax
        ? `${formatAddress(this.address)} has ${pluralize(length, 'call')} waiting for a connection already`
        : `the cluster of ${formatAddress(this.address)} has ${pluralize(pending, 'call')} waiting for connections already`;
    return { code: 'overloaded', message };
  }

  cancel(opener: StreamOpener): void {
    if (this.waiting.remove(opener)) this.totals.pending--;
  }

  resetBackoff(): void {
    this.backoff.reset();
    if (this.endBackoff()) this.connectAsNeeded();
  }

  retire(): void {
    for (const pooled of [...this.pooled]) if (pooled.ready) this.retireConnection(pooled);
  }

  drain(): void {
    this.stopAccepting();
    for (const { binding, ready } of [...this.pooled]) {
      if (ready) binding.connection.shutdown();
      // Who has not answered yet has no call to finish, and may never take in that it is to go.
      else binding.destroy(this.lastFailure.message);
    }
  }

  close(): void {
    this.stopAccepting();
    for (const { binding } of [...this.pooled]) binding.destroy(this.lastFailure.message);
  }

  /** From now on nobody gets a stream; who waits for one goes to another endpoint. */
  private stopAccepting(): void {
    this.draining = true;
    for (const pooled of this.pooled) pooled.endReason ??= 'subchannel shutdown';
    this.backoffTimer?.cancel();
    this.backoffTimer = null;
    this.lastFailure = {
      code: 'connect_failed',
      message: `${formatAddress(this.address)} is no longer used`,
    };
    this.failWaiting();
  }

  private connectAsNeeded(): void {
    let coming = 0;
    let useful = 0;
    for (const p of this.pooled) {
      if (!p.ready) coming++;
      else if (p.binding.connection.accepting) useful++;
    }
    while (
      this.waiting.length > coming * this.streamsExpected &&
      this.pooled.length < this.settings.connectionsMax &&
      this.totals.mayConnect(useful + coming) &&
      this.backoffTimer === null
    ) {
      this.connect();
      coming++;
    }
  }

  private connect(): void {
    const { clock, random } = this.deps;
    // Asked first: from the dial on there is a socket, and nothing may come in between that could throw.
    const nowMs = clock.now();
    const draw = random.next();
    const counts = this.settings.subchannel?.() ?? new SubchannelCounts();
    const onRead: OnRead = (bytes, length) => pooled.binding.received(bytes, length);
    const socket = (this.deps.dial ?? dial)(this.address, this.tls, onRead);
    const binding = bindHttp2(socket, 'client', this.settings.http2, this.deps, {
      capacity: () => {
        if (!pooled.ready) this.mayBeReady(pooled);
        if (pooled.answers.isStuck(binding.connection, clock.now())) this.replaceStuck(pooled);
        if (this.waiting.length > 0) this.serveWaiting();
      },
      goaway: () => {
        this.paceResets(pooled);
        if (binding.connection.goawayReceived)
          pooled.endReason ??= goawayError(binding.connection.goawayCode);
        if (binding.connection.goawayCode === ErrorCode.ENHANCE_YOUR_CALM)
          this.patience = Math.min(this.patience * 2, patienceMax);
        this.connectAsNeeded();
      },
      ended: (error) => this.ended(pooled, error),
    });
    const life = new ConnectionLife(binding.connection, this.life, nowMs, draw, this.patience);
    const pooled: Pooled = {
      binding,
      life,
      answers: new AnswerWatch(this.gaps, nowMs),
      dialedMs: nowMs,
      readyMs: 0,
      ready: false,
      connectTimer: null,
      resetTimer: null,
      timedOut: false,
      counts,
      endReason: null,
    };
    this.pooled.push(pooled);
    this.totals.connections++;
    try {
      this.scheduleCheck();
      this.limitConnect(pooled, this.settings.connectTimeoutMs);
      binding.start();
    } catch (bug) {
      // Without a timer or a preface it would be waited for in vain.
      binding.destroy('an internal error of the sidecar');
      throw bug;
    }
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

  private scheduleCheck(): void {
    const { clock } = this.deps;
    const withinMs = checkIntervalMs(this.life);
    const dueMs = clock.now() + withinMs;
    this.checkTimer ??= clock.after(withinMs, () => {
      this.checkTimer = null;
      const nowMs = clock.now();
      this.check(nowMs, nowMs - dueMs >= stallMsMin);
      if (this.pooled.length > 0) this.scheduleCheck();
    });
  }

  /** Lets those go that are idle or old, and gives those up that do not answer. */
  private check(nowMs: number, late: boolean): void {
    let another = false;
    for (const pooled of [...this.pooled]) {
      const { binding, life, ready } = pooled;
      if (!ready) continue;
      // Half a header section keeps every call of the connection waiting, those without a deadline for ever.
      if (!late) binding.connection.checkUnfinished(sectionTimeoutMs / checkIntervalMs(this.life));
      const verdict = life.check(nowMs, another, late);
      if (verdict === 'dead') {
        pooled.endReason ??= 'connection timed out';
        binding.destroy('it does not answer a PING');
      } else if (verdict !== 'lives') this.retireConnection(pooled);
      else if (binding.connection.mayOpen) another = true;
    }
  }

  /** It takes no new calls and closes when it has none. */
  private retireConnection(pooled: Pooled, reason: DisconnectError = 'subchannel shutdown'): void {
    pooled.endReason ??= reason;
    pooled.binding.connection.shutdown();
    this.paceResets(pooled);
  }

  private replaceStuck(pooled: Pooled): void {
    const { accepting, active } = pooled.binding.connection;
    if (!accepting) return;
    // A client that leaves a long call on each such connection must not use up the connections of the endpoint.
    if (active > 0 && this.pooled.length >= this.settings.connectionsMax) return;
    this.retireConnection(pooled, 'unknown');
  }

  private paceResets(pooled: Pooled): void {
    const { clock } = this.deps;
    // Serving the resets may have ended it, and so may a GOAWAY that refuses the last streams there are.
    if (pooled.binding.connection.over) return;
    pooled.resetTimer ??= clock.after(resetPaceMs, () => {
      pooled.resetTimer = null;
      pooled.binding.connection.serveResets(clock.now());
      this.paceResets(pooled);
    });
  }

  private mayBeReady(pooled: Pooled): void {
    const { connection } = pooled.binding;
    // Who allows no stream (MAX_CONCURRENT_STREAMS 0) may yet do so within the connect timeout.
    if (!connection.settingsReceived || !connection.mayOpen) return;
    pooled.readyMs = this.deps.clock.now();
    pooled.ready = true;
    pooled.counts.connected();
    pooled.connectTimer?.cancel();
    this.streamsExpected = Math.min(connection.peer.maxConcurrentStreams, 1000);
    this.backoff.reset();
    this.endBackoff();
  }

  private serveWaiting(): void {
    for (const p of this.pooled) {
      while (p.ready && this.waiting.length > 0) {
        const endedMs = this.deps.clock.now();
        const opener = this.waiting.first!;
        const stream = p.binding.connection.open(opener);
        if (stream === null) break;
        this.waiting.serveFirst(endedMs);
        this.totals.pending--;
        const { dialedMs, readyMs } = p;
        opener.opened(stream, { dialedMs, readyMs, endedMs });
      }
    }
    this.connectAsNeeded();
  }

  private ended(pooled: Pooled, error: ConnectionError | null): void {
    pooled.connectTimer?.cancel();
    pooled.resetTimer?.cancel();
    const index = this.pooled.indexOf(pooled);
    if (index < 0) return;
    this.pooled.splice(index, 1);
    this.totals.connections--;
    if (pooled.ready) pooled.counts.disconnected(pooled.endReason ?? socketError(pooled.binding.errorCode));
    // An attempt that a shutdown ended did not fail (gRFC A94).
    else if (!this.draining) pooled.counts.failed++;
    if (this.pooled.length === 0) {
      this.checkTimer?.cancel();
      this.checkTimer = null;
    }
    if (this.draining) return;
    if (!pooled.ready) this.connectFailed(pooled, error);
    else if (this.backoffTimer === null) this.connectAsNeeded();
    else if (this.pooled.length === 0) {
      // The last one that lived is gone, and another is not even attempted for now.
      this.failWaiting();
      this.onChange();
    }
  }

  private connectFailed(pooled: Pooled, error: ConnectionError | null): void {
    this.lastFailure = this.describe(pooled, error);
    // Connections that were attempted side by side and fail together are one failure.
    this.backoffTimer ??= this.deps.clock.after(this.backoff.next(), () => {
      if (this.endBackoff()) this.connectAsNeeded();
    });
    // Those that wait for a connection which still lives are served by it in their turn.
    if (this.pooled.length === 0) this.failWaiting();
    this.onChange();
  }

  private describe(pooled: Pooled, error: ConnectionError | null): OpenFailure {
    const name = formatAddress(this.address);
    if (pooled.timedOut) {
      const message = `no HTTP/2 connection to ${name} within ${this.settings.connectTimeoutMs} ms`;
      return { code: 'connect_timeout', message };
    }
    if (error?.local) {
      const reason = boundedText(error.message, failureCharsMax);
      const message = `${name} does not speak HTTP/2 (${errorCodeName(error.code)}: ${reason})`;
      return { code: 'connect_failed', message };
    }
    const reason = boundedText(error?.message ?? 'it was closed', failureCharsMax);
    return { code: 'connect_failed', message: `no connection to ${name}: ${reason}` };
  }

  /** False when there was none. */
  private endBackoff(): boolean {
    if (this.backoffTimer === null) return false;
    this.backoffTimer.cancel();
    this.backoffTimer = null;
    this.onChange();
    return true;
  }

  private failWaiting(): void {
    const waiting = this.waiting.takeAll();
    this.totals.pending -= waiting.length;
    for (const opener of waiting) opener.openFailed(this.lastFailure);
  }
}
