import type { IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import { CallCounter, type ProxyContext, type RoutePlan } from '../call/plan.ts';
import type { ReplayBudget } from '../call/replay-buffer.ts';
import { TcpCall } from '../call/tcp-call.ts';
import { UpgradeCall } from '../call/upgrade-call.ts';
import type { ListenerConfig } from '../config/table.ts';
import type { MemoryPressure } from '../core/memory-pressure.ts';
import type { Random } from '../core/random.ts';
import type { SocketAccess } from '../core/unix-socket.ts';
import { proxyUpgrade } from '../http1/upgrade.ts';
import { connectionDefaults } from '../http2/options.ts';
import type { ConnectionSlots } from '../listeners/connection-slots.ts';
import { Listener, type ListenerSettings } from '../listeners/listener.ts';
import { compileRoutes, type Router } from '../routing/router.ts';
import { endpointTls } from '../security/endpoint-tls.ts';
import { serverTls } from '../security/tls-files.ts';
import { createTcpPassthrough, type TcpPassthrough } from '../tcp/passthrough.ts';
import { abort } from '../tcp/relay.ts';
import type { Telemetry } from '../telemetry/telemetry.ts';
import { type BuildDeps, type BuiltCluster, connectTimeoutOf } from './build-cluster.ts';
import { buildPlan } from './build-plan.ts';

/** A listener and what its calls run on. `config`, `context` and `clusters` are replaced together by a reload. */
export interface ListenerParts {
  readonly listener: Listener;
  readonly tcp: TcpPassthrough | null;
  config: ListenerConfig;
  /** Read once per call. */
  context: ProxyContext;
  clusters: ReadonlyMap<string, BuiltCluster>;
}

export interface ListenerBuildDeps extends BuildDeps {
  readonly telemetry: Telemetry;
  readonly replayBudget: ReplayBudget;
  readonly slots: ConnectionSlots;
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
    router: routerOf(config, clusters, deps.random),
    telemetry: deps.telemetry,
    clock: deps.clock,
    replayBudget: deps.replayBudget,
    memory: deps.memory,
    calls: new CallCounter(),
  };
  const tcp = config.protocol === 'tcp' ? buildTcp(() => parts, deps) : null;
  const listener = new Listener(listenerSettings(config, deps), {
    ...deps,
    context: () => parts.context,
    onUpgrade: (request, socket, head) => {
      upgrade(parts, deps, request, socket, head).catch((error) => {
        deps.internalErrors.caught('http1', error);
        socket.destroy();
      });
    },
    // Bytes can carry no error: who comes while memory is short is closed as it comes.
    onTcp: tcp === null ? null : (socket) => (deps.memory.high ? abort(socket) : tcp.accept(socket, null)),
  });
  const parts: ListenerParts = { listener, tcp, config, context, clusters };
  return parts;
}

/** The routes of a listener, compiled over these clusters. */
export function routerOf(
  config: ListenerConfig,
  clusters: ReadonlyMap<string, BuiltCluster>,
  random: Random,
): Router<RoutePlan> {
  return compileRoutes(
    config.routes.map((route) => ({ ...route, plan: buildPlan(route, clusters, random) })),
    config.requestTarget,
  );
}

/** The routes of both lead to the same: they have not changed, nor has any cluster been made anew. */
export function sameRoutes(
  { config, clusters }: Pick<ListenerParts, 'config' | 'clusters'>,
  wanted: ListenerConfig,
  after: ReadonlyMap<string, BuiltCluster>,
): boolean {
  if (JSON.stringify(config.routes) !== JSON.stringify(wanted.routes)) return false;
  if (JSON.stringify(config.requestTarget) !== JSON.stringify(wanted.requestTarget)) return false;
  return config.routes.every(({ cluster }) => clusters.get(cluster)?.cluster === after.get(cluster)?.cluster);
}

/** What a listener holds its connections to. Reads certificates; throws where one cannot be read. */
export function listenerSettings(
  config: ListenerConfig,
  { bufferBudget: budget, sharedPorts }: Pick<ListenerBuildDeps, 'bufferBudget' | 'sharedPorts'>,
): ListenerSettings {
  const { limits, tls } = config;
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
    },
  };
}

/** As the system takes it: `"0660"` is octal. */
export function socketAccess(socket: ListenerConfig['socket']): SocketAccess {
  const { mode, user, group } = socket;
  return { mode: mode === undefined ? undefined : Number.parseInt(mode, 8), user, group };
}

function buildTcp(parts: () => ListenerParts, deps: BuildDeps): TcpPassthrough {
  const calls = new WeakMap<Socket, TcpCall>();
  return createTcpPassthrough({
    clock: deps.clock,
    get connectTimeoutMs() {
      return tcpCluster(parts()).connectTimeoutMs;
    },
    connectAttemptsMax: 3,
    get idleTimeoutMs() {
      return parts().config.limits.idleTimeoutMs;
    },
    internalErrors: deps.internalErrors,
    pick(client) {
      let call = calls.get(client);
      if (call === undefined) {
        const peer = { address: client.remoteAddress ?? '', port: client.remotePort ?? 0 };
        call = new TcpCall(parts().context, peer);
        calls.set(client, call);
      }
      const chosen = call.choose(tcpCluster(parts()).cluster);
      return chosen === null ? null : { address: chosen.endpoint.target, release: chosen.release };
    },
    ended(outcome, client) {
      const detail = calls.get(client)?.ended(outcome) ?? outcome.detail;
      if (outcome.error === '') return;
      deps.logger.warn('TCP connection failed', {
        cluster: parts().config.cluster,
        endpoint: outcome.endpoint,
        code: outcome.error,
        reason: detail,
      });
    },
  });
}

function tcpCluster({ clusters, config }: ListenerParts): BuiltCluster {
  return clusters.get(config.cluster!)!;
}

/** A WebSocket: routed and picked like a call, then forwarded by http2-proxy until either side ends. */
async function upgrade(
  // As they are now: a reload may put others in their place before it is over.
  { context, clusters }: ListenerParts,
  deps: BuildDeps,
  request: IncomingMessage,
  socket: Socket,
  head: Buffer,
): Promise<void> {
  const peer = { address: socket.remoteAddress ?? '', port: socket.remotePort ?? 0 };
  const call = new UpgradeCall(context, peer, () => socket.destroy());
  const outcome = await proxyUpgrade(request, socket, head, {
    clock: deps.clock,
    connectAttemptsMax: 3,
    clientAddress: peer.address || null,
    choose: (block) => {
      const chosen = call.choose(block);
      if (chosen.error !== undefined) return chosen;
      const { tls: clusterTls, config } = clusters.get(chosen.cluster)!;
      const tls = clusterTls && endpointTls(clusterTls, chosen.address, chosen.hostname);
      const connectTimeoutMs = connectTimeoutOf(config, chosen.address);
      const replyHeaderBytesMax = config.limits.headerListBytes;
      return { target: { ...chosen, tls, connectTimeoutMs, replyHeaderBytesMax } };
    },
  });
  call.ended(outcome);
}
