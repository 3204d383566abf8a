import { nearestName } from '../../core/nearest.ts';
import type { Diagnostics } from '../../schema/diagnostics.ts';
import { listed, shown } from '../../schema/problem.ts';
import { clustersOfRoute } from './policies.ts';
import type { DraftCluster, Rule } from './rule.ts';

/** Every cluster that a route, a tcp or a udp listener names exists, and speaks what is sent to it. */
const clustersExist: Rule = (config, diagnostics, { policies }) => {
  const clusters = new Map<string, DraftCluster>();
  for (const cluster of config.clusters ?? [])
    if (cluster.name !== undefined) clusters.set(cluster.name, cluster);
  // Where no cluster has a name there is an error already, and this one would only repeat it.
  if (clusters.size === 0) return;
  config.listeners?.forEach((listener, i) => {
    const path = `listeners[${i}]`;
    if (listener.protocol === 'tcp' || listener.protocol === 'udp')
      check(listener.cluster, `${path}.cluster`, clusters, diagnostics, listener.protocol);
    listener.routes?.forEach((route, j) => {
      for (const named of clustersOfRoute(route, `${path}.routes[${j}]`, policies))
        check(named.name, named.path, clusters, diagnostics, 'http');
    });
  });
};

function check(
  name: string | undefined,
  path: string,
  clusters: ReadonlyMap<string, DraftCluster>,
  diagnostics: Diagnostics,
  carries: 'tcp' | 'udp' | 'http',
): void {
  if (name === undefined) return;
  const cluster = clusters.get(name);
  if (cluster === undefined) {
    const write = nearestName(name, clusters.keys()) ?? listed([...clusters.keys()].slice(0, 8));
    diagnostics.problem(path, `${shown(name)} is not the name of a cluster; write ${write}`);
  } else if (carries === 'http' && (cluster.protocol === 'tcp' || cluster.protocol === 'udp'))
    diagnostics.problem(
      path,
      `${shown(name)} is a ${cluster.protocol} cluster, and routes carry HTTP; write one that is http2 or http1`,
    );
  else if (carries !== 'http' && cluster.protocol !== undefined && cluster.protocol !== carries) {
    const article = cluster.protocol.startsWith('h') ? 'an' : 'a';
    diagnostics.problem(
      path,
      `${shown(name)} is ${article} ${cluster.protocol} cluster; give it protocol: ${carries}`,
    );
  }
}

/** A cluster that nothing leads to is most likely a slip. */
const clustersAreUsed: Rule = (config, diagnostics, { policies }) => {
  const used = new Set<string | undefined>();
  for (const listener of config.listeners ?? []) {
    used.add(listener.cluster);
    for (const route of listener.routes ?? [])
      for (const { name } of clustersOfRoute(route, '', policies)) used.add(name);
  }
  config.clusters?.forEach((cluster, i) => {
    if (cluster.name !== undefined && !used.has(cluster.name))
      diagnostics.warning(`clusters[${i}].name`, `${shown(cluster.name)} is used by no listener`);
  });
};

export const referenceRules = { clustersExist, clustersAreUsed } satisfies Record<string, Rule>;
