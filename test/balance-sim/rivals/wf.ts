import type { Policy, ReplicaReport, Spreader, SpreaderDeps } from '../spreader.ts';
import { apart, lowest } from './choose.ts';
import { PeakLatency } from './peak-latency.ts';
import { ReportGuard } from './report-guard.ts';
import { ReportedLoad } from './reported-load.ts';

/** Samples at which the speed counts half. */
const halfWeight = 8;
/** A replica is as fast as this multiple of the mean at most. */
const ratioMin = 0.5;
/** Time constant in which slowness is forgiven, so that the replica is tried again, milliseconds. */
const forgiveMs = 500;
/** What a replica says of its own latency counts above this multiple of the median, if calls to it are slower than that of the mean. */
const slowerThanMedian = 3;
const slowerThanMean = 1.3;
/** A pick was decided by a report that was this far below the mean, calls. */
const decidesBelow = -0.25;

/**
 * The design of the shared load that `least_request` was chosen from: "used once", times a factor for the speed of the replica, and
 * a guard that turns reports off where they do harm.
 */
export const wf: Policy = apart('WF', (deps) => new WfSpreader(deps));

class WfSpreader implements Spreader {
  private readonly load: ReportedLoad;
  private readonly latency: PeakLatency;
  /** Latency by each replica's own report; -1 before the first. */
  private readonly reportedMs: Float64Array;
  private readonly guard = new ReportGuard();
  private readonly ties;
  /** How each call in flight was picked; those that were picked while reports were not trusted are missing. */
  private readonly byReport = new Map<number, boolean>();
  private known: readonly number[] = [];
  private trusts = true;
  private typical = 0;
  private meanMs = 0;
  private medianMs = 0;

  constructor({ replicas, random }: SpreaderDeps) {
    this.load = new ReportedLoad(replicas);
    this.latency = new PeakLatency(replicas);
    this.reportedMs = new Float64Array(replicas).fill(-1);
    this.ties = random();
  }

  pick(nowMs: number, _key: string, call: number): number {
    const { known, load } = this;
    this.trusts = this.guard.trusts(nowMs);
    this.typical = interquartileMean(known, load.others);
    this.meanMs = this.latency.mean(known);
    this.medianMs = median(known, this.reportedMs);
    const replica = lowest(known, (one) => this.score(one, nowMs), this.ties);
    if (replica < 0) return -1;
    const deviation = load.deviation(replica, this.typical, nowMs);
    if (this.trusts) this.byReport.set(call, deviation < decidesBelow);
    load.picked(replica);
    return replica;
  }

  settle({ call, replica, report, latencyMs, nowMs }: Parameters<Spreader['settle']>[0]): void {
    this.latency.measured(
      replica,
      latencyMs,
      nowMs,
      this.forgiven(replica, nowMs) * this.meanMs || latencyMs,
    );
    this.load.settled(replica, this.isPlausible(report) ? report : null, nowMs);
    if (this.isPlausible(report)) this.reportedMs[replica] = report!.latencyMs;
    const byReport = this.byReport.get(call);
    if (byReport === undefined) return;
    this.byReport.delete(call);
    this.guard.ended(byReport, latencyMs, nowMs);
  }

  discover(replicas: readonly number[]): void {
    this.known = replicas;
  }

  stop(): void {}

  private isPlausible(report: ReplicaReport | null): boolean {
    return report !== null && report.inFlight <= 16 * (this.typical + 2) + 64;
  }

  private score(replica: number, nowMs: number): number {
    const { load, typical } = this;
    const deviation = this.trusts ? load.deviation(replica, typical, nowMs) : 0;
    return this.slowness(replica, nowMs) * (load.own[replica] + typical + deviation + 1);
  }

  /** Latency over the mean; what is above the mean fades, and stays forgiven when the next call is measured. */
  private forgiven(replica: number, nowMs: number): number {
    const { latency, meanMs } = this;
    const ratio = meanMs === 0 ? 0 : latency.averageMs[replica] / meanMs;
    return ratio > 1 ? 1 + (ratio - 1) * Math.exp((latency.measuredMs[replica] - nowMs) / forgiveMs) : ratio;
  }

  /** 1 for a replica like the others. */
  private slowness(replica: number, nowMs: number): number {
    const { latency, load, meanMs, medianMs, reportedMs } = this;
    if (meanMs === 0 || latency.averageMs[replica] === 0) return 1;
    const ratio = latency.averageMs[replica] / meanMs;
    const now = Math.max(ratioMin, this.forgiven(replica, nowMs));
    const weight = latency.weightOf(replica, nowMs);
    const bySpeed = Math.sqrt(1 + ((now - 1) * weight) / (weight + halfWeight));
    if (!this.trusts || ratio < slowerThanMean || reportedMs[replica] <= slowerThanMedian * medianMs)
      return bySpeed;
    const age = Math.exp((load.reportedMs[replica] - nowMs) / forgiveMs);
    return Math.max(bySpeed, 1 + (reportedMs[replica] / medianMs - 1) * age);
  }
}

/** Those of `values` that are not negative, in order. */
function inOrder(known: readonly number[], values: Float64Array): Float64Array {
  const found = new Float64Array(known.length);
  let count = 0;
  for (let i = 0; i < known.length; i++) if (values[known[i]] >= 0) found[count++] = values[known[i]];
  return found.subarray(0, count).sort();
}

function median(known: readonly number[], values: Float64Array): number {
  const sorted = inOrder(known, values);
  return sorted.length === 0 ? 0 : sorted[sorted.length >> 1];
}

/** Without the lowest and the highest quarter, which may be lies. */
function interquartileMean(known: readonly number[], values: Float64Array): number {
  const sorted = inOrder(known, values);
  const middle = sorted.subarray(sorted.length >> 2, sorted.length - (sorted.length >> 2));
  let sum = 0;
  for (let i = 0; i < middle.length; i++) sum += middle[i];
  return middle.length === 0 ? 0 : sum / middle.length;
}
