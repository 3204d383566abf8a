/** Responses that may come at once, and per second after that. Istio sends at most about 40 per second to one client. */
const burstMax = 500;
const perSecond = 100;

/** How fast responses may come before reading stops: a control plane in a loop must not take the processor from the calls. */
export class ResponsePace {
  private tokens = burstMax;
  private atMs = 0;

  /** Counts one response; returns the milliseconds for which reading must stop, 0 for none. */
  take(nowMs: number): number {
    this.tokens = Math.min(burstMax, this.tokens + ((nowMs - this.atMs) / 1000) * perSecond);
    this.atMs = nowMs;
    this.tokens -= 1;
    return this.tokens >= 0 ? 0 : (-this.tokens / perSecond) * 1000;
  }
}
