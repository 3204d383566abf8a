import type { ClusterUsability, Readiness } from '../admin/deps.ts';
import { clustersLedTo } from '../config/rules/policies.ts';
import { policies } from '../policies/list.ts';
import type { Registry } from '../telemetry/metrics/registry.ts';
import type { Cluster } from '../upstream/cluster.ts';
import { type AppState, notReadyBecause } from './parts.ts';

/** Clusters that one answer of `/ready` gives the reasons of; the others are counted. */
const degradedReasonsMax = 5;
/** The reasons of one cluster: a probe may have quoted what a server sent. */
const reasonCharsMax = 400;

/** What metrics call the phases of a drain. */
const states = { accepting: 'draining', closing: 'closing', drained: 'drained' } as const;

/**
 * Returns what `/ready` answers. Readiness is about this sidecar alone: without a usable endpoint it can still answer
 * calls, with the reason, and taking the pod out of its Service would help nobody. So that is `degraded`, and not
 * "not ready".
 */
export function readinessOf(parts: AppState): Readiness {
  const reasons = notReadyBecause(parts);
  const degradedReasons = clusterUsability(parts)
    .filter(({ routed, usable }) => routed && usable === 0)
    .map(({ reason }) => reason);
  return {
    ready: reasons.length === 0,
    reasons,
    degraded: degradedReasons.length > 0,
    degradedReasons: bounded(degradedReasons),
  };
}

/** Returns for each cluster of the running configuration how many of its endpoints may get the next call. */
export function clusterUsability({ running, deps }: AppState): ClusterUsability[] {
  const list = deps.policies ?? policies;
  const routed = new Set<string | undefined>();
  const inbound = new Set<string | undefined>();
  for (const { cluster, routes, direction } of running.config.listeners) {
    // A cluster that only gets copies is not missed by any client.
    for (const name of [cluster, ...routes.flatMap((route) => clustersLedTo(route, list))]) {
      routed.add(name);
      if (direction === 'inbound') inbound.add(name);
    }
  }
  return [...running.clusters.values()].map(({ cluster }) => {
    const endpoints = cluster.all();
    const usable = endpoints.reduce((sum, { unusableBecause }) => sum + (unusableBecause === '' ? 1 : 0), 0);
    const reason = usable > 0 ? '' : noneUsable(cluster, endpoints.length);
    return {
      name: cluster.name,
      usable,
      endpoints: endpoints.length,
      routed: routed.has(cluster.name),
      inbound: inbound.has(cluster.name),
      reason,
    };
  });
}

/** `outrigger_ready`, `outrigger_degraded` and `outrigger_cluster_*`. */
export function registerReadinessMetrics(registry: Registry, parts: () => AppState): void {
  const gauge = (name: string, help: string, value: (readiness: Readiness) => boolean): void =>
    registry.observe('gauge', { name, help, unit: '' }, (emit) => {
      emit({}, value(readinessOf(parts())) ? 1 : 0);
    });
  gauge('outrigger.ready', '1 while /ready answers 200, else 0.', ({ ready }) => ready);
  gauge(
    'outrigger.degraded',
    '1 while a cluster that a listener uses has no usable endpoint, else 0.',
    ({ degraded }) => degraded,
  );
  registry.observe(
    'gauge',
    {
      name: 'outrigger.state',
      help: '1 for the current state of the sidecar, 0 for the other states.',
      unit: '',
    },
    (emit) => {
      const { state, progress } = parts().lifecycle;
      const now = progress === null ? state : states[progress.phase];
      for (const name of ['starting', 'ready', ...Object.values(states)])
        emit({ 'outrigger.state': name }, name === now ? 1 : 0);
    },
  );
  const perCluster = (name: string, help: string, value: (cluster: ClusterUsability) => number): void =>
    registry.observe('gauge', { name, help, unit: '{endpoint}' }, (emit) => {
      for (const cluster of clusterUsability(parts()))
        emit({ 'outrigger.cluster': cluster.name }, value(cluster));
    });
  perCluster('outrigger.cluster.endpoints', 'Endpoints of a cluster.', ({ endpoints }) => endpoints);
  perCluster(
    'outrigger.cluster.usable_endpoints',
    'Endpoints of a cluster that can get the next request.',
    ({ usable }) => usable,
  );
}

function noneUsable(cluster: Cluster, endpoints: number): string {
  if (endpoints === 0) return clip(`cluster ${cluster.name} has no endpoints (${cluster.discoveryState})`);
  const { panicPercent } = cluster.settings.balancer;
  const panic = panicPercent > 0 ? '; calls go to them all the same, since balancer.panicPercent is set' : '';
  const count = `0 of ${endpoints} ${endpoints === 1 ? 'endpoint is' : 'endpoints are'} usable`;
  return `${clip(`cluster ${cluster.name}: ${count} (${cluster.unusableReasons()})`)}${panic}`;
}

function clip(text: string): string {
  return text.length <= reasonCharsMax ? text : `${text.slice(0, reasonCharsMax - 1)}…`;
}

function bounded(reasons: readonly string[]): string[] {
  if (reasons.length <= degradedReasonsMax) return [...reasons];
  const others = reasons.length - degradedReasonsMax;
  return [
    ...reasons.slice(0, degradedReasonsMax),
    `and ${others} more ${others === 1 ? 'cluster' : 'clusters'}`,
  ];
}
