import { isJsonObject, type Json, type JsonObject } from '../../reflection/json.ts';
import type { ResourceKind, ResourceProblem } from '../resource.ts';
import { type AssembledRoutes, assembleRoutes, listenerRoutesMax } from './assemble-routes.ts';
import { assembleTls, type StorePem } from './assemble-tls.ts';
import { type UsedCluster, UsedClusters } from './cluster-uses.ts';
import type { ClusterModel, ListenerModel, RouteConfigurationModel, SecretModel } from './model.ts';
import { UniqueNames } from './names.ts';

/** Translated resources by their names, as they are known now. */
export interface AssembleInput {
  readonly listeners: ReadonlyMap<string, ListenerModel>;
  readonly routes: ReadonlyMap<string, RouteConfigurationModel>;
  readonly clusters: ReadonlyMap<string, ClusterModel>;
  readonly secrets: ReadonlyMap<string, SecretModel>;
  /** The local address for each listener of proxyless gRPC, by the name of the listener. */
  readonly addresses: ReadonlyMap<string, string>;
  /** Returns the path of a file with this PEM text. */
  readonly storePem: StorePem;
  /** Names that the configuration file uses itself. */
  readonly reserved?: { readonly listeners: ReadonlySet<string>; readonly clusters: ReadonlySet<string> };
}

/** A place in a resource. */
export interface Origin {
  readonly kind: ResourceKind;
  readonly name: string;
  readonly path: string;
}

export interface Assembly {
  /** In the keys of the configuration file. */
  readonly listeners: readonly JsonObject[];
  readonly clusters: readonly JsonObject[];
  /** Resources that have to be refused, because they do not go together. */
  readonly problems: readonly ResourceProblem[];
  /** What is left out for now, mostly because a resource has not arrived. */
  readonly warnings: readonly ResourceProblem[];
  /** Services in `discovery.xds` that stand for clusters that have not arrived: they never have an endpoint. */
  readonly absent: ReadonlySet<string>;
  /** Listeners that wait for another resource and are not opened before. */
  readonly waiting: ReadonlyArray<Origin & { readonly for: string }>;
  /** The resource that a path in the lists above is from, such as `listeners[0].routes[2].retry`. */
  originOf(path: string): Origin | undefined;
  /** The resource that a name in the configuration is from. */
  readonly names: {
    readonly listeners: ReadonlyMap<string, string>;
    readonly clusters: ReadonlyMap<string, string>;
  };
}

/** Warnings that one assembly shows. */
const warningsMax = 100;

/** Puts resources together to the lists `listeners` and `clusters` of a configuration. Never throws. */
export function assemble(input: AssembleInput): Assembly {
  return new Assembler(input).assembly();
}

class Assembler {
  private readonly input: AssembleInput;
  private readonly used: UsedClusters;
  private readonly listeners: JsonObject[] = [];
  private readonly clusters: JsonObject[] = [];
  private readonly problems: ResourceProblem[] = [];
  private readonly warnings: ResourceProblem[] = [];
  private readonly warned = new Set<string>();
  private readonly waiting: Array<Origin & { readonly for: string }> = [];
  private readonly origins = new Map<string, Origin>();
  private readonly listenerNames = new Map<string, string>();
  private readonly clusterNames = new Map<string, string>();
  private readonly uniqueListeners: UniqueNames;

  constructor(input: AssembleInput) {
    this.input = input;
    this.uniqueListeners = new UniqueNames(input.reserved?.listeners);
    const uniqueClusters = new UniqueNames(input.reserved?.clusters);
    this.used = new UsedClusters(
      input.clusters,
      (name) => uniqueClusters.take(name),
      (model) => this.hasEndpoints(model) && assembleTls(model.tls, 'upstream', input) !== undefined,
    );
  }

  assembly(): Assembly {
    for (const [name, listener] of sorted(this.input.listeners)) this.addListener(name, listener);
    for (const cluster of this.used.all.values()) this.addCluster(cluster);
    for (const [cluster, name] of this.used.absent) this.addAbsent(cluster, name);
    const { listeners, clusters, problems, warnings, waiting, origins } = this;
    return {
      listeners,
      clusters,
      problems,
      warnings,
      waiting,
      absent: new Set(this.used.absent.keys()),
      originOf: (path) => originOf(origins, path),
      names: { listeners: this.listenerNames, clusters: this.clusterNames },
    };
  }

  private hasEndpoints({ service, endpoints, dns }: ClusterModel): boolean {
    return service !== '' || endpoints.length > 0 || dns !== null;
  }

  private addListener(name: string, model: ListenerModel): void {
    if (model.kind === 'closed') return;
    const listen = model.kind === 'grpc' ? this.input.addresses.get(name) : model.listen;
    const origin: Origin = { kind: 'listener', name, path: '' };
    if (listen === undefined) {
      this.warn(origin, 'has no address; name it in xds.listeners with the address to listen on');
      return;
    }
    const tls = assembleTls(model.tls, 'downstream', this.input);
    if (tls === undefined) {
      this.waiting.push({ ...origin, path: model.tls?.path ?? '', for: 'a secret' });
      return;
    }
    const target = model.kind === 'tcp' ? this.tcpTarget(name, model) : this.httpTarget(name, model);
    if (target === undefined) return;
    const index = this.listeners.length;
    const path = `listeners[${index}]`;
    this.origins.set(path, origin);
    for (const [i, place] of target.places.entries()) this.origins.set(`${path}.routes[${i}]`, place);
    const unique = this.uniqueListeners.take(name);
    this.listenerNames.set(unique, name);
    this.listeners.push({
      name: unique,
      listen,
      ...model.keys,
      ...(tls === null ? {} : { tls }),
      ...target.keys,
    });
  }

  private tcpTarget(name: string, model: ListenerModel): Target | undefined {
    const cluster = this.used.use(model.cluster, 'tcp');
    if (cluster !== undefined) return { keys: { protocol: 'tcp', cluster }, places: [] };
    this.waiting.push({
      kind: 'listener',
      name,
      path: model.targetPath,
      for: `the cluster "${model.cluster}" with endpoints`,
    });
    return undefined;
  }

  private httpTarget(name: string, model: ListenerModel): Target | undefined {
    const configuration = model.routes ?? this.input.routes.get(model.routeName);
    if (configuration === undefined) {
      this.waiting.push({
        kind: 'listener',
        name,
        path: model.targetPath,
        for: `the routes "${model.routeName}"`,
      });
      return undefined;
    }
    // Inline routes are a part of the listener, whose paths they have.
    const holder: Pick<Origin, 'kind' | 'name'> =
      model.routes === null ? { kind: 'route', name: model.routeName } : { kind: 'listener', name };
    const assembled = assembleRoutes(model, configuration, this.used);
    if (assembled === undefined) {
      this.problems.push({
        ...holder,
        path: '',
        message: `has more than ${listenerRoutesMax} routes, with one for each domain; send fewer`,
      });
      return undefined;
    }
    for (const { path, message } of assembled.warnings) this.warn({ ...holder, path }, message);
    return {
      keys: { routes: assembled.routes.map(({ json }) => json) },
      places: placesOf(assembled, holder),
    };
  }

  private addCluster({ model, protocol, name, hash, hashDiffers }: UsedCluster): void {
    const origin: Origin = { kind: 'cluster', name: model.name, path: '' };
    const tls = assembleTls(model.tls, 'upstream', this.input) ?? null;
    if (tls !== null && protocol === 'tcp') this.warn(origin, 'has TLS, which a TCP listener does not start');
    if (hashDiffers)
      this.warn(origin, 'has routes with different hash policies, of which the first ones apply');
    this.origins.set(`clusters[${this.clusters.length}]`, origin);
    this.clusterNames.set(name, model.name);
    this.clusters.push({
      name,
      protocol,
      ...placeOf(model),
      ...this.keysFor(model, protocol),
      balancer: balancerOf(model, protocol, hash),
      ...(tls === null || protocol === 'tcp' ? {} : { tls }),
    });
  }

  /** Keys of a cluster that its protocol allows. */
  private keysFor({ name, keys }: ClusterModel, protocol: string): JsonObject {
    const { connections, health, loadReports, ...others } = keys as Record<string, Json>;
    const probe = isJsonObject(health) ? health : {};
    // HTTP probes are for HTTP/1.1 and those of gRPC for HTTP/2.
    const isWrong =
      (probe.http !== undefined && protocol !== 'http1') ||
      (probe.grpc !== undefined && protocol !== 'http2');
    if (isWrong)
      this.warn(
        { kind: 'cluster', name, path: 'health_checks[0]' },
        `is not for ${protocol}; TCP is used in its place`,
      );
    const { http: _http, grpc: _grpc, ...times } = probe;
    return {
      ...others,
      health: isWrong ? { ...times, tcp: {} } : health,
      ...(connections === undefined || protocol === 'tcp' ? {} : { connections }),
      // Streams of load reports are gRPC calls.
      ...(loadReports === undefined || protocol !== 'http2' ? {} : { loadReports }),
    };
  }

  /** The share of a cluster that has not arrived fails, and no other cluster gets it. */
  private addAbsent(cluster: string, name: string): void {
    this.clusterNames.set(name, cluster);
    this.clusters.push({ name, discovery: { xds: { service: cluster } }, health: 'none', outlier: 'none' });
  }

  private warn(origin: Origin, message: string): void {
    const key = JSON.stringify([origin, message]);
    if (this.warnings.length >= warningsMax || this.warned.has(key)) return;
    this.warned.add(key);
    this.warnings.push({ ...origin, message });
  }
}

interface Target {
  readonly keys: JsonObject;
  readonly places: readonly Origin[];
}

function placesOf({ routes }: AssembledRoutes, holder: Pick<Origin, 'kind' | 'name'>): Origin[] {
  return routes.map(({ path }) => ({ ...holder, path }));
}

/** In the order of their names, so that the order of arrival makes no difference. */
function sorted<T>(map: ReadonlyMap<string, T>): Array<readonly [string, T]> {
  return [...map].sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0));
}

function placeOf({ service, endpoints, dns }: ClusterModel): JsonObject {
  if (service !== '') return { discovery: { xds: { service } } };
  return dns === null ? { endpoints } : { discovery: { dns } };
}

const hashPolicies: ReadonlySet<unknown> = new Set(['ring_hash', 'maglev']);

/** Without a source of the key, a hash policy picks at random, as in Envoy. TCP has no headers to make a key of. */
function balancerOf({ balancer }: ClusterModel, protocol: string, hash: readonly JsonObject[]): JsonObject {
  if (!hashPolicies.has(balancer.policy)) return balancer;
  if (protocol === 'tcp' || hash.length === 0) {
    const { boundedLoad: _load, ringSize: _ring, tableSize: _table, ...others } = balancer;
    return { ...others, policy: 'random' };
  }
  return { ...balancer, hash };
}

/** The origin of the longest known part of a path. */
function originOf(origins: ReadonlyMap<string, Origin>, path: string): Origin | undefined {
  for (let at = path; at !== ''; at = at.slice(0, Math.max(0, at.lastIndexOf('.')))) {
    const found = origins.get(at);
    if (found !== undefined) return found;
  }
  return undefined;
}
