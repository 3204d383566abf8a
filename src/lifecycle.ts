import type { Clock } from './core/clock.ts';
import type { Logger } from './core/logger.ts';

/** What a drain has to do with: a whole sidecar, or a listener that a reload took away. */
export interface DrainTarget {
  /** No new connections; asks clients to take their next calls elsewhere. */
  announce(): void | Promise<void>;
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
  cut(): number;
}

/** A sidecar as its end sees it; `src/app.ts` gives it. */
export interface Drainable extends DrainTarget {
  /**
   * Before anything else: waits for a successor on the same addresses, if one may come, until `isOver`. Calls go on as
   * ever.
   */
  handOver(isOver: () => boolean): void | Promise<void>;
  /** Closes everything, in order. */
  close(): Promise<void>;
}

export interface DrainSettings {
  /** How long calls in flight may go on, milliseconds. */
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

/** How often a drain looks whether it is done, milliseconds. */
const lookEveryMs = 10;

export type LifecycleState = 'starting' | 'ready' | 'draining';

/**
 * Starting, ready, draining, in that order and never back. A drain runs once, whoever asks for it; after one that was
 * asked for by itself the process stays, so that its admin server can say what it is doing.
 */
export class Lifecycle {
  state: LifecycleState = 'starting';
  /** How the drain went; null until it is over. */
  drained: DrainResult | null = null;
  private readonly clock: Clock;
  private readonly logger: Logger;
  /** A reload may bring others, for drains that begin after it. */
  settings: DrainSettings;
  private graceOver = false;
  private running: Promise<DrainResult> | null = null;
  private stopping: Promise<DrainResult> | null = null;

  constructor(clock: Clock, logger: Logger, settings: DrainSettings) {
    this.clock = clock;
    this.logger = logger;
    this.settings = settings;
  }

  started(): void {
    if (this.state === 'starting') this.state = 'ready';
  }

  /** See `drainGracefully`. */
  drain(target: Drainable): Promise<DrainResult> {
    this.running ??= this.run(target);
    return this.running;
  }

  /** Drains, if that was not done yet, and closes everything. */
  stop(target: Drainable): Promise<DrainResult> {
    this.stopping ??= this.drain(target).then(async (result) => {
      await target.close();
      return result;
    });
    return this.stopping;
  }

  /** Ends the waiting of a drain, the one that runs or the next: calls that are left are terminated as `draining`. */
  endGrace(): void {
    if (!this.graceOver && this.running !== null && this.drained === null)
      this.logger.warn('told to stop a second time: the grace period ends now');
    this.graceOver = true;
  }

  private async run(target: Drainable): Promise<DrainResult> {
    this.state = 'draining';
    this.logger.info('draining', { active: target.activeCalls, graceMs: this.settings.graceMs });
    const isOver = (): boolean => this.graceOver;
    await target.handOver(isOver);
    const result = await drainGracefully(target, this.clock, this.settings, isOver);
    this.drained = result;
    const { cut, finished, undelivered } = result;
    const late = undelivered === 0 ? '' : `, ${undelivered} connections too slow for their replies`;
    this.logger.info(`drained: ${cut} calls cut, ${finished} finished${late}`);
    return result;
  }
}

/**
 * GOAWAY, wait, refuse, wait for the calls in flight, cut the rest (RFC 9113 section 6.8). `isOver` ends the waiting
 * early.
 */
export async function drainGracefully(
  target: DrainTarget,
  clock: Clock,
  { graceMs, goawayDelayMs }: DrainSettings,
  isOver: () => boolean = () => false,
): Promise<DrainResult> {
  const endMs = clock.now() + graceMs;
  const endedBefore = target.endedCalls;
  await target.announce();
  // Calls that clients sent before they saw the first GOAWAY are still to be served.
  await waitWhile(
    () => target.connections > 0 && !isOver(),
    clock,
    clock.now() + Math.min(goawayDelayMs, graceMs),
  );
  target.refuse();
  await waitWhile(() => (target.activeCalls > 0 || target.undelivered > 0) && !isOver(), clock, endMs);
  const cut = target.cut();
  // One turn for the last frames to leave.
  await new Promise<void>((resolve) => setImmediate(resolve));
  const { undelivered } = target;
  return { cut, finished: target.endedCalls - endedBefore - cut, undelivered };
}

/** Looks again and again: a drain is rare, and there are many ways for a call to end. */
export async function waitWhile(
  condition: () => boolean,
  clock: Clock,
  untilMs: number,
  everyMs = lookEveryMs,
): Promise<void> {
  for (let leftMs = untilMs - clock.now(); leftMs > 0 && condition(); leftMs = untilMs - clock.now()) {
    const forMs = Math.min(everyMs, leftMs);
    await new Promise<void>((resolve) => void clock.after(forMs, resolve));
  }
}
