import { ObservedCalls } from '../admin/call-groups/observed-calls.ts';
import { callStatus } from '../admin/explain-call.ts';
import { RecentLatency } from '../core/histogram.ts';
import { RecentRate } from '../core/recent-rate.ts';
import type { CallRecord } from '../telemetry/call-record.ts';
import { callTally } from '../telemetry/call-status.ts';

/** The window of rates and latencies, milliseconds. */
const recentMs = 10_000;

/** Statuses that are counted one by one: gRPC has 17, and web applications use a few dozen. Others count as `other`. */
const statusesMax = 64;

/** All calls of the process together, for the page and `/stats`. */
export class CallStats {
  /** What is shown of the calls of the last seconds. */
  readonly observed = new ObservedCalls();
  calls = 0;
  /** See `callTally`. */
  errors = 0;
  clientErrors = 0;
  private readonly byStatus = new Map<string, number>();
  private readonly rate = new RecentRate(recentMs);
  private readonly errorRate = new RecentRate(recentMs);
  private readonly clientErrorRate = new RecentRate(recentMs);
  private readonly latency = new RecentLatency(recentMs);

  add(record: CallRecord): void {
    this.observed.add(record);
    const nowMs = record.endedMs;
    this.calls++;
    this.rate.add(nowMs);
    // How long a connection or session lasts is the choice of its ends.
    if (!record.tcp && !record.udp) this.latency.record(nowMs - record.startedMs, nowMs);
    const tally = callTally(record);
    if (tally === 'ok') return;
    this.countStatus(callStatus(record));
    if (tally === 'error') {
      this.errors++;
      this.errorRate.add(nowMs);
    } else {
      this.clientErrors++;
      this.clientErrorRate.add(nowMs);
    }
  }

  /** Errors and client errors since the start. */
  statuses(): Record<string, number> {
    return Object.fromEntries(this.byStatus);
  }

  private countStatus(status: string): void {
    const counts = this.byStatus;
    const key = counts.has(status) || counts.size < statusesMax ? status : 'other';
    counts.set(key, (counts.get(key) ?? 0) + 1);
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
