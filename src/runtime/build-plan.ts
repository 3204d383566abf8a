import { planRoute, type RoutePlan } from '../call/route-plan.ts';
import { clustersOfRoute } from '../config/rules/policies.ts';
import type { RouteConfig } from '../config/table.ts';
import { compilePolicies, type PolicyDeps } from '../policies/compile.ts';
import type { CompileEnv } from '../policies/policy.ts';
import type { Cluster } from '../upstream/cluster.ts';

export interface PlanDeps extends Pick<CompileEnv, 'clock' | 'random' | 'logger'> {
  readonly policies: PolicyDeps;
}

/** What the requests of a route share: all that can be worked out ahead of them. */
export function buildPlan(
  listener: string,
  route: RouteConfig,
  clusters: ReadonlyMap<string, { readonly cluster: Cluster }>,
  deps: PlanDeps,
): RoutePlan {
  const cluster = (name: string): Cluster => clusters.get(name)!.cluster;
  const { clock, random, logger, policies } = deps;
  const env = { listener, route: route.name, clock, random, logger, cluster };
  const stages = compilePolicies(route, env, policies);
  // A module may ask for its clusters as late as with a request.
  const named = clustersOfRoute(route, '', policies.list)
    .flatMap(({ name }) => name ?? [])
    .map(cluster);
  const own = route.cluster === undefined ? null : cluster(route.cluster);
  return planRoute(route.name, own, stages, new Set(named));
}
