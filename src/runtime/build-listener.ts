import { processCallIds } from '../call/call-ids.ts';
import { CallCounter, type ProxyContext } from '../call/plan.ts';
import type { ReplayBudget } from '../call/replay-buffer.ts';
import type { RequestWatch } from '../call/request-watch.ts';
import { planRoute, type RoutePlan } from '../call/route-plan.ts';
import { clustersOfRoute } from '../config/rules/policies.ts';
import type { ListenerConfig } from '../config/table.ts';
import type { MemoryPressure } from '../core/memory-pressure.ts';
import type { SocketAccess } from '../core/unix-socket.ts';
import { ListenerRoutes } from '../explain/route-steps.ts';
import type { ViolationCounts } from '../http1/violation-counts.ts';
import { connectionDefaults } from '../http2/options.ts';
import type { ConnectionSlots } from '../listeners/connection-slots.ts';
import { Listener, type ListenerSettings } from '../listeners/listener.ts';
import type { NetworkListener } from '../listeners/network-listener.ts';
import { tcpDownstream } from '../listeners/tcp-downstream.ts';
import type { TlsFailureCounts } from '../listeners/tls-failures.ts';
import { UdpListener } from '../listeners/udp-listener.ts';
import { upgradeStream, upgradeTunnel } from '../listeners/upgrade-downstream.ts';
import { type PolicyDeps, sameParts } from '../policies/compile.ts';
import { compileRoutes, type Router } from '../routing/router.ts';
import { serverTls } from '../security/tls-files.ts';
import type { Telemetry } from '../telemetry/telemetry.ts';
import type { UdpCounts } from '../udp/drops.ts';
import type { UdpRelaySettings } from '../udp/relay.ts';
import type { BuildDeps, BuiltCluster } from './build-cluster.ts';
import { buildPlan, type PlanDeps } from './build-plan.ts';
import { sameRouting } from './config-changes.ts';

/** A listener and what its calls run on. `config`, `context` and `clusters` are replaced together by a reload. */
export interface ListenerParts {
  readonly listener: NetworkListener;
  /** What `protocol: tcp` or `udp` carries; null for any other listener. */
  readonly passthrough: Passthrough | null;
  /** What `protocol: udp` counts; null for any other listener. */
  readonly udp: UdpCounts | null;
  config: ListenerConfig;
  /** Read once per call. */
  context: ProxyContext;
  clusters: ReadonlyMap<string, BuiltCluster>;
}

/** Connections or sessions of Layer 4. */
export interface Passthrough {
  /** Those that are not over. */
  readonly connections: number;
  /** And those that are. */
  readonly ended: number;
  /** Takes no new ones; those there are go on to their own end. */
  drain(): void;
  /** Ends them. */
  close(): void;
}

export interface ListenerBuildDeps extends BuildDeps, PlanDeps {
  readonly telemetry: Telemetry;
  readonly replayBudget: ReplayBudget;
  readonly watch: RequestWatch;
  readonly slots: ConnectionSlots;
  readonly refusedRequests: ViolationCounts;
  readonly tlsFailures: TlsFailureCounts;
  readonly memory: MemoryPressure;
  /** `drain.handover`: a successor may bind the same addresses. */
  readonly sharedPorts: boolean;
}

/** A listener as configured, with its routes compiled over the clusters; not yet bound. */
export function buildListener(
  config: ListenerConfig,
  clusters: ReadonlyMap<string, BuiltCluster>,
  deps: ListenerBuildDeps,
): ListenerParts {
  const context: ProxyContext = {
    listener: config.name,
    ...routesOf(config, clusters, deps),
    telemetry: deps.telemetry,
    clock: deps.clock,
    replayBudget: deps.replayBudget,
    memory: deps.memory,
    watch: deps.watch,
    calls: new CallCounter(),
    ids: processCallIds,
  };
  const downstream = { ...deps, context: () => parts.context };
  const parts: ListenerParts = { ...acceptingParts(), config, context, clusters };
  return parts;

  function acceptingParts(): Pick<ListenerParts, 'listener' | 'passthrough' | 'udp'> {
    const settings = listenerSettings(config, deps);
    if (config.protocol === 'udp') {
      const listener = new UdpListener(settings, {
        ...downstream,
        settings: () => udpSettings(parts.config),
      });
      return { listener, passthrough: listener.relay, udp: listener.relay.counts };
    }
    const idleTimeoutMs = (): number => parts.config.limits.idleTimeoutMs;
    const tcp = config.protocol === 'tcp' ? tcpDownstream({ ...downstream, idleTimeoutMs }) : null;
    const listener = new Listener(settings, {
      ...downstream,
      onUpgrade: (head, tunnel, peer) => upgradeTunnel(head, tunnel, peer, downstream),
      onWebSocket: (head, stream, peer) => upgradeStream(head, stream, peer, downstream),
      onTcp: tcp === null ? null : (socket) => tcp.accept(socket, null),
    });
    return { listener, passthrough: tcp, udp: null };
  }
}

function udpSettings({ udp }: ListenerConfig): UdpRelaySettings {
  return {
    sessionsMax: udp.maxSessions,
    idleTimeoutMs: udp.idleTimeoutMs,
    responses: udp.responses ?? 0,
  };
}

/** Where the requests of a listener go, compiled over these clusters. */
export function routesOf(
  config: ListenerConfig,
  clusters: ReadonlyMap<string, BuiltCluster>,
  deps: PlanDeps,
): Pick<ProxyContext, 'router' | 'routes' | 'passthrough'> {
  const router: Router<RoutePlan> = compileRoutes(
    config.routes.map((route) => ({ ...route, plan: buildPlan(config, route, clusters, deps) })),
    config.requestTarget,
  );
  const { cluster } = config;
  const passthrough = cluster === undefined ? null : planRoute('', clusters.get(cluster)!.cluster, []);
  const routes = passthrough === null ? new ListenerRoutes(config.routes, config.requestTarget) : null;
  return { router, routes, passthrough };
}

/** The routes of both lead to the same: they have not changed, nor has any cluster been rebuilt. */
export function sameRoutes(
  { config, clusters }: Pick<ListenerParts, 'config' | 'clusters'>,
  next: ListenerConfig,
  after: ReadonlyMap<string, BuiltCluster>,
  policies: PolicyDeps,
): boolean {
  if (!sameRouting(config, next, policies.list)) return false;
  if (!sameParts(config.routes, next.routes, policies)) return false;
  return config.routes
    .flatMap((route) => clustersOfRoute(route, '', policies.list))
    .every(({ name = '' }) => clusters.get(name)?.cluster === after.get(name)?.cluster);
}

/** What a listener holds its connections to. Reads certificates; throws where one cannot be read. */
export function listenerSettings(
  config: ListenerConfig,
  deps: Pick<ListenerBuildDeps, 'bufferBudget' | 'hpackCaches' | 'sharedPorts'>,
): ListenerSettings {
  const { limits, tls } = config;
  const { bufferBudget: budget, hpackCaches, sharedPorts } = deps;
  return {
    name: config.name,
    address: config.listen,
    socketAccess: socketAccess(config.socket),
    direction: config.direction,
    protocol: config.protocol,
    tls: tls === undefined ? null : serverTls({ ...tls, ca: tls.clientCa }, tls.requireClientCert),
    connectionsMax: limits.maxConnections,
    shared: sharedPorts && config.listen.kind === 'tcp',
    prefaceTimeoutMs: limits.handshakeTimeoutMs,
    idleTimeoutMs: limits.idleTimeoutMs,
    ageMsMax: limits.maxConnectionAgeMs ?? Number.POSITIVE_INFINITY,
    stallTimeoutMs: limits.stallTimeoutMs,
    uploadStallTimeoutMs: limits.uploadStallTimeoutMs,
    halfCloseTimeoutMs: limits.halfCloseTimeoutMs,
    http2: {
      ...connectionDefaults,
      maxConcurrentStreams: limits.maxConcurrentStreams,
      headerListBytesMax: limits.headerListBytes,
      headerFieldsMax: limits.headerCount,
      streamWindowBytes: limits.streamWindowBytes,
      connectionWindowBytes: limits.connectionWindowBytes,
      bufferedBytesMax: limits.bufferedBytes,
      glitchesMax: limits.maxGlitches,
      controlFramesMax: limits.maxControlFrames,
      earlyResetsMax: limits.maxEarlyResets,
      continuationsMax: limits.maxContinuations,
      streamsPerTurnMax: limits.maxCallsPerTurn,
      budget,
      hpackCaches,
    },
  };
}

/** As the system takes it: `"0660"` is octal. */
export function socketAccess(socket: ListenerConfig['socket']): SocketAccess {
  const { mode, user, group } = socket;
  return { mode: mode === undefined ? undefined : Number.parseInt(mode, 8), user, group };
}
