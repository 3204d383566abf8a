import type { Json, JsonObject } from '../../reflection/json.ts';
import { type ClusterUse, type UsedClusters, useOf } from './cluster-uses.ts';
import type { FilterEffect, ListenerModel, RouteConfigurationModel, RouteModel } from './model.ts';
import { UniqueNames } from './names.ts';
import { durationText } from './translation.ts';
import { domainsInOrder, hostOfTarget } from './virtual-hosts.ts';

/** Routes of one listener, each domain of a virtual host counted: the router is built anew for every push. */
export const listenerRoutesMax = 20_000;

export interface AssembledRoute {
  readonly json: JsonObject;
  /** Of the route in its resource. */
  readonly path: string;
}

export interface AssembledRoutes {
  readonly routes: AssembledRoute[];
  /** What is left out for now, with the path in the resource. */
  readonly warnings: Array<{ readonly path: string; readonly message: string }>;
}

/** The routes of a listener in the keys of the configuration; undefined for more than `listenerRoutesMax`. */
export function assembleRoutes(
  listener: ListenerModel,
  { hosts }: RouteConfigurationModel,
  clusters: UsedClusters,
): AssembledRoutes | undefined {
  const builder = new RouteBuilder(listener, clusters);
  if (listener.kind === 'grpc') {
    const host = hostOfTarget(hosts, listener.name);
    for (const [i, route] of (host?.routes ?? []).entries()) builder.add(route, host?.name ?? '', i, '*');
    if (host === undefined)
      builder.warn('', `has no virtual host for the name of the listener "${listener.name}"`);
  } else {
    const domains = domainsInOrder(hosts);
    const count = domains.reduce((sum, { routes }) => sum + routes.length + 1, 0);
    if (count > listenerRoutesMax) return undefined;
    for (const { host, authority, routes, needsEnd } of domains) {
      for (const [i, route] of routes.entries()) builder.add(route, host.name, i, authority);
      if (needsEnd) builder.addEnd(host.name, authority, host.path);
    }
  }
  if (builder.result.routes.length === 0) builder.addEnd('', '*', '');
  return builder.result;
}

class RouteBuilder {
  readonly result: AssembledRoutes = { routes: [], warnings: [] };
  private readonly listener: ListenerModel;
  private readonly clusters: UsedClusters;
  private readonly use: ClusterUse;
  private readonly names = new UniqueNames();

  constructor(listener: ListenerModel, clusters: UsedClusters) {
    this.listener = listener;
    this.clusters = clusters;
    this.use = useOf(listener.kind);
  }

  warn(path: string, message: string): void {
    this.result.warnings.push({ path, message });
  }

  add(route: RouteModel, host: string, index: number, authority: string): void {
    const name = this.names.take(route.name || `${host || 'host'}-${index}`);
    const match =
      authority === '*' ? route.match : { ...route.match, authority: authorityOf(route, authority) };
    const keys: Record<string, Json> = { name };
    if (Object.keys(match).length > 0) keys.match = match;
    Object.assign(keys, route.keys, this.effects(route));
    if (route.targets.length > 0) this.addTarget(route, keys);
    this.result.routes.push({ json: keys, path: route.path });
  }

  /** A request that no route of a virtual host takes gets the reply for no route, and never that of another one. */
  addEnd(host: string, authority: string, path: string): void {
    const name = this.names.take(host === '' ? 'no-route' : `${host}-no-route`);
    const match: JsonObject = authority === '*' ? {} : { match: { authority } };
    const respond = {
      status: 404,
      grpcStatus: 'unimplemented',
      grpcMessage: 'no route of the control plane matches',
    };
    this.result.routes.push({ json: { name, ...match, respond }, path });
  }

  private effects(route: RouteModel): JsonObject {
    const effects = this.listener.filters.map(({ name, effect }): FilterEffect => {
      const own = route.filters.get(name);
      return own === undefined ? effect : own;
    });
    return Object.assign({}, ...effects.filter((effect) => effect !== null));
  }

  /** Where a route leads to, and what applies only to routes that lead somewhere. */
  private addTarget(route: RouteModel, keys: Record<string, Json>): void {
    const shares = route.targets.map(({ cluster, weight }) => {
      const name = this.clusters.use(cluster, this.use);
      if (name === undefined)
        this.warn(route.path, `leads to the cluster "${cluster}", which has not arrived or has no endpoint`);
      return { cluster, name, weight };
    });
    if (shares.every(({ name, weight }) => name === undefined || weight === 0)) {
      delete keys.rewrite;
      keys.respond = {
        status: 503,
        grpcStatus: 'unavailable',
        grpcMessage: 'the control plane has sent no cluster with endpoints for this route',
      };
      return;
    }
    this.clusters.addHash(route, this.use);
    const clusters = shares.map(({ cluster, name, weight }) => ({
      cluster: name ?? this.clusters.useAbsent(cluster),
      weight,
    }));
    if (clusters.length === 1) keys.cluster = clusters[0].cluster;
    else keys.split = { clusters };
    this.addMirror(
      route,
      clusters.map(({ cluster }) => cluster),
      keys,
    );
    this.addTimes(route, keys);
  }

  private addMirror(route: RouteModel, targets: readonly string[], keys: Record<string, Json>): void {
    if (route.mirror === null) return;
    const { cluster, percent } = route.mirror;
    const name = this.clusters.use(cluster, this.use);
    if (name === undefined)
      this.warn(route.path, `mirrors to the cluster "${cluster}", which has not arrived`);
    else if (targets.includes(name))
      this.warn(route.path, `mirrors to the cluster "${cluster}", which gets the requests already`);
    else keys.mirror = { cluster: name, percent };
  }

  private addTimes({ timeoutMs, retry, path }: RouteModel, keys: Record<string, Json>): void {
    const timeout = this.use === 'grpc' ? timeoutMs.grpc : timeoutMs.http;
    if (timeout > 0) keys.timeout = durationText(timeout);
    if (retry === null) return;
    const { keys: retryKeys, perTryTimeoutMs } = retry;
    const isShorter = timeout <= 0 || Math.round(perTryTimeoutMs) < Math.round(timeout);
    if (perTryTimeoutMs > 0 && !isShorter)
      this.warn(path, 'has a per_try_timeout that is no shorter than its timeout, which has no effect');
    keys.retry =
      perTryTimeoutMs > 0 && isShorter
        ? { ...retryKeys, perTryTimeout: durationText(perTryTimeoutMs) }
        : retryKeys;
  }
}

/** The authority of a route under a domain: a condition of its own is the narrower one. */
function authorityOf({ match }: RouteModel, authority: string): string {
  return typeof match.authority === 'string' ? match.authority : authority;
}
