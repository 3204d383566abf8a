import type { Stage } from '../call/stage.ts';
import { propertyName } from '../schema/shape.ts';
import type { Registry } from '../telemetry/metrics/registry.ts';
import type { CompileEnv, RoutePolicy } from './policy.ts';

/** Policies in the order of their stages: `list.ts`, or what a test declares. */
export type PolicyList = readonly RoutePolicy[];

/** The keys of some policies with their shapes, as a route has them. */
export type PolicyKeys<L extends PolicyList> = { readonly [P in L[number] as P['key']]: P['schema'] };

export function keysOf<const L extends PolicyList>(list: L): PolicyKeys<L> {
  return Object.fromEntries(list.map(({ key, schema }) => [key, schema])) as PolicyKeys<L>;
}

/** What each policy counts in, by its key. */
export type PolicyMetrics = ReadonlyMap<string, unknown>;

/** Declares the metrics of the policies, once for each process. */
export function policyMetrics(registry: Registry, list: PolicyList): PolicyMetrics {
  return new Map(list.map((policy) => [policy.key, policy.metrics?.(registry)]));
}

/** The configuration of a policy in a typed route; undefined where the route does not have it. */
export function configOf(policy: RoutePolicy, route: object): NonNullable<unknown> | undefined {
  const values = route as Readonly<Record<string, NonNullable<unknown> | undefined>>;
  return values[propertyName(policy.key, policy.schema)];
}

/** Compiles those policies of the list that a route has, in their order. */
export function compilePolicies(
  route: object,
  env: Omit<CompileEnv, 'metrics'>,
  metrics: PolicyMetrics,
  list: PolicyList,
): Stage[] {
  const stages: Stage[] = [];
  for (const policy of list) {
    const config = configOf(policy, route);
    if (config === undefined) continue;
    const stage = policy.compile(config, { ...env, metrics: metrics.get(policy.key) });
    if (stage !== null) stages.push(stage);
  }
  return stages;
}
