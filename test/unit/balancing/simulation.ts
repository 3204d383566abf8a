import {
  type BalancerSettings,
  buildBalancer,
  defaultBalancerSettings,
  latencyEstimator,
} from '../../../src/balancing/build.ts';
import type { Candidate } from '../../../src/balancing/candidate.ts';
import { failPenalty } from '../../../src/balancing/fail-penalty.ts';
import type { Random } from '../../../src/core/random.ts';

/** A candidate with nothing in flight. */
export function candidate(address: string, weight = 1, priority = 0): Candidate {
  return {
    address,
    weight,
    configuredWeight: weight,
    zone: '',
    priority,
    active: 0,
    phantomLoad: 0,
    phantomAtMs: 0,
    latencyMs: 0,
    latencyAtMs: 0,
  };
}

export interface Replica {
  readonly weight: number;
  readonly workers: number;
  /** Mean of the exponential service time. */
  readonly meanMs: number;
  /** Fails every call, at once and without queueing, from this time on. */
  readonly failsFastUntilMs?: number;
}

export interface Simulated {
  /** Index of the replica of each call, in order of arrival. */
  readonly replicaOf: Uint16Array;
  /** 1 for each call that failed. */
  readonly failed: Uint8Array;
  readonly arrivedMs: Float64Array;
  readonly latencyMs: Float64Array;
}

const networkMs = 0.1;
const failFastMs = 0.2;

/**
 * One sidecar in front of replicas with workers and a queue each, Poisson arrivals, in virtual time. Calls run
 * to the end; there are no retries.
 */
export function simulate(
  replicas: readonly Replica[],
  options: { calls: number; callsPerMs: number; random: Random; settings?: Partial<BalancerSettings> },
): Simulated {
  const { calls, callsPerMs, random } = options;
  const settings = { ...defaultBalancerSettings, ...options.settings };
  const penalty = failPenalty(settings.failPenalty);
  const estimator = latencyEstimator(settings);
  const candidates = replicas.map((replica, i) => candidate(`replica-${i}`, replica.weight));
  const balancer = buildBalancer(candidates, settings, random);
  const workersFree = replicas.map((replica) => new Float64Array(replica.workers));
  const result: Simulated = {
    replicaOf: new Uint16Array(calls),
    failed: new Uint8Array(calls),
    arrivedMs: new Float64Array(calls),
    latencyMs: new Float64Array(calls),
  };
  const ends = new EndHeap();
  const exponential = (mean: number) => -mean * Math.log(1 - random.next());
  const settle = (end: End) => {
    const endpoint = candidates[end.replica];
    endpoint.active--;
    if (end.failed) {
      penalty.penalise(endpoint, end.atMs);
      estimator?.failed(endpoint, end.tookMs, end.atMs);
    } else {
      penalty.forgive(endpoint);
      estimator?.answered(endpoint, end.tookMs, end.atMs);
    }
  };
  let nowMs = 0;
  for (let call = 0; call < calls; call++) {
    nowMs += exponential(1 / callsPerMs);
    while (ends.nextMs <= nowMs) settle(ends.pop());
    const picked = balancer.pick(nowMs, null, '');
    if (!picked) throw new Error('no endpoint');
    const index = candidates.indexOf(picked);
    const replica = replicas[index];
    picked.active++;
    const failed = nowMs < (replica.failsFastUntilMs ?? 0);
    let endMs = nowMs + failFastMs;
    if (!failed) {
      // First come, first served by several workers: the call begins when the first worker is free.
      const free = workersFree[index];
      const worker = free.indexOf(Math.min(...free));
      free[worker] = Math.max(free[worker], nowMs + networkMs) + exponential(replica.meanMs);
      endMs = free[worker] + networkMs;
    }
    ends.push({ atMs: endMs, tookMs: endMs - nowMs, replica: index, failed });
    result.replicaOf[call] = index;
    result.failed[call] = failed ? 1 : 0;
    result.arrivedMs[call] = nowMs;
    result.latencyMs[call] = endMs - nowMs;
  }
  return result;
}

/** The shares of calls `from` up to `to`, one per replica. */
export function sharesOf(
  result: Simulated,
  replicas: number,
  from = 0,
  to = result.replicaOf.length,
): number[] {
  const counts = new Array<number>(replicas).fill(0);
  for (let i = from; i < to; i++) counts[result.replicaOf[i]]++;
  return counts.map((count) => count / (to - from));
}

interface End {
  readonly atMs: number;
  readonly tookMs: number;
  readonly replica: number;
  readonly failed: boolean;
}

/** Ends of calls, earliest first. */
class EndHeap {
  private readonly heap: End[] = [];

  get nextMs(): number {
    return this.heap.length > 0 ? this.heap[0].atMs : Number.POSITIVE_INFINITY;
  }

  push(end: End): void {
    const { heap } = this;
    let at = heap.length;
    for (; at > 0; at = (at - 1) >> 1) {
      const parent = heap[(at - 1) >> 1];
      if (parent.atMs <= end.atMs) break;
      heap[at] = parent;
    }
    heap[at] = end;
  }

  pop(): End {
    const { heap } = this;
    const first = heap[0];
    const last = heap.pop() as End;
    if (heap.length === 0) return first;
    let at = 0;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= heap.length) break;
      if (child + 1 < heap.length && heap[child + 1].atMs < heap[child].atMs) child++;
      if (heap[child].atMs >= last.atMs) break;
      heap[at] = heap[child];
      at = child;
    }
    heap[at] = last;
    return first;
  }
}
