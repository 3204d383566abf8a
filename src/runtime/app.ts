import type { AdminDeps, Readiness, ReloadOutcome } from '../admin/deps.ts';
import type { AdminSecurity } from '../admin/renewable-security.ts';
import { type AdminOptions, type AdminServer, startAdmin } from '../admin/server.ts';
import { ReplayBudget, replayBytesTotalMax } from '../call/replay-buffer.ts';
import { registerConcurrencyMetrics } from '../concurrency/metrics.ts';
import type { Config } from '../config/table.ts';
import type { OriginOf } from '../config/values.ts';
import { type Address, formatAddress } from '../core/address.ts';
import type { Clock } from '../core/clock.ts';
import { InternalErrors } from '../core/internal-errors.ts';
import type { Logger } from '../core/logger.ts';
import { rateLimitedLogger } from '../core/rate-limited-logger.ts';
import { HeadCache } from '../http1/head-cache.ts';
import { ViolationCounts } from '../http1/violation-counts.ts';
import { BufferBudget } from '../http2/buffer-budget.ts';
import { HpackCaches } from '../http2/hpack/caches.ts';
import { ConnectionSlots } from '../listeners/connection-slots.ts';
import { TlsFailureCounts } from '../listeners/tls-failures.ts';
import { type PolicyDeps, partsOf, policyMetrics } from '../policies/compile.ts';
import { policies as builtIn } from '../policies/list.ts';
import { PartStore } from '../policies/parts.ts';
import { registerSubsettingMetrics } from '../subsetting/metrics.ts';
import { TapHub } from '../tap/tap-hub.ts';
import { registerUdpMetrics } from '../telemetry/metrics/udp-metrics.ts';
import { startTelemetry, type Telemetry } from '../telemetry/telemetry.ts';
import { FlushScheduler } from '../transport/flush-scheduler.ts';
import { dropReasons } from '../udp/drops.ts';
import type { Cluster } from '../upstream/cluster.ts';
import { EndpointSeriesTable } from '../upstream/endpoint-series.ts';
import { SubchannelTable } from '../upstream/subchannels.ts';
import { adminDeps } from './admin-deps.ts';
import { adminSecurity, renewAdmin } from './admin-security.ts';
import { Balance } from './balance.ts';
import { buildCluster } from './build-cluster.ts';
import { buildListener, type ListenerBuildDeps, type ListenerParts, socketAccess } from './build-listener.ts';
import { CallStats } from './call-stats.ts';
import type { ControlPlane } from './control-plane/control-plane.ts';
import { registerControlPlaneMetrics } from './control-plane/metrics.ts';
import { usesControlPlane } from './control-plane/uses.ts';
import { clientConnectionsMax } from './descriptors.ts';
import { registerDiscoveryMetrics } from './discovery-metrics.ts';
import { drainableOf } from './drainable.ts';
import { InboundDrain } from './inbound-drain.ts';
import { type Drainable, type DrainResult, drainGracefully, Lifecycle } from './lifecycle.ts';
import { collectGarbage, memoryMarks, readMemory } from './memory.ts';
import { MemoryWatch } from './memory-watch.ts';
import {
  type AppDeps,
  type AppState,
  activeCalls,
  connectionCounts,
  endedCalls,
  everyListener,
  newRunning,
  notReadyBecause,
  type Running,
  runningClusters,
} from './parts.ts';
import { readinessOf, registerReadinessMetrics } from './readiness.ts';
import {
  registerRefusedReplies,
  registerRefusedRequests,
  registerTlsFailures,
} from './refused-message-metrics.ts';
import { Reloader } from './reload.ts';
import { newReloadStatus, registerReloadMetrics } from './reload-status.ts';
import { endpointMetrics, udpMetrics } from './snapshots.ts';
import { registerSubchannelMetrics } from './subchannel-metrics.ts';
import { beforeSharing, onDrainRequest, orNullIf, whenFree } from './take-over.ts';
import { registerZoneMetrics } from './zone-metrics.ts';

/** A sidecar that runs. */
export interface App {
  /** Where a listener is bound, with the port the system gave. */
  listenerAddress(name: string): Address;
  readonly admin: AdminServer;
  readonly telemetry: Telemetry;
  readonly clusters: readonly Cluster[];
  readonly lifecycle: Lifecycle;
  readonly internalErrors: InternalErrors;
  /** The active one. */
  readonly config: Config;
  /** Why it is not ready, in plain words; empty when it is. */
  notReadyBecause(): string[];
  /** What `/ready` answers. */
  readiness(): Readiness;
  /** Files that policies of the configuration loaded. */
  policyFiles(): string[];
  /** Calls in flight, and calls that ended, over all listeners. */
  calls(): { readonly active: number; readonly ended: number };
  /** Reloads the configuration, or returns why it did not. Never rejects. */
  reload(why: string): Promise<ReloadOutcome>;
  /** Drains; the admin server goes on. Null where the drain was cancelled. */
  drain(): Promise<DrainResult | null>;
  /** Drains and closes; the second asks for nothing new. */
  stop(): Promise<DrainResult>;
}

/** Builds everything from a configuration and starts it in order; rejects with a sentence and leaves nothing behind. */
export async function startApp(config: Config, deps: AppDeps): Promise<App> {
  const { clock, logger } = deps;
  const controlPlane = await controlPlaneOf(config, deps, () => ({ reload, lifecycle }));
  const lifecycle = new Lifecycle(clock, logger, config.drain);
  const stats = new CallStats();
  const balance = new Balance(clock, () => [...parts.running.clusters.values()]);
  const internalErrors = new InternalErrors(rateLimitedLogger(logger, clock));
  const telemetry = await telemetryOf(config, deps, { internalErrors, stats, balance }, () => parts);
  const bufferBudget = new BufferBudget(config.limits.bufferedBytes);
  const memory = watchMemory(config, deps, telemetry, (high) => bufferBudget.press(high));
  const taps = new TapHub(config.admin.tap, { ...deps, shown: (records) => telemetry.recent.shown(records) });
  const parts: AppState = {
    deps,
    taps,
    lifecycle,
    inboundDrain: inboundDrainOf(deps, lifecycle, () => parts),
    stats,
    balance,
    telemetry,
    memory,
    controlPlane,
    ...initialState(config, clock),
  };
  registerStateMetrics(parts);
  const build: ListenerBuildDeps = {
    ...deps,
    assignments: controlPlane ?? undefined,
    zone: config.zone,
    ...sharedState(deps),
    bufferBudget,
    internalErrors,
    memory,
    watch: taps.watch,
    sharedPorts: config.drain.handoverMs !== undefined,
    policies: policyDepsOf(deps, telemetry),
    telemetry,
  };
  registerRefusals(build);
  registerSubchannelMetrics(telemetry.registry, build.subchannels);
  const reloader = new Reloader(parts, build);
  let admin: AdminServer | null = null;
  const reload = async (why: string): Promise<ReloadOutcome> => {
    const outcome = await reloader.reload(why);
    if (outcome.ok) renewAdmin(admin, logger);
    return outcome;
  };
  const drainable = drainableOf(parts, () => admin);
  const drain = (): Promise<DrainResult | null> => lifecycle.drain(drainable);
  try {
    parts.running = buildAll(config, build, deps.originOf);
    const forAdmin = adminDeps(parts, drain, () => reload('requested over the admin address'));
    const openAdmin = (): Promise<AdminServer> => startAdmin(adminOptions(parts, config, forAdmin));
    admin = await openAdmin().catch(orNullIf(config.drain.handoverMs !== undefined));
    for (const { cluster } of parts.running.clusters.values()) cluster.start();
    if (admin === null) await onDrainRequest(parts);
    await beforeSharing(parts);
    await bindListeners(parts);
    admin ??= await whenFree(openAdmin, parts);
    controlPlane?.start();
  } catch (error) {
    // On a shared address calls may have come already.
    if (build.sharedPorts) await drainGracefully(drainable, clock, config.drain);
    await drainable.close();
    controlPlane?.stop();
    throw error;
  }
  memory.start();
  balance.start();
  lifecycle.started();
  logAdmin(admin, logger);
  const stop = (): Promise<DrainResult> => stopApp(parts, drainable);
  return appOf({ parts, admin, build, internalErrors, reload, drain, stop });
}

function telemetryOf(
  config: Config,
  deps: AppDeps,
  { internalErrors, stats, balance }: { internalErrors: InternalErrors; stats: CallStats; balance: Balance },
  parts: () => AppState,
): Promise<Telemetry> {
  return startTelemetry(config.telemetry, {
    ...deps,
    internalErrors,
    settled(record) {
      stats.add(record);
      balance.settled(record);
    },
    endpoints: () => endpointMetrics(runningClusters(parts())),
    connections: () => connectionCounts(parts()),
  });
}

/** Loaded only where it is used: decoding what it sends takes definitions that take a while to load. */
async function controlPlaneOf(
  config: Config,
  deps: AppDeps,
  later: () => { readonly reload: App['reload']; readonly lifecycle: Lifecycle },
): Promise<ControlPlane | null> {
  if (!usesControlPlane(config)) return null;
  if (deps.load === undefined)
    throw new Error('what the control plane of xds sends has to be loaded with the file; use outrigger run');
  const { buildControlPlane } = await import('./control-plane/start.ts');
  const names = (list: ReadonlyArray<{ readonly name: string }>) => new Set(list.map(({ name }) => name));
  let reserved = { listeners: names(config.listeners), clusters: names(config.clusters) };
  return buildControlPlane(config, deps, {
    reload: (why) => later().reload(why),
    isDraining: () => later().lifecycle.state === 'draining',
    reserved() {
      // A file that is wrong just now has the names that it had.
      const file = deps.fileConfig?.();
      if (file !== undefined) reserved = { listeners: names(file.listeners), clusters: names(file.clusters) };
      return reserved;
    },
  });
}

function adminOptions(parts: AppState, config: Config, deps: AdminDeps): AdminOptions {
  const { isLocalPeer, logger, clock } = parts.deps;
  return {
    ...adminAccess(config),
    security: () => securityOfAdmin(parts, config),
    isLocalPeer,
    deps,
    logger,
    clock,
  };
}

function inboundDrainOf(
  { clock, logger }: AppDeps,
  lifecycle: Lifecycle,
  parts: () => AppState,
): InboundDrain {
  const isInbound = ({ listener }: ListenerParts): boolean => listener.settings.direction === 'inbound';
  return new InboundDrain({
    clock,
    logger,
    listeners: () =>
      everyListener(parts())
        .filter(isInbound)
        .map(({ listener }) => listener),
    settings: () => lifecycle.settings,
  });
}

function stopApp(
  { lifecycle, inboundDrain, controlPlane }: AppState,
  drainable: Drainable,
): Promise<DrainResult> {
  // A drain is for the configuration that runs.
  controlPlane?.stop();
  const result = lifecycle.stop(drainable);
  // The clients from outside have had their time, and those in the pod have ended before the sidecar.
  if (inboundDrain.phase === 'announced') lifecycle.skipDelay();
  return result;
}

/** The parts of the state that change, as they are before the first listener is bound. */
function initialState(
  config: Config,
  clock: Clock,
): Pick<AppState, 'reloads' | 'running' | 'wasReady' | 'failReadiness' | 'leaving'> {
  return {
    reloads: newReloadStatus(Math.floor(clock.wallMs())),
    running: newRunning(config, new Map(), []),
    wasReady: false,
    failReadiness: false,
    leaving: { listeners: new Set(), clusters: new Set() },
  };
}

/** Where the admin server listens, and for whom. */
function adminAccess({
  admin,
}: Config): Pick<AdminOptions, 'address' | 'socketAccess' | 'probes' | 'allowedHosts'> {
  return {
    address: admin.listen,
    socketAccess: socketAccess(admin.socket),
    probes: admin.probes,
    allowedHosts: admin.allowedHosts,
  };
}

/** Reads what guards the admin server, and remembers its certificate for `/certificates`. */
function securityOfAdmin(parts: AppState, config: Config): AdminSecurity {
  const security = adminSecurity(config.admin);
  parts.adminTls = security.tls;
  return security;
}

/** Metrics of what the process is doing. */
function registerStateMetrics(parts: AppState): void {
  const { registry } = parts.telemetry;
  registerReloadMetrics(registry, parts.reloads);
  registerConcurrencyMetrics(registry, () => runningClusters(parts));
  registerSubsettingMetrics(registry, () => runningClusters(parts));
  registerZoneMetrics(registry, () => runningClusters(parts));
  registerReadinessMetrics(registry, () => parts);
  registerDiscoveryMetrics(registry, () => parts);
  registerControlPlaneMetrics(registry, () => parts);
  parts.balance.register(registry);
  registerUdpMetrics(registry, dropReasons, () => udpMetrics(everyListener(parts)));
}

/** Metrics of what Outrigger refused before there was a request. */
function registerRefusals({
  telemetry: { registry },
  refusedReplies,
  refusedRequests,
  tlsFailures,
}: ListenerBuildDeps): void {
  registerRefusedReplies(registry, refusedReplies);
  registerRefusedRequests(registry, refusedRequests);
  registerTlsFailures(registry, tlsFailures);
}

/** What stays for as long as the process runs, whatever its configuration is. */
function sharedState({
  random,
}: AppDeps): Pick<
  ListenerBuildDeps,
  | 'scheduler'
  | 'hpackCaches'
  | 'headCache'
  | 'refusedReplies'
  | 'refusedRequests'
  | 'tlsFailures'
  | 'series'
  | 'subchannels'
  | 'replayBudget'
  | 'slots'
  | 'subsetSeed'
> {
  return {
    scheduler: new FlushScheduler(),
    hpackCaches: new HpackCaches(),
    headCache: new HeadCache(),
    refusedReplies: new ViolationCounts(),
    series: new EndpointSeriesTable(),
    subchannels: new SubchannelTable(),
    replayBudget: new ReplayBudget(replayBytesTotalMax),
    slots: new ConnectionSlots(clientConnectionsMax()),
    refusedRequests: new ViolationCounts(),
    tlsFailures: new TlsFailureCounts(),
    subsetSeed: random.i32(),
  };
}

function policyDepsOf({ policies = builtIn, parts }: AppDeps, { registry }: Telemetry): PolicyDeps {
  return { list: policies, metrics: policyMetrics(registry, policies), parts: new PartStore(parts) };
}

interface AppInput extends Pick<App, 'admin' | 'internalErrors' | 'reload' | 'drain' | 'stop'> {
  readonly parts: AppState;
  readonly build: ListenerBuildDeps;
}

function appOf({ parts, admin, build, ...functions }: AppInput): App {
  return {
    listenerAddress: (name) =>
      parts.running.listeners.find((one) => one.listener.settings.name === name)!.listener.address,
    admin,
    telemetry: parts.telemetry,
    get clusters() {
      return [...parts.running.clusters.values()].map((built) => built.cluster);
    },
    lifecycle: parts.lifecycle,
    get config() {
      return parts.running.config;
    },
    notReadyBecause: () => notReadyBecause(parts),
    readiness: () => readinessOf(parts),
    policyFiles() {
      const routes = parts.running.config.listeners.flatMap((listener) => listener.routes);
      return routes.flatMap((route) => partsOf(route, build.policies)).flatMap(({ files }) => files);
    },
    calls() {
      const listeners = everyListener(parts);
      return { active: activeCalls(listeners), ended: endedCalls(listeners) };
    },
    ...functions,
  };
}

async function bindListeners({ running, lifecycle, deps }: AppState): Promise<void> {
  for (const { listener } of running.listeners) {
    // A drain that came meanwhile has closed the listeners, and cannot close one that is bound after it.
    if (lifecycle.isClosing) return;
    const address = await listener.listen();
    deps.logger.info('listening', { listener: listener.settings.name, address: formatAddress(address) });
  }
}

function logAdmin({ address, probesAddress, usesTls }: AdminServer, logger: Logger): void {
  if (probesAddress !== null) logger.info('admin probes', { address: formatAddress(probesAddress) });
  const at = formatAddress(address);
  const url = `${usesTls ? 'https' : 'http'}://${at}/`;
  logger.info('admin page', address.kind === 'unix' ? { address: at } : { url });
}

function buildAll(config: Config, deps: ListenerBuildDeps, originOf?: OriginOf): Running {
  const clusters = new Map(config.clusters.map((cluster) => [cluster.name, buildCluster(cluster, deps)]));
  const listeners = config.listeners.map((listener) => buildListener(listener, clusters, deps));
  return newRunning(config, clusters, listeners, originOf);
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
