/** Time constants of the average and of the weight of its samples, milliseconds. */
const averageMs = 10_000;
const weightMs = 2000;

/** Of each replica, an average of the latency that jumps up to a higher one and sinks slowly. */
export class PeakLatency {
  /** 0 before the first call. */
  readonly averageMs: Float64Array;
  readonly measuredMs: Float64Array;
  /** Of how many recent calls the average is. */
  private readonly weights: Float64Array;

  constructor(replicas: number) {
    this.averageMs = new Float64Array(replicas);
    this.measuredMs = new Float64Array(replicas);
    this.weights = new Float64Array(replicas);
  }

  /** @param before what to take the average for until now, where it is not what it was */
  measured(replica: number, latencyMs: number, nowMs: number, before = this.averageMs[replica]): void {
    const old = Math.exp((this.measuredMs[replica] - nowMs) / averageMs);
    const isPeak = before === 0 || latencyMs > before * old;
    this.averageMs[replica] = isPeak ? latencyMs : before * old + latencyMs * (1 - old);
    this.weights[replica] = this.weightOf(replica, nowMs) + 1;
    this.measuredMs[replica] = nowMs;
  }

  /** The average, which sinks while no call goes there, so that one is sent again. */
  fadedMs(replica: number, nowMs: number): number {
    return this.averageMs[replica] * Math.exp((this.measuredMs[replica] - nowMs) / averageMs);
  }

  weightOf(replica: number, nowMs: number): number {
    return this.weights[replica] * Math.exp((this.measuredMs[replica] - nowMs) / weightMs);
  }

  /** Mean over those of `known` that were measured; 0 where none was. */
  mean(known: readonly number[]): number {
    let sum = 0;
    let count = 0;
    for (let i = 0; i < known.length; i++) {
      sum += this.averageMs[known[i]];
      if (this.averageMs[known[i]] > 0) count++;
    }
    return count === 0 ? 0 : sum / count;
  }
}
