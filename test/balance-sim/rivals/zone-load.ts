/** Time constant in which what is known of a zone loses its meaning, milliseconds: after that one call finds out. */
const fadeMs = 500;

/** Mean of the reported calls of others, for each zone. */
export class ZoneLoad {
  private readonly ofReplica: readonly number[];
  private readonly others: Float64Array;
  private readonly sums: number[] = [];
  private readonly counts: number[] = [];
  private readonly reportedMs: number[] = [];

  constructor(ofReplica: readonly number[]) {
    this.ofReplica = ofReplica;
    this.others = new Float64Array(ofReplica.length).fill(-1);
  }

  reported(replica: number, others: number, nowMs: number): void {
    const zone = this.ofReplica[replica];
    const before = this.others[replica];
    this.counts[zone] = (this.counts[zone] ?? 0) + (before < 0 ? 1 : 0);
    this.sums[zone] = (this.sums[zone] ?? 0) + others - Math.max(0, before);
    this.others[replica] = others;
    this.reportedMs[zone] = nowMs;
  }

  /** 0 where nothing is known. */
  mean(zone: number, nowMs: number): number {
    if (this.counts[zone] === undefined) return 0;
    const age = Math.exp((this.reportedMs[zone] - nowMs) / fadeMs);
    return (this.sums[zone] / this.counts[zone]) * age;
  }
}
