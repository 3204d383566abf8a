import type { Timer } from '../../core/clock.ts';
import type { ResourceKind } from '../resource.ts';
import type { AdsDeps, AdsSettings, AdsStream, ControlPlaneStatus } from './interface.ts';
import { ReconnectDelay } from './reconnect-delay.ts';
import { ResponsePace } from './response-pace.ts';
import { AdsSession, type Received } from './session.ts';
import type { Subscription } from './subscription.ts';

/** For the connection and the start of the stream together. */
export const connectTimeoutMs = 20_000;
/** Bound of the wait before the second NACK for the same reason; it doubles with each one. */
const nackDelayFirstMs = 200;
export const nackDelayMsMax = 5_000;

/** A stream with its times. */
interface Connection {
  stream: AdsStream | null;
  /** When it was up; null while it is connecting. */
  openedAtMs: number | null;
  readonly pace: ResponsePace;
  readonly timers: Set<Timer>;
  over: boolean;
}

/**
 * A client of the aggregated discovery service of a control plane. It keeps one stream, opens the next one after a wait at random when
 * that ends, and resumes with what it holds: what worked goes on without a control plane.
 *
 * ```
 * start → connecting → connected → (stream ends) → waiting → connecting → …   stop
 * ```
 *
 * @example
 * const client = new AdsClient(settings, { clock, random, logger, openStream: openGrpcStream, decode, judge });
 * client.subscribe('listener', 'all');
 * client.start();
 */
export class AdsClient {
  private readonly settings: AdsSettings;
  private readonly deps: AdsDeps;
  private readonly session: AdsSession;
  private readonly delay: ReconnectDelay;
  private connection: Connection | null = null;
  private retryTimer: Timer | null = null;
  private retryAtMs: number | null = null;
  private sinceMs: number;
  private lastError = '';
  private lastErrorAtMs: number | null = null;
  private streamsOpened = 0;
  private streamsFailed = 0;
  private ignoredResponses = 0;
  private hasFailed = false;

  constructor(settings: AdsSettings, deps: AdsDeps) {
    this.settings = settings;
    this.deps = deps;
    this.session = new AdsSession(settings, deps);
    this.delay = new ReconnectDelay(deps.random);
    this.sinceMs = deps.clock.wallMs();
  }

  /** Connects. Harmless when it has started. */
  start(): void {
    if (this.connection === null && this.retryTimer === null) this.connect();
  }

  /** Ends the stream and all timers; what was accepted stays with whoever judged it. */
  stop(): void {
    this.retryTimer?.cancel();
    this.retryTimer = null;
    this.retryAtMs = null;
    if (this.connection !== null) this.close(this.connection);
    this.connection = null;
  }

  /** Replaces the subscription of a kind; no names end it. May be called by `judge`. */
  subscribe(kind: ResourceKind, names: Subscription): void {
    const requests = this.session.subscribe(kind, names);
    if (requests !== 'new stream') return this.send(requests);
    if (this.connection !== null) this.close(this.connection);
    this.connect();
  }

  get status(): ControlPlaneStatus {
    const connected = this.isConnected;
    return {
      server: this.settings.server,
      delta: this.settings.delta,
      connected,
      sinceMs: this.sinceMs,
      controlPlane: this.session.controlPlane,
      lastError: this.lastError,
      lastErrorAtMs: this.lastErrorAtMs,
      retryAtMs: this.retryAtMs,
      streamsOpened: this.streamsOpened,
      streamsFailed: this.streamsFailed,
      ignoredResponses: this.ignoredResponses,
      versionReturns: this.session.versionReturns,
      staleMs: connected ? 0 : this.deps.clock.wallMs() - this.sinceMs,
      kinds: this.session.status(),
    };
  }

  private get isConnected(): boolean {
    return this.connection !== null && this.connection.openedAtMs !== null;
  }

  private connect(): void {
    const connection: Connection = {
      stream: null,
      openedAtMs: null,
      pace: new ResponsePace(),
      timers: new Set(),
      over: false,
    };
    this.connection = connection;
    this.after(connection, connectTimeoutMs, () => {
      if (connection.openedAtMs === null)
        this.ended(connection, `the control plane did not answer within ${connectTimeoutMs / 1000} s`);
    });
    try {
      connection.stream = this.deps.openStream(this.settings, {
        opened: () => this.opened(connection),
        received: (message) => this.received(connection, message),
        ended: (reason) => this.ended(connection, reason),
      });
    } catch (error) {
      // A file of TLS that is gone, such as while it is being replaced.
      this.ended(connection, (error as Error).message);
      return;
    }
    if (!connection.over) this.send(this.session.begin());
  }

  private opened(connection: Connection): void {
    if (connection.over || connection.openedAtMs !== null) return;
    connection.openedAtMs = this.deps.clock.now();
    this.streamsOpened++;
    this.sinceMs = this.deps.clock.wallMs();
    this.hasFailed = false;
    this.deps.logger.info('connected to the control plane', { server: this.settings.server });
  }

  private received(connection: Connection, message: Buffer): void {
    if (connection.over) return;
    this.opened(connection);
    const received = this.session.receive(message);
    if (received.outcome === 'invalid') return this.ended(connection, received.problem);
    if (connection.over) return;
    if (received.outcome === 'judged') this.answer(connection, received);
    else this.ignored(received.problem);
    const waitMs = connection.pace.take(this.deps.clock.now());
    if (waitMs === 0) return;
    connection.stream?.pause();
    this.after(connection, waitMs, () => connection.stream?.resume());
  }

  /** An ACK goes at once. A NACK that repeats the one before waits, or a control plane that insists would keep both busy. */
  private answer(
    connection: Connection,
    { kind, reason, repeats }: Extract<Received, { outcome: 'judged' }>,
  ): void {
    const { logger, random } = this.deps;
    if (reason !== '' && repeats <= 1)
      logger.warn('refused resources of the control plane; their last good versions stay', { kind, reason });
    if (repeats <= 1) return this.send(this.session.takeReplies(kind));
    const boundMs = Math.min(nackDelayFirstMs * 2 ** (repeats - 2), nackDelayMsMax);
    // Half of it at least: with the whole of it at random, a loop would still find short waits.
    const waitMs = (boundMs * (1 + random.next())) / 2;
    this.after(connection, waitMs, () => this.send(this.session.takeReplies(kind)));
  }

  private ignored(problem: string): void {
    this.ignoredResponses++;
    this.noteError(problem);
    if (this.ignoredResponses === 1)
      this.deps.logger.warn('ignored a response of the control plane', { reason: problem });
  }

  private ended(connection: Connection, reason: string): void {
    if (connection.over) return;
    const { clock, logger } = this.deps;
    const livedMs = connection.openedAtMs === null ? 0 : clock.now() - connection.openedAtMs;
    this.close(connection);
    this.connection = null;
    this.streamsFailed++;
    const isNew = !this.hasFailed || reason !== this.lastError;
    this.hasFailed = true;
    this.noteError(reason);
    const waitMs = this.delay.next(livedMs);
    this.retryAtMs = clock.wallMs() + waitMs;
    if (isNew)
      logger.warn('no connection to the control plane; the last good configuration stays', {
        server: this.settings.server,
        reason,
        retryInMs: Math.round(waitMs),
      });
    this.retryTimer = clock.after(waitMs, () => {
      this.retryTimer = null;
      this.retryAtMs = null;
      this.connect();
    });
  }

  private close(connection: Connection): void {
    connection.over = true;
    if (connection.openedAtMs !== null) this.sinceMs = this.deps.clock.wallMs();
    for (const timer of connection.timers) timer.cancel();
    connection.timers.clear();
    connection.stream?.close();
    this.session.end();
  }

  private send(messages: readonly Buffer[]): void {
    for (const message of messages) this.connection?.stream?.send(message);
  }

  /** A timer that ends with its connection. */
  private after(connection: Connection, delayMs: number, run: () => void): void {
    const timer = this.deps.clock.after(delayMs, () => {
      connection.timers.delete(timer);
      run();
    });
    connection.timers.add(timer);
  }

  private noteError(problem: string): void {
    this.lastError = problem;
    this.lastErrorAtMs = this.deps.clock.wallMs();
  }
}
