import type { HeaderBlock } from '../core/header-block.ts';
import { type Authority, compileAuthority, splitAuthority } from './authority.ts';
import { type Condition, compileConditions, exactPathOf } from './condition.ts';
import type { RouteMatch } from './route-match.ts';
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
  /** The plan of the first route, in order, that the head fits; null where none does. Never throws. */
  route(head: HeaderBlock): P | null;
  /** Does some route ask for more than pseudo-headers, `host` and the content type? */
  readonly asksForFields: boolean;
}

/** Authorities remembered with their routes. A client that makes them up only makes the memo start anew. */
export const rememberedAuthoritiesMax = 256;

/** Longer authorities, which no host name has (RFC 1035 section 2.3.4), are looked at anew each time. */
const rememberedAuthorityCharsMax = 300;

/**
 * Compiles routes into a router. Throws on a regular expression that `checkSafeRegex` refuses, which configuration
 * has asked before.
 */
export function compileRoutes<P>(routes: readonly Route<P>[], options = targetRulesDefaults): Router<P> {
  const asksForFields = routes.some(({ match }) => (match.headers ?? []).length > 0);
  const rules = new TargetRules(options);
  const compiled = routes.map((route, index) => compileRoute(route, index, rules));
  return new CompiledRouter(compiled, asksForFields, rules);
}

interface CompiledRoute<P> {
  readonly index: number;
  readonly plan: P;
  readonly authority: ((authority: Authority) => boolean) | null;
  readonly exactPath: string | null;
  readonly conditions: readonly Condition[];
}

function compileRoute<P>(route: Route<P>, index: number, rules: TargetRules): CompiledRoute<P> {
  const { plan } = route;
  const match = withNormalPaths(route.match, rules);
  try {
    return {
      index,
      plan,
      authority: compileAuthority(match.authority ?? '*'),
      exactPath: exactPathOf(match),
      conditions: compileConditions(match),
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
    ...(pathPrefix !== undefined && { pathPrefix: rules.configuredPath(pathPrefix) }),
  };
}

/**
 * Routes of one authority, both lists in order. Most gRPC calls name their whole path, and a table finds those whatever
 * their number; the others are tried one by one.
 */
interface HostRoutes<P> {
  readonly byPath: ReadonlyMap<string, readonly CompiledRoute<P>[]>;
  readonly tried: readonly CompiledRoute<P>[];
}
const none: readonly never[] = [];

class CompiledRouter<P> implements Router<P> {
  private readonly routes: readonly CompiledRoute<P>[];
  private readonly anyHost: HostRoutes<P> | null;
  private readonly byAuthority = new Map<string, HostRoutes<P>>();
  /** Authorities that the same routes take share one `HostRoutes`, so the configuration bounds how many there are. */
  private readonly byTaken = new Map<string, HostRoutes<P>>();
  private readonly askingIndexes: readonly number[];
  readonly asksForFields: boolean;
  private readonly rules: TargetRules;

  constructor(routes: readonly CompiledRoute<P>[], asksForFields: boolean, rules: TargetRules) {
    this.routes = routes;
    this.rules = rules;
    this.asksForFields = asksForFields;
    this.askingIndexes = routes.filter((r) => r.authority !== null).map((r) => r.index);
    this.anyHost = this.askingIndexes.length === 0 ? hostRoutes(routes) : null;
  }

  targetOf(head: HeaderBlock): Target {
    return this.rules.targetOf(head);
  }

  route(head: HeaderBlock): P | null {
    const host = this.anyHost ?? this.hostOf(head.authority);
    const path = withoutQuery(head.path);
    const exact = host.byPath.get(path) ?? none;
    const { tried } = host;
    // A merge of two ordered lists: the table never lets a later route overtake an earlier one.
    let e = 0;
    let t = 0;
    while (e < exact.length || t < tried.length) {
      const fromTable = e < exact.length && (t >= tried.length || exact[e].index < tried[t].index);
      const route = fromTable ? exact[e++] : tried[t++];
      if (fits(route.conditions, head, path)) return route.plan;
    }
    return null;
  }

  private hostOf(text: string): HostRoutes<P> {
    let host = this.byAuthority.get(text);
    if (host === undefined) {
      host = this.findHost(splitAuthority(text));
      if (text.length > rememberedAuthorityCharsMax) return host;
      if (this.byAuthority.size >= rememberedAuthoritiesMax) this.byAuthority.clear();
      this.byAuthority.set(text, host);
    }
    return host;
  }

  private findHost(authority: Authority): HostRoutes<P> {
    const taken = this.askingIndexes.filter((index) => this.routes[index].authority?.(authority)).join();
    let host = this.byTaken.get(taken);
    if (host === undefined) {
      host = hostRoutes(this.routes.filter((r) => r.authority === null || r.authority(authority)));
      this.byTaken.set(taken, host);
    }
    return host;
  }
}

function hostRoutes<P>(routes: readonly CompiledRoute<P>[]): HostRoutes<P> {
  const byPath = new Map<string, CompiledRoute<P>[]>();
  const tried: CompiledRoute<P>[] = [];
  for (const route of routes) {
    if (route.exactPath === null) tried.push(route);
    else if (byPath.get(route.exactPath)?.push(route) === undefined) byPath.set(route.exactPath, [route]);
  }
  return { byPath, tried };
}

function fits(conditions: readonly Condition[], head: HeaderBlock, path: string): boolean {
  for (let i = 0; i < conditions.length; i++) if (!conditions[i](head, path)) return false;
  return true;
}

/** Routes look at the path alone (RFC 3986 section 3.4); only a path that has a query costs a substring. */
function withoutQuery(path: string): string {
  const query = path.indexOf('?');
  return query < 0 ? path : path.slice(0, query);
}
