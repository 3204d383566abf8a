import type { CallFilters, CallView } from '../../src/admin/call-groups/group-calls.ts';
import { ObservedCalls } from '../../src/admin/call-groups/observed-calls.ts';
import type {
  AdminDeps,
  CertificateUse,
  ClusterSnapshot,
  EndpointSnapshot,
  EndpointState,
  ReloadOutcome,
  RouteSnapshot,
  StateLetter,
  TapOpening,
  TapRefusal,
  UndrainOutcome,
} from '../../src/admin/deps.ts';
import type { ReplicaCallDeps } from '../../src/admin/replica-call/deps.ts';
import { BalanceWatch } from '../../src/balance-report/watch.ts';
import type { Clock } from '../../src/core/clock.ts';
import { GrpcStatus } from '../../src/core/grpc-status.ts';
import type { LogLevel } from '../../src/core/logger.ts';
import { type Random, SeededRandom } from '../../src/core/random.ts';
import { replySentence } from '../../src/core/reply-error.ts';
import type { Result } from '../../src/core/result.ts';
import { SpanId, TraceId } from '../../src/core/trace-id.ts';
import type { MadeUpRequest, RequestExplanation } from '../../src/explain/request.ts';
import type { AttemptRecord, CallRecord } from '../../src/telemetry/call-record.ts';
import { traceLink } from '../../src/telemetry/trace-link.ts';
import {
  balanceFacts,
  eventfulRoutes,
  type FakeCluster,
  type FakeEndpoint,
  healthy,
} from './fake-clusters.ts';
import { fakeCertificate, fakeConfigValues } from './fake-config.ts';

/** Of every connection. */
const cleartext = { scheme: 'http', httpVersion: '2' } as const;

interface Live {
  spec: FakeEndpoint;
  total: number;
  error: number;
  perSecond: number;
  active: number;
  p50Ms: number | null;
  p99Ms: number | null;
}

/** Acts as a proxy at work for whoever develops or tests the admin page: figures that move, calls that fail. */
export class FakeProxy implements AdminDeps {
  readonly asked: string[] = [];
  private level: LogLevel = 'info';
  readonly observed = new ObservedCalls();
  isReady = true;
  /** What the next reload answers. */
  reloadOutcome: ReloadOutcome = {
    ok: true,
    version: 4,
    changes: ['changed cluster orders'],
    warnings: [],
  };
  reasons: string[] = [];
  degradedReasons: string[] = [];
  name = 'shop-sidecar';
  routeList: readonly RouteSnapshot[] = eventfulRoutes;
  certificateList: CertificateUse[] = [fakeCertificate];
  readonly failed: CallRecord[] = [];
  readonly slow: CallRecord[] = [];
  readonly clientErrors: CallRecord[] = [];
  private readonly recent: CallRecord[] = [];
  private readonly specs: readonly FakeCluster[];
  private readonly states = new Map<string, Live[]>();
  private readonly random: Random;
  private readonly clock: Clock;
  private readonly balance = new BalanceWatch(() => ({ requests: this.calls, attempts: this.calls }));
  private calls = 0;
  private errors = 0;
  private callsPerSecond = 0;
  private errorsPerSecond = 0;
  private nextId = 4_711;
  private draining = false;

  constructor(specs: readonly FakeCluster[], clock: Clock, seed = 1) {
    this.specs = specs;
    this.clock = clock;
    this.random = new SeededRandom(seed);
    for (const cluster of specs)
      this.states.set(
        cluster.name,
        cluster.endpoints.map((spec) => ({
          spec,
          total: 0,
          error: 0,
          perSecond: 0,
          active: 0,
          p50Ms: null,
          p99Ms: null,
        })),
      );
  }

  /** A second of work. */
  step(): void {
    this.callsPerSecond = 0;
    this.errorsPerSecond = 0;
    for (const cluster of this.specs) {
      const live = this.states.get(cluster.name)!;
      const rate = (cluster.perSecond ?? 100) * (0.9 + 0.2 * this.random.next());
      for (const state of live) this.work(cluster, state, rate * shareByWeight(state.spec, live));
    }
    this.calls += Math.round(this.callsPerSecond);
    this.errors += Math.round(this.errorsPerSecond);
    for (const list of [this.failed, this.slow, this.recent]) list.splice(50);
    this.balance.tick(this.unreported().map(balanceFacts), this.clock.now());
  }

  private work(cluster: FakeCluster, state: Live, expected: number): void {
    const { spec } = state;
    const median = spec.medianMs ?? 3;
    state.perSecond = expected * (0.94 + 0.12 * this.random.next());
    const failures = state.perSecond * (spec.failing ?? 0.0004);
    state.total += Math.round(state.perSecond);
    state.error += Math.floor(failures + this.random.next());
    state.active = spec.draining
      ? 2
      : Math.round((state.perSecond * median * 1.3) / 1000 + this.random.next() / 2.01);
    state.p50Ms = expected > 0 ? median * (0.95 + 0.1 * this.random.next()) : null;
    state.p99Ms = expected > 0 ? median * (3.5 + 1.5 * this.random.next()) : null;
    this.callsPerSecond += state.perSecond;
    this.errorsPerSecond += failures;
    if (this.random.next() < Math.min(failures, 0.3)) this.failed.unshift(this.call(cluster, spec, true));
    if (expected > 0 && this.random.next() < 0.06) this.slow.unshift(this.call(cluster, spec, false));
    if (expected > 0) {
      const call = this.call(cluster, spec, false);
      this.recent.unshift(call);
      this.observed.add(call);
    }
  }

  /** A remembered call, to be changed by the test that wants it otherwise. */
  call(cluster: FakeCluster, spec: FakeEndpoint, fails: boolean): CallRecord {
    const tookMs = (spec.medianMs ?? 3) * (fails ? 1.5 : 20 + 30 * this.random.next());
    const grpc = cluster.protocol !== 'http1';
    const now = this.clock.now();
    const attempt: AttemptRecord = {
      number: 1,
      endpoint: spec.address,
      peerHost: '127.0.0.1',
      peerPort: 1,
      ...cleartext,
      pick: `lowest active/weight of ${cluster.endpoints.length}: 3/1`,
      startedMs: now - tookMs + 0.04,
      endedMs: now - 0.02,
      wait: fails
        ? null
        : { dialedMs: now - tookMs * 0.9, readyMs: now - tookMs * 0.7, endedMs: now - tookMs * 0.7 },
      grpcStatus: !grpc ? -1 : fails ? GrpcStatus.UNAVAILABLE : GrpcStatus.OK,
      httpStatus: fails ? 0 : 200,
      error: fails ? 'upstream_closed' : '',
      mayHaveProcessed: true,
      tally: fails ? ('error' as const) : ('ok' as const),
      message: '',
      kind: 'first' as const,
      verdict: '',
      withheld: '' as const,
      spanId: SpanId.read('00f067aa0ba902b7'),
    };
    return {
      id: this.nextId++,
      listener: 'outbound',
      route: cluster.name,
      cluster: cluster.name,
      routes: null,
      grpc,
      tcp: false,
      udp: false,
      ...cleartext,
      httpMethod: grpc ? 'POST' : 'GET',
      authority: cluster.name,
      path: grpc
        ? `/shop.v1.${cluster.name.charAt(0).toUpperCase()}${cluster.name.slice(1)}/${fails ? 'Place' : 'List'}`
        : '/images/outrigger.webp',
      clientAddress: '127.0.0.1',
      clientPort: 53_122,
      startedWallMs: this.clock.wallMs() - tookMs,
      startedMs: now - tookMs,
      headMs: fails ? 0 : now - tookMs * 0.1,
      endedMs: now,
      grpcStatus: attempt.grpcStatus,
      httpStatus: grpc ? 200 : fails ? 502 : 200,
      endedBy: fails ? 'outrigger' : 'upstream',
      error: fails ? 'upstream_closed' : '',
      detail: fails
        ? replySentence({
            code: 'upstream_closed',
            detail: `${spec.address} closed the connection before it replied`,
            mayHaveProcessed: true,
          })
        : '',
      notes: [],
      requestBytes: 25,
      responseBytes: fails ? 0 : 1_480,
      requestMessages: grpc ? 1 : 0,
      responseMessages: grpc && !fails ? 1 : 0,
      attempts: [attempt],
      chosen: 0,
      traceId: TraceId.read('4bf92f3577b34da6a3ce929d0e0e4736'),
      sampled: true,
    };
  }

  readiness() {
    const { degradedReasons } = this;
    const degraded = degradedReasons.length > 0;
    return { ready: this.isReady, reasons: this.reasons, degraded, degradedReasons };
  }
  clusterUsability() {
    return this.clusters().map(({ name, endpoints }) => {
      const used = endpoints.filter((endpoint) => endpoint.usable).length;
      return { name, usable: used, endpoints: endpoints.length, routed: true, inbound: false, reason: '' };
    });
  }
  live() {
    return true;
  }
  metricsText(accept: string) {
    this.asked.push(`metrics ${accept}`);
    return {
      type: 'text/plain; version=0.0.4; charset=utf-8',
      body: '# TYPE outrigger_up gauge\noutrigger_up 1\n',
    };
  }
  clusters(): ClusterSnapshot[] {
    const nowMs = this.clock.now();
    return this.unreported().map((cluster) => ({
      ...cluster,
      balance: this.balance.report(balanceFacts(cluster), nowMs),
    }));
  }
  private unreported(): Omit<ClusterSnapshot, 'balance'>[] {
    return this.specs.map((cluster) => {
      const live = this.states.get(cluster.name)!;
      const sum = live.reduce((n, s) => n + s.perSecond, 0);
      return {
        name: cluster.name,
        protocol: cluster.protocol ?? 'http2',
        policy: cluster.policy ?? 'least_request',
        discovery: cluster.discovery ?? 'static',
        subsetting: cluster.subsetting ?? null,
        zoneSpill: cluster.zoneSpill ?? null,
        concurrency: cluster.concurrency ?? null,
        endpoints: live.map((state) => endpointSnapshot(state, live, sum)),
      };
    });
  }
  routes(routesMax = Number.POSITIVE_INFINITY) {
    const { routeList } = this;
    return { routes: routeList.slice(0, routesMax), leftOut: Math.max(0, routeList.length - routesMax) };
  }
  listeners() {
    return [
      {
        name: 'outbound',
        address: '127.0.0.1:15001',
        direction: 'outbound',
        protocol: 'auto',
        connections: 3,
        active: 7,
        total: this.calls,
        going: this.draining,
        udp: null,
      },
      {
        name: 'dns',
        address: '127.0.0.1:5353',
        direction: 'outbound',
        protocol: 'udp',
        connections: 0,
        active: 4,
        total: 1_204,
        going: this.draining,
        udp: {
          sessions: 1_208,
          requestDatagrams: 2_410,
          requestBytes: 96_400,
          responseDatagrams: 2_399,
          responseBytes: 311_870,
          dropped: { endpoint_refused: 11 },
        },
      },
    ];
  }
  stats() {
    const all = [...this.states.values()].flat();
    const p99s = all.flatMap((s) => (s.p99Ms === null ? [] : [s.p99Ms]));
    const p50s = all.flatMap((s) => (s.p50Ms === null ? [] : [s.p50Ms])).sort((a, b) => a - b);
    return {
      totals: {
        calls: this.calls,
        errors: this.errors,
        clientErrors: Math.round(this.errors / 2),
        active: all.reduce((n, s) => n + s.active, 0),
        callsPerSecond: this.callsPerSecond,
        errorsPerSecond: this.errorsPerSecond,
        clientErrorsPerSecond: this.errorsPerSecond / 2,
        p50Ms: p50s[p50s.length >> 1] ?? null,
        p90Ms: p50s[p50s.length - 1] ?? null,
        p99Ms: p99s.length > 0 ? Math.max(...p99s) : null,
        statuses: { UNAVAILABLE: this.errors, NOT_FOUND: Math.round(this.errors / 2) },
      },
      counters: { 'listener.outbound.connections': 3, 'retries.transparent': 2 },
    };
  }
  *endpointStates(): Generator<EndpointState> {
    for (const [cluster, live] of this.states)
      for (const { spec } of live) yield { cluster, address: spec.address, state: stateOf(spec) };
  }
  configValues() {
    return fakeConfigValues;
  }
  controlPlane() {
    return null;
  }
  certificates(): CertificateUse[] {
    return this.certificateList;
  }
  configDump(): unknown {
    return {
      admin: { listen: '127.0.0.1:15000' },
      clusters: [{ name: 'orders', tls: { key: '/etc/key.pem', password: 'hunter2' } }],
    };
  }
  serverInfo() {
    return {
      name: this.name,
      version: '0.1.0',
      state: this.draining
        ? ('draining' as const)
        : this.isReady
          ? ('ready' as const)
          : ('starting' as const),
      uptimeMs: 7_754_000 + this.clock.now(),
      startedWallMs: 1_700_000_000_000,
      pid: 4242,
      node: 'v24.0.0',
      platform: 'linux x64',
      logLevel: this.level,
      drain: this.draining ? { phase: 'accepting' as const, acceptingForMs: 5_000, canUndrain: true } : null,
      inboundDrain: null,
      drained: null,
      config: { version: 3, loadedWallMs: 1_700_000_100_000, reloads: 2, refused: 1, lastError: '' },
    };
  }
  memory() {
    return {
      rssBytes: 80 * 2 ** 20,
      heapUsedBytes: 20 * 2 ** 20,
      heapTotalBytes: 30 * 2 ** 20,
      externalBytes: 4 * 2 ** 20,
      arrayBuffersBytes: 2 ** 20,
      resources: { TCPSocketWrap: 3, Timeout: 5 },
    };
  }
  callGroups(by: CallView, filters: CallFilters) {
    return this.observed.report(by, filters, this.clock.now());
  }
  traces() {
    return { recent: this.recent, slow: this.slow, failed: this.failed, clientErrors: this.clientErrors };
  }
  readonly shownIds: number[] = [];
  tap(query: URLSearchParams): TapRefusal | TapOpening {
    return this.taps(query);
  }
  /** What `/call` and `/call/methods` answer. */
  replicaCalls: ReplicaCallDeps = {
    methods: async () => ({ status: 502, problem: 'Not sent: there is no replica.' }),
    call: async () => ({ status: 502, problem: 'Not sent: there is no replica.' }),
    close() {},
  };
  /** What `/tap` answers: an event, and the end. */
  taps: (query: URLSearchParams) => TapRefusal | TapOpening = () => ({
    open(reader) {
      reader.send({ event: 'end' });
      reader.end();
      return { left() {}, end() {} };
    },
  });
  shown(calls: readonly CallRecord[]): void {
    for (const { id } of calls) this.shownIds.push(id);
  }
  /** `telemetry.traces.linkUrl`. */
  linkUrl = '';
  readonly traceLink = (call: CallRecord): string => traceLink(this.linkUrl, call);
  explain(id: number) {
    return [...this.failed, ...this.slow, ...this.recent].find((call) => call.id === id);
  }
  inFlight(): readonly CallRecord[] {
    return [];
  }
  callsOfTrace(traceId: TraceId) {
    return [...this.failed, ...this.slow, ...this.recent].filter((call) => call.traceId.equals(traceId));
  }
  sentObjects = () => [];
  resourcesOfCall = () => [];
  latestCallId() {
    return this.nextId - 1;
  }
  explainRequest({ method, path, authority, grpc }: MadeUpRequest): Result<RequestExplanation> {
    return { value: { request: { method, path, authority, grpc, headers: [] }, listeners: [] } };
  }
  drainInbound() {}
  drain() {
    this.asked.push('drain');
    this.draining = true;
  }
  undrain() {
    this.asked.push('undrain');
    const outcome: UndrainOutcome = this.draining ? 'undrained' : 'not_draining';
    this.draining = false;
    return outcome;
  }
  setLogLevel(level: LogLevel) {
    this.level = level;
    this.asked.push(`level ${level}`);
  }
  pinEndpoint(address: string) {
    this.asked.push(`pin ${address}`);
    return { header: 'x-outrigger-pin', value: '0123', forMs: 60_000 };
  }
  endpointDrain(address: string, on: boolean) {
    const found = [...this.states.values()].flat().find((s) => s.spec.address === address);
    if (!found) return false;
    this.asked.push(`endpoint ${address} ${on}`);
    found.spec.draining = on;
    return true;
  }
  healthcheckFail(on: boolean) {
    this.asked.push(`healthcheck ${on}`);
    this.isReady = !on;
    this.reasons = on ? ['failed by hand (POST /healthcheck/fail)'] : [];
  }
  reload(): Promise<ReloadOutcome> {
    this.asked.push('reload');
    return Promise.resolve(this.reloadOutcome);
  }
  quit() {
    this.asked.push('quit');
  }
}

function endpointSnapshot(state: Live, live: readonly Live[], sum: number): EndpointSnapshot {
  const { spec } = state;
  return {
    address: spec.address,
    hostname: '',
    weight: spec.weight ?? 1,
    effectiveWeight: spec.effectiveWeight ?? spec.weight ?? 1,
    zone: spec.zone ?? '',
    priority: spec.priority ?? 0,
    health: spec.health ?? healthy,
    usable: usable(spec),
    unusableReason: usable(spec) ? '' : (spec.unusableReason ?? 'draining'),
    draining: spec.draining ?? false,
    ejectedForMs: spec.ejectedForMs ?? null,
    ejections: spec.ejectedForMs === undefined ? 0 : 3,
    active: state.active,
    total: state.total,
    success: state.total - state.error - Math.floor(state.error / 2),
    error: state.error,
    other: Math.floor(state.error / 2),
    connections: usable(spec) ? 2 : 0,
    perSecond: state.perSecond,
    share: sum > 0 ? state.perSecond / sum : null,
    shareByWeight: shareByWeight(spec, live),
    p50Ms: state.p50Ms,
    p99Ms: state.p99Ms,
    report: spec.report ?? null,
    reportStream: spec.reportStream ?? null,
  };
}

function stateOf(spec: FakeEndpoint): StateLetter {
  if (spec.draining) return 'd';
  if (spec.ejectedForMs !== undefined) return 'e';
  if (spec.health?.status === 'unhealthy') return 'u';
  if (spec.health?.status === 'unknown') return 'n';
  return usable(spec) ? 'h' : 's';
}

function usable(spec: FakeEndpoint): boolean {
  return spec.unusableReason === undefined && !spec.draining;
}

function shareByWeight(spec: FakeEndpoint, live: readonly Live[]): number {
  const weigh = (s: FakeEndpoint) => (usable(s) ? (s.effectiveWeight ?? s.weight ?? 1) : 0);
  const sum = live.reduce((n, s) => n + weigh(s.spec), 0);
  return sum > 0 ? weigh(spec) / sum : 0;
}
