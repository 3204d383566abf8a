import { dueAfterReport } from '../../src/load-report/report-pace.ts';
import type { Replica } from './replica.ts';
import type { Scenario } from './scenario.ts';
import type { ReplicaReport } from './spreader.ts';

/** Puts the load of a replica on its replies, as the scenario has it: late, false, lost or not at all. */
export class Reporter {
  private readonly scenario: Scenario;
  private readonly index: number;
  private readonly replica: Replica;
  /** When each sidecar is due for its next report. */
  private readonly dueMs: Float64Array;
  /** What it was at moments before, the oldest first; those before `head` are older than the lag. */
  private history: { readonly atMs: number; readonly load: ReplicaReport }[] = [];
  private head = 0;

  constructor(scenario: Scenario, index: number, replica: Replica) {
    this.scenario = scenario;
    this.index = index;
    this.replica = replica;
    this.dueMs = new Float64Array(scenario.sidecars).fill(Number.NEGATIVE_INFINITY);
  }

  /** The load changed. */
  changed(nowMs: number): void {
    if (this.scenario.reports.lagMs > 0) this.history.push({ atMs: nowMs, load: this.replica.load(nowMs) });
  }

  /**
   * What the reply to a call carries that leaves now, to this sidecar, `tookMs` after the call came; null for nothing. `luck`, from 0
   * to 1, says whether the report is lost.
   */
  report(sidecar: number, tookMs: number, luck: number, nowMs: number): ReplicaReport | null {
    const { replicas, reports } = this.scenario;
    if (this.index >= reports.share * replicas || nowMs >= reports.untilMs) return null;
    const dueMs = dueAfterReport(this.dueMs[sidecar], nowMs);
    if (dueMs < 0) return null;
    this.dueMs[sidecar] = dueMs;
    this.replica.replied(tookMs);
    if (luck < reports.lostShare) return null;
    const load = reports.lagMs > 0 ? this.loadAt(nowMs - reports.lagMs) : this.replica.load(nowMs);
    if (load === null || this.index >= reports.liars) return load;
    return { ...load, inFlight: load.inFlight * reports.lieFactor };
  }

  private loadAt(atMs: number): ReplicaReport | null {
    const { history } = this;
    while (this.head + 1 < history.length && history[this.head + 1].atMs <= atMs) this.head++;
    if (this.head > 1024 && this.head * 2 > history.length) {
      this.history = history.slice(this.head);
      this.head = 0;
    }
    const found = this.history[this.head];
    return found === undefined || found.atMs > atMs ? null : found.load;
  }
}
