import type { Clock, Timer } from '../core/clock.ts';
import type { EndpointSpec } from '../core/endpoint-spec.ts';
import type { Logger } from '../core/logger.ts';
import { pluralize } from '../core/pluralize.ts';
import type { Random } from '../core/random.ts';
import type { DnsAnswer, DnsQuery } from './dns-query.ts';
import type { DnsResolver } from './dns-resolver.ts';
import { type DiscoverySource, type DiscoveryStatus, type Publish, sameEndpoints } from './source.ts';

/** Never asks more often, whatever the TTL and however often `refresh` is called. */
const intervalMinMs = 1000;
/** Asks this often at the least: a TTL of a day must not hide a scale-up for a day. */
const intervalMaxMs = 30_000;
/** The interval where no TTL is known: for names that the system resolved, and at most for SRV records, whose TTL Node does not report. */
const defaultIntervalMs = 5000;
/** Trouble is retried after 1 s, and then ever later up to `intervalMaxMs`. */
const retryFactor = 1.6;
/** Sidecars that started together must not ask together for ever. Only ever later: before its TTL an answer is the old one. */
const jitter = 0.1;
/** Past the resolver's own timeouts; a resolution that hangs must not end discovery. */
const resolutionTimeoutMs = 10_000;
/** The same where resolv.conf gives servers more time. */
const resolutionTimeoutMsMax = 60_000;

export interface DnsSourceDependencies {
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  /** This source's own: stopping it cancels whatever the resolver is asking. */
  readonly resolver: DnsResolver;
}

/** Asks again as the TTL says and publishes the endpoints when they change. */
export class DnsSource implements DiscoverySource {
  readonly describe: string;
  readonly advice = 'check the name in discovery and the DNS servers of this machine (getent hosts NAME)';
  private readonly query: DnsQuery;
  private readonly clock: Clock;
  private readonly random: Random;
  private readonly logger: Logger;
  private readonly resolver: DnsResolver;

  private publish: Publish | null = null;
  private stopped = false;
  /** The next resolution, or the timeout of the one in flight. */
  private timer: Timer | null = null;
  /** Counts resolutions; an answer to an earlier one is too late. */
  private resolution = 0;
  private inFlight = false;
  private startedMs = Number.NEGATIVE_INFINITY;
  private nextMs = Number.POSITIVE_INFINITY;
  private retryMs = intervalMinMs;

  private endpoints: readonly EndpointSpec[] = [];
  private answered = false;
  private lastAnswerMs = 0;
  private lastError = '';

  constructor(query: DnsQuery, dependencies: DnsSourceDependencies) {
    this.query = query;
    this.describe = query.describe;
    this.clock = dependencies.clock;
    this.random = dependencies.random;
    this.logger = dependencies.logger;
    this.resolver = dependencies.resolver;
  }

  get status(): DiscoveryStatus {
    const { answered, endpoints, lastAnswerMs, lastError } = this;
    return { answered, endpoints: endpoints.length, lastAnswerMs, lastError };
  }

  start(publish: Publish): void {
    if (this.publish !== null || this.stopped) return;
    this.publish = publish;
    this.resolve();
  }

  refresh(): void {
    // An answer that is on its way is news enough.
    if (this.publish === null || this.stopped || this.inFlight) return;
    const earliestMs = Math.max(this.startedMs + intervalMinMs, this.clock.now());
    if (earliestMs < this.nextMs) this.resolveAt(earliestMs);
  }

  stop(): void {
    if (this.stopped) return;
    this.stopped = true;
    this.timer?.cancel();
    if (this.inFlight) this.resolver.cancel();
  }

  private resolveAt(atMs: number): void {
    this.timer?.cancel();
    this.nextMs = atMs;
    this.timer = this.clock.after(atMs - this.clock.now(), () => this.resolve());
  }

  private resolve(): void {
    const resolution = ++this.resolution;
    this.inFlight = true;
    this.startedMs = this.clock.now();
    const settle = (result: DnsAnswer): void => {
      if (this.stopped || resolution !== this.resolution || !this.inFlight) return;
      this.inFlight = false;
      const delayMs = result.ok ? this.succeeded(result) : this.failed(result.error);
      // Whoever was just notified may have stopped this source.
      if (!this.stopped) this.resolveAt(this.clock.now() + delayMs);
    };
    const { roundMs = 0 } = this.resolver;
    const timeoutMs = Math.min(Math.max(resolutionTimeoutMs, roundMs), resolutionTimeoutMsMax);
    this.timer = this.clock.after(timeoutMs, () => {
      this.resolver.cancel();
      settle({ ok: false, error: `no answer within ${timeoutMs / 1000} s` });
    });
    // `ask` never rejects.
    void this.query.ask().then((result) => {
      if (resolution === this.resolution && this.inFlight) this.timer?.cancel();
      settle(result);
    });
  }

  /** Gives the delay to the next resolution, milliseconds. */
  private failed(error: string): number {
    if (this.lastError === '') {
      const count = this.endpoints.length;
      const meanwhile = this.answered
        ? `keeping the last ${pluralize(count, 'endpoint')}`
        : 'there is no endpoint until it answers';
      this.logger.warn(`${this.describe}: ${error}; ${meanwhile}`, {
        endpoints: count,
      });
    }
    this.lastError = error;
    const delayMs = this.retryMs;
    this.retryMs = Math.min(this.retryMs * retryFactor, intervalMaxMs);
    return this.jittered(delayMs);
  }

  /** Gives the delay to the next resolution, milliseconds. */
  private succeeded({ endpoints, ttlSec }: DnsAnswer & { ok: true }): number {
    this.lastAnswerMs = this.clock.now();
    this.retryMs = intervalMinMs;
    if (this.lastError !== '') {
      this.lastError = '';
      this.logger.info(`${this.describe} is resolved again`, { endpoints: endpoints.length });
    }
    if (!this.answered || !sameEndpoints(endpoints, this.endpoints)) {
      this.answered = true;
      this.endpoints = Object.freeze([...endpoints]);
      this.publish?.(this.endpoints);
    }
    const ttlMs = ttlSec === null ? defaultIntervalMs : ttlSec * 1000;
    return this.jittered(Math.min(Math.max(ttlMs, intervalMinMs), intervalMaxMs));
  }

  private jittered(delayMs: number): number {
    return delayMs * (1 + jitter * this.random.next());
  }
}
