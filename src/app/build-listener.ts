import type { IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import type { ConnectionOptions as TlsConnectionOptions } from 'node:tls';
import type { ListenerConfig } from '../config/table.ts';
import type { MemoryPressure } from '../core/memory-pressure.ts';
import { proxyUpgrade } from '../http1/upgrade.ts';
import type { BufferBudget } from '../http2/buffer-budget.ts';
import { connectionDefaults } from '../http2/options.ts';
import type { ConnectionSlots } from '../listeners/connection-slots.ts';
import { Listener, type ListenerSettings } from '../listeners/listener.ts';
import { CallCounter, type ProxyContext } from '../proxy/plan.ts';
import type { ReplayBudget } from '../proxy/replay-buffer.ts';
import { UpgradeCall } from '../proxy/upgrade-call.ts';
import { compileRoutes } from '../routing/router.ts';
import { serverTls } from '../security/tls-files.ts';
import { createTcpPassthrough, type TcpPassthrough } from '../tcp/passthrough.ts';
import { abort } from '../tcp/relay.ts';
import type { Telemetry } from '../telemetry/telemetry.ts';
import type { Cluster } from '../upstream/cluster.ts';
import type { BuildDeps } from './build-cluster.ts';
import { buildPlan } from './build-plan.ts';

/** A cluster with what those need who connect to its endpoints by themselves. */
export interface BuiltCluster {
  readonly cluster: Cluster;
  readonly tls: TlsConnectionOptions | null;
  readonly connectTimeoutMs: number;
}

export interface ListenerParts {
  readonly listener: Listener;
  readonly context: ProxyContext;
  readonly tcp: TcpPassthrough | null;
}

/** A listener as configured, with its routes compiled over the clusters; not yet bound. */
export function buildListener(
  config: ListenerConfig,
  clusters: ReadonlyMap<string, BuiltCluster>,
  deps: BuildDeps & {
    readonly telemetry: Telemetry;
    readonly replayBudget: ReplayBudget;
    readonly slots: ConnectionSlots;
    readonly memory: MemoryPressure;
  },
): ListenerParts {
  const context: ProxyContext = {
    listener: config.name,
    router: compileRoutes(
      config.routes.map((route) => ({ ...route, plan: buildPlan(route, clusters, deps.random) })),
    ),
    telemetry: deps.telemetry,
    clock: deps.clock,
    replayBudget: deps.replayBudget,
    memory: deps.memory,
    calls: new CallCounter(),
  };
  const tcp =
    config.protocol === 'tcp'
      ? buildTcp(clusters.get(config.cluster ?? '')!, config.limits.idleTimeoutMs, deps)
      : null;
  const listener = new Listener(settingsOf(config, deps.bufferBudget), {
    ...deps,
    context: () => context,
    onUpgrade: (request, socket, head) => {
      upgrade(context, clusters, deps, request, socket, head).catch((error) => {
        deps.internalErrors.caught('http1', error);
        socket.destroy();
      });
    },
    // Bytes can carry no error: who comes while memory is short is closed as it comes.
    onTcp: tcp === null ? null : (socket) => (deps.memory.high ? abort(socket) : tcp.accept(socket, null)),
  });
  return { listener, context, tcp };
}

function settingsOf(config: ListenerConfig, budget: BufferBudget): ListenerSettings {
  const { limits, tls } = config;
  return {
    name: config.name,
    address: config.listen,
    direction: config.direction,
    protocol: config.protocol,
    tls: tls === undefined ? null : serverTls({ ...tls, ca: tls.clientCa }, tls.requireClientCert),
    connectionsMax: limits.maxConnections,
    prefaceTimeoutMs: limits.handshakeTimeoutMs,
    idleTimeoutMs: limits.idleTimeoutMs,
    stallTimeoutMs: limits.stallTimeoutMs,
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

function buildTcp(
  { cluster, connectTimeoutMs }: BuiltCluster,
  idleTimeoutMs: number,
  deps: BuildDeps,
): TcpPassthrough {
  return createTcpPassthrough({
    clock: deps.clock,
    connectTimeoutMs,
    connectAttemptsMax: 3,
    idleTimeoutMs,
    internalErrors: deps.internalErrors,
    pick() {
      const startedMs = deps.clock.now();
      const endpoint = cluster.full ? null : cluster.pick(startedMs, null, '');
      if (endpoint === null) return null;
      cluster.begin(endpoint);
      return {
        address: endpoint.target,
        release(ok) {
          const nowMs = deps.clock.now();
          cluster.end(endpoint, ok ? 'success' : 'failure', nowMs - startedMs, nowMs);
        },
      };
    },
    ended(outcome) {
      if (outcome.error === '') return;
      deps.logger.warn('TCP connection failed', {
        cluster: cluster.name,
        endpoint: outcome.endpoint,
        code: outcome.error,
        reason: outcome.detail,
      });
    },
  });
}

/** A WebSocket: routed and picked like a call, then forwarded by http2-proxy until either side ends. */
async function upgrade(
  context: ProxyContext,
  clusters: ReadonlyMap<string, BuiltCluster>,
  deps: BuildDeps,
  request: IncomingMessage,
  socket: Socket,
  head: Buffer,
): Promise<void> {
  const peer = { address: socket.remoteAddress ?? '', port: socket.remotePort ?? 0 };
  const call = new UpgradeCall(context, peer, () => socket.destroy());
  const outcome = await proxyUpgrade(request, socket, head, {
    clock: deps.clock,
    connectTimeoutMs: 5000,
    connectAttemptsMax: 3,
    replyHeaderBytesMax: connectionDefaults.headerListBytesMax,
    clientAddress: peer.address || null,
    choose: (block) => {
      const chosen = call.choose(block);
      if (chosen.error !== undefined) return chosen;
      const { tls } = clusters.get(chosen.cluster)!;
      return { target: { address: chosen.address, tls, release: chosen.release } };
    },
  });
  call.ended(outcome);
}
