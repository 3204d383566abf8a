import type { HeaderBlock } from '../core/header-block.ts';
import type { CompiledHeader } from './condition.ts';
import { PrefixIndex } from './prefix-index.ts';
import { type Ordered, RegexIndex, type WrittenRegex } from './regex-index.ts';
import type { StateBudget } from './state-budget.ts';

/** What a route requires, as far as it can be looked up. Each is required, so that a route may wait under any of them. */
export interface Lookups extends Ordered {
  /** The whole path. */
  readonly exactPath: string | null;
  /** The beginning of the path. */
  readonly pathPrefix: string | null;
  readonly pathRegex: WrittenRegex | null;
  /** What stands behind the second slash of the path: the method of a gRPC call. */
  readonly grpcMethod: string | null;
  readonly headers: readonly CompiledHeader[];
  readonly method: string | null;
}

/** One way to find a route; `key` is equal for all routes that would be found by the same look-up. */
interface Way<R extends Lookups> {
  readonly key: string;
  readonly put: (table: RouteTable<R>) => void;
}

/** What routes require of one header. */
interface HeaderIndex<R extends Ordered> {
  readonly exact: Map<string, R[]>;
  readonly prefixes: PrefixIndex<R>;
  readonly patterns: (readonly [R, WrittenRegex])[];
  regexes: RegexIndex<R> | null;
}

/**
 * The routes of one authority pattern, found by what they require. A route waits under the one of its requirements that
 * the fewest other routes share; only those that require nothing to look up are asked for every call.
 */
export class RouteTable<R extends Lookups> {
  private readonly byPath = new Map<string, R[]>();
  private readonly byPrefix = new PrefixIndex<R>();
  private readonly byGrpcMethod = new Map<string, R[]>();
  private readonly byHeader = new Map<string, HeaderIndex<R>>();
  private readonly byMethod = new Map<string, R[]>();
  private readonly patterns: (readonly [R, WrittenRegex])[] = [];
  private readonly regexes: RegexIndex<R> | null;
  private readonly rest: R[] = [];

  /** `routes` in order. */
  constructor(routes: readonly R[], budget: StateBudget) {
    const ways = routes.map((route) => waysOf(route));
    const shared = new Map<string, number>();
    for (const { key } of ways.flat()) shared.set(key, (shared.get(key) ?? 0) + 1);
    routes.forEach((route, i) => {
      const rank = ({ key }: Way<R>): number => shared.get(key) ?? 0;
      const [best] = ways[i].sort((a, b) => rank(a) - rank(b));
      if (best === undefined) this.rest.push(route);
      else best.put(this);
    });
    this.regexes = this.patterns.length === 0 ? null : new RegexIndex(this.patterns, budget);
    for (const index of this.byHeader.values())
      if (index.patterns.length > 0) index.regexes = new RegexIndex(index.patterns, budget);
  }

  /** Adds lists of routes, each in order, to `lists`: every route that holds for the head, and some that do not. */
  collect(head: HeaderBlock, path: string, lists: (readonly R[])[]): void {
    if (this.rest.length > 0) lists.push(this.rest);
    if (this.byPath.size > 0) addList(this.byPath.get(path), lists);
    if (!this.byPrefix.isEmpty) this.byPrefix.collect(path, lists);
    if (this.byGrpcMethod.size > 0) {
      const slash = path.indexOf('/', 1);
      if (slash >= 0) addList(this.byGrpcMethod.get(path.slice(slash + 1)), lists);
    }
    this.regexes?.collect(path, lists);
    if (this.byMethod.size > 0) addList(this.byMethod.get(head.method), lists);
    if (this.byHeader.size > 0) this.collectByHeaders(head, lists);
  }

  putPath(path: string, route: R): void {
    putUnder(this.byPath, path, route);
  }
  putPrefix(prefix: string, route: R): void {
    this.byPrefix.add(prefix, route);
  }
  putRegex(pattern: WrittenRegex, route: R): void {
    this.patterns.push([route, pattern]);
  }
  putGrpcMethod(method: string, route: R): void {
    putUnder(this.byGrpcMethod, method, route);
  }
  putMethod(method: string, route: R): void {
    putUnder(this.byMethod, method, route);
  }
  putHeader({ name, exact, prefix, regex }: CompiledHeader, route: R): void {
    let index = this.byHeader.get(name);
    if (index === undefined) {
      index = { exact: new Map(), prefixes: new PrefixIndex(), patterns: [], regexes: null };
      this.byHeader.set(name, index);
    }
    if (exact !== undefined) putUnder(index.exact, exact, route);
    else if (prefix !== undefined) index.prefixes.add(prefix, route);
    else if (regex !== null) index.patterns.push([route, regex]);
  }

  private collectByHeaders(head: HeaderBlock, lists: (readonly R[])[]): void {
    for (let block: HeaderBlock | null = head; block !== null; block = block.base) {
      for (const field of block.fields) {
        const index = this.byHeader.get(field.name);
        if (index === undefined) continue;
        addList(index.exact.get(field.value), lists);
        index.prefixes.collect(field.value, lists);
        index.regexes?.collect(field.value, lists);
      }
    }
  }
}

/** In order of preference, where several are shared by as few. */
function waysOf<R extends Lookups>(route: R): Way<R>[] {
  const { exactPath, pathPrefix, pathRegex, grpcMethod, method } = route;
  const ways: Way<R>[] = [];
  const way = (key: string, put: Way<R>['put']): void => void ways.push({ key, put });
  if (exactPath !== null) way(`path ${exactPath}`, (table) => table.putPath(exactPath, route));
  if (pathPrefix !== null) way(`prefix ${pathPrefix}`, (table) => table.putPrefix(pathPrefix, route));
  if (grpcMethod !== null) way(`grpc ${grpcMethod}`, (table) => table.putGrpcMethod(grpcMethod, route));
  if (pathRegex !== null) way(`regex ${pathRegex.source}`, (table) => table.putRegex(pathRegex, route));
  for (const header of route.headers) {
    const { name, exact, prefix, regex, expected } = header;
    const key = exact ?? prefix ?? regex?.source;
    const kind = exact !== undefined ? 'is' : prefix !== undefined ? 'begins' : 'matches';
    if (expected && key !== undefined)
      way(`header ${name} ${kind} ${key}`, (table) => table.putHeader(header, route));
  }
  if (method !== null) way(`method ${method}`, (table) => table.putMethod(method, route));
  return ways;
}

function putUnder<R>(map: Map<string, R[]>, key: string, route: R): void {
  const known = map.get(key);
  if (known === undefined) map.set(key, [route]);
  else known.push(route);
}

function addList<R>(found: readonly R[] | undefined, lists: (readonly R[])[]): void {
  if (found !== undefined) lists.push(found);
}
