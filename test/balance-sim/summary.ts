import type { Run } from './run.ts';

/** What one run, or several of the same scenario and policy with other seeds, come to. */
export interface Summary {
  readonly calls: number;
  /** Latencies are those of calls that succeeded. */
  readonly meanMs: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly p999Ms: number;
  /** Share of the calls that failed. */
  readonly errorShare: number;
  /** Calls of the replica that had most over the mean of all replicas. */
  readonly spread: number;
}

/** Over the calls that arrived while the scenario is measured. */
export function summarise(run: Run): Summary {
  const { measureFromMs, measureUntilMs, replicas } = run.scenario;
  const latencies = new Float64Array(run.latencyMs.length);
  const perReplica = new Float64Array(replicas);
  let count = 0;
  let errors = 0;
  let sumMs = 0;
  for (let call = 0; call < run.latencyMs.length; call++) {
    const arrivedMs = run.arrivedMs[call];
    if (arrivedMs < measureFromMs || arrivedMs >= measureUntilMs) continue;
    perReplica[run.replicaOf[call]]++;
    if (run.failed[call] === 1) errors++;
    else {
      latencies[count++] = run.latencyMs[call];
      sumMs += run.latencyMs[call];
    }
  }
  const sorted = latencies.subarray(0, count).sort();
  const calls = count + errors;
  return {
    calls,
    meanMs: sumMs / count,
    p50Ms: quantile(sorted, 0.5),
    p99Ms: quantile(sorted, 0.99),
    p999Ms: quantile(sorted, 0.999),
    errorShare: errors / calls,
    spread: (Math.max(...perReplica) * replicas) / calls,
  };
}

/** Calls of one replica over the mean of all, while the scenario is measured. */
export function shareOf({ scenario, arrivedMs, replicaOf }: Run, replica: number): number {
  let own = 0;
  let calls = 0;
  for (let call = 0; call < arrivedMs.length; call++) {
    if (arrivedMs[call] < scenario.measureFromMs || arrivedMs[call] >= scenario.measureUntilMs) continue;
    calls++;
    if (replicaOf[call] === replica) own++;
  }
  return (own * scenario.replicas) / calls;
}

/** Share of the calls that go to another zone, while the scenario is measured. */
export function otherZoneShare({ scenario, arrivedMs, replicaOf, sidecarOf }: Run): number {
  const { zones, measureFromMs, measureUntilMs } = scenario;
  if (zones === null) return 0;
  let away = 0;
  let calls = 0;
  for (let call = 0; call < arrivedMs.length; call++) {
    if (arrivedMs[call] < measureFromMs || arrivedMs[call] >= measureUntilMs) continue;
    calls++;
    if (zones.ofSidecar[sidecarOf[call]] !== zones.ofReplica[replicaOf[call]]) away++;
  }
  return away / calls;
}

/** Of values in order. */
function quantile(sorted: Float64Array, q: number): number {
  return sorted[Math.min(sorted.length - 1, Math.ceil(q * sorted.length) - 1)] ?? 0;
}

/** The mean of each figure. */
export function meanOf(summaries: readonly Summary[]): Summary {
  const mean = (of: (one: Summary) => number): number =>
    summaries.reduce((sum, one) => sum + of(one), 0) / summaries.length;
  return {
    calls: summaries.reduce((sum, { calls }) => sum + calls, 0),
    meanMs: mean(({ meanMs }) => meanMs),
    p50Ms: mean(({ p50Ms }) => p50Ms),
    p99Ms: mean(({ p99Ms }) => p99Ms),
    p999Ms: mean(({ p999Ms }) => p999Ms),
    errorShare: mean(({ errorShare }) => errorShare),
    spread: mean(({ spread }) => spread),
  };
}

/** Wide enough that a fair share of it is some hundred calls at the rates that are simulated. */
const shareWindowMs = 250;
const shareStepMs = 50;

/**
 * How long after `sinceMs` a replica has `part` of its fair share again: the end of the first quarter of a second in
 * which it has, milliseconds after; infinity if it never has.
 */
export function backAfterMs(run: Run, replica: number, sinceMs: number, part = 0.8): number {
  const { arrivedMs, replicaOf, scenario } = run;
  // The window is [left, right), moved by a step at a time.
  let left = arrivedMs.findIndex((ms) => ms >= sinceMs);
  let right = left;
  let own = 0;
  for (let endMs = sinceMs + shareWindowMs; endMs <= arrivedMs[arrivedMs.length - 1]; endMs += shareStepMs) {
    for (; arrivedMs[right] < endMs; right++) if (replicaOf[right] === replica) own++;
    for (; arrivedMs[left] < endMs - shareWindowMs; left++) if (replicaOf[left] === replica) own--;
    if (own * scenario.replicas >= part * (right - left)) return endMs - sinceMs;
  }
  return Number.POSITIVE_INFINITY;
}
