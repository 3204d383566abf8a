import type { RouteFact, RouteSnapshot, RoutesSnapshot } from '../admin/deps.ts';
import type { RoutePlan } from '../call/route-plan.ts';
import { boundedText } from '../core/bounded-text.ts';
import { configOf, type PolicyList } from '../policies/compile.ts';
import type { ListenerParts } from './build-listener.ts';
import { noText, type RouteText, type RouteTexts } from './route-texts.ts';

/** Facts of one route; those beyond are left out. A policy module may make any number. */
const factsMax = 256;
const factCharsMax = 400;

interface RouteEntry {
  readonly listener: string;
  /** As configured; undefined for a listener with `protocol: tcp` or `udp`. */
  readonly config: object | undefined;
  readonly plan: RoutePlan;
  readonly text: RouteText;
}

type ListenerRoutes = Pick<ListenerParts, 'config' | 'context'>;

const noTexts: RouteTexts = new Map();

/** Returns the routes of these listeners, at most `routesMax`, as the admin API and the page show them; `texts` is their configuration. */
export function routesSnapshot(
  listeners: readonly ListenerRoutes[],
  policies: PolicyList,
  routesMax = Number.POSITIVE_INFINITY,
  texts = noTexts,
): RoutesSnapshot {
  const all = listeners.flatMap((listener) => entriesOf(listener, texts));
  const leftOut = Math.max(0, all.length - routesMax);
  // The sort is stable: routes with facts come first, otherwise in the order of the configuration.
  const shown =
    leftOut === 0
      ? all
      : all.sort((a, b) => Number(hasFacts(b.plan)) - Number(hasFacts(a.plan))).slice(0, routesMax);
  return { routes: shown.map((entry) => routeSnapshot(entry, policies)), leftOut };
}

function entriesOf({ config, context }: ListenerRoutes, file: RouteTexts): RouteEntry[] {
  const listener = config.name;
  const texts = file.get(listener) ?? [];
  if (context.passthrough !== null)
    return [{ listener, config: undefined, plan: context.passthrough, text: noText }];
  // The router is compiled from these routes, and a reload replaces both together.
  return context.router.plans.map((plan, i) => ({
    listener,
    config: config.routes[i],
    plan,
    text: texts[i] ?? noText,
  }));
}

function hasFacts({ factSources }: RoutePlan): boolean {
  return factSources !== null;
}

function routeSnapshot({ listener, config, plan, text }: RouteEntry, policies: PolicyList): RouteSnapshot {
  const cluster = plan.cluster?.name ?? '';
  return {
    listener,
    route: plan.route,
    cluster,
    replacedBy: cluster === '' && config !== undefined ? replacingPolicy(config, policies) : '',
    ...text,
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
