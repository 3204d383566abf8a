import type { RouteFact, RouteSnapshot, RoutesSnapshot } from '../admin/deps.ts';
import type { RoutePlan } from '../call/route-plan.ts';
import { boundedText } from '../core/bounded-text.ts';
import { configOf, type PolicyList } from '../policies/compile.ts';
import type { ListenerParts } from './build-listener.ts';

/** Facts of one route; those beyond are left out. A policy module may make any number. */
const factsMax = 256;
const factCharsMax = 400;

interface RouteEntry {
  readonly listener: string;
  /** As configured; undefined for a listener with `protocol: tcp` or `udp`. */
  readonly config: object | undefined;
  readonly plan: RoutePlan;
}

/** Returns the routes of these listeners, at most `routesMax`, as the admin API and the page show them. */
export function routesSnapshot(
  listeners: readonly Pick<ListenerParts, 'config' | 'context'>[],
  policies: PolicyList,
  routesMax = Number.POSITIVE_INFINITY,
): RoutesSnapshot {
  const all = listeners.flatMap(entriesOf);
  const leftOut = Math.max(0, all.length - routesMax);
  // The sort is stable: routes with facts come first, otherwise in the order of the configuration.
  const shown =
    leftOut === 0
      ? all
      : all.sort((a, b) => Number(hasFacts(b.plan)) - Number(hasFacts(a.plan))).slice(0, routesMax);
  return { routes: shown.map((entry) => routeSnapshot(entry, policies)), leftOut };
}

function entriesOf({ config, context }: Pick<ListenerParts, 'config' | 'context'>): RouteEntry[] {
  const listener = config.name;
  if (context.passthrough !== null) return [{ listener, config: undefined, plan: context.passthrough }];
  // The router is compiled from these routes, and a reload replaces both together.
  return context.router.plans.map((plan, i) => ({ listener, config: config.routes[i], plan }));
}

function hasFacts({ factSources }: RoutePlan): boolean {
  return factSources !== null;
}

function routeSnapshot({ listener, config, plan }: RouteEntry, policies: PolicyList): RouteSnapshot {
  const cluster = plan.cluster?.name ?? '';
  return {
    listener,
    route: plan.route,
    cluster,
    replacedBy: cluster === '' && config !== undefined ? replacingPolicy(config, policies) : '',
    facts: factsOf(plan),
  };
}

/** The key of the policy because of which the route needs no `cluster`; '' where there is none. */
function replacingPolicy(route: object, policies: PolicyList): string {
  const policy = policies.find((one) => one.replacesCluster === true && configOf(one, route) !== undefined);
  return policy?.key ?? '';
}

function factsOf({ factSources }: RoutePlan): RouteFact[] {
  if (factSources === null) return [];
  const facts = factSources.flatMap((source) =>
    source.facts().map(({ name, text }) => ({
      policy: source.policy,
      name: boundedText(name, factCharsMax),
      text: boundedText(text, factCharsMax),
    })),
  );
  return facts.slice(0, factsMax);
}
