import { slottedDelayMaxMs, slottedDelayMinMs, TimerSlots } from './timer-slots.ts';
import { WallTime } from './wall-time.ts';

/**
 * Time for everything: nothing else in `src/` may read a clock or set a timer (`make check` bans it), so that
 * every piece can run on the virtual time of a test.
 */
export interface Clock {
  /** Monotonic milliseconds, with fractions; only differences mean anything. */
  now(): number;
  /** Milliseconds since the Unix epoch, with fractions, for what people and traces read. */
  wallMs(): number;
  /** Calls back once after `delayMs` (0 or more), unless cancelled. Never keeps the process alive by itself. */
  after(delayMs: number, callback: () => void): Timer;
  /**
   * Time stands still until `release`: what is done for one read is one moment to all of its calls, and asking costs them
   * nothing. Returns `now()`. May be nested.
   */
  hold(): number;
  release(): void;
}

export interface Timer {
  /** Harmless when the timer has fired or was cancelled. */
  cancel(): void;
}

class NodeTimer implements Timer {
  private readonly handle: NodeJS.Timeout;
  constructor(delayMs: number, callback: () => void) {
    // Node fires at once, with a warning, for delays above 2^31 - 1 ms (24.8 days): cap instead.
    this.handle = setTimeout(callback, Math.min(Math.max(delayMs, 0), 0x7fff_ffff));
    this.handle.unref();
  }
  cancel(): void {
    clearTimeout(this.handle);
  }
}

/** The moment that is held. A double in a variable would be boxed. */
const held = new Float64Array(1);
let holds = 0;

function heldNow(): number {
  return holds > 0 ? held[0] : performance.now();
}

const slots = new TimerSlots({
  now: heldNow,
  after: (delayMs, callback) => new NodeTimer(delayMs, callback),
});

const wallTime = new WallTime(
  performance.timeOrigin,
  () => performance.now(),
  () => Date.now(),
);

export const systemClock: Clock = {
  now: heldNow,
  wallMs: () => wallTime.at(heldNow()),
  hold() {
    if (holds++ === 0) held[0] = performance.now();
    return held[0];
  },
  release() {
    holds--;
  },
  after: (delayMs, callback) =>
    delayMs >= slottedDelayMinMs && delayMs <= slottedDelayMaxMs
      ? slots.after(delayMs, callback)
      : new NodeTimer(delayMs, callback),
};

/** Time that moves only when asked to: the clock of tests and simulations. */
export class VirtualClock implements Clock {
  private nowMs = 0;
  private sequence = 0;
  private readonly epochMs: number;
  private timers: Array<{ dueMs: number; sequence: number; callback: () => void }> = [];

  constructor(epochMs = 1_700_000_000_000) {
    this.epochMs = epochMs;
  }
  now(): number {
    return this.nowMs;
  }
  wallMs(): number {
    return this.epochMs + this.nowMs;
  }
  hold(): number {
    return this.nowMs;
  }
  release(): void {}
  after(delayMs: number, callback: () => void): Timer {
    const timer = { dueMs: this.nowMs + Math.max(delayMs, 0), sequence: this.sequence++, callback };
    this.timers.push(timer);
    return {
      cancel: () => {
        this.timers = this.timers.filter((t) => t !== timer);
      },
    };
  }
  /** Timers set and neither fired nor cancelled; a test ends with none. */
  get pending(): number {
    return this.timers.length;
  }
  /** Moves time on, firing what falls due in order, each at its own due time. */
  advance(byMs: number): void {
    const untilMs = this.nowMs + byMs;
    for (;;) {
      let next: (typeof this.timers)[number] | undefined;
      for (const t of this.timers) {
        if (t.dueMs > untilMs) continue;
        if (!next || t.dueMs < next.dueMs || (t.dueMs === next.dueMs && t.sequence < next.sequence)) next = t;
      }
      if (!next) break;
      const due = next;
      this.timers = this.timers.filter((t) => t !== due);
      this.nowMs = Math.max(this.nowMs, due.dueMs);
      due.callback();
    }
    this.nowMs = untilMs;
  }
}

/** Resolves once `delayMs` have passed on `clock`. Never keeps the process alive by itself. */
export function waitFor(clock: Clock, delayMs: number): Promise<void> {
  return new Promise((resolve) => void clock.after(delayMs, resolve));
}

/** Resolves after `delayMs` of real time, for a command that has nothing else to wait for: it keeps the process alive. */
export function pause(delayMs: number): Promise<void> {
  return new Promise((resolve) => void setTimeout(resolve, delayMs));
}

/** Keeps the process, though nothing else may, until it is cancelled. */
export function keepProcess(): Timer {
  const handle = setInterval(() => {}, 0x7fff_ffff);
  return { cancel: () => clearInterval(handle) };
}

/** Monotonic milliseconds that run on while time is held: for how long code of others keeps the process busy. */
export function exactNow(): number {
  return performance.now();
}
