import type { Clock, Timer } from '../core/clock.ts';
import type { TotalsSnapshot } from './deps.ts';

/** One second of the sparklines. */
export type HistoryPoint = Pick<
  TotalsSnapshot,
  'callsPerSecond' | 'errorsPerSecond' | 'clientErrorsPerSecond' | 'active' | 'p50Ms' | 'p99Ms'
>;

export const historyPointsMax = 60;
export const historyIntervalMs = 1_000;

/**
 * The totals of the last minute, so that a page just opened shows what happened before. The only thing the admin
 * server does while nobody watches: one read of the totals a second.
 */
export class TotalsHistory {
  private readonly clock: Clock;
  private readonly read: () => HistoryPoint;
  private readonly points: HistoryPoint[] = [];
  private timer: Timer;

  /** `read` may throw: that second is left out. */
  constructor(clock: Clock, read: () => HistoryPoint) {
    this.clock = clock;
    this.read = read;
    this.timer = clock.after(historyIntervalMs, () => this.tick());
  }

  /** Oldest first; at most `historyPointsMax`. */
  list(): readonly HistoryPoint[] {
    return this.points.slice();
  }

  close(): void {
    this.timer.cancel();
  }

  private tick(): void {
    this.timer = this.clock.after(historyIntervalMs, () => this.tick());
    try {
      const { callsPerSecond, errorsPerSecond, clientErrorsPerSecond, active, p50Ms, p99Ms } = this.read();
      this.points.push({ callsPerSecond, errorsPerSecond, clientErrorsPerSecond, active, p50Ms, p99Ms });
      if (this.points.length > historyPointsMax) this.points.shift();
    } catch {
      // Whoever asks for /stats is told; a line a second in the log would tell nobody more.
    }
  }
}
