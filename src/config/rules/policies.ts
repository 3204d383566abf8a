import { configOf, type PolicyList } from '../../policies/compile.ts';
import type { CheckContext } from '../../policies/policy.ts';
import { shown } from '../../schema/problem.ts';
import type { DraftCluster, DraftRoute, Rule } from './rule.ts';

/** Every route with its path in the file. */
export function eachRoute(
  config: Parameters<Rule>[0],
  visit: (route: DraftRoute, path: string) => void,
): void {
  config.listeners?.forEach((listener, i) => {
    listener.routes?.forEach((route, j) => {
      visit(route, `listeners[${i}].routes[${j}]`);
    });
  });
}

/** What the policies of a route say of their own configuration. */
export const policiesMakeSense: Rule = (config, diagnostics, help) => {
  const clusterOf = (name: string | undefined): DraftCluster | undefined =>
    config.clusters?.find((cluster) => cluster.name !== undefined && cluster.name === name);
  eachRoute(config, (route, path) => {
    for (const policy of help.policies) {
      const own = configOf(policy, route);
      if (own === undefined || policy.check === undefined) continue;
      const at = `${path}.${policy.key}`;
      const context: CheckContext = {
        route: route as Readonly<Record<string, unknown>>,
        cluster: clusterOf(route.cluster),
        leadsTo: clustersLedTo(route, help.policies),
        checkRegex: (pattern) => help.checkRegex(pattern),
        problem: (within, message) => diagnostics.problem(`${at}${within}`, message),
        warning: (within, message) => diagnostics.warning(`${at}${within}`, message),
      };
      policy.check(own, context);
    }
  });
};

/** A route leads to a cluster, or has a policy that needs none. */
export const routesLead: Rule = (config, diagnostics, { policies }) => {
  const without = policies.filter(({ replacesCluster }) => replacesCluster);
  eachRoute(config, (route, path) => {
    const instead = without.filter((policy) => configOf(policy, route) !== undefined);
    const [first] = instead;
    if (route.cluster === undefined && first === undefined) {
      const others = without.length === 0 ? '' : `, or ${without.map(({ key }) => `${key}:`).join(', ')}`;
      diagnostics.problem(`${path}.cluster`, `is missing; write the name of a cluster${others}`);
    } else if (route.cluster !== undefined && first !== undefined)
      diagnostics.problem(
        `${path}.cluster`,
        `${shown(route.cluster)} gets no request, because the route has ${first.key}; leave one of them out`,
      );
  });
};

/** The clusters that requests of a route may go to, as far as their names are known. */
export function clustersLedTo(route: DraftRoute, policies: PolicyList): string[] {
  const replacing = policies.filter(({ replacesCluster }) => replacesCluster);
  return clustersOfRoute(route, '', replacing).flatMap(({ name }) => name ?? []);
}

/** Every cluster that a route names, with the path that names it. */
export function clustersOfRoute(
  route: DraftRoute,
  path: string,
  policies: PolicyList,
): Array<{ readonly path: string; readonly name: string | undefined }> {
  const named = [{ path: `${path}.cluster`, name: route.cluster as string | undefined }];
  for (const policy of policies) {
    const own = configOf(policy, route);
    if (own === undefined) continue;
    for (const reference of policy.clusters?.(own) ?? [])
      named.push({ path: `${path}.${policy.key}${reference.path}`, name: reference.name });
  }
  return named;
}

export const policyRules = { policiesMakeSense, routesLead } satisfies Record<string, Rule>;
