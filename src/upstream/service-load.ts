/** Part of each new reply in the average. */
const averageAlpha = 0.1;

/** Errors are counted over one to two spans of this length, milliseconds. */
const errorSpanMs = 10_000;

/** What an inbound listener measures of its replica besides the counters of the endpoint, to report it. */
export class ServiceLoad {
  /** Average time to begin a reply, milliseconds; -1 before the first. */
  latencyMs = -1;
  /** Errors of the endpoint at the starts of the span before and of this one, and when those were. */
  private beforeErrors: number;
  private beforeMs: number;
  private spanErrors: number;
  private spanMs: number;

  /** `errors` have been counted before `nowMs`. */
  constructor(errors: number, nowMs: number) {
    this.beforeErrors = errors;
    this.beforeMs = nowMs;
    this.spanErrors = errors;
    this.spanMs = nowMs;
  }

  /** A reply has begun after so long. */
  replied(tookMs: number): void {
    this.latencyMs = this.latencyMs < 0 ? tookMs : this.latencyMs + averageAlpha * (tookMs - this.latencyMs);
  }

  /** Returns the errors per second over the last spans; `errors` have been counted by now. */
  errorsPerSecond(errors: number, nowMs: number): number {
    if (nowMs - this.spanMs >= errorSpanMs) {
      this.beforeErrors = this.spanErrors;
      this.beforeMs = this.spanMs;
      this.spanErrors = errors;
      this.spanMs = nowMs;
    }
    return ((errors - this.beforeErrors) * 1000) / Math.max(nowMs - this.beforeMs, 1000);
  }
}
