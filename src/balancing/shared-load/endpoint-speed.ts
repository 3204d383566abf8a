/** Time constant with which replies count less, milliseconds. */
const samplesMs = 2000;

/** What one sidecar has learned of the speed of an endpoint, besides its latency. It belongs to the endpoint and outlives balancers. */
export class EndpointSpeed {
  /** `Clock.now()` of the latest pick. */
  pickedAtMs: number;
  /** What its load is multiplied by: 1 for an endpoint as fast as the others. */
  factor = 1;
  /** The latest reply took much longer than those of the others. */
  isSlow = false;
  /** Replies, of which each counts less as time goes by, as of `samplesAtMs`. */
  private samples = 0;
  private samplesAtMs: number;

  constructor(nowMs: number) {
    this.pickedAtMs = nowMs;
    this.samplesAtMs = nowMs;
  }

  replied(nowMs: number): void {
    this.samples = this.samplesNow(nowMs) + 1;
    this.samplesAtMs = nowMs;
  }

  samplesNow(nowMs: number): number {
    return this.samples * Math.exp((this.samplesAtMs - nowMs) / samplesMs);
  }
}
