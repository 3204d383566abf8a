import type { Stage } from '../call/stage.ts';
import { propertyName } from '../schema/shape.ts';
import type { Registry } from '../telemetry/metrics/registry.ts';
import type { PartStore, PolicyPart } from './parts.ts';
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

/** The policies of a process with what they count in and what they loaded. */
export interface PolicyDeps {
  readonly list: PolicyList;
  readonly metrics: PolicyMetrics;
  readonly parts: PartStore;
}

/** Whether the policies of these routes loaded the same from outside. */
export function sameParts(
  before: readonly object[],
  after: readonly object[],
  policies: Pick<PolicyDeps, 'list' | 'parts'>,
): boolean {
  const versions = (routes: readonly object[]): string =>
    JSON.stringify(routes.map((route) => partsOf(route, policies).map(({ version }) => version)));
  return versions(before) === versions(after);
}

/** What the policies of a route loaded from outside. */
export function partsOf(route: object, { list, parts }: Pick<PolicyDeps, 'list' | 'parts'>): PolicyPart[] {
  return list.flatMap((policy) => {
    const config = configOf(policy, route);
    const part = config === undefined || policy.load === undefined ? null : parts.of(config);
    return part === null ? [] : [part];
  });
}

/** Compiles those policies of the list that a route has, in their order. */
export function compilePolicies(
  route: object,
  env: Omit<CompileEnv, 'metrics' | 'part'>,
  { metrics, parts, list }: PolicyDeps,
): Stage[] {
  const stages: Stage[] = [];
  for (const policy of list) {
    const config = configOf(policy, route);
    if (config === undefined) continue;
    const made = policy.compile(config, {
      ...env,
      metrics: metrics.get(policy.key),
      part: parts.of(config),
    });
    if (made !== null) stages.push(...[made].flat());
  }
  return stages;
}
