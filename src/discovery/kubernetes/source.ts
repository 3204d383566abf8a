import type { Clock, Timer } from '../../core/clock.ts';
import type { EndpointSpec } from '../../core/endpoint-spec.ts';
import type { Logger } from '../../core/logger.ts';
import { pluralize } from '../../core/pluralize.ts';
import type { Random } from '../../core/random.ts';
import { rateLimitedLogger } from '../../core/rate-limited-logger.ts';
import { type DiscoverySource, type DiscoveryStatus, type Publish, sameEndpoints } from '../source.ts';
import type { ApiServer } from './api-server.ts';
import { chooseEndpoints, type EndpointQuery } from './choose-endpoints.ts';
import { ListWatch } from './list-watch.ts';

/** A service of Kubernetes, as a cluster names it. */
export interface KubernetesService {
  readonly service: string;
  /** Undefined for the namespace of the credentials. */
  readonly namespace?: string | undefined;
  readonly port?: string | number | undefined;
  readonly family: EndpointQuery['family'];
  readonly transport: EndpointQuery['transport'];
  readonly localZone: string;
}

export interface KubernetesSourceDeps {
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly api: ApiServer;
}

/**
 * Changes are collected for this long: a rollout changes slices in bursts, and an endpoint that moves from one slice to another is
 * for a moment in none.
 */
const settleMs = 50;

/**
 * The endpoints of a service by its EndpointSlices, which it lists and watches. The API server knows what is there: a service whose
 * pods are not ready, or that has none, has no endpoints. Trouble with the server changes nothing.
 */
export class KubernetesSource implements DiscoverySource {
  private readonly service: KubernetesService;
  private readonly deps: KubernetesSourceDeps;
  private readonly watch: ListWatch;
  /** A service whose pods change their minds all the time does not fill the log. */
  private readonly logger: Logger;
  private publish: Publish | null = null;
  private stopped = false;
  private settling: Timer | null = null;
  private namespace: string;
  private endpoints: readonly EndpointSpec[] = [];
  private answered = false;
  private lastAnswerMs = 0;
  /** Of the API server, and of the slices it sent; '' for none. */
  private serverError = '';
  private sliceError = '';
  private loggedError = '';

  constructor(service: KubernetesService, deps: KubernetesSourceDeps) {
    this.service = service;
    this.deps = deps;
    this.namespace = service.namespace ?? '';
    this.logger = rateLimitedLogger(deps.logger, deps.clock);
    const api: ApiServer = {
      get: (pathOf, receiver) => deps.api.get((namespace) => pathOf(this.inNamespace(namespace)), receiver),
    };
    this.watch = new ListWatch(
      { service: service.service },
      { ...deps, api },
      {
        changed: () => this.changed(),
        confirmed: () => this.confirmed(),
        failed: (message) => this.failed(message),
      },
    );
  }

  get describe(): string {
    const { service, port } = this.service;
    const name = this.namespace === '' ? service : `${this.namespace}/${service}`;
    return `Kubernetes service ${name}${port === undefined ? '' : `, port ${port}`}`;
  }

  get advice(): string {
    const namespace = this.namespace === '' ? '' : ` -n ${this.namespace}`;
    return `compare with kubectl get endpointslices -l kubernetes.io/service-name=${this.service.service}${namespace}`;
  }

  get status(): DiscoveryStatus {
    const { answered, endpoints, lastAnswerMs } = this;
    return {
      answered,
      endpoints: endpoints.length,
      lastAnswerMs,
      lastError: this.serverError || this.sliceError,
    };
  }

  start(publish: Publish): void {
    if (this.publish !== null || this.stopped) return;
    this.publish = publish;
    this.watch.start();
  }

  refresh(): void {
    this.watch.refresh();
  }

  stop(): void {
    this.stopped = true;
    this.settling?.cancel();
    this.watch.stop();
  }

  /** The one that the configuration names, else that of the credentials. */
  private inNamespace(ofCredentials: string): string {
    this.namespace = this.service.namespace ?? ofCredentials;
    return this.namespace;
  }

  private changed(): void {
    // Calls may wait for the first list.
    if (!this.answered) this.update();
    else
      this.settling ??= this.deps.clock.after(settleMs, () => {
        this.settling = null;
        this.update();
      });
  }

  private update(): void {
    if (this.stopped) return;
    const { service } = this.service;
    const hostname = `${service}.${this.namespace}.svc`;
    const { endpoints, problem, isAnswer } = chooseEndpoints(this.watch.slices.all(), {
      ...this.service,
      hostname,
    });
    const keepsLast = !isAnswer && this.endpoints.length > 0;
    const isNew = !this.answered || !sameEndpoints(endpoints, this.endpoints);
    if (isNew && !keepsLast) {
      this.answered = true;
      this.lastAnswerMs = this.deps.clock.now();
      this.endpoints = Object.freeze([...endpoints]);
      this.publish?.(this.endpoints);
    }
    this.sliceError = problem;
    if (problem === '') this.recovered();
    else this.warn(isAnswer ? problem : `${problem}; ${this.meanwhile()}`);
  }

  private confirmed(): void {
    this.lastAnswerMs = this.deps.clock.now();
    this.serverError = '';
    this.recovered();
  }

  private failed(message: string): void {
    if (this.stopped) return;
    this.serverError = message;
    this.warn(`${message}; ${this.meanwhile()}`);
  }

  private meanwhile(): string {
    const count = this.endpoints.length;
    return count > 0
      ? `keeping the last ${pluralize(count, 'endpoint')}`
      : 'there are no endpoints until then';
  }

  private warn(problem: string): void {
    if (problem === this.loggedError) return;
    this.loggedError = problem;
    this.logger.warn(`${this.describe}: ${problem}`, { endpoints: this.endpoints.length });
  }

  private recovered(): void {
    if (this.loggedError === '' || this.status.lastError !== '') return;
    this.loggedError = '';
    this.logger.info(`${this.describe} is discovered again`, { endpoints: this.endpoints.length });
  }
}
