import type { HeaderBlock } from '../core/header-block.ts';
import type { CompiledValue } from './condition.ts';
import { PrefixIndex } from './prefix-index.ts';
import { type Ordered, RegexIndex, type WrittenRegex } from './regex-index.ts';
import type { RouteInput, ValueKind } from './route-input.ts';
import type { StateBudget } from './state-budget.ts';

/** What a route requires, as far as it can be looked up. Each is required, so that a route may wait under any of them. */
export interface Lookups extends Ordered {
  /** The whole path. */
  readonly exactPath: string | null;
  /** The beginning of the path, one of several; empty for any. */
  readonly pathPrefixes: readonly string[];
  readonly pathRegex: WrittenRegex | null;
  /** What stands behind the second slash of the path: the method of a gRPC call. */
  readonly grpcMethod: string | null;
  readonly values: readonly CompiledValue[];
  /** One of several; empty for any. */
  readonly methods: readonly string[];
}

/** One way to find a route; a key is equal for all routes that would be found by the same look-up. */
interface Way<R extends Lookups> {
  readonly keys: readonly string[];
  readonly put: (table: RouteTable<R>) => void;
}

/** What routes require of one header, cookie or parameter. */
interface ValueIndex<R extends Ordered> {
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
  private readonly byValue: Readonly<Record<ValueKind, Map<string, ValueIndex<R>>>> = {
    header: new Map(),
    cookie: new Map(),
    query: new Map(),
  };
  private readonly byMethod = new Map<string, R[]>();
  private readonly patterns: (readonly [R, WrittenRegex])[] = [];
  private readonly regexes: RegexIndex<R> | null;
  private readonly rest: R[] = [];

  /** `routes` in order. */
  constructor(routes: readonly R[], budget: StateBudget) {
    const ways = routes.map((route) => waysOf(route));
    const shared = new Map<string, number>();
    for (const key of ways.flat().flatMap(({ keys }) => keys)) shared.set(key, (shared.get(key) ?? 0) + 1);
    routes.forEach((route, i) => {
      const rank = ({ keys }: Way<R>): number =>
        keys.reduce((most, key) => Math.max(most, shared.get(key) ?? 0), 0);
      const [best] = ways[i].sort((a, b) => rank(a) - rank(b));
      if (best === undefined) this.rest.push(route);
      else best.put(this);
    });
    this.regexes = this.patterns.length === 0 ? null : new RegexIndex(this.patterns, budget);
    for (const byName of Object.values(this.byValue)) {
      for (const index of byName.values())
        if (index.patterns.length > 0) index.regexes = new RegexIndex(index.patterns, budget);
    }
  }

  /** Adds lists of routes, each in order, to `lists`: every route that holds for the head, and some that do not. */
  collect(input: RouteInput, lists: (readonly R[])[]): void {
    const { head, path } = input;
    if (this.rest.length > 0) lists.push(this.rest);
    if (this.byPath.size > 0) addList(this.byPath.get(path), lists);
    if (!this.byPrefix.isEmpty) this.byPrefix.collect(path, lists);
    if (this.byGrpcMethod.size > 0) {
      const slash = path.indexOf('/', 1);
      if (slash >= 0) addList(this.byGrpcMethod.get(path.slice(slash + 1)), lists);
    }
    this.regexes?.collect(path, lists);
    if (this.byMethod.size > 0) addList(this.byMethod.get(head.method), lists);
    const { header, cookie, query } = this.byValue;
    if (header.size > 0) collectByHeaders(header, head, lists);
    if (cookie.size > 0) collectByPairs(cookie, input.cookies, lists);
    if (query.size > 0) collectByPairs(query, input.query, lists);
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
  putValue({ kind, name, exact, prefix, regex }: CompiledValue, route: R): void {
    const byName = this.byValue[kind];
    let index = byName.get(name);
    if (index === undefined) {
      index = { exact: new Map(), prefixes: new PrefixIndex(), patterns: [], regexes: null };
      byName.set(name, index);
    }
    if (exact !== undefined) putUnder(index.exact, exact, route);
    else if (prefix !== undefined) index.prefixes.add(prefix, route);
    else if (regex !== null) index.patterns.push([route, regex]);
  }
}

function collectByHeaders<R extends Ordered>(
  byName: ReadonlyMap<string, ValueIndex<R>>,
  head: HeaderBlock,
  lists: (readonly R[])[],
): void {
  for (let block: HeaderBlock | null = head; block !== null; block = block.base)
    for (const { name, value } of block.fields) collectByValue(byName.get(name), value, lists);
}

/** `pairs` has names and values in turn. */
function collectByPairs<R extends Ordered>(
  byName: ReadonlyMap<string, ValueIndex<R>>,
  pairs: readonly string[],
  lists: (readonly R[])[],
): void {
  for (let i = 0; i < pairs.length; i += 2) collectByValue(byName.get(pairs[i]), pairs[i + 1], lists);
}

function collectByValue<R extends Ordered>(
  index: ValueIndex<R> | undefined,
  value: string,
  lists: (readonly R[])[],
): void {
  if (index === undefined) return;
  addList(index.exact.get(value), lists);
  index.prefixes.collect(value, lists);
  index.regexes?.collect(value, lists);
}

/** In order of preference, where several are shared by as few. */
function waysOf<R extends Lookups>(route: R): Way<R>[] {
  const { exactPath, pathPrefixes, pathRegex, grpcMethod, methods } = route;
  const ways: Way<R>[] = [];
  const way = (keys: readonly string[], put: Way<R>['put']): void => void ways.push({ keys, put });
  if (exactPath !== null) way([`path ${exactPath}`], (table) => table.putPath(exactPath, route));
  if (pathPrefixes.length > 0)
    way(
      pathPrefixes.map((prefix) => `prefix ${prefix}`),
      (table) => {
        for (const prefix of pathPrefixes) table.putPrefix(prefix, route);
      },
    );
  if (grpcMethod !== null) way([`grpc ${grpcMethod}`], (table) => table.putGrpcMethod(grpcMethod, route));
  if (pathRegex !== null) way([`regex ${pathRegex.source}`], (table) => table.putRegex(pathRegex, route));
  for (const value of route.values) {
    const { kind, name, exact, prefix, regex, expected } = value;
    const key = exact ?? prefix ?? regex?.source;
    const how = exact !== undefined ? 'is' : prefix !== undefined ? 'begins' : 'matches';
    if (expected && key !== undefined)
      way([`${kind} ${name} ${how} ${key}`], (table) => table.putValue(value, route));
  }
  if (methods.length > 0)
    way(
      methods.map((method) => `method ${method}`),
      (table) => {
        for (const method of methods) table.putMethod(method, route);
      },
    );
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
