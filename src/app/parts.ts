import type { Config } from '../config/table.ts';
import type { Clock } from '../core/clock.ts';
import type { LineLogger } from '../core/line-logger.ts';
import type { Random } from '../core/random.ts';
import type { DnsResolver } from '../discovery/dns-resolver.ts';
import type { Lifecycle } from '../lifecycle.ts';
import type { ConnectionCounts } from '../telemetry/metrics/process-metrics.ts';
import type { Telemetry } from '../telemetry/telemetry.ts';
import type { BuiltCluster, ListenerParts } from './build-listener.ts';
import type { CallStats } from './call-stats.ts';
import type { MemoryReading } from './memory.ts';
import type { MemoryWatch } from './memory-watch.ts';

/** What a sidecar needs of the process it runs in. */
export interface AppDeps {
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: LineLogger;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Outrigger's version. */
  readonly version: string;
  /** `POST /quitquitquit` was asked for, and the drain is over. */
  readonly onQuit: () => void;
  /** For tests: asks other DNS servers than the system's. */
  readonly newDnsResolver?: () => DnsResolver;
  /** For tests: other memory than this process's. */
  readonly readMemory?: () => MemoryReading;
}

/** All that a running sidecar is made of, for those who look at it. */
export interface AppParts {
  readonly config: Config;
  readonly deps: AppDeps;
  readonly lifecycle: Lifecycle;
  readonly stats: CallStats;
  readonly clusters: ReadonlyMap<string, BuiltCluster>;
  readonly listeners: readonly ListenerParts[];
  readonly telemetry: Telemetry;
  readonly memory: MemoryWatch;
}

/** Why `/ready` says no, in plain words; empty when it says yes. */
export function notReadyBecause(parts: AppParts): string[] {
  const { state } = parts.lifecycle;
  if (state === 'draining') return ['draining'];
  const reasons = state === 'starting' ? ['the listeners are not bound yet'] : [];
  for (const { cluster } of parts.clusters.values()) {
    const reason = cluster.notReadyBecause;
    if (reason !== '') reasons.push(reason);
  }
  return reasons;
}

export function connectionCounts(
  listeners: readonly ListenerParts[],
  clusters: ReadonlyMap<string, BuiltCluster>,
): ConnectionCounts {
  let downstream = 0;
  let upstream = 0;
  for (const { listener } of listeners) downstream += listener.connections;
  for (const { cluster } of clusters.values()) {
    for (const endpoint of cluster.all()) upstream += endpoint.pool.connections;
  }
  return { downstream, upstream };
}

/** Calls in flight: HTTP calls, WebSockets and, for `protocol: tcp`, connections. */
export function activeCalls(listeners: readonly ListenerParts[]): number {
  let active = 0;
  for (const { context, tcp } of listeners) active += context.calls.active + (tcp?.connections ?? 0);
  return active;
}

export function endedCalls(listeners: readonly ListenerParts[]): number {
  let ended = 0;
  for (const { context } of listeners) ended += context.calls.ended;
  return ended;
}
