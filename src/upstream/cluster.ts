import type { Affinity } from '../balancing/affinity.ts';
import { latencyEstimator } from '../balancing/build.ts';
import { type FailPenalty, failPenalty } from '../balancing/fail-penalty.ts';
import type { LatencyEstimator } from '../balancing/latency.ts';
import { LoadLog } from '../balancing/load-log.ts';
import type { PickReason } from '../balancing/pick-reason.ts';
import type { BalancerSettings } from '../balancing/settings.ts';
import { formatAddress } from '../core/address.ts';
import type { Clock } from '../core/clock.ts';
import type { EndpointSpec } from '../core/endpoint-spec.ts';
import type { Logger } from '../core/logger.ts';
import { pluralize } from '../core/pluralize.ts';
import type { ReplyError } from '../core/reply-error.ts';
import type { DiscoverySource, DiscoveryStatus } from '../discovery/source.ts';
import type { OutlierDetector } from '../health/outlier.ts';
import { type SubsettingSettings, subsetOf } from '../subsetting/subset.ts';
import type { ConcurrencyLimiter, LimiterSettings } from './concurrency-limiter.ts';
import { type DialSettings, Endpoint, type HealthWatch } from './endpoint.ts';
import { EndpointPins, pinReason } from './endpoint-pins.ts';
import { EndpointSeriesTable } from './endpoint-series.ts';
import { Lease, type LeaseOwner } from './lease.ts';
import type { MethodRef } from './method-slots.ts';
import { type LoadReportSettings, type ReportIntake, reportIntake } from './report-intake.ts';
import { ReportStreams } from './report-streams.ts';
import { Selection, type SelectionDeps } from './selection.ts';
import type { StreamPool } from './stream-opener.ts';
import { unusableReasons } from './unusable-reasons.ts';
import { WarmUp } from './warm-up.ts';

export interface ClusterSettings {
  readonly name: string;
  readonly protocol: 'http2' | 'http1' | 'tcp' | 'udp';
  readonly balancer: BalancerSettings;
  /** `affinityOf(balancer)`. */
  readonly affinity?: Affinity | null;
  /** Calls in flight at the most, over all endpoints. */
  readonly requestsMax: number;
  /** And at one of them; no limit if not given. */
  readonly endpointRequestsMax?: number;
  /** Retries by policy and hedges in flight at the most, over all routes; no limit if not given. */
  readonly retriesMax?: number;
  /** Whether load reports in replies are used; by default, where the policy uses them. */
  readonly loadReports?: LoadReportSettings;
  /** A limit on attempts that wait for their reply to begin; none if not given. */
  readonly limiter?: LimiterSettings | null;
  /** Which part of the endpoints is used; all if not given. */
  readonly subsetting?: SubsettingSettings | null;
}

export interface ClusterDeps extends SelectionDeps {
  readonly logger: Logger;
  readonly discovery: DiscoverySource;
  /** How connections are made that are no part of a pool. */
  readonly dial?: (endpoint: Endpoint) => DialSettings;
  readonly newPool: (endpoint: Endpoint, onChange: () => void) => StreamPool;
  /** Begins to watch; null when health checks are off. */
  readonly watchHealth: ((endpoint: Endpoint, onChange: () => void) => HealthWatch) | null;
  /** What requests that this process makes itself name as their authority; the address if not given. */
  readonly authority?: (endpoint: Endpoint) => string;
  /** Counts errors and ejects; null when off. */
  readonly outlier: OutlierDetector | null;
  /** Of the process; one of its own if not given. */
  readonly series?: EndpointSeriesTable;
}

/**
 * A named set of interchangeable endpoints: discovery says who they are, health checks and outlier detection who is
 * usable, the balancer who is next. The balancer is a snapshot, rebuilt whenever one of these changes.
 */
export class Cluster implements LeaseOwner {
  readonly name: string;
  readonly clock: Clock;
  settings: ClusterSettings;
  active = 0;
  /** Retries by policy and hedges in flight. */
  retries = 0;
  /** What ties calls to an endpoint; null for a policy that ignores the call, which is every one but hashes and cookies. */
  affinity: Affinity | null;
  private readonly deps: ClusterDeps;
  private readonly series: EndpointSeriesTable;
  private discovery: DiscoverySource;
  penalty: FailPenalty;
  /** Null where nothing learns from latency. */
  estimator: LatencyEstimator | null;
  /** Null where load reports in replies are not accepted. */
  reports: ReportIntake | null;
  /** Null where endpoints are not asked to stream their load. */
  private reportStreams: ReportStreams | null = null;
  /** Null where no limit follows latency. */
  limiter: ConcurrencyLimiter | null;
  readonly loads = new LoadLog();
  /** What discovery published last; `endpoints` are these, or a subset. */
  private discovered: readonly EndpointSpec[] = [];
  private readonly endpoints = new Map<string, Endpoint>();
  private readonly selection: Selection;
  /** Null while no call is pinned to an endpoint. */
  private pins: EndpointPins | null = null;
  /** Null before the start. */
  private warmUp: WarmUp | null = null;
  private everReady = false;
  private stopped = false;
  private endpointRequestsMax: number;
  /** Of the latest pick: endpoints that the call had used, and those that were passed over at their own limit. */
  private excludedCount = 0;
  private pickFull = 0;

  constructor(settings: ClusterSettings, deps: ClusterDeps) {
    this.name = settings.name;
    this.settings = settings;
    this.deps = deps;
    this.clock = deps.clock;
    this.series = deps.series ?? new EndpointSeriesTable();
    this.series.join(settings.name);
    this.discovery = deps.discovery;
    this.affinity = settings.affinity ?? null;
    this.endpointRequestsMax = settings.endpointRequestsMax ?? Number.POSITIVE_INFINITY;
    this.penalty = failPenalty(settings.balancer.failPenalty);
    this.reports = reportIntake(settings.balancer, settings.loadReports);
    this.estimator = latencyEstimator(settings.balancer) ?? this.reports?.estimator ?? null;
    this.limiter = settings.limiter?.create() ?? null;
    this.selection = new Selection(settings.balancer, deps, this.reports);
  }

  start(): void {
    this.warmUp = new WarmUp(this.deps.clock);
    this.streamReports();
    this.discovery.start((list) => this.update(list));
  }

  /**
   * Other settings for the same endpoints, which keep their counters, health and connections. A new source of endpoints
   * has been started by the caller, and publishes to `update` from now on.
   */
  reconfigure(settings: ClusterSettings, discovery: DiscoverySource | null): void {
    if (settings.limiter?.key !== this.settings.limiter?.key)
      this.limiter = settings.limiter?.create() ?? null;
    const { subsetting: subsettingBefore } = this.settings;
    this.settings = settings;
    this.affinity = this.pins ?? settings.affinity ?? null;
    this.endpointRequestsMax = settings.endpointRequestsMax ?? Number.POSITIVE_INFINITY;
    this.penalty = failPenalty(settings.balancer.failPenalty);
    this.reports = reportIntake(settings.balancer, settings.loadReports);
    this.estimator = latencyEstimator(settings.balancer) ?? this.reports?.estimator ?? null;
    this.selection.intake = this.reports;
    if (discovery !== null) {
      this.discovery.stop();
      this.discovery = discovery;
    }
    this.streamReports();
    if (this.reports === null) for (const endpoint of this.endpoints.values()) endpoint.report = null;
    const { subsetting } = settings;
    if (subsetting?.size === subsettingBefore?.size && subsetting?.seed === subsettingBefore?.seed)
      this.rebuild();
    else this.update(this.discovered);
  }

  /** Asks the endpoints to stream their load, or no longer, as the settings are now. */
  private streamReports(): void {
    const { protocol, loadReports } = this.settings;
    const isOn = this.reports !== null && protocol === 'http2';
    const periodMs = isOn ? loadReports?.outOfBand?.periodMs : undefined;
    if (periodMs === this.reportStreams?.periodMs) return;
    this.reportStreams?.stop();
    const { clock, random, logger, authority = ({ address }) => address } = this.deps;
    const all = (): readonly Endpoint[] => this.all();
    const onReport = (message: Uint8Array, endpoint: Endpoint): void =>
      this.reports?.takeStreamed(message, endpoint, clock.now());
    this.reportStreams =
      periodMs === undefined
        ? null
        : new ReportStreams({ clock, random, logger, periodMs, all, authority, onReport });
  }

  /** Takes the place of another cluster, and over what that learned of the same replicas. */
  replaces(before: Cluster): void {
    for (const endpoint of this.endpoints.values()) {
      const known = before.endpoints.get(endpoint.address);
      if (known !== undefined) endpoint.inherit(known);
    }
    if (this.settings.limiter?.key === before.settings.limiter?.key) this.limiter = before.limiter;
    this.rebuild();
  }

  /** Lets connections go once they are idle, and stops watching. */
  stop(): void {
    this.warmUp?.end();
    this.warmUp = null;
    this.pins?.clear();
    this.selection.stop();
    this.discovery.stop();
    this.deps.outlier?.stop();
    this.reportStreams?.stop();
    for (const endpoint of this.endpoints.values()) {
      endpoint.watch?.stop();
      endpoint.pool.drain();
      this.loads.leave(endpoint);
      this.releaseSeries(endpoint);
    }
    if (!this.stopped) this.series.leave(this.name);
    this.stopped = true;
  }

  /** Closes every connection now. */
  close(): void {
    for (const endpoint of this.endpoints.values()) endpoint.pool.close();
  }

  get endpointCount(): number {
    return this.endpoints.size;
  }

  all(): Endpoint[] {
    return [...this.endpoints.values()];
  }

  /** How the endpoints were chosen of those that discovery found; null where all are used. */
  get subsetting(): { readonly size: number; readonly discovered: number } | null {
    const { subsetting } = this.settings;
    return subsetting ? { size: subsetting.size, discovered: this.discovered.length } : null;
  }

  /** How much of its requests the own zone keeps, by load reports; null where that is off. */
  get zoneSpill(): { readonly kept: number; readonly reason: string } | null {
    return this.selection.zoneSpill(this.settings.balancer);
  }

  get discoveryStatus(): DiscoveryStatus {
    return this.discovery.status;
  }

  get discoveryState(): string {
    const { describe, status } = this.discovery;
    return status.lastError === '' ? describe : `${describe}: ${status.lastError}`;
  }

  /**
   * Why this cluster cannot serve yet, '' once it could: discovery has answered and so has every first probe. A replica
   * that joins later takes no readiness away.
   */
  get notReadyBecause(): string {
    return this.everReady ? '' : this.awaited;
  }

  /** What has not answered yet, discovery or the first probe of an endpoint; '' for nothing. */
  private get awaited(): string {
    const { describe, status } = this.discovery;
    if (!status.answered) {
      const why = status.lastError === '' ? '' : `: ${status.lastError}`;
      return `cluster ${this.name}: ${describe} has not answered${why}`;
    }
    const waiting = this.all().find((endpoint) => endpoint.watch?.answered === false);
    return waiting ? `cluster ${this.name}: ${waiting.address} has not been probed yet` : '';
  }

  /**
   * While the first answers of discovery and probes are awaited, at the start and when all endpoints were replaced: calls
   * `resume` when they are there, and returns what takes that back. Null once it is known whom to ask.
   */
  whenWarm(resume: () => void): (() => void) | null {
    return this.warmUp?.lasts ? this.warmUp.wait(resume) : null;
  }

  /** The time from request to reply is of use: to a balancer, or to a limiter. */
  get measuresLatency(): boolean {
    return this.estimator !== null || this.limiter !== null;
  }

  get full(): boolean {
    return this.active >= this.settings.requestsMax;
  }

  /** Is some endpoint fit for calls, but at its own limit of them? */
  get saturated(): boolean {
    return this.selection.balancer.endpoints.some(({ active }) => active >= this.endpointRequestsMax);
  }

  /** Why `acquire` returned `full`: the cluster is at `requestsMax`, or at the limit that follows its latency. */
  fullError(): ReplyError {
    const { limiter, name } = this;
    const detail =
      this.full || limiter === null
        ? `cluster ${name} is at its limit of ${pluralize(this.active, 'request')} in flight`
        : `cluster ${name} has ${pluralize(limiter.inFlight, 'call')} that wait for a reply, and its latency allows ${limiter.limit} now`;
    return { code: 'overloaded', detail, mayHaveProcessed: false };
  }

  /** Requests in flight that one endpoint may have now; 0 for no limit. */
  get endpointLimit(): number {
    if (this.limiter !== null) return Math.max(1, this.limiter.limit / Math.max(1, this.endpoints.size));
    return this.endpointRequestsMax === Number.POSITIVE_INFINITY ? 0 : this.endpointRequestsMax;
  }

  /** One more retry is in flight; false when there are as many as may be. */
  takeRetry(): boolean {
    if (this.retries >= (this.settings.retriesMax ?? Number.POSITIVE_INFINITY)) return false;
    this.retries++;
    return true;
  }

  giveRetry(): void {
    this.retries--;
  }

  /**
   * An endpoint for one attempt: the cluster's limit, the balancer's pick, the endpoint's limit, and the count of both, in this
   * one place for every kind of traffic. `full`: the cluster is at its limit. `none`: no endpoint is available.
   *
   * `excluded` are the endpoints that the request has used; `mayRepeat` allows one of them where there is no other. `key` is what
   * `affinity` makes of the request, '' where there is none; `method` that of a gRPC call.
   */
  acquire(
    nowMs: number,
    excluded: ReadonlySet<Endpoint> | null,
    mayRepeat: boolean,
    key: string,
    method: MethodRef | null,
  ): Lease | 'full' | 'none' {
    const { limiter } = this;
    if (this.full || (limiter !== null && !limiter.tryAcquire(nowMs))) return 'full';
    let endpoint = this.pick(nowMs, excluded, key);
    if (endpoint === null && mayRepeat && excluded !== null) endpoint = this.pick(nowMs, null, key);
    if (endpoint === null) {
      limiter?.released('unknown', 0, nowMs);
      return 'none';
    }
    return new Lease(this, endpoint, this.explain(endpoint, nowMs, key), nowMs, method, limiter);
  }

  private pick(nowMs: number, excluded: ReadonlySet<Endpoint> | null, key: string): Endpoint | null {
    const { balancer } = this.selection;
    this.excludedCount = excluded === null ? 0 : excluded.size;
    this.pickFull = 0;
    const pinned = this.pins?.addressOf(key);
    if (pinned !== undefined) {
      const only = this.endpoints.get(pinned) ?? null;
      return only === null || excluded?.has(only) ? null : only;
    }
    const endpoint = balancer.pick(nowMs, excluded, key);
    if (endpoint === null || endpoint.active < this.endpointRequestsMax) return endpoint;
    const passed = new Set(excluded);
    for (let next: Endpoint | null = endpoint; next !== null; next = balancer.pick(nowMs, passed, key)) {
      if (next.active < this.endpointRequestsMax) return next;
      passed.add(next);
      this.pickFull++;
    }
    return null;
  }

  /** Why the latest `pick` gave this endpoint; before the endpoint is counted, with the arguments of the pick. */
  private explain(endpoint: Endpoint, nowMs: number, key: string): PickReason {
    const reason =
      this.pins?.addressOf(key) === undefined
        ? this.selection.balancer.explain(endpoint, nowMs, key)
        : pinReason(endpoint);
    reason.census = this.selection.census;
    reason.excluded = this.excludedCount;
    reason.full = this.pickFull;
    reason.loads = this.loads;
    reason.moment = this.loads.now;
    return reason;
  }

  refreshDiscovery(): void {
    this.discovery.refresh();
  }

  unusableReasons(): string {
    return unusableReasons(this.all(), this.endpointRequestsMax);
  }

  /** Takes an endpoint out of use by hand, or gives it back. False when it is not here. */
  drainEndpoint(address: string, on: boolean): boolean {
    const endpoint = this.endpoints.get(address);
    if (endpoint === undefined) return false;
    endpoint.drainedByHand = on;
    this.deps.logger.info(on ? 'endpoint drained by hand' : 'endpoint enabled by hand', {
      cluster: this.name,
      endpoint: address,
    });
    this.rebuild();
    if (on) endpoint.pool.retire();
    return true;
  }

  /** Lets calls that carry `pin` as a header go to this endpoint alone, for a short time. False when it is not here. */
  pinEndpoint(address: string, pin: string): boolean {
    if (!this.endpoints.has(address) || this.stopped) return false;
    this.pins ??= new EndpointPins(
      this.clock,
      () => this.settings.affinity ?? null,
      () => {
        this.pins = null;
        this.affinity = this.settings.affinity ?? null;
      },
    );
    this.pins.add(pin, address);
    this.affinity = this.pins;
    this.deps.logger.info('calls of an operator are pinned to an endpoint', {
      cluster: this.name,
      endpoint: address,
    });
    return true;
  }

  /** Asks each endpoint again whether it may be used, and how much of its weight it has. */
  rebuild(): void {
    const discovered = this.subsetting?.discovered ?? 0;
    const usable = this.selection.update(this.all(), this.settings.balancer, discovered);
    const { awaited } = this;
    if (awaited === '') this.everReady = true;
    if (usable > 0 || awaited === '') this.warmUp?.end();
    // None that is left may be used, and of those that came nobody knows yet: calls wait for them as at the start.
    else if (this.warmUp?.lasts === false) this.warmUp = new WarmUp(this.deps.clock);
  }

  /** The part of the calls that each endpoint gets by weight; those that get none are not there. */
  shares(): Map<Endpoint, number> {
    return this.selection.shares(this.all(), this.settings.balancer);
  }

  /** The endpoints as discovery has them now. */
  update(discovered: readonly EndpointSpec[]): void {
    const { subsetting } = this.settings;
    this.discovered = discovered;
    const list = subsetting ? subsetOf(discovered, subsetting) : discovered;
    const gone = new Set(this.endpoints.keys());
    const removed: Endpoint[] = [];
    for (const spec of list) {
      const address = formatAddress(spec.address);
      gone.delete(address);
      const known = this.endpoints.get(address);
      if (known === undefined) this.add(spec);
      else if (known.hostname !== (spec.hostname ?? '')) {
        // Its connections and probes verified another name: none of them may serve this one.
        removed.push(this.remove(address));
        this.add(spec).inherit(known);
      } else {
        known.configuredWeight = spec.weight;
        known.zone = spec.zone;
        known.priority = spec.priority;
      }
    }
    for (const address of gone) removed.push(this.remove(address));
    this.rebuild();
    // Their calls finish; their connections close when they have. Calls that waited for one go on to those that are
    // there now, so the balancer must know them by then.
    for (const endpoint of removed) endpoint.pool.drain();
  }

  private add(spec: EndpointSpec): Endpoint {
    const endpoint = new Endpoint(spec, this.deps.clock.now());
    endpoint.slot = this.loads.newSlot();
    this.loads.join(endpoint);
    if (this.deps.dial !== undefined) endpoint.dial = this.deps.dial(endpoint);
    endpoint.pool = this.deps.newPool(endpoint, () => this.rebuild());
    endpoint.series = this.series.acquire(this.name, endpoint.address);
    endpoint.outlier = this.deps.outlier?.add(endpoint.address, () => this.rebuild()) ?? null;
    this.endpoints.set(endpoint.address, endpoint);
    this.deps.logger.info('endpoint added', {
      cluster: this.name,
      endpoint: endpoint.address,
      weight: spec.weight,
    });
    endpoint.watch = this.deps.watchHealth?.(endpoint, () => this.healthChanged(endpoint)) ?? null;
    return endpoint;
  }

  private healthChanged(endpoint: Endpoint): void {
    if (endpoint.removed) return;
    // Probes that had failed are answered again: the back-off of its connections, its ejection and its penalty are of its
    // life before.
    if (endpoint.health.status === 'healthy' || endpoint.health.alive === true) {
      endpoint.pool.resetBackoff();
      endpoint.outlier?.recovered();
      this.penalty.forgive(endpoint);
    }
    this.rebuild();
  }

  /** Its calls in flight still count there, though nobody shows it any more. */
  private releaseSeries({ address, series }: Endpoint): void {
    if (!this.stopped) this.series.release(this.name, address, series);
  }

  private remove(address: string): Endpoint {
    const endpoint = this.endpoints.get(address)!;
    this.endpoints.delete(address);
    endpoint.removed = true;
    this.loads.leave(endpoint);
    endpoint.watch?.stop();
    endpoint.reportStream?.stop();
    endpoint.outlier?.remove();
    this.releaseSeries(endpoint);
    this.deps.logger.info('endpoint removed', { cluster: this.name, endpoint: address });
    return endpoint;
  }
}
