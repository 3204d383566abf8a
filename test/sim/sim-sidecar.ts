import { type BalancerSettings, defaultBalancerSettings } from '../../src/balancing/settings.ts';
import { CallIds } from '../../src/call/call-ids.ts';
import type { AttemptPolicy } from '../../src/call/dispatch/attempt-policy.ts';
import { callHandler } from '../../src/call/handler.ts';
import { CallCounter, type ProxyContext } from '../../src/call/plan.ts';
import { ReplayBudget } from '../../src/call/replay-buffer.ts';
import { planRoute } from '../../src/call/route-plan.ts';
import { allTraffic, type Stage } from '../../src/call/stage.ts';
import { type Address, formatAddress } from '../../src/core/address.ts';
import type { EndpointSpec } from '../../src/core/endpoint-spec.ts';
import { silentLogger } from '../../src/core/logger.ts';
import { SeededRandom } from '../../src/core/random.ts';
import type { DiscoverySource, Publish } from '../../src/discovery/source.ts';
import { defaultOutlierSettings, outlierDetector } from '../../src/health/outlier.ts';
import type { Http2Binding } from '../../src/http2/bind.ts';
import type { Http2Connection } from '../../src/http2/connection.ts';
import type { ConnectionOptions } from '../../src/http2/options.ts';
import { ConnectionSlots } from '../../src/listeners/connection-slots.ts';
import { Http2Downstream } from '../../src/listeners/http2-downstream.ts';
import { compileRoutes } from '../../src/routing/router.ts';
import type { CallRecord } from '../../src/telemetry/call-record.ts';
import { nothingReplaced } from '../../src/telemetry/propagation.ts';
import type { Telemetry } from '../../src/telemetry/telemetry.ts';
import { noTrace } from '../../src/telemetry/tracing.ts';
import { FlushScheduler } from '../../src/transport/flush-scheduler.ts';
import { Cluster, type ClusterSettings } from '../../src/upstream/cluster.ts';
import { Http2Pool } from '../../src/upstream/http2-pool.ts';
import { PoolTotals } from '../../src/upstream/pool-totals.ts';
import { dispatcherOf } from '../support/dispatchers.ts';
import type { SimClock } from './sim-clock.ts';
import type { Host, SimNetwork } from './sim-network.ts';
import type { SimSocket } from './sim-socket.ts';

type Policy = BalancerSettings['policy'];

export interface SidecarSettings {
  readonly seed: number;
  readonly endpoints: readonly EndpointSpec[];
  readonly upstream: ConnectionOptions;
  readonly downstream: ConnectionOptions;
  readonly connectionsMax: number;
  readonly pendingMax: number;
  readonly requestsMax: number;
  readonly replayBytesMax: number;
  /** Errors in a row that eject an endpoint, 0 for no outlier detection. */
  readonly consecutiveErrors: number;
  readonly policy: Policy;
  /** What the only route does about attempts that fail or are slow. */
  readonly attemptPolicy: AttemptPolicy | null;
  readonly retriesMax: number;
}
/** Hears what the product does. */
export interface SidecarListener {
  began(record: CallRecord): void;
  settled(record: CallRecord): void;
  /** A connection from a client (`server`) or to a replica (`client`); the engine's end of it is there a moment later. */
  socket(
    name: string,
    socket: SimSocket,
    role: 'client' | 'server',
    connection: () => Http2Connection | null,
  ): void;
}

const idleTimeoutMs = 60_000;
/** More than all clients of a run open. */
const connectionSlotsMax = 1_000_000;
/** How often a replaced cluster checks whether its last call has ended. */
const goneCheckMs = 100;
/** Longer than any reader of the simulation pauses. */
const stallTimeoutMs = 30_000;

/** The product between its sockets: downstream connections, calls, a cluster with its pools; all of it as it ships. */
export class SimSidecar implements Host {
  state: Host['state'] = 'up';
  /** Every cluster there ever was: the current one, and those that a reload replaced. */
  readonly clusters: Cluster[] = [];
  readonly slots = new ConnectionSlots(connectionSlotsMax);
  /** What the pools of all clusters hold together. */
  readonly poolTotals: PoolTotals;
  readonly downstreams = new Set<Http2Downstream>();
  readonly calls = new CallCounter();
  private readonly ids = new CallIds();
  readonly replayBudget: ReplayBudget;
  readonly replayBytesMax: number;
  readonly scheduler: FlushScheduler;
  private readonly settings: SidecarSettings;
  private readonly clock: SimClock;
  private readonly listener: SidecarListener;
  private readonly network: SimNetwork;
  private context: ProxyContext;
  private policy: Policy;
  private readonly pools: Http2Pool[] = [];
  private readonly publishes = new Set<Publish>();
  /** What discovery knows. */
  private known: readonly EndpointSpec[];

  constructor(
    settings: SidecarSettings,
    deps: { clock: SimClock; network: SimNetwork },
    listener: SidecarListener,
  ) {
    this.settings = settings;
    this.clock = deps.clock;
    this.listener = listener;
    this.scheduler = new FlushScheduler(deps.clock.soon);
    this.replayBytesMax = settings.replayBytesMax;
    this.replayBudget = new ReplayBudget(settings.replayBytesMax);
    this.network = deps.network;
    this.policy = settings.policy;
    this.known = settings.endpoints;
    this.poolTotals = new PoolTotals(Number.POSITIVE_INFINITY, settings.pendingMax);
    const cluster = this.buildCluster();
    this.context = {
      listener: 'sim',
      router: this.routerTo(cluster),
      routes: null,
      telemetry: this.buildTelemetry(),
      clock: deps.clock,
      replayBudget: this.replayBudget,
      watch: { observer: null },
      memory: { high: false },
      calls: this.calls,
      ids: this.ids,
      passthrough: null,
    };
    cluster.start();
  }

  /** The cluster that new calls go to. */
  get cluster(): Cluster {
    return this.clusters.at(-1)!;
  }

  accept(socket: SimSocket): void {
    this.slots.hold(socket);
    const handler = callHandler(() => this.context, { address: '127.0.0.1', port: socket.remotePort });
    const settings = {
      http2: this.settings.downstream,
      prefaceTimeoutMs: 10_000,
      idleTimeoutMs,
      ageMsMax: Number.POSITIVE_INFINITY,
      stallTimeoutMs,
      uploadStallTimeoutMs: stallTimeoutMs,
    };
    const random = new SeededRandom(this.settings.seed);
    const deps = { clock: this.clock, scheduler: this.scheduler, logger: silentLogger, random };
    const downstream = new Http2Downstream(socket.asSocket, handler, settings, deps, () => {
      this.downstreams.delete(downstream);
    });
    this.downstreams.add(downstream);
    const { binding } = downstream as unknown as { binding: Http2Binding };
    this.listener.socket('sidecar from a client', socket, 'server', () => binding.connection);
    downstream.start(null);
  }

  get attemptPolicy(): AttemptPolicy | null {
    return this.settings.attemptPolicy;
  }

  /** What discovery says from now on. */
  discover(endpoints: readonly EndpointSpec[]): void {
    this.known = endpoints;
    for (const publish of this.publishes) publish(endpoints);
  }

  /** A reload that changes settings which a cluster takes over as it runs. */
  reconfigure(policy: Policy): void {
    this.policy = policy;
    this.cluster.reconfigure(this.clusterSettings(), null);
  }

  /** A reload that makes the cluster anew. The one before it serves its calls to their end. */
  replaceCluster(): void {
    const before = this.cluster;
    const cluster = this.buildCluster();
    cluster.start();
    cluster.replaces(before);
    this.context = { ...this.context, router: this.routerTo(cluster) };
    this.letGo(before);
  }

  /** As a reload does with a cluster that no route leads to. */
  private letGo(cluster: Cluster): void {
    if (cluster.active > 0) return this.clock.at(goneCheckMs, () => this.letGo(cluster));
    cluster.stop();
    cluster.close();
  }

  /** As `app.ts` does it once the grace of a drain is over. */
  stop(): void {
    for (const downstream of this.downstreams) downstream.destroy();
    for (const cluster of this.clusters) {
      cluster.stop();
      cluster.close();
    }
  }

  private routerTo(cluster: Cluster) {
    const newDispatcher = dispatcherOf(this.settings.attemptPolicy);
    const stages: Stage[] =
      newDispatcher === undefined ? [] : [{ policy: 'sim', appliesTo: allTraffic, newDispatcher }];
    const plan = planRoute('all', cluster, stages);
    return compileRoutes([{ name: 'all', match: {}, plan }]);
  }

  private clusterSettings(): ClusterSettings {
    const { requestsMax, retriesMax } = this.settings;
    const balancer = { ...defaultBalancerSettings, policy: this.policy };
    return { name: 'service', protocol: 'http2', balancer, requestsMax, retriesMax };
  }

  private buildCluster(): Cluster {
    const { seed, upstream, connectionsMax, pendingMax, consecutiveErrors } = this.settings;
    const { clock, scheduler, network, poolTotals: totals } = this;
    const random = new SeededRandom(seed);
    const dial = (address: Address) => {
      const socket = network.dial(formatAddress(address));
      const name = `sidecar to ${formatAddress(address)}`;
      this.listener.socket(name, socket, 'client', () => this.connectionOf(socket));
      return socket.asSocket;
    };
    const settings = { connectTimeoutMs: 1000, connectionsMax, pendingMax, http2: upstream, totals };
    const poolDeps = { clock, random, scheduler, dial };
    const cluster = new Cluster(this.clusterSettings(), {
      clock,
      random,
      logger: silentLogger,
      discovery: this.buildDiscovery(),
      newPool: (endpoint, onChange) => {
        const pool = new Http2Pool(endpoint.target, null, settings, poolDeps, onChange);
        this.pools.push(pool);
        return pool;
      },
      watchHealth: null,
      outlier:
        consecutiveErrors === 0
          ? null
          : outlierDetector({
              clock,
              logger: silentLogger,
              settings: { ...defaultOutlierSettings, consecutiveErrors, baseEjectionMs: 2000 },
            }),
      localZone: 'a',
    });
    this.clusters.push(cluster);
    return cluster;
  }

  private readonly ends = new Map<SimSocket, Http2Connection>();

  /** Null for a socket that its pool has given up before it was used. */
  private connectionOf(socket: SimSocket): Http2Connection | null {
    const known = this.ends.get(socket);
    if (known !== undefined) return known;
    for (const pool of this.pools) {
      const { pooled } = pool as unknown as { pooled: Array<{ binding: Http2Binding }> };
      const found = pooled.find(({ binding }) => binding.socket === socket.asSocket);
      if (found === undefined) continue;
      this.ends.set(socket, found.binding.connection);
      return found.binding.connection;
    }
    return null;
  }

  private buildDiscovery(): DiscoverySource {
    let own: Publish | null = null;
    return {
      describe: 'the simulation',
      advice: '',
      status: { answered: true, endpoints: this.known.length, lastAnswerMs: 0, lastError: '' },
      start: (publish) => {
        own = publish;
        this.publishes.add(publish);
        publish(this.known);
      },
      refresh() {},
      stop: () => {
        if (own !== null) this.publishes.delete(own);
      },
    };
  }

  /** Makes no context and counts what begins and ends. */
  private buildTelemetry(): Telemetry {
    const telemetry: Partial<Telemetry> = {
      replaced: nothingReplaced,
      begin: (_head, record) => {
        this.listener.began(record);
        return noTrace;
      },
      attempt: () => null,
      settled: (record) => this.listener.settled(record),
    };
    return telemetry as Telemetry;
  }
}
