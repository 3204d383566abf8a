import { isIP } from 'node:net';
import type { Clock, Timer } from '../core/clock.ts';
import type { EndpointSpec } from '../core/endpoint-spec.ts';
import type { Logger } from '../core/logger.ts';
import type { Random } from '../core/random.ts';
import { type DnsResolver, type Resolution, resolveHost } from './dns-resolver.ts';
import type { DiscoverySource, DiscoveryStatus, Publish } from './source.ts';

/** A name whose A and AAAA records are the endpoints, all on one port. */
export interface DnsTarget {
  readonly host: string;
  readonly port: number;
  /** Given to each endpoint. */
  readonly weight: number;
  readonly zone: string;
  readonly priority: number;
}

/** Never asks more often, whatever the TTL and however often `refresh` is called. */
const intervalMinMs = 1000;
/** Asks this often at the least: a TTL of a day must not hide a scale-up for a day. */
const intervalMaxMs = 30_000;
/** For names that the system resolved: it tells no TTL. */
const lookupIntervalMs = 5000;
/** Trouble is retried after 1 s, and then ever later up to `intervalMaxMs`. */
const retryFactor = 1.6;
/** Sidecars that started together must not ask together for ever. Only ever later: before its TTL an answer is the old one. */
const jitter = 0.1;
/** Past the resolver's own timeouts; a resolution that hangs must not end discovery. */
const resolutionTimeoutMs = 10_000;

export interface DnsSourceDependencies {
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  /** This source's own: stopping it cancels whatever the resolver is asking. */
  readonly resolver: DnsResolver;
}

/** Re-resolves a name as its TTL says and publishes its addresses, sorted, when they change. */
export class DnsSource implements DiscoverySource {
  readonly describe: string;
  private readonly target: DnsTarget;
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

  private addresses: readonly string[] = [];
  private answered = false;
  private lastAnswerMs = 0;
  private lastError = '';

  constructor(target: DnsTarget, dependencies: DnsSourceDependencies) {
    this.target = target;
    this.describe = `DNS name ${target.host}, port ${target.port}`;
    this.clock = dependencies.clock;
    this.random = dependencies.random;
    this.logger = dependencies.logger;
    this.resolver = dependencies.resolver;
  }

  get status(): DiscoveryStatus {
    const { answered, lastAnswerMs, lastError } = this;
    return { answered, endpoints: this.addresses.length, lastAnswerMs, lastError };
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
    const settle = (result: Resolution): void => {
      if (this.stopped || resolution !== this.resolution || !this.inFlight) return;
      this.inFlight = false;
      const delayMs = result.ok ? this.succeeded(result) : this.failed(result.error);
      // Whoever was just told may have stopped this source.
      if (!this.stopped) this.resolveAt(this.clock.now() + delayMs);
    };
    this.timer = this.clock.after(resolutionTimeoutMs, () => {
      this.resolver.cancel();
      settle({ ok: false, error: `no answer within ${resolutionTimeoutMs / 1000} s` });
    });
    // `resolveHost` never rejects.
    void resolveHost(this.resolver, this.target.host).then((result) => {
      if (resolution === this.resolution && this.inFlight) this.timer?.cancel();
      settle(result);
    });
  }

  /** Gives the delay to the next resolution, milliseconds. */
  private failed(error: string): number {
    if (this.lastError === '') {
      const count = this.addresses.length;
      const meanwhile = this.answered
        ? `keeping the last ${count} endpoints`
        : 'there is no endpoint until it answers';
      this.logger.warn(`${this.describe}: ${error}; ${meanwhile}`, {
        host: this.target.host,
        endpoints: count,
      });
    }
    this.lastError = error;
    const delayMs = this.retryMs;
    this.retryMs = Math.min(this.retryMs * retryFactor, intervalMaxMs);
    return this.jittered(delayMs);
  }

  /** Gives the delay to the next resolution, milliseconds. */
  private succeeded(result: Resolution & { ok: true }): number {
    this.lastAnswerMs = this.clock.now();
    this.retryMs = intervalMinMs;
    // What is not known has not changed: a server that has trouble with AAAA alone takes no IPv6 endpoint away.
    const kept =
      result.unknownFamily === 0 ? [] : this.addresses.filter((a) => isIP(a) === result.unknownFamily);
    const addresses = [...new Set([...result.addresses, ...kept])].sort();
    if (this.lastError !== '') {
      this.lastError = '';
      const facts = { host: this.target.host, endpoints: addresses.length };
      this.logger.info(`${this.describe} is resolved again`, facts);
    }
    const unchanged =
      addresses.length === this.addresses.length && addresses.every((a, i) => a === this.addresses[i]);
    if (!this.answered || !unchanged) {
      this.answered = true;
      this.addresses = addresses;
      this.publish?.(Object.freeze(addresses.map((address) => this.endpoint(address))));
    }
    const ttlMs = result.ttlSec === null ? lookupIntervalMs : result.ttlSec * 1000;
    return this.jittered(Math.min(Math.max(ttlMs, intervalMinMs), intervalMaxMs));
  }

  private endpoint(host: string): EndpointSpec {
    const { port, weight, zone, priority } = this.target;
    return { address: { kind: 'tcp', host, port }, weight, zone, priority };
  }

  private jittered(delayMs: number): number {
    return delayMs * (1 + jitter * this.random.next());
  }
}
