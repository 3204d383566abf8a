import type { Clock } from '../core/clock.ts';
import { configOf } from '../policies/compile.ts';
import { policies as builtIn } from '../policies/list.ts';
import type { PolicyPart } from '../policies/parts.ts';
import type { LoadContext, RoutePolicy } from '../policies/policy.ts';
import { type ConfigProblem, problemAt, sortProblems } from '../schema/problem.ts';
import type { Raw } from '../schema/scalar-type.ts';
import { typedOf } from '../schema/typed.ts';
import { type LoadInput, type LoadResult, loadConfig } from './load.ts';
import { readSource } from './reader.ts';
import { clustersLedTo, eachRoute } from './rules/policies.ts';
import { sourceOf } from './source.ts';
import type { ClusterConfig, Config, RouteConfig } from './table.ts';

type Loaded = Extract<LoadResult, { readonly config: Config }>;

/**
 * `loadConfig`, and what the policies of routes load from outside: modules. A part that cannot be loaded is a problem of the
 * configuration like any other.
 */
export async function loadWithParts(input: LoadInput & { readonly clock: Clock }): Promise<LoadResult> {
  const loaded = loadConfig(input);
  if (loaded.config === undefined) return loaded;
  const { policies = builtIn, clock } = input;
  const loading = policies.filter(({ load }) => load !== undefined);
  const parts = new Map<object, PolicyPart>();
  const found = { problems: [] as ConfigProblem[], warnings: [] as ConfigProblem[] };
  for (const { route, path } of routesOf(loaded.config)) {
    for (const policy of loading) {
      const own = configOf(policy, route);
      if (own === undefined) continue;
      const at = `${path}.${policy.key}`;
      const context = contextOf({ loaded, input, clock, route, at, found });
      const part = await (policy as RoutePolicy).load!(own, context);
      if (part !== null) parts.set(own, part);
    }
  }
  const { file, hide = (list: readonly ConfigProblem[]) => list } = loaded;
  const warnings = [...loaded.warnings, ...hide(found.warnings)];
  if (found.problems.length > 0) return { file, warnings, problems: hide(sortProblems(found.problems)) };
  return { ...loaded, warnings, parts };
}

function routesOf(config: Config): Array<{ readonly route: RouteConfig; readonly path: string }> {
  const routes: Array<{ readonly route: RouteConfig; readonly path: string }> = [];
  eachRoute(config, (route, path) => routes.push({ route: route as RouteConfig, path }));
  return routes;
}

interface ContextInput {
  readonly loaded: Loaded;
  readonly input: LoadInput;
  readonly clock: Clock;
  readonly route: RouteConfig;
  /** Path of the policy in the file. */
  readonly at: string;
  readonly found: { readonly problems: ConfigProblem[]; readonly warnings: ConfigProblem[] };
}

function contextOf({ loaded, input, clock, route, at, found }: ContextInput): LoadContext {
  const report = (list: ConfigProblem[]) => (within: string, message: string) =>
    void list.push(problemAt(loaded.placeOf(`${at}${within}`), `${at}${within}`, message));
  const problem = report(found.problems);
  const clusters: readonly ClusterConfig[] = loaded.config.clusters;
  return {
    route: route as Readonly<Record<string, unknown>>,
    cluster: clusters.find(({ name }) => name === route.cluster),
    leadsTo: clustersLedTo(route, input.policies ?? builtIn),
    checkRegex: (pattern) => input.checkRegex(pattern),
    problem,
    warning: report(found.warnings),
    clock,
    configFile: loaded.file,
    modules: loaded.config.modules,
    read(schema, raw, within) {
      const reading = readSource(schema, sourceOf(raw, loaded.placeOf(`${at}${within}`)));
      for (const { path, message } of reading.problems)
        problem(path === '' ? within : `${within}.${path}`, message);
      return reading.problems.length > 0 ? undefined : (typedOf(schema, reading.raw as Raw) as object);
    },
  };
}
