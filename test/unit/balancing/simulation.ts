import { buildBalancer, latencyEstimator } from '../../../src/balancing/build.ts';
import type { Candidate } from '../../../src/balancing/candidate.ts';
import { failPenalty } from '../../../src/balancing/fail-penalty.ts';
import { type BalancerSettings, defaultBalancerSettings } from '../../../src/balancing/settings.ts';
import type { Random } from '../../../src/core/random.ts';
import { EventHeap } from '../../balance-sim/event-heap.ts';

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
    report: null,
    speed: null,
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
 * to the end; there are no retries. The smaller sister of `test/balance-sim/`, for a balancer alone: replicas differ in
 * weight and workers here, and there is no cluster between the two.
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
  const ends = new EventHeap();
  const exponential = (mean: number) => -mean * Math.log(1 - random.next());
  const settle = (call: number) => {
    const endpoint = candidates[result.replicaOf[call]];
    const tookMs = result.latencyMs[call];
    const endMs = result.arrivedMs[call] + tookMs;
    endpoint.active--;
    if (result.failed[call] === 1) {
      penalty.penalise(endpoint, endMs);
      estimator?.failed(endpoint, tookMs, endMs);
    } else {
      penalty.forgive(endpoint);
      estimator?.answered(endpoint, tookMs, endMs);
    }
  };
  let nowMs = 0;
  for (let call = 0; call < calls; call++) {
    nowMs += exponential(1 / callsPerMs);
    while (ends.nextMs <= nowMs) settle(ends.take());
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
    ends.add(endMs, call);
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
