import type { Clock } from './core/clock.ts';
import type { Logger } from './core/logger.ts';

/** What a drain has to do with; `src/app.ts` gives it. */
export interface Drainable {
  /** No new connections; asks clients to take their next calls elsewhere. */
  announce(): void;
  /** No new calls. */
  refuse(): void;
  /** Connections that are still open. */
  readonly connections: number;
  readonly activeCalls: number;
  /** Calls that ended so far. */
  readonly endedCalls: number;
  /** Told when the last call in flight has ended. */
  onIdle(idle: () => void): void;
  /** Ends what is left with `draining`; how many there were. */
  cut(): number;
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
  readonly cut: number;
  readonly finished: number;
}

export type LifecycleState = 'starting' | 'ready' | 'draining';

/**
 * Starting, ready, draining, in that order and never back. A drain runs once, whoever asks for it; after one that was
 * asked for by itself the process stays, so that its admin server can say what it is doing.
 */
export class Lifecycle {
  state: LifecycleState = 'starting';
  private readonly clock: Clock;
  private readonly logger: Logger;
  private readonly settings: DrainSettings;
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

  /** GOAWAY, wait, refuse, wait for the calls in flight, cut the rest (RFC 9113 section 6.8). */
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

  private async run(target: Drainable): Promise<DrainResult> {
    const { graceMs, goawayDelayMs } = this.settings;
    this.state = 'draining';
    const endedBefore = target.endedCalls;
    this.logger.info('draining', { active: target.activeCalls, graceMs });
    target.announce();
    // Calls that clients sent before they saw the first GOAWAY are still to be served.
    if (target.connections > 0) await this.wait(Math.min(goawayDelayMs, graceMs));
    target.refuse();
    if (target.activeCalls > 0) {
      const leftMs = Math.max(0, graceMs - goawayDelayMs);
      await Promise.race([new Promise<void>((resolve) => target.onIdle(resolve)), this.wait(leftMs)]);
    }
    const cut = target.cut();
    // One turn for the last frames to leave.
    await new Promise<void>((resolve) => setImmediate(resolve));
    const finished = target.endedCalls - endedBefore - cut;
    this.logger.info(`drained: ${cut} calls cut, ${finished} finished`);
    return { cut, finished };
  }

  private wait(ms: number): Promise<void> {
    return new Promise((resolve) => {
      this.clock.after(ms, resolve);
    });
  }
}
