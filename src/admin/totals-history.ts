import type { Clock, Timer } from '../core/clock.ts';
import type { TotalsSnapshot } from './deps.ts';

/** One second of the charts. */
export type HistoryPoint = Pick<
  TotalsSnapshot,
  | 'callsPerSecond'
  | 'errorsPerSecond'
  | 'clientErrorsPerSecond'
  | 'active'
  | 'p50Ms'
  | 'p90Ms'
  | 'p99Ms'
  /** Calls of this second alone. */
  | 'statuses'
>;

/** Five minutes. */
export const historyPointsMax = 300;
export const historyIntervalMs = 1_000;

/**
 * Remembers the totals of the last minutes, so that a page just opened shows what happened before. With `StateHistory` the only
 * thing that the admin server does while nobody watches: one read of the totals a second.
 */
export class TotalsHistory {
  private readonly clock: Clock;
  private readonly read: () => HistoryPoint;
  private readonly points: HistoryPoint[] = [];
  private before: Readonly<Record<string, number>> | null = null;
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
      const {
        callsPerSecond,
        errorsPerSecond,
        clientErrorsPerSecond,
        active,
        p50Ms,
        p90Ms,
        p99Ms,
        statuses,
      } = this.read();
      const ended = increase(statuses, this.before ?? statuses);
      this.before = statuses;
      const rates = { callsPerSecond, errorsPerSecond, clientErrorsPerSecond, active };
      this.points.push({ ...rates, p50Ms, p90Ms, p99Ms, statuses: ended });
      if (this.points.length > historyPointsMax) this.points.shift();
    } catch {
      // Whoever asks for /stats gets the reason; a line a second in the log would add nothing.
    }
  }
}

/** The counters that have grown, and by how much. */
function increase(
  now: Readonly<Record<string, number>>,
  before: Readonly<Record<string, number>>,
): Record<string, number> {
  const grown: Record<string, number> = {};
  for (const [name, value] of Object.entries(now)) {
    const more = value - (before[name] ?? 0);
    if (more > 0) grown[name] = more;
  }
  return grown;
}
