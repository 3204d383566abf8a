import type { ReplicaReport } from '../spreader.ts';

/** Time constant in which a report loses its meaning, milliseconds. */
const usualFreshMs = 20;

/** What one sidecar knows of the replicas: its own calls there, and by reports the calls of all others. */
export class ReportedLoad {
  readonly own: Int32Array;
  /** Calls of others, by the latest report; -1 before the first. */
  readonly others: Float64Array;
  readonly reportedMs: Float64Array;
  /** Picks that used the latest report. */
  private readonly uses: Uint32Array;
  private readonly freshMs: number;
  private readonly usesMax: number;
  private sum = 0;
  private count = 0;

  /** @param usesMax for so many picks a report counts */
  constructor(replicas: number, freshMs = usualFreshMs, usesMax = 1) {
    this.freshMs = freshMs;
    this.usesMax = usesMax;
    this.own = new Int32Array(replicas);
    this.others = new Float64Array(replicas).fill(-1);
    this.reportedMs = new Float64Array(replicas);
    this.uses = new Uint32Array(replicas);
  }

  /** Mean of the calls of others over the replicas that report; 0 where none does. */
  get mean(): number {
    return this.count === 0 ? 0 : this.sum / this.count;
  }

  picked(replica: number): void {
    this.own[replica]++;
    this.uses[replica]++;
  }

  /** A call ended; its reply may carry a report. */
  settled(replica: number, report: ReplicaReport | null, nowMs: number): void {
    this.own[replica]--;
    if (report === null) return;
    const others = Math.max(0, report.inFlight - this.own[replica]);
    if (this.others[replica] < 0) this.count++;
    else this.sum -= this.others[replica];
    this.sum += others;
    this.others[replica] = others;
    this.reportedMs[replica] = nowMs;
    this.uses[replica] = 0;
  }

  /** Returns by how many calls of others a replica deviates from `mean`; 0 where no report is left to use. */
  deviation(replica: number, mean: number, nowMs: number): number {
    if (this.others[replica] < 0 || this.uses[replica] >= this.usesMax) return 0;
    return (this.others[replica] - mean) * Math.exp((this.reportedMs[replica] - nowMs) / this.freshMs);
  }
}
