import type { UndrainOutcome } from '../admin/deps.ts';
import { type Clock, waitFor } from '../core/clock.ts';
import type { Logger } from '../core/logger.ts';
import { pluralize } from '../core/pluralize.ts';

/** What ends gracefully: a whole sidecar, or a listener that a reload took away. */
export interface DrainTarget {
  /** Closes the listeners, and asks the clients of every connection to take their next calls on another connection. */
  stopAccepting(): void | Promise<void>;
  /** No new calls. */
  refuse(): void;
  /** Connections that are still open. */
  readonly connections: number;
  readonly activeCalls: number;
  /** Calls that ended so far. */
  readonly endedCalls: number;
  /** Connections whose client has not been handed all of its replies yet, though their calls have ended. */
  readonly undelivered: number;
  /** Ends what is left with `draining`; how many there were. */
  abortCalls(): number;
}

/** What a hand-over needs of the drain that it belongs to. */
export interface HandOverControl {
  /** The hand-over is to end: the drain was cancelled, or nothing is waited for any more. */
  readonly over: boolean;
  /** Calls and new connections go on as ever until then, unless a successor comes, whatever the delay; `Clock.now()` milliseconds. */
  acceptsUntil(atMs: number): void;
  /** From now on the drain cannot be taken back. */
  commit(): void;
}

/** A sidecar as its end sees it; `src/runtime/app.ts` gives it. */
export interface Drainable extends DrainTarget {
  /**
   * Before anything else: waits for a successor on the same addresses, if one may come. Calls go on as ever. True where
   * there is one, which takes the new connections.
   */
  handOver(control: HandOverControl): boolean | Promise<boolean>;
  /**
   * Asks the clients of open connections to take their next calls on another connection, while new connections are still accepted: GOAWAY
   * now and once more after `goawayDelayMs`, `connection: close` with each reply of HTTP/1.1.
   */
  announce(goawayDelayMs: number): void;
  /** The drain was taken back: new replies ask nobody to go. A GOAWAY that was sent stays sent. */
  resume(): void;
  /** Closes everything, in order. */
  close(): Promise<void>;
}

export interface DrainSettings {
  /** How long new connections are still accepted, milliseconds. */
  readonly delayMs: number;
  /** How long calls in flight may go on once the listeners have closed, milliseconds. */
  readonly graceMs: number;
  /** From the first GOAWAY to the last, milliseconds. */
  readonly goawayDelayMs: number;
}

/** How a drain went. */
export interface DrainResult {
  /** Calls that were ended with `draining`. */
  readonly cut: number;
  readonly finished: number;
  /** Connections that had replies left to take when the grace was over. */
  readonly undelivered: number;
}

/** How often a drain checks whether it is done, milliseconds. */
const pollIntervalMs = 10;

export type LifecycleState = 'starting' | 'ready' | 'draining';

/**
 *     accepting ──delay──▶ closing ──calls ended, or grace──▶ drained
 *         └──undrain──▶ ready
 */
export type DrainPhase = 'accepting' | 'closing' | 'drained';

export interface DrainProgress {
  readonly phase: DrainPhase;
  /** How long new connections are still accepted, at most, milliseconds; 0 once they are not. */
  readonly acceptingForMs: number;
  /** Whether `undrain` would take it back now. */
  readonly canUndrain: boolean;
}

/** One drain, from its begin to its end or to where it is taken back. */
class DrainRun implements HandOverControl {
  phase: DrainPhase = 'accepting';
  undrained = false;
  /** Nothing is waited for before the listeners close. */
  delaySkipped = false;
  readonly settings: DrainSettings;
  private acceptsUntilMs: number;
  private readonly clock: Clock;
  private readonly graceOver: () => boolean;

  /** `graceOver`: nothing is waited for any more. */
  constructor(clock: Clock, settings: DrainSettings, graceOver: () => boolean) {
    this.clock = clock;
    this.settings = settings;
    this.graceOver = graceOver;
    this.acceptsUntilMs = clock.now() + settings.delayMs;
  }

  get over(): boolean {
    return this.undrained || this.graceOver();
  }

  acceptsUntil(atMs: number): void {
    this.acceptsUntilMs = Math.max(this.acceptsUntilMs, atMs);
  }

  commit(): void {
    this.phase = 'closing';
  }

  get acceptingForMs(): number {
    return this.phase === 'accepting' ? Math.max(0, this.acceptsUntilMs - this.clock.now()) : 0;
  }

  /** Null where it was taken back. */
  async run(target: Drainable, logger: Logger): Promise<DrainResult | null> {
    const { clock, settings } = this;
    const endedBefore = target.endedCalls;
    const succeeded = await target.handOver(this);
    if (this.undrained) return null;
    const waits = (): boolean => !this.over && !this.delaySkipped;
    if (!succeeded && waits() && this.acceptingForMs > 0) {
      target.announce(settings.goawayDelayMs);
      await waitWhile(waits, clock, this.acceptsUntilMs);
      if (this.undrained) return null;
    }
    this.phase = 'closing';
    logger.info('closing the listeners', { active: target.activeCalls, graceMs: settings.graceMs });
    const endedMeanwhile = target.endedCalls - endedBefore;
    const result = await drainGracefully(target, clock, settings, this.graceOver);
    this.phase = 'drained';
    return { ...result, finished: result.finished + endedMeanwhile };
  }
}

/**
 * Starting, ready, draining. A drain runs once, whoever asks for it, and can be taken back until the listeners close. After
 * one that was asked for by itself the process stays, so that its admin server can say what it is doing.
 */
export class Lifecycle {
  state: LifecycleState = 'starting';
  /** How the drain went; null until it is over. */
  drained: DrainResult | null = null;
  private readonly clock: Clock;
  private readonly logger: Logger;
  /** A reload may bring others, for drains that begin after it. */
  settings: DrainSettings;
  private running: { readonly drain: DrainRun; readonly result: Promise<DrainResult | null> } | null = null;
  private stopping: Promise<DrainResult> | null = null;
  private graceOver = false;
  private mustEnd = false;
  private hasStarted = false;
  private target: Drainable | null = null;

  constructor(clock: Clock, logger: Logger, settings: DrainSettings) {
    this.clock = clock;
    this.logger = logger;
    this.settings = settings;
  }

  started(): void {
    this.hasStarted = true;
    if (this.state === 'starting') this.state = 'ready';
  }

  /** Null while nothing drains. */
  get progress(): DrainProgress | null {
    if (this.running === null) return null;
    const { phase, acceptingForMs } = this.running.drain;
    return { phase, acceptingForMs, canUndrain: this.canUndrain };
  }

  /** Draining, and it can no longer be taken back. */
  get isClosing(): boolean {
    return this.running !== null && this.running.drain.phase !== 'accepting';
  }

  /** Draining, and `undrain` would take it back. */
  get canUndrain(): boolean {
    return this.running !== null && !this.isClosing && !this.mustEnd;
  }

  /**
   * Readiness fails, new connections are accepted for `delayMs` more, the listeners close, calls in flight finish. Resolves
   * with null where `undrain` took it back.
   */
  drain(target: Drainable): Promise<DrainResult | null> {
    if (this.running === null) {
      this.target = target;
      const drain = new DrainRun(this.clock, this.settings, () => this.graceOver);
      this.running = { drain, result: this.run(drain, target) };
    }
    return this.running.result;
  }

  /** Takes a drain back, unless it is too late. New connections and calls are served as before it, and readiness is back. */
  undrain(): UndrainOutcome {
    if (this.running === null) return 'not_draining';
    const { drain } = this.running;
    if (drain.phase !== 'accepting') return 'listeners_closed';
    if (this.mustEnd) return 'stopping';
    drain.undrained = true;
    this.running = null;
    this.state = this.hasStarted ? 'ready' : 'starting';
    this.target?.resume();
    this.logger.info('the drain was cancelled');
    return 'undrained';
  }

  /** From now on a drain cannot be taken back: the process is going to end. */
  endsForSure(): void {
    this.mustEnd = true;
  }

  /** Drains, if that was not done yet, and closes everything. */
  stop(target: Drainable): Promise<DrainResult> {
    this.endsForSure();
    this.stopping ??= this.drain(target).then(async (result) => {
      await target.close();
      return result ?? { cut: 0, finished: 0, undelivered: 0 };
    });
    return this.stopping;
  }

  /** The listeners close now, without the delay: no load balancer has to be waited for. */
  skipDelay(): void {
    if (this.running !== null) this.running.drain.delaySkipped = true;
  }

  /** Ends the waiting of a drain, the one that runs or the next: calls that are left are terminated as `draining`. */
  endGrace(why = 'second stop signal'): void {
    if (!this.graceOver && this.running !== null && this.drained === null)
      this.logger.warn(`${why}: the grace period ends now`);
    this.graceOver = true;
  }

  private async run(drain: DrainRun, target: Drainable): Promise<DrainResult | null> {
    this.state = 'draining';
    const { delayMs, graceMs } = drain.settings;
    this.logger.info('draining', { active: target.activeCalls, delayMs, graceMs });
    const result = await drain.run(target, this.logger);
    if (result === null) return null;
    this.drained = result;
    const { cut, finished, undelivered } = result;
    const late = undelivered === 0 ? '' : `, ${pluralize(undelivered, 'connection')} with unread replies`;
    this.logger.info(`drained: ${pluralize(cut, 'request')} terminated, ${finished} finished${late}`);
    return result;
  }
}

/**
 * Close, GOAWAY, wait, refuse, wait for the calls in flight, terminate the rest (RFC 9113 section 6.8). `isOver` ends the waiting
 * early.
 */
export async function drainGracefully(
  target: DrainTarget,
  clock: Clock,
  { graceMs, goawayDelayMs }: Pick<DrainSettings, 'graceMs' | 'goawayDelayMs'>,
  isOver: () => boolean = () => false,
): Promise<DrainResult> {
  const endMs = clock.now() + graceMs;
  const endedBefore = target.endedCalls;
  await target.stopAccepting();
  // Calls that clients sent before they saw the first GOAWAY are still to be served.
  const refuseMs = clock.now() + Math.min(goawayDelayMs, graceMs);
  await waitWhile(() => target.connections > 0 && !isOver(), clock, refuseMs);
  target.refuse();
  const busy = (): boolean => target.activeCalls > 0 || target.undelivered > 0;
  await waitWhile(() => busy() && !isOver(), clock, endMs);
  const cut = target.abortCalls();
  // One turn for the last frames to leave.
  await new Promise<void>((resolve) => setImmediate(resolve));
  const { undelivered } = target;
  return { cut, finished: target.endedCalls - endedBefore - cut, undelivered };
}

/** Polls: a drain is rare, and there are many ways for a call to end. */
export async function waitWhile(
  condition: () => boolean,
  clock: Clock,
  untilMs: number,
  everyMs = pollIntervalMs,
): Promise<void> {
  for (let leftMs = untilMs - clock.now(); leftMs > 0 && condition(); leftMs = untilMs - clock.now()) {
    await waitFor(clock, Math.min(everyMs, leftMs));
  }
}
