import type { ClusterConfig, Config, ListenerConfig } from '../config/table.ts';
import { formatAddress } from '../core/address.ts';
import type { DiscoverySource } from '../discovery/source.ts';
import type { PreparedListener } from '../listeners/network-listener.ts';
import { tlsDigest } from '../security/tls-files.ts';
import { type BuildDeps, type BuiltCluster, buildCluster, clusterTls } from './build-cluster.ts';
import { buildDiscovery } from './build-discovery.ts';
import {
  buildListener,
  type ListenerBuildDeps,
  type ListenerParts,
  listenerSettings,
} from './build-listener.ts';
import { clusterChange, sameAccepting, sameDiscovery } from './config-changes.ts';
import type { Running } from './parts.ts';

/** A cluster that stays, with other members or another balancer. */
export interface ChangedCluster {
  readonly built: BuiltCluster;
  /** Where its endpoints come from from now on; null for where they came from before. */
  readonly discovery: DiscoverySource | null;
}

/** A listener that keeps its socket and its connections. */
export interface KeptListener {
  readonly parts: ListenerParts;
  readonly config: ListenerConfig;
  /** What new connections are accepted with; null for what it was before. */
  readonly prepared: PreparedListener | null;
}

/** All that a reload is going to do, built and checked; nothing of it has begun. */
export interface ReloadPlan {
  readonly config: Config;
  readonly clusters: ReadonlyMap<string, BuiltCluster>;
  readonly newClusters: readonly BuiltCluster[];
  readonly changedClusters: readonly ChangedCluster[];
  readonly goneClusters: readonly BuiltCluster[];
  readonly newListeners: readonly ListenerParts[];
  readonly keptListeners: readonly KeptListener[];
  readonly goneListeners: readonly ListenerParts[];
  /** Gives back what was made: nothing of it is going to happen. */
  discard(): void;
}

/** Works out what is new, changed and gone. Throws a sentence on what cannot be. */
export function planReload(running: Running, config: Config, deps: ListenerBuildDeps): ReloadPlan {
  const undo: Array<() => void> = [];
  const discard = (): void => {
    for (const step of undo.splice(0)) step();
  };
  try {
    const clusters = planClusters(running, config, deps, undo);
    const listeners = planListeners(running, config, clusters.clusters, deps, undo);
    return { config, ...clusters, ...listeners, discard };
  } catch (error) {
    discard();
    throw error;
  }
}

function planClusters(running: Running, config: Config, deps: BuildDeps, undo: Array<() => void>) {
  const clusters = new Map<string, BuiltCluster>();
  const newClusters: BuiltCluster[] = [];
  const changedClusters: ChangedCluster[] = [];
  for (const next of config.clusters) {
    const before = running.clusters.get(next.name);
    const change = before === undefined ? 'rebuild' : changeOf(before, next);
    if (before === undefined || change === 'rebuild') {
      const built = withPlace(`cluster ${next.name}`, () => buildCluster(next, deps));
      newClusters.push(built);
      undo.push(() => built.cluster.stop());
      undo.push(() => built.cluster.close());
      clusters.set(next.name, built);
    } else if (change === 'same') clusters.set(next.name, before);
    else {
      const built = { ...before, config: next };
      const discovery = sameDiscovery(before.config, next) ? null : buildDiscovery(next, deps);
      if (discovery !== null) undo.push(() => discovery.stop());
      changedClusters.push({ built, discovery });
      clusters.set(next.name, built);
    }
  }
  const kept = new Set([...clusters.values()].map(({ cluster }) => cluster));
  const goneClusters = [...running.clusters.values()].filter(({ cluster }) => !kept.has(cluster));
  return { clusters, newClusters, changedClusters, goneClusters };
}

function planListeners(
  running: Running,
  config: Config,
  clusters: ReadonlyMap<string, BuiltCluster>,
  deps: ListenerBuildDeps,
  undo: Array<() => void>,
) {
  const newListeners: ListenerParts[] = [];
  const keptListeners: KeptListener[] = [];
  for (const next of config.listeners) {
    const parts = running.listeners.find((candidate) => sameSocket(candidate.config, next));
    if (parts === undefined) {
      const made = withPlace(`listener ${next.name}`, () => buildListener(next, clusters, deps));
      newListeners.push(made);
      undo.push(() => made.listener.close());
      continue;
    }
    if (parts.config.protocol !== next.protocol) {
      const change = `from ${parts.config.protocol} to ${next.protocol}`;
      throw new Error(
        `listener ${next.name}: protocol cannot change ${change} on one address; restart, or choose another address`,
      );
    }
    const prepared = withPlace(`listener ${next.name}`, () => {
      const settings = listenerSettings(next, deps);
      const sameFiles = tlsDigest(parts.listener.settings.tls) === tlsDigest(settings.tls);
      const same = sameFiles && sameAccepting(parts.config, next, deps.policies.list);
      return same ? null : parts.listener.prepare(settings);
    });
    keptListeners.push({ parts, config: next, prepared });
  }
  const kept = new Set(keptListeners.map(({ parts }) => parts));
  const goneListeners = running.listeners.filter((parts) => !kept.has(parts));
  return { newListeners, keptListeners, goneListeners };
}

/** An address is what clients know a listener by; where the system chooses the port, the name distinguishes two. */
function sameSocket(a: ListenerConfig, b: ListenerConfig): boolean {
  // TCP and UDP have ports of their own.
  if ((a.protocol === 'udp') !== (b.protocol === 'udp')) return false;
  if (formatAddress(a.listen) !== formatAddress(b.listen)) return false;
  return a.listen.kind === 'unix' || a.listen.port !== 0 || a.name === b.name;
}

/** Certificates count by what is in their files, not by their paths. */
function changeOf(before: BuiltCluster, next: ClusterConfig): ReturnType<typeof clusterChange> {
  return tlsDigest(before.tls) === tlsDigest(clusterTls(next))
    ? clusterChange(before.config, next)
    : 'rebuild';
}

function withPlace<T>(place: string, work: () => T): T {
  try {
    return work();
  } catch (error) {
    throw new Error(`${place}: ${error instanceof Error ? error.message : error}`);
  }
}
