import type { Clock, Timer } from '../../core/clock.ts';

/** Wait before a listener is bound again, milliseconds: twice as long after each failure. */
const firstWaitMs = 1_000;
const waitMsMax = 60_000;

interface Unbound {
  readonly model: unknown;
  readonly reason: string;
  readonly timer: Timer;
}

/**
 * Listeners whose addresses could not be bound. They are left out, so that the rest is applied, until they change or it is time to try
 * again: whoever holds the address may leave.
 */
export class UnboundListeners {
  private readonly clock: Clock;
  private readonly retry: () => void;
  private readonly listeners = new Map<string, Unbound>();
  /** Consecutive failures of each listener. */
  private readonly failures = new Map<string, number>();

  /** `retry` is called when a listener is no longer left out. */
  constructor(clock: Clock, retry: () => void) {
    this.clock = clock;
    this.retry = retry;
  }

  get size(): number {
    return this.listeners.size;
  }

  list(): Array<{ readonly name: string; readonly reason: string }> {
    return [...this.listeners].map(([name, { reason }]) => ({ name, reason }));
  }

  add(name: string, model: unknown, reason: string): void {
    const failures = this.failures.get(name) ?? 0;
    this.failures.set(name, failures + 1);
    this.listeners.get(name)?.timer.cancel();
    const timer = this.clock.after(Math.min(waitMsMax, firstWaitMs * 2 ** failures), () => {
      this.listeners.delete(name);
      this.retry();
    });
    this.listeners.set(name, { model, reason, timer });
  }

  /** The listeners without those that could not be bound and are as they were. */
  without<T>(listeners: ReadonlyMap<string, T>): Map<string, T> {
    for (const [name, { model, timer }] of this.listeners) {
      if (listeners.get(name) === model) continue;
      timer.cancel();
      this.listeners.delete(name);
      this.failures.delete(name);
    }
    return new Map([...listeners].filter(([name]) => !this.listeners.has(name)));
  }

  /** A configuration was applied: every listener that is not left out is bound. */
  forgetBound(): void {
    for (const name of this.failures.keys()) if (!this.listeners.has(name)) this.failures.delete(name);
  }

  stop(): void {
    for (const { timer } of this.listeners.values()) timer.cancel();
  }
}
