import { ObservedCalls } from '../admin/call-groups/observed-calls.ts';
import { RecentLatency } from '../core/histogram.ts';
import { RecentRate } from '../core/recent-rate.ts';
import type { CallRecord } from '../telemetry/call-record.ts';
import { callTally } from '../telemetry/call-status.ts';

/** The window of rates and latencies, milliseconds. */
const recentMs = 10_000;

/** All calls of the process together, for the page and `/stats`. */
export class CallStats {
  /** What is shown of the calls of the last seconds. */
  readonly observed = new ObservedCalls();
  calls = 0;
  /** See `callTally`. */
  errors = 0;
  clientErrors = 0;
  private readonly rate = new RecentRate(recentMs);
  private readonly errorRate = new RecentRate(recentMs);
  private readonly clientErrorRate = new RecentRate(recentMs);
  private readonly latency = new RecentLatency(recentMs);

  add(record: CallRecord): void {
    this.observed.add(record);
    const nowMs = record.endedMs;
    this.calls++;
    this.rate.add(nowMs);
    this.latency.record(nowMs - record.startedMs, nowMs);
    const tally = callTally(record);
    if (tally === 'error') {
      this.errors++;
      this.errorRate.add(nowMs);
    } else if (tally === 'other') {
      this.clientErrors++;
      this.clientErrorRate.add(nowMs);
    }
  }

  callsPerSecond(nowMs: number): number {
    return this.rate.perSecond(nowMs);
  }
  errorsPerSecond(nowMs: number): number {
    return this.errorRate.perSecond(nowMs);
  }
  clientErrorsPerSecond(nowMs: number): number {
    return this.clientErrorRate.perSecond(nowMs);
  }
  quantileMs(q: number, nowMs: number): number | null {
    return this.latency.count(nowMs) === 0 ? null : this.latency.quantile(q, nowMs);
  }
}
