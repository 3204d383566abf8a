/** Weight of a new latency in the averages, once as many were seen. */
const alpha = 1 / 256;
/** Calls of either kind before they are compared. */
const callsMin = 16;
/** Reports are ignored where picks that they decided are slower with a t value beyond this. */
const tMax = 1.5;
const pauseMinMs = 10_000;
const pauseMaxMs = 300_000;

/** Running mean and variance of a logarithm. */
class Average {
  count = 0;
  mean = 0;
  private variance = 0;

  add(value: number): void {
    this.count = Math.min(1 / alpha, this.count + 1);
    const weight = Math.max(alpha, 1 / this.count);
    const off = value - this.mean;
    this.mean += weight * off;
    this.variance = (1 - weight) * (this.variance + weight * off * off);
  }

  /** Of the mean, squared. */
  get error(): number {
    return this.variance / this.count;
  }
}

/**
 * Judges by the latencies of one sidecar's own calls whether reports help: those of picks that a report decided are compared with the
 * others, and where they are slower all reports are ignored for a while, longer each time.
 */
export class ReportGuard {
  private decided = new Average();
  private others = new Average();
  private pauseMs = pauseMinMs;
  private untilMs = Number.NEGATIVE_INFINITY;

  trusts(nowMs: number): boolean {
    return nowMs >= this.untilMs;
  }

  /** A call ended whose pick was made while reports were trusted. */
  ended(byReport: boolean, latencyMs: number, nowMs: number): void {
    if (!this.trusts(nowMs)) return;
    (byReport ? this.decided : this.others).add(Math.log(latencyMs));
    const { decided, others } = this;
    if (decided.count < callsMin || others.count < callsMin) return;
    const slower = decided.mean - others.mean;
    if (slower <= tMax * Math.sqrt(decided.error + others.error)) return;
    this.untilMs = nowMs + this.pauseMs;
    this.pauseMs = Math.min(pauseMaxMs, this.pauseMs * 2);
    this.decided = new Average();
    this.others = new Average();
  }
}
