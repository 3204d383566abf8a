import type { Trouble } from './scenario.ts';
import type { ReplicaReport } from './spreader.ts';

/** Part of each new reply in the average latency that is reported, as `ServiceLoad` has it. */
const latencyAlpha = 0.1;
/** Time constant of the utilization and the rate that are reported, milliseconds. */
const rateMs = 1000;

/** A replica: workers, and calls that wait for one of them, first come first served. */
export class Replica {
  /** Calls here, waiting or worked on. */
  inFlight = 0;
  /** Average time from the arrival of a call to its reply; -1 before the first. */
  private latencyMs = -1;
  private utilization = 0;
  private endsPerMs = 0;
  private measuredMs = 0;
  private free: number;
  private readonly workers: number;
  private readonly troubles: readonly Trouble[];
  /** Calls that wait; those before `head` have been taken. */
  private queue: number[] = [];
  private head = 0;

  constructor(workers: number, troubles: readonly Trouble[]) {
    this.workers = workers;
    this.free = workers;
    this.troubles = troubles;
  }

  /** True if a worker takes it now, else it waits. */
  take(call: number, nowMs: number): boolean {
    this.measure(nowMs);
    this.inFlight++;
    if (this.free > 0) {
      this.free--;
      return true;
    }
    this.queue.push(call);
    return false;
  }

  /** A worker is done; the call that it takes next, or -1. */
  next(nowMs: number): number {
    this.measure(nowMs);
    this.endsPerMs += 1 / rateMs;
    this.inFlight--;
    if (this.head === this.queue.length) {
      this.free++;
      return -1;
    }
    const call = this.queue[this.head++];
    if (this.head > 1024 && this.head * 2 > this.queue.length) {
      this.queue = this.queue.slice(this.head);
      this.head = 0;
    }
    return call;
  }

  /** A reply that carries a report began after so long; as in the product, the others are not measured. */
  replied(tookMs: number): void {
    this.latencyMs = this.latencyMs < 0 ? tookMs : this.latencyMs + latencyAlpha * (tookMs - this.latencyMs);
  }

  /** What it knows of itself now. */
  load(nowMs: number): ReplicaReport {
    this.measure(nowMs);
    return {
      inFlight: this.inFlight,
      latencyMs: this.latencyMs,
      utilization: this.utilization,
      requestsPerSecond: this.endsPerMs * 1000,
    };
  }

  /** What is wrong with it now; null for nothing. */
  trouble(nowMs: number): Trouble | null {
    for (const trouble of this.troubles) {
      if (nowMs >= trouble.fromMs && nowMs < trouble.untilMs) return trouble;
    }
    return null;
  }

  private measure(nowMs: number): void {
    const old = Math.exp((this.measuredMs - nowMs) / rateMs);
    this.measuredMs = nowMs;
    const busy = (this.workers - this.free) / this.workers;
    this.utilization = this.utilization * old + busy * (1 - old);
    this.endsPerMs *= old;
  }
}
