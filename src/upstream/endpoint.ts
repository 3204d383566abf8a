import type { Candidate } from '../balancing/candidate.ts';
import { type Address, formatAddress } from '../core/address.ts';
import type { EndpointSpec } from '../core/endpoint-spec.ts';
import { RecentLatency } from '../core/histogram.ts';
import { RecentRate } from '../core/recent-rate.ts';
import type { StreamPool } from './stream-opener.ts';

/** How an attempt went, as far as it says something about the endpoint. */
export type Outcome =
  | 'success'
  | 'failure' // it did not do its work: the list of the outlier detection
  | 'neutral'; // the client went away, or nothing was sent: says nothing

/** How long latencies and rates look back, milliseconds. */
const recentMs = 20_000;

/** What health checks say; `since` is `Clock.now()`. */
export interface EndpointHealth {
  readonly status: 'unknown' | 'healthy' | 'unhealthy';
  /** In plain words: `SERVING`, `connect ECONNREFUSED`. */
  readonly reason: string;
  readonly sinceMs: number;
}

/**
 * One replica: what discovery said of it, its health, its live counters and its connections. It outlives balancers
 * and reloads; its `active` is the truth that least-request needs.
 */
export class Endpoint implements Candidate {
  readonly target: Address;
  readonly address: string;
  weight: number;
  zone: string;
  priority: number;
  active = 0;
  phantomLoad = 0;
  phantomAtMs = 0;
  success = 0;
  error = 0;
  health: EndpointHealth;
  /** Taken out of use by hand. */
  drainedByHand = false;
  /** Gone from discovery: no new calls, its calls finish. */
  removed = false;
  /** `Clock.now()` until which outlier detection keeps it out; 0 for not ejected. */
  ejectedUntilMs = 0;
  ejections = 0;
  readonly latency = new RecentLatency(recentMs);
  readonly rate = new RecentRate(recentMs);
  pool!: StreamPool;

  constructor(spec: EndpointSpec, health: EndpointHealth) {
    this.target = spec.address;
    this.address = formatAddress(spec.address);
    this.weight = spec.weight;
    this.zone = spec.zone;
    this.priority = spec.priority;
    this.health = health;
  }

  get total(): number {
    return this.success + this.error;
  }

  /** Why it may not get the next call, in plain words; '' when it may. */
  unusableBecause(nowMs: number): string {
    if (this.removed) return 'gone from discovery';
    if (this.drainedByHand) return 'drained by hand';
    if (this.health.status === 'unhealthy') return `unhealthy: ${this.health.reason}`;
    if (this.health.status === 'unknown') return 'no health check has answered yet';
    if (this.ejectedUntilMs > nowMs) return 'ejected after errors in a row';
    return this.pool.backingOff;
  }
}
