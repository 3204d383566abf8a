import type { HeaderBlock } from '../core/header-block.ts';
import { AuthorityIndex } from './authority.ts';
import {
  type Condition,
  compileConditions,
  compileValues,
  exactPathOf,
  prefixesOf,
  writtenRegex,
} from './condition.ts';
import { RouteInput } from './route-input.ts';
import type { RouteMatch } from './route-match.ts';
import { type Lookups, RouteTable } from './route-table.ts';
import { StateBudget } from './state-budget.ts';
import { type Target, TargetRules, targetRulesDefaults } from './target-rules.ts';

/** A route as configured: what it asks for, and the plan of a call that it takes. */
export interface Route<P> {
  readonly name: string;
  readonly match: RouteMatch;
  readonly plan: P;
}

export interface Router<P> {
  /** Judges the target of a request, and gives the form of its path that `route` expects. Never throws. */
  targetOf(head: HeaderBlock): Target;
  /** The plan of the first route, in order, that the request matches; null where none does. `source` is the address of the client. Never throws. */
  route(head: HeaderBlock, source?: string): P | null;
  /** The plans of all routes, in their order. */
  readonly plans: readonly P[];
  /** Does some route ask for more than pseudo-headers, `host` and the content type? */
  readonly matchesHeaders: boolean;
  /** Does some route ask for the address of the client, so that equal heads may have different routes? */
  readonly matchesSource: boolean;
}

/** Authorities remembered with their routes. A client that makes them up only makes the memo start again. */
export const rememberedAuthoritiesMax = 256;

/** Longer authorities, which no host name has (RFC 1035 section 2.3.4), are looked up each time. */
const rememberedAuthorityCharsMax = 300;

/**
 * Compiles routes into a router. Throws on a regular expression that `checkSafeRegex` refuses, which configuration
 * has asked before.
 */
export function compileRoutes<P>(routes: readonly Route<P>[], options = targetRulesDefaults): Router<P> {
  const matchesHeaders = routes.some(
    ({ match: { headers = [], cookies = [] } }) => headers.length + cookies.length > 0,
  );
  const matchesSource = routes.some(({ match }) => match.source !== undefined);
  const rules = new TargetRules(options);
  const budget = new StateBudget();
  const compiled = routes.map((route, index) => compileRoute(route, index, rules, budget));
  return new CompiledRouter(compiled, { matchesHeaders, matchesSource }, rules, budget);
}

interface CompiledRoute<P> extends Lookups {
  readonly plan: P;
  readonly authority: string;
  readonly conditions: readonly Condition[];
}

function compileRoute<P>(
  route: Route<P>,
  index: number,
  rules: TargetRules,
  budget: StateBudget,
): CompiledRoute<P> {
  const match = withNormalPaths(route.match, rules);
  try {
    const pathRegex = match.pathRegex === undefined ? null : writtenRegex(match.pathRegex, budget);
    const values = compileValues(match, budget);
    return {
      index,
      plan: route.plan,
      authority: match.authority ?? '*',
      exactPath: exactPathOf(match),
      pathPrefixes: prefixesOf(match),
      pathRegex,
      grpcMethod: match.grpc?.method ?? null,
      values,
      methods: [match.method ?? []].flat(),
      conditions: compileConditions(match, pathRegex, values),
    };
  } catch (error) {
    throw new Error(`route "${route.name}": ${error instanceof Error ? error.message : error}`);
  }
}

function withNormalPaths(match: RouteMatch, rules: TargetRules): RouteMatch {
  const { path, pathPrefix } = match;
  return {
    ...match,
    ...(path !== undefined && { path: rules.configuredPath(path) }),
    ...(pathPrefix !== undefined && {
      pathPrefix: [pathPrefix].flat().map((prefix) => rules.configuredPath(prefix)),
    }),
  };
}

/** Lists of routes that are merged by looking at the first of each; more are sorted instead. */
const mergedListsMax = 8;

class CompiledRouter<P> implements Router<P> {
  private readonly tables = new AuthorityIndex<RouteTable<CompiledRoute<P>>>();
  /** Of all authorities alike, where no route asks for one. */
  private readonly ofAnyHost: readonly RouteTable<CompiledRoute<P>>[] | null;
  private readonly byAuthority = new Map<string, readonly RouteTable<CompiledRoute<P>>[]>();
  private readonly rules: TargetRules;
  readonly plans: readonly P[];
  readonly matchesHeaders: boolean;
  readonly matchesSource: boolean;
  private readonly input = new RouteInput();
  /** Of one look-up: lists of routes that may hold, and how far each was read. */
  private readonly lists: (readonly CompiledRoute<P>[])[] = [];
  private readonly at: number[] = [];

  constructor(
    routes: readonly CompiledRoute<P>[],
    kinds: Pick<Router<P>, 'matchesHeaders' | 'matchesSource'>,
    rules: TargetRules,
    budget: StateBudget,
  ) {
    this.rules = rules;
    this.plans = routes.map(({ plan }) => plan);
    this.matchesHeaders = kinds.matchesHeaders;
    this.matchesSource = kinds.matchesSource;
    const byPattern = new AuthorityIndex<CompiledRoute<P>[]>();
    for (const route of routes) byPattern.under(route.authority, () => []).push(route);
    for (const { authority } of routes) {
      this.tables.under(
        authority,
        () =>
          new RouteTable(
            byPattern.under(authority, () => []),
            budget,
          ),
      );
    }
    const anyHost = routes.every(({ authority }) => authority === '*');
    this.ofAnyHost = anyHost ? this.tables.find('') : null;
  }

  targetOf(head: HeaderBlock): Target {
    return this.rules.targetOf(head);
  }

  route(head: HeaderBlock, source = ''): P | null {
    const tables = this.ofAnyHost ?? this.tablesOf(head.authority);
    const { lists, input } = this;
    input.set(head, source);
    lists.length = 0;
    for (let i = 0; i < tables.length; i++) tables[i].collect(input, lists);
    if (lists.length > mergedListsMax) {
      const sorted = lists.flat().sort((a, b) => a.index - b.index);
      lists.length = 0;
      lists.push(sorted);
    }
    return this.firstOf();
  }

  /** Merges the ordered lists: no later route overtakes an earlier one. */
  private firstOf(): P | null {
    const { lists, at, input } = this;
    at.length = 0;
    for (let i = 0; i < lists.length; i++) at.push(0);
    for (;;) {
      let first = -1;
      let route: CompiledRoute<P> | null = null;
      for (let i = 0; i < lists.length; i++) {
        const next = lists[i][at[i]] as CompiledRoute<P> | undefined;
        if (next === undefined || (route !== null && next.index >= route.index)) continue;
        route = next;
        first = i;
      }
      if (route === null) return null;
      at[first] += 1;
      if (matches(route.conditions, input)) return route.plan;
    }
  }

  private tablesOf(text: string): readonly RouteTable<CompiledRoute<P>>[] {
    let tables = this.byAuthority.get(text);
    if (tables === undefined) {
      tables = this.tables.find(text);
      if (text.length > rememberedAuthorityCharsMax) return tables;
      if (this.byAuthority.size >= rememberedAuthoritiesMax) this.byAuthority.clear();
      this.byAuthority.set(text, tables);
    }
    return tables;
  }
}

function matches(conditions: readonly Condition[], input: RouteInput): boolean {
  for (let i = 0; i < conditions.length; i++) if (!conditions[i](input)) return false;
  return true;
}

/** Routes match the path alone (RFC 3986 section 3.4); only a path that has a query costs a substring. */
