/** How a pick came about, for the guard. */
export const notJudged = 0;
/** By the sidecar's own requests in flight. */
export const byOwnCounts = 1;
/** By what a replica reported. */
export const byReport = 2;

export type PickBasis = typeof notJudged | typeof byOwnCounts | typeof byReport;

/** Weight of a new reply in the averages, once there are many: they remember some hundred replies. */
const alpha = 1 / 256;
/** Replies of each kind before the guard judges. */
const repliesMin = 16;
/** Reports lead to worse endpoints beyond doubt, in standard errors of the difference. */
const tMin = -1.5;
const pauseMs = 10_000;
const pauseMaxMs = 300_000;

/**
 * Stops believing reports that do harm: late ones, false ones, and those of replicas that lie. It compares the latency of picks
 * that a report decided with that of the others, by Welch's t over exponentially weighted averages of ln(latency); if they are
 * slower, reports do not count for 10 s, and for twice as long each time after, up to 5 min. What picks without reports take is
 * measured meanwhile, so that the next trial is short. Each sidecar judges by its own replies.
 */
export class ReportGuard {
  /** Times that reports were found harmful. */
  trips = 0;
  private trustsAgainAtMs = Number.NEGATIVE_INFINITY;
  private pausedMs = 0;
  private readonly own = new Average();
  private readonly reported = new Average();

  /** Do reports count? */
  trusts(nowMs: number): boolean {
    return nowMs >= this.trustsAgainAtMs;
  }

  /** A reply began after so long. */
  answered(basis: PickBasis, tookMs: number, nowMs: number): void {
    const isPaused = !this.trusts(nowMs);
    if (basis === notJudged || (isPaused && basis === byReport)) return;
    const { own, reported } = this;
    (basis === byReport ? reported : own).add(Math.log(Math.max(tookMs, 1e-3)));
    if (isPaused || own.count < repliesMin || reported.count < repliesMin) return;
    const error = Math.sqrt(own.errorSquared + reported.errorSquared);
    if (own.mean - reported.mean < tMin * error) this.pause(nowMs);
  }

  private pause(nowMs: number): void {
    this.trips++;
    this.pausedMs = Math.min(pauseMaxMs, Math.max(pauseMs, this.pausedMs * 2));
    this.trustsAgainAtMs = nowMs + this.pausedMs;
    this.reported.clear();
  }
}

/** Mean and variance of the latest values. */
class Average {
  /** Values, `1 / alpha` at the most. */
  count = 0;
  mean = 0;
  private variance = 0;

  add(value: number): void {
    this.count = Math.min(1 / alpha, this.count + 1);
    const part = 1 / this.count;
    const difference = value - this.mean;
    this.mean += part * difference;
    this.variance = (1 - part) * (this.variance + part * difference * difference);
  }

  /** The square of the standard error of the mean. */
  get errorSquared(): number {
    return this.variance / this.count;
  }

  clear(): void {
    this.count = 0;
    this.mean = 0;
    this.variance = 0;
  }
}
