import type { Stage } from '../call/stage.ts';
import { propertyName, type Shape } from '../schema/shape.ts';
import type { Registry } from '../telemetry/metrics/registry.ts';
import { policies } from './list.ts';
import type { CompileEnv, RoutePolicy } from './policy.ts';

type PolicyShapes = { readonly [P in (typeof policies)[number] as P['key']]: P['schema'] };

/** The keys of all policies, for the table of the configuration. */
export const policyKeys = keysOf(policies) as PolicyShapes;

/** The keys of some policies, as a section of the configuration has them. */
export function keysOf(list: readonly RoutePolicy[]): Readonly<Record<string, Shape>> {
  return Object.fromEntries(list.map(({ key, schema }) => [key, schema]));
}

/** What each policy counts in, by its key. */
export type PolicyMetrics = ReadonlyMap<string, unknown>;

/** Declares the metrics of all policies, once for each process. */
export function policyMetrics(registry: Registry, list: readonly RoutePolicy[] = policies): PolicyMetrics {
  return new Map(list.map((policy) => [policy.key, policy.metrics?.(registry)]));
}

/** The configuration of a policy in a typed route; undefined where the route does not have it. */
export function configOf(policy: RoutePolicy, route: object): NonNullable<unknown> | undefined {
  const values = route as Readonly<Record<string, NonNullable<unknown> | undefined>>;
  return values[propertyName(policy.key, policy.schema)];
}

/** Compiles the policies that a route has, in their order. */
export function compilePolicies(
  route: object,
  env: Omit<CompileEnv, 'metrics'>,
  metrics: PolicyMetrics,
  list: readonly RoutePolicy[] = policies,
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
