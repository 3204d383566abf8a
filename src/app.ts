import { type AdminServer, startAdmin } from './admin/server.ts';
import { adminDeps } from './app/admin-deps.ts';
import { type BuildDeps, buildCluster, clusterTls } from './app/build-cluster.ts';
import { type BuiltCluster, buildListener, type ListenerParts } from './app/build-listener.ts';
import { CallStats } from './app/call-stats.ts';
import { clientConnectionsMax } from './app/descriptors.ts';
import { drainableOf } from './app/drainable.ts';
import { collectGarbage, memoryMarks, readMemory } from './app/memory.ts';
import { MemoryWatch } from './app/memory-watch.ts';
import { type AppDeps, type AppParts, connectionCounts, notReadyBecause } from './app/parts.ts';
import { endpointMetrics } from './app/snapshots.ts';
import type { ClusterConfig, Config } from './config/table.ts';
import { type Address, formatAddress } from './core/address.ts';
import { InternalErrors } from './core/internal-errors.ts';
import { sparingLogger } from './core/sparing-logger.ts';
import { BufferBudget } from './http2/buffer-budget.ts';
import { FlushScheduler } from './http2/flush-scheduler.ts';
import { type DrainResult, Lifecycle } from './lifecycle.ts';
import { ConnectionSlots } from './listeners/connection-slots.ts';
import { ReplayBudget, replayBytesTotalMax } from './proxy/replay-buffer.ts';
import { startTelemetry, type Telemetry } from './telemetry/telemetry.ts';
import type { Cluster } from './upstream/cluster.ts';

/** A sidecar that runs. */
export interface App {
  /** Where a listener is bound, with the port the system gave. */
  listenerAddress(name: string): Address;
  readonly admin: AdminServer;
  readonly telemetry: Telemetry;
  readonly clusters: readonly Cluster[];
  readonly lifecycle: Lifecycle;
  readonly internalErrors: InternalErrors;
  /** Why it is not ready, in plain words; empty when it is. */
  notReadyBecause(): string[];
  /** Drains and closes; the second asks for nothing new. */
  stop(): Promise<DrainResult>;
}

/** Builds everything from a configuration and starts it in order; rejects with a sentence and leaves nothing behind. */
export async function startApp(config: Config, deps: AppDeps): Promise<App> {
  const { clock, logger } = deps;
  const lifecycle = new Lifecycle(clock, logger, config.drain);
  const stats = new CallStats();
  const clusters = new Map<string, BuiltCluster>();
  const listeners: ListenerParts[] = [];
  const internalErrors = new InternalErrors(sparingLogger(logger, clock));
  const telemetry = await startTelemetry(config.telemetry, {
    ...deps,
    internalErrors,
    endpoints: () => endpointMetrics([...clusters.values()].map((built) => built.cluster)),
    connections: () => connectionCounts(listeners, clusters),
  });
  const build: BuildDeps = {
    ...deps,
    scheduler: new FlushScheduler(),
    bufferBudget: new BufferBudget(config.limits.bufferedBytes),
    internalErrors,
  };
  for (const cluster of config.clusters) clusters.set(cluster.name, builtCluster(cluster, build));
  const counted: Telemetry = { ...telemetry, settled: countedSettled(telemetry, stats) };
  const replayBudget = new ReplayBudget(replayBytesTotalMax);
  const slots = new ConnectionSlots(clientConnectionsMax());
  const memory = watchMemory(config, deps, telemetry, (high) => build.bufferBudget.press(high));
  for (const listener of config.listeners) {
    const listenerDeps = { ...build, telemetry: counted, replayBudget, slots, memory };
    listeners.push(buildListener(listener, clusters, listenerDeps));
  }
  const parts: AppParts = { config, deps, lifecycle, stats, clusters, listeners, telemetry, memory };
  let admin: AdminServer | null = null;
  const drainable = drainableOf(parts, () => admin);
  const drain = (): Promise<DrainResult> => lifecycle.drain(drainable);
  const stop = (): Promise<DrainResult> => lifecycle.stop(drainable);
  try {
    admin = await startAdmin({
      address: config.admin.listen,
      deps: adminDeps(parts, drain),
      logger,
      clock,
    });
    for (const { cluster } of clusters.values()) cluster.start();
    for (const { listener } of listeners) {
      const address = await listener.listen();
      logger.info('listening', { listener: listener.settings.name, address: formatAddress(address) });
    }
  } catch (error) {
    await drainable.close();
    throw error;
  }
  memory.start();
  lifecycle.started();
  const running = admin;
  logger.info('admin page', { url: `http://${formatAddress(running.address)}/` });
  return {
    listenerAddress: (name) =>
      listeners.find((parts) => parts.listener.settings.name === name)!.listener.address,
    admin: running,
    telemetry,
    clusters: [...clusters.values()].map((built) => built.cluster),
    lifecycle,
    internalErrors,
    notReadyBecause: () => notReadyBecause(parts),
    stop,
  };
}

function builtCluster(config: ClusterConfig, build: BuildDeps): BuiltCluster {
  return {
    cluster: buildCluster(config, build),
    tls: clusterTls(config),
    connectTimeoutMs: config.connectTimeoutMs ?? 5000,
  };
}

function watchMemory(
  config: Config,
  { clock, logger, readMemory: read = readMemory }: AppDeps,
  telemetry: Telemetry,
  onChange: (high: boolean) => void,
): MemoryWatch {
  const watch = new MemoryWatch(memoryMarks(config.limits), {
    clock,
    logger,
    read,
    collectGarbage,
    onChange,
  });
  const help = 'Whether new calls are refused because memory is short: 1, else 0.';
  telemetry.registry.observe('gauge', { name: 'outrigger.memory.short', help, unit: '' }, (emit) =>
    emit({}, watch.high ? 1 : 0),
  );
  return watch;
}

function countedSettled(telemetry: Telemetry, stats: CallStats): Telemetry['settled'] {
  return (record, trace) => {
    stats.add(record);
    telemetry.settled(record, trace);
  };
}
