import { reportLoad } from '../call/report-load.ts';
import { planRoute, type RoutePlan } from '../call/route-plan.ts';
import { clustersOfRoute } from '../config/rules/policies.ts';
import type { ListenerConfig, RouteConfig } from '../config/table.ts';
import { compilePolicies, type PolicyDeps } from '../policies/compile.ts';
import type { CompileEnv } from '../policies/policy.ts';
import type { Cluster } from '../upstream/cluster.ts';

export interface PlanDeps extends Pick<CompileEnv, 'clock' | 'random' | 'logger'> {
  readonly policies: PolicyDeps;
}

/** What the requests of a route share: all that can be worked out ahead of them. */
export function buildPlan(
  listener: Pick<ListenerConfig, 'name' | 'reportLoad'>,
  route: RouteConfig,
  clusters: ReadonlyMap<string, { readonly cluster: Cluster }>,
  deps: PlanDeps,
): RoutePlan {
  const cluster = (name: string): Cluster => clusters.get(name)!.cluster;
  const { clock, random, logger, policies } = deps;
  const env = { listener: listener.name, route: route.name, clock, random, logger, cluster };
  const stages = compilePolicies(route, env, policies);
  // Last in the list, and so the first to see a reply: policies of the route may remove the report again.
  if (listener.reportLoad) stages.push(reportLoad());
  // A module may ask for its clusters as late as with a request.
  const named = clustersOfRoute(route, '', policies.list)
    .flatMap(({ name }) => name ?? [])
    .map(cluster);
  const own = route.cluster === undefined ? null : cluster(route.cluster);
  return planRoute(route.name, own, stages, new Set(named));
}
