import type { ConnectionOptions as TlsConnectionOptions } from 'node:tls';
import type { Candidate } from '../balancing/candidate.ts';
import type { EndpointReport } from '../balancing/endpoint-report.ts';
import type { EndpointSpeed } from '../balancing/shared-load/endpoint-speed.ts';
import { type Address, formatAddress } from '../core/address.ts';
import type { EndpointSpec } from '../core/endpoint-spec.ts';
import { RecentLatency } from '../core/histogram.ts';
import { RecentRate } from '../core/recent-rate.ts';
import type { OutlierEndpoint } from '../health/outlier.ts';
import { type Compared, SuccessGaps, Suspicion } from '../health/unclear-failures.ts';
import type { ParserLimits } from '../http1/message.ts';
import type { EndpointSeries } from './endpoint-series.ts';
import type { ReportStream } from './report-stream.ts';
import type { ServiceLoad } from './service-load.ts';
import type { OpenFailure, StreamPool } from './stream-opener.ts';

/** The window of latencies and rates, milliseconds. */
const recentMs = 20_000;

/** What health checks say; `since` is `Clock.now()`. */
export interface EndpointHealth {
  readonly status: 'unknown' | 'healthy' | 'unhealthy';
  /** True where `unknown` is what an endpoint is that answers, but not about its health: it is used. False if not given. */
  readonly alive?: boolean;
  /** In plain words: `SERVING`, `connect ECONNREFUSED`. */
  readonly reason: string;
  readonly sinceMs: number;
  /** How often the status has changed. */
  readonly changes: number;
}

/** How a connection to an endpoint is made. */
export interface DialSettings {
  /** Milliseconds a connection may take. */
  readonly connectTimeoutMs: number;
  /** TLS towards the endpoint, with the name to verify; null for cleartext. */
  readonly tls: TlsConnectionOptions | null;
  /** What its connections speak; '' for TCP and UDP. */
  readonly httpVersion: '' | '1.1' | '2';
  /** For replies over HTTP/1.1. */
  readonly replyLimits: ParserLimits;
}

const defaultDial: DialSettings = {
  connectTimeoutMs: 5000,
  tls: null,
  httpVersion: '',
  replyLimits: { headBytesMax: 65_536, fieldsMax: 100, chunkExtensionBytesMax: 16_384 },
};

/** What keeps watch over one endpoint. */
export interface HealthWatch {
  readonly state: EndpointHealth;
  /** A probe has been answered, well or not. */
  readonly answered: boolean;
  /** The data path saw a failure: resolve early. */
  hint(): void;
  stop(): void;
}

/**
 * One replica: what discovery said of it, its health, its live counters and its connections. It outlives balancers
 * and reloads; its `active` is the truth that least-request needs.
 */
export class Endpoint implements Candidate, Compared {
  readonly target: Address;
  readonly address: string;
  /** The name that led to it, which TLS verifies; '' where that is the host of its address. */
  readonly hostname: string;
  weight: number;
  configuredWeight: number;
  zone: string;
  priority: number;
  active = 0;
  /** Its number in the `LoadLog` of its cluster. */
  slot = 0;
  phantomLoad = 0;
  phantomAtMs = 0;
  latencyMs = 0;
  latencyAtMs: number;
  report: EndpointReport | null = null;
  speed: EndpointSpeed | null = null;
  /** On which it streams reports; null where its cluster does not ask for that. */
  reportStream: ReportStream | null = null;
  /** What it does for all clients, as an inbound listener reports it; null where none does. */
  service: ServiceLoad | null = null;
  /** Attempts that ended, by `Tally`. */
  success = 0;
  error = 0;
  other = 0;
  /** Attempts that ended as `success`: also with an error of the client, which shows that the endpoint works. */
  answers = 0;
  /** Failures that requests may have caused, ever. */
  unclear = 0;
  suspicion: Suspicion | null = null;
  gaps: SuccessGaps;
  /** What watches its health; null where nothing does, and it counts as healthy. */
  watch: HealthWatch | null = null;
  private readonly unwatched: EndpointHealth;
  /** `Clock.now()` of when it could be used, without a break since; null while it cannot. */
  usableSinceMs: number | null = null;
  /** Taken out of use by hand. */
  drainedByHand = false;
  /** Gone from discovery: no new calls, its calls finish. */
  removed = false;
  /** What outlier detection thinks of it; null where that is off. */
  outlier: OutlierEndpoint | null = null;
  latency = new RecentLatency(recentMs);
  rate = new RecentRate(recentMs);
  pool!: StreamPool;
  /** For connections that are no part of the pool: WebSockets, TCP and UDP. */
  dial: DialSettings = defaultDial;
  /** What metrics show of its attempts. */
  series!: EndpointSeries;
  /** The failed connection that was counted last: it says one thing of the endpoint, however many calls waited for it. */
  openFailure: OpenFailure | null = null;

  constructor(spec: EndpointSpec, nowMs: number) {
    this.target = spec.address;
    this.address = formatAddress(spec.address);
    this.hostname = spec.hostname ?? '';
    this.weight = spec.weight;
    this.configuredWeight = spec.weight;
    this.zone = spec.zone;
    this.priority = spec.priority;
    this.latencyAtMs = nowMs;
    this.gaps = new SuccessGaps(nowMs);
    this.unwatched = { status: 'healthy', reason: 'no health check', sinceMs: nowMs, changes: 0 };
  }

  /** The same replica under other settings: what is known of it counts on. Its calls in flight end where they began. */
  inherit(before: Endpoint): void {
    this.success = before.success;
    this.error = before.error;
    this.other = before.other;
    this.answers = before.answers;
    this.latency = before.latency;
    this.rate = before.rate;
    this.gaps = before.gaps;
    this.phantomLoad = before.phantomLoad;
    this.phantomAtMs = before.phantomAtMs;
    this.drainedByHand = before.drainedByHand;
    this.usableSinceMs = before.usableSinceMs;
    this.latencyMs = before.latencyMs;
    this.latencyAtMs = before.latencyAtMs;
    this.report = before.report;
    this.speed = before.speed;
    this.service = before.service;
  }

  get health(): EndpointHealth {
    return this.watch === null ? this.unwatched : this.watch.state;
  }

  /** An attempt failed, and its request may be why. Returns how many such failures now count against the endpoint. */
  suspect(others: () => Iterable<Compared>, nowMs: number): number {
    this.unclear++;
    this.suspicion ??= new Suspicion();
    return this.suspicion.add(others, this.gaps.isSilent(nowMs));
  }

  /** Attempts that ended, whichever way. */
  get total(): number {
    return this.success + this.error + this.other;
  }

  /** Why it may not get the next call, in plain words; '' when it may. */
  get unusableBecause(): string {
    if (this.removed) return 'removed from discovery';
    if (this.drainedByHand) return 'drained by hand';
    if (this.health.status === 'unhealthy') return `unhealthy: ${this.health.reason}`;
    if (this.health.status === 'unknown' && this.health.alive !== true)
      return 'no health check has finished yet';
    if (this.outlier !== null && !this.outlier.usable) {
      return this.outlier.state === 'trial'
        ? 'probing after an ejection (half-open)'
        : `ejected: ${this.outlier.ejectedBecause}`;
    }
    return this.pool.backingOff;
  }
}
