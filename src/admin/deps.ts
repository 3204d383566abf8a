import type { BalanceReport } from '../balance-report/report.ts';
import type { CertificateFacts } from '../core/certificate-facts.ts';
import type { LogLevel } from '../core/logger.ts';
import type { Result } from '../core/result.ts';
import type { SentObject, SentResource } from '../core/sent-resource.ts';
import type { TraceId } from '../core/trace-id.ts';
import type { MadeUpRequest, RequestExplanation } from '../explain/request.ts';
import type { CallRecord } from '../telemetry/call-record.ts';
import type { CallFilters, CallView, GroupsReport } from './call-groups/group-calls.ts';
import type { ControlPlaneSnapshot } from './control-plane-snapshot.ts';
import type { LoadReportSnapshot, ReportStreamSnapshot } from './load-report-snapshot.ts';
import type { ReplicaCallDeps } from './replica-call/deps.ts';

/**
 * What the admin server may ask and do. Each function gives a snapshot made for this one question, so the server
 * holds no reference into the running proxy and costs nothing while nobody asks. None may throw or block; if one
 * throws all the same, the reader gets a 500 with the reason and the server goes on.
 */
export interface AdminDeps {
  /** 200 or 503 of `/ready`, and what is wrong with a sidecar that is ready. */
  readiness(): Readiness;
  /** Each cluster of the running configuration: whether a call can go anywhere. */
  clusterUsability(): readonly ClusterUsability[];
  /** False only if the process should be restarted. */
  live(): boolean;
  /** The Prometheus or OpenMetrics text for this `Accept` header. */
  metricsText(accept: string): TypedText;
  clusters(): readonly ClusterSnapshot[];
  /** The state of every endpoint, cheaper than `clusters`. */
  endpointStates(): Iterable<EndpointState>;
  listeners(): readonly ListenerSnapshot[];
  /**
   * The routes of the running configuration, at most `routesMax`. If there are more, those whose policies have facts come
   * first. Only the facts of the routes that it returns are computed.
   */
  routes(routesMax?: number): RoutesSnapshot;
  stats(): StatsSnapshot;
  /** The active configuration. The server masks secrets in it whether or not this has done so. */
  configDump(): unknown;
  /** Every setting of the active configuration, secrets masked. */
  configValues(): readonly ConfigValue[];
  /** Of listeners, clusters and the admin server, as they are in use. */
  certificates(): readonly CertificateUse[];
  /** null where the configuration has none. */
  controlPlane(): ControlPlaneSnapshot | null;
  /** The listeners and clusters of the active configuration that a control plane sent. */
  sentObjects(): readonly SentObject[];
  /** The resources of a control plane that decided about a call, as they were when it began. */
  resourcesOfCall(call: CallRecord): readonly SentResource[];
  serverInfo(): ServerInfo;
  memory(): MemorySnapshot;
  /** The calls of the last seconds, grouped. Outrigger observes them from the first question on. */
  callGroups(by: CallView, filters: CallFilters): GroupsReport;
  /** Remembered calls, newest first. */
  traces(): CallsSnapshot;
  /** The call of that id, if it is in flight or still remembered. */
  explain(id: number): CallRecord | undefined;
  /** The URL at which the trace of a call is shown; '' where there is none. */
  traceLink(call: CallRecord): string;
  /** The calls of a trace that are in flight or still remembered, newest first. */
  callsOfTrace(traceId: TraceId): readonly CallRecord[];
  /** The oldest calls in flight, `max` at the most, oldest first. `endedMs` is 0 in their records. */
  inFlight(max: number): readonly CallRecord[];
  /** The id of the newest call; ids count from 1. */
  latestCallId(): number;
  /** What would become of a request, by the active configuration and the state of the endpoints; or what is wrong with it. Sends nothing. */
  explainRequest(request: MadeUpRequest): Result<RequestExplanation>;
  /** These calls are being shown: `explain` is to know them for as long as somebody may read the list. */
  shown(calls: readonly CallRecord[]): void;
  /**
   * Checks a request for `/tap`, and returns why it is refused, or what begins to send calls to its reader. `descriptors` is a
   * `FileDescriptorSet` by which messages are decoded; null for none.
   */
  tap(query: URLSearchParams, descriptors: Uint8Array | null): TapRefusal | TapOpening;
  /** Starts to drain; calling it again does nothing. */
  drain(): void;
  /** Starts to move the clients of inbound listeners to other connections; every call is still served. Does nothing while the sidecar drains. */
  drainInbound(): void;
  /** Takes a drain back, if the listeners have not closed yet. */
  undrain(): UndrainOutcome;
  /** Reloads the configuration, or changes nothing. Never rejects. */
  reload(): Promise<ReloadOutcome>;
  setLogLevel(level: LogLevel): void;
  /** Takes an endpoint out of use by hand (`on`) or gives it back. False if no cluster has that address. */
  endpointDrain(address: string, on: boolean): boolean;
  /** Lets calls with a header go to one endpoint alone. Why not: no cluster has that address, or `admin.pinnedCalls` forbids it. */
  pinEndpoint(address: string): EndpointPin | 'unknown' | 'forbidden';
  readonly replicaCalls: ReplicaCallDeps;
  /** Makes readiness fail (`true`) whatever the state is, or lets it report the state again. */
  healthcheckFail(on: boolean): void;
  /** Stops the process, after a drain. Called once the reply has left. */
  quit(): void;
}

export interface TapRefusal {
  readonly status: number;
  /** A sentence: what is wrong, and what to do. */
  readonly problem: string;
}

export interface TapOpening {
  /** Begins to send. */
  open(reader: TapReader): TapSession;
}

export interface TapSession {
  /** The reader has left. */
  left(): void;
  /** Ends the stream, and lets the reader know why: the server stops, or the credentials of the reader hold no longer. */
  end(reason: 'stopping' | 'not_allowed'): void;
}

/** Who reads the events of `/tap`. */
export interface TapReader {
  /** Has not taken what was sent before: nothing more may be sent. */
  readonly isBehind: boolean;
  send(event: { readonly event: string }): void;
  /** Nothing follows. */
  end(): void;
}

/**
 * `undrained`: as before the drain. `not_draining`: there was none. `listeners_closed` and `stopping`: too late, since the
 * listeners have closed, or the process is stopping.
 */
export type UndrainOutcome = 'undrained' | 'not_draining' | 'listeners_closed' | 'stopping';

/** A header that a call must carry to go to one endpoint. */
export interface EndpointPin {
  readonly header: string;
  readonly value: string;
  /** How long it works, milliseconds. */
  readonly forMs: number;
}

/** All of the configuration is applied, or nothing changed. `version` is of the active one. */
export type ReloadOutcome =
  | {
      readonly ok: true;
      readonly version: number;
      /** In plain words, `changed cluster greeter`; empty where nothing differs. */
      readonly changes: readonly string[];
      readonly warnings: readonly string[];
    }
  | {
      readonly ok: false;
      readonly version: number;
      /** Each with its place and fix. */
      readonly problems: readonly string[];
      /** The listener whose address could not be bound, if that was the reason. */
      readonly unboundListener?: string;
    };

export interface TypedText {
  /** A content type. */
  readonly type: string;
  readonly body: string;
}

export interface Readiness {
  readonly ready: boolean;
  /** Why not, in plain words; empty when ready. */
  readonly reasons: readonly string[];
  /** Some cluster that a listener uses has no usable endpoint, so its calls fail. Says nothing about `ready`. */
  readonly degraded: boolean;
  /** Which clusters, and why, in plain words; empty when not degraded. */
  readonly degradedReasons: readonly string[];
}

/** What `/ready` says of one cluster. */
export interface ClusterUsability {
  readonly name: string;
  /** Endpoints that may get the next call. One that only gets calls by `balancer.panicPercent` is not counted. */
  readonly usable: number;
  readonly endpoints: number;
  /** Some listener leads to it. */
  readonly routed: boolean;
  /** Some listener with `direction: inbound` leads to it. */
  readonly inbound: boolean;
  /** Why no endpoint is usable, in plain words; '' where one is. */
  readonly reason: string;
}

/** `unknown` until the first probe has answered. */
export type HealthStatus = 'healthy' | 'unhealthy' | 'unknown';

export interface HealthSnapshot {
  readonly status: HealthStatus;
  /** What made it so, in plain words: `SERVING`, `connect: ECONNREFUSED (3 of 3)`. */
  readonly reason: string;
  /** Milliseconds since the status last changed. */
  readonly sinceMs: number;
}

/** `h`: healthy and usable. `u`: unhealthy. `e`: ejected. `d`: draining. `n`: no health check has finished. `s`: not used otherwise. */
export type StateLetter = 'h' | 'u' | 'e' | 'd' | 'n' | 's';

export interface EndpointState {
  readonly cluster: string;
  readonly address: string;
  readonly state: StateLetter;
}

/** One replica as it stands. Counters are of this process and survive reloads. */
export interface EndpointSnapshot {
  /** `formatAddress`; the endpoint's identity within its cluster. */
  readonly address: string;
  /** The name that TLS verifies, as discovered or configured; '' for the address. */
  readonly hostname: string;
  /** As configured or discovered. */
  readonly weight: number;
  /** After slow start, locality and the like; what the balancer divides by. */
  readonly effectiveWeight: number;
  /** '' where unknown. */
  readonly zone: string;
  readonly priority: number;
  readonly health: HealthSnapshot;
  /** May get the next call. */
  readonly usable: boolean;
  /** Why it may not, in plain words; '' when usable. */
  readonly unusableReason: string;
  /** Taken out by hand or gone from discovery: no new calls. */
  readonly draining: boolean;
  /** Milliseconds until the outlier ejection ends; null when not ejected. */
  readonly ejectedForMs: number | null;
  /** How often outlier detection has ejected it. */
  readonly ejections: number;
  /** Calls in flight. */
  readonly active: number;
  /** Attempts that ended, and how. `total` is `success + error + other`; see docs/admin.md, "What counts as an error". */
  readonly total: number;
  readonly success: number;
  readonly error: number;
  /** Errors of clients, cancelled attempts, and those that were not needed. */
  readonly other: number;
  /** Open connections to it. */
  readonly connections: number;
  /** Attempts a second, over the last few seconds. */
  readonly perSecond: number;
  /** Part of its cluster's attempts over the last few seconds, 0 to 1; null where the cluster had none. */
  readonly share: number | null;
  /** Part that the weights give, among the usable endpoints, 0 to 1; 0 when not usable. */
  readonly shareByWeight: number;
  /** Attempt duration; null where there is none to speak of. */
  readonly p50Ms: number | null;
  readonly p99Ms: number | null;
  /** What it reported of its load; null where no report was accepted. */
  readonly report: LoadReportSnapshot | null;
  /** The stream on which it reports; null without `loadReports.outOfBand`. */
  readonly reportStream: ReportStreamSnapshot | null;
}

export interface ClusterSnapshot {
  readonly name: string;
  /** `http2`, `http1`, `tcp` or `udp`. */
  readonly protocol: string;
  /** Balancing policy, as configured: `least_request`. */
  readonly policy: string;
  /** Where the endpoints come from: `static`, `dns greeter:50051`, with trouble if there is any. */
  readonly discovery: string;
  /** `subsetting` of the cluster; null where it is off, and all endpoints are used. */
  readonly subsetting: SubsettingSnapshot | null;
  /** `balancer.zoneSpill` of the cluster; null where it is off, or this process knows no zone of its own. */
  readonly zoneSpill: ZoneSpillSnapshot | null;
  /** `adaptiveConcurrency` of the cluster; null where it is off. */
  readonly concurrency: ConcurrencySnapshot | null;
  /** How evenly its endpoints are loaded, with a verdict in words. */
  readonly balance: BalanceReport;
  readonly endpoints: readonly EndpointSnapshot[];
}

export interface ZoneSpillSnapshot {
  /** Part of the requests for the own zone that stays there, 0 to 1. */
  readonly kept: number;
  /** Why less than all of it stays, in plain words; '' where all does. */
  readonly reason: string;
}

export interface SubsettingSnapshot {
  /** As configured: endpoints that are used of each priority. */
  readonly size: number;
  /** Endpoints that discovery found. */
  readonly discovered: number;
}

export interface ConcurrencySnapshot {
  /** Requests that may wait for their reply now. */
  readonly limit: number;
  /** Requests that wait for their reply. */
  readonly inFlight: number;
  /** Attempts that were refused since the limiter was made. */
  readonly refused: number;
}

export interface ListenerSnapshot {
  readonly name: string;
  /** The bound address. */
  readonly address: string;
  /** `outbound` or `inbound`. */
  readonly direction: string;
  /** `auto`, `tcp` or `udp`. */
  readonly protocol: string;
  /** Open connections. */
  readonly connections: number;
  /** Calls in flight. */
  readonly active: number;
  /** Calls that ended. */
  readonly total: number;
  /** Takes no new connections: the sidecar drains, or a reload took the listener away. */
  readonly going: boolean;
  /** What `protocol: udp` counts; null for any other listener. */
  readonly udp: UdpSnapshot | null;
}

/** Sessions and datagrams of a listener with `protocol: udp`, since the start. */
export interface UdpSnapshot {
  /** Sessions that began. */
  readonly sessions: number;
  readonly requestDatagrams: number;
  readonly requestBytes: number;
  readonly responseDatagrams: number;
  readonly responseBytes: number;
  /** Datagrams dropped, by reason; reasons without any are left out. */
  readonly dropped: Readonly<Record<string, number>>;
}

/** A certificate in use, and where. */
export interface CertificateUse extends CertificateFacts {
  /** `listener outbound`, `cluster orders`, `admin`. */
  readonly usedBy: string;
  /** `server certificate`, `client certificate`, or `authority`: what the certificates of the other side are checked against. */
  readonly role: string;
}

/** A setting, as the configuration file would have it. */
export interface ConfigValue {
  /** `clusters[0].balancer.policy`. */
  readonly path: string;
  /** '' where there is none. */
  readonly value: string;
  /** What holds where nobody sets it; '' for a setting that must be written. */
  readonly default: string;
  /** `outrigger.yaml:14`, `--admin`, `OUTRIGGER_ADMIN`; 'default' where nothing sets it. */
  readonly origin: string;
}

export interface RoutesSnapshot {
  readonly routes: readonly RouteSnapshot[];
  /** Routes beyond `routesMax`. */
  readonly leftOut: number;
}

/** One route, or a listener with `protocol: tcp` or `udp`, which has none. */
export interface RouteSnapshot {
  readonly listener: string;
  /** '' for a listener with `protocol: tcp` or `udp`. */
  readonly route: string;
  /** '' where a policy chooses the cluster, or answers every request. */
  readonly cluster: string;
  /** The key of that policy, such as `split`; '' where `cluster` is known. */
  readonly replacedBy: string;
  /** Which requests it gets, as the file has it; '' for all of them. */
  readonly match: string;
  /** The policies of the route, as the file has them, secrets masked. */
  readonly policies: readonly RoutePolicySetting[];
  readonly facts: readonly RouteFact[];
}

export interface RoutePolicySetting {
  /** The key in the route: `retry`. */
  readonly policy: string;
  /** `{ attempts: 3, on: [unavailable] }`. */
  readonly text: string;
}

/** What a policy of a route shows of itself. */
export interface RouteFact {
  /** The key of the policy. */
  readonly policy: string;
  /** What the fact is about, such as the name of a cluster. */
  readonly name: string;
  readonly text: string;
}

/** All calls of this process together; of Layer 4, connections and sessions. */
export interface TotalsSnapshot {
  /** Calls that ended. */
  readonly calls: number;
  /** Of these, those that count as errors of the server side (`callTally`). */
  readonly errors: number;
  /** And errors and cancellations of clients. */
  readonly clientErrors: number;
  /** Calls in flight. */
  readonly active: number;
  /** Over the last few seconds. */
  readonly callsPerSecond: number;
  readonly errorsPerSecond: number;
  readonly clientErrorsPerSecond: number;
  /** Call duration over the last few seconds; null where there was no call. */
  readonly p50Ms: number | null;
  readonly p90Ms: number | null;
  readonly p99Ms: number | null;
  /** Calls that ended as errors or client errors since the start, by status: `UNAVAILABLE`, `HTTP 404`. */
  readonly statuses: Readonly<Record<string, number>>;
}

export interface StatsSnapshot {
  readonly totals: TotalsSnapshot;
  /** Any further counters and gauges by dotted name: `listener.outbound.connections`. */
  readonly counters: Readonly<Record<string, number>>;
}

/** What `/stats` answers. */
export interface StatsReport extends StatsSnapshot {
  readonly balance: readonly ClusterBalance[];
}

export interface ClusterBalance extends BalanceReport {
  readonly cluster: string;
}

export interface ServerInfo {
  /** `telemetry.serviceName`. */
  readonly name: string;
  readonly version: string;
  readonly state: 'starting' | 'ready' | 'draining';
  readonly uptimeMs: number;
  readonly startedWallMs: number;
  readonly pid: number;
  /** Version of Node.js. */
  readonly node: string;
  /** Operating system and processor: `linux x64`. */
  readonly platform: string;
  readonly logLevel: LogLevel;
  readonly config: ConfigInfo;
  /** How far a drain is; null while nothing drains. */
  readonly drain: DrainProgress | null;
  /** How far a drain of the inbound listeners alone is; null while there is none. */
  readonly inboundDrain: InboundDrainPhase | null;
  /** How the drain went; null until it is over. */
  readonly drained: DrainInfo | null;
}

/** `announcing` while clients are asked to open another connection; `announced` once all of them have been. Every call is still served. */
export type InboundDrainPhase = 'announcing' | 'announced';

export interface DrainProgress {
  /** `accepting` new connections still, and may be taken back; `closing` once the listeners have closed; `drained`. */
  readonly phase: 'accepting' | 'closing' | 'drained';
  /** How long new connections are still accepted, milliseconds. */
  readonly acceptingForMs: number;
  /** Whether `undrain` would take it back now. */
  readonly canUndrain: boolean;
}

export interface DrainInfo {
  /** Calls that were ended with `draining` when the grace was over. */
  readonly cut: number;
  readonly finished: number;
  /** Connections whose clients had not taken all of their replies by then. */
  readonly undelivered: number;
}

/** Which configuration runs, and how its reloads went. */
export interface ConfigInfo {
  /** 1 for the one that the process began with, and one more with each that took its place. */
  readonly version: number;
  readonly loadedWallMs: number;
  readonly reloads: number;
  /** Reloads that were refused: the configuration before them stayed. */
  readonly refused: number;
  /** Why the latest one was; '' where it was not. */
  readonly lastError: string;
}

/** `process.memoryUsage()`, with the unit in the name, and what is held besides. */
export interface MemorySnapshot {
  readonly rssBytes: number;
  readonly heapUsedBytes: number;
  readonly heapTotalBytes: number;
  readonly externalBytes: number;
  readonly arrayBuffersBytes: number;
  /** What keeps the event loop alive, by its kind in Node: sockets, timers, servers, requests. */
  readonly resources: Readonly<Record<string, number>>;
}

export interface CallsSnapshot {
  readonly recent: readonly CallRecord[];
  /** Slow ones that did not fail. */
  readonly slow: readonly CallRecord[];
  readonly failed: readonly CallRecord[];
  readonly clientErrors: readonly CallRecord[];
}
