import type { Socket } from 'node:net';
import type { TlsOptions } from 'node:tls';
import type { LoadResult } from '../config/load.ts';
import type { PushedLists } from '../config/pushed.ts';
import type { Config } from '../config/table.ts';
import type { OriginOf } from '../config/values.ts';
import type { Clock } from '../core/clock.ts';
import type { LineLogger } from '../core/line-logger.ts';
import type { Random } from '../core/random.ts';
import type { DnsResolver } from '../discovery/dns-resolver.ts';
import type { PolicyList } from '../policies/compile.ts';
import type { PolicyParts } from '../policies/parts.ts';
import type { ConfigProblem } from '../schema/problem.ts';
import type { TapHub } from '../tap/tap-hub.ts';
import type { ConnectionCounts } from '../telemetry/metrics/process-metrics.ts';
import type { Telemetry } from '../telemetry/telemetry.ts';
import type { Cluster } from '../upstream/cluster.ts';
import type { Balance } from './balance.ts';
import type { BuiltCluster } from './build-cluster.ts';
import type { ListenerParts } from './build-listener.ts';
import type { CallStats } from './call-stats.ts';
import type { ControlPlane } from './control-plane/control-plane.ts';
import type { InboundDrain } from './inbound-drain.ts';
import type { Lifecycle } from './lifecycle.ts';
import type { MemoryReading } from './memory.ts';
import type { MemoryWatch } from './memory-watch.ts';
import type { ReloadStatus } from './reload-status.ts';

/** What a sidecar needs of the process it runs in. */
export interface AppDeps {
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: LineLogger;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Outrigger's version. */
  readonly version: string;
  /** Reads the configuration again, as at the start; absent where there is nothing to read. */
  readonly load?: (pushed?: PushedLists) => LoadResult | Promise<LoadResult>;
  /** What `load` would find wrong with what a control plane sent, at once; absent where there is nothing to read. */
  /** The configuration of the file alone, as it is now; undefined where it is wrong. */
  readonly fileConfig?: () => Config | undefined;
  readonly checkPushed?: (pushed: PushedLists) => readonly ConfigProblem[];
  /** What the policies of the first configuration loaded from outside. */
  readonly parts?: PolicyParts;
  /** Where the values of the first configuration come from; all are defaults if not given. */
  readonly originOf?: OriginOf;
  /** `POST /quitquitquit` was asked for, and the drain is over. */
  readonly onQuit: () => void;
  /** For tests: other policies than Outrigger's. */
  readonly policies?: PolicyList;
  /** For tests: asks other DNS servers than the system's. */
  readonly newDnsResolver?: () => DnsResolver;
  /** For tests, which have one machine: whether the peer of an admin connection is on this one. */
  readonly isLocalPeer?: (socket: Socket) => boolean;
  /** For tests: other memory than this process's. */
  readonly readMemory?: () => MemoryReading;
}

/**
 * What one configuration became. A reload makes another and puts it in the place of this one; the configuration and the list of
 * listeners are frozen, and nobody adds to the clusters. The clusters and listeners themselves live on and change.
 */
export interface Running {
  readonly config: Config;
  readonly clusters: ReadonlyMap<string, BuiltCluster>;
  readonly listeners: readonly ListenerParts[];
  /** Where the values of the configuration come from. */
  readonly originOf: OriginOf;
}

export function newRunning(
  config: Config,
  clusters: ReadonlyMap<string, BuiltCluster>,
  listeners: ListenerParts[],
  originOf: OriginOf = () => undefined,
): Running {
  return Object.freeze({ config, clusters, listeners: Object.freeze(listeners), originOf });
}

/** All parts of a running sidecar, for the admin API. */
export interface AppState {
  readonly deps: AppDeps;
  readonly lifecycle: Lifecycle;
  readonly inboundDrain: InboundDrain;
  readonly stats: CallStats;
  readonly balance: Balance;
  readonly telemetry: Telemetry;
  readonly taps: TapHub;
  readonly memory: MemoryWatch;
  readonly reloads: ReloadStatus;
  /** null without the section `xds`. */
  readonly controlPlane: ControlPlane | null;
  running: Running;
  /** Whether it was ready before the latest reload: what a reload brought can make it degraded, but not unready. */
  wasReady: boolean;
  /** Whether `POST /healthcheck/fail` made readiness fail. */
  failReadiness: boolean;
  /** What the admin server uses; null without TLS, absent before it has started. */
  adminTls?: TlsOptions | null;
  /** What a reload took away, until the calls there are over. */
  readonly leaving: { readonly listeners: Set<ListenerParts>; readonly clusters: Set<Cluster> };
}

/** Listeners that have connections or may get some: those of the configuration, and those that are on their way out. */
export function everyListener({ running, leaving }: AppState): ListenerParts[] {
  return [...running.listeners, ...leaving.listeners];
}

/** Clusters of the running configuration. */
export function runningClusters({ running }: Pick<AppState, 'running'>): Cluster[] {
  return [...running.clusters.values()].map(({ cluster }) => cluster);
}

/** Clusters that have calls or may get some. */
export function everyCluster(parts: AppState): Cluster[] {
  return [...runningClusters(parts), ...parts.leaving.clusters];
}

/** Why `/ready` says no, in plain words; empty when it says yes. */
export function notReadyBecause(parts: AppState): string[] {
  const { state } = parts.lifecycle;
  const byHand = parts.failReadiness ? ['made to fail by POST /healthcheck/fail'] : [];
  if (state === 'draining') return [drainingBecause(parts.lifecycle), ...byHand];
  const reasons = state === 'starting' ? ['the listeners are not bound yet'] : [];
  if (parts.inboundDrain.phase !== null) reasons.push('draining the inbound listeners');
  return [...reasons, ...(parts.wasReady ? [] : awaited(parts)), ...byHand];
}

function drainingBecause({ progress }: Lifecycle): string {
  if (progress === null) return 'draining';
  const { phase, acceptingForMs } = progress;
  if (phase === 'drained') return 'draining: the listeners are closed and every call has ended';
  if (phase === 'closing') return 'draining: the listeners are closed and calls in flight finish';
  return `draining: new connections are accepted for another ${(acceptingForMs / 1000).toFixed(1)} s`;
}

/** What the first calls have to wait for, in plain words. */
export function awaited(parts: Pick<AppState, 'running' | 'controlPlane'>): string[] {
  const reason = parts.controlPlane?.notReadyBecause ?? '';
  return [...(reason === '' ? [] : [reason]), ...clustersAwaited(parts)];
}

/** Clusters whose first answers are still to come, in plain words. */
export function clustersAwaited({ running }: Pick<AppState, 'running'>): string[] {
  return [...running.clusters.values()]
    .map(({ cluster }) => cluster.notReadyBecause)
    .filter((reason) => reason !== '');
}

export function connectionCounts(parts: AppState): ConnectionCounts {
  let downstream = 0;
  let upstream = 0;
  for (const { listener } of everyListener(parts)) downstream += listener.connections;
  for (const cluster of everyCluster(parts)) {
    for (const endpoint of cluster.all()) upstream += endpoint.pool.connections;
  }
  return { downstream, upstream };
}

/** Calls in flight: HTTP calls, WebSockets, connections of `protocol: tcp` and sessions of `protocol: udp`. */
export function activeCalls(listeners: readonly ListenerParts[]): number {
  let active = 0;
  for (const { context, passthrough } of listeners)
    active += context.calls.active + (passthrough?.connections ?? 0);
  return active;
}

export function endedCalls(listeners: readonly ListenerParts[]): number {
  let ended = 0;
  for (const { context, passthrough } of listeners) ended += context.calls.ended + (passthrough?.ended ?? 0);
  return ended;
}
