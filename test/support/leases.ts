import type { PickReason } from '../../src/balancing/pick-reason.ts';
import type { Ending } from '../../src/core/ending.ts';
import type { Cluster } from '../../src/upstream/cluster.ts';
import type { Endpoint } from '../../src/upstream/endpoint.ts';
import { Lease } from '../../src/upstream/lease.ts';
import type { MethodRef } from '../../src/upstream/method-slots.ts';

/**
 * The steps of `Cluster.acquire`, one at a time, for tests that put attempts on an endpoint of their choice, or ask which
 * endpoint would be next without taking it.
 */

const leases = new WeakMap<Endpoint, Lease[]>();

export function pickFrom(
  cluster: Cluster,
  nowMs: number,
  tried: ReadonlySet<Endpoint> | null,
  key: string,
): Endpoint | null {
  return cluster['pick'](nowMs, tried, key);
}

export function explainPick(cluster: Cluster, endpoint: Endpoint, nowMs: number, key: string): PickReason {
  return cluster['explain'](endpoint, nowMs, key);
}

export function beginLease(cluster: Cluster, endpoint: Endpoint, method: MethodRef | null = null): Lease {
  const nowMs = cluster['deps'].clock.now();
  const lease = new Lease(cluster, endpoint, explainPick(cluster, endpoint, nowMs, ''), nowMs, method);
  leases.set(endpoint, [...(leases.get(endpoint) ?? []), lease]);
  return lease;
}

/** Of the lease that began last. */
export function leaseAnswered(_cluster: Cluster, endpoint: Endpoint, sinceMs: number): void {
  leases.get(endpoint)!.at(-1)!.answered(sinceMs);
}

/** Ends the lease that began last, as one that took `durationMs`. */
export function endLease(
  _cluster: Cluster,
  endpoint: Endpoint,
  ending: Ending,
  durationMs: number,
  nowMs: number,
): void {
  const lease = leases.get(endpoint)!.pop()!;
  Object.assign(lease, { startedMs: nowMs - durationMs });
  lease.end(ending, nowMs);
}

/** Reports what becomes of every lease that the cluster gives from now on. */
export function watchLeases(
  cluster: Cluster,
  seen: {
    answered?(): void;
    ended?(ending: Ending, tookMs: number, method: MethodRef | null): void;
  },
): void {
  const { acquire } = cluster;
  cluster.acquire = (...args) => {
    const lease = acquire.apply(cluster, args);
    if (typeof lease === 'string') return lease;
    const { answered, end } = lease;
    let hasAnswered = false;
    lease.answered = (sinceMs) => {
      if (!hasAnswered) seen.answered?.();
      hasAnswered = true;
      answered.call(lease, sinceMs);
    };
    lease.end = (ending, nowMs) => {
      if (!lease.ended) seen.ended?.(ending, nowMs - lease.startedMs, args[4]);
      end.call(lease, ending, nowMs);
    };
    return lease;
  };
}
