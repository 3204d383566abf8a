import { type AddressRange, isInRanges, parseRange } from './address-range.ts';
import type { WrittenRegex } from './regex-index.ts';
import type { RouteInput, ValueKind } from './route-input.ts';
import type { GrpcMatch, RouteMatch, ValueMatch } from './route-match.ts';
import { compileSafeRegex, type SafeRegex } from './safe-regex.ts';
import type { StateBudget } from './state-budget.ts';

/** One thing a route requires of a request. */
export type Condition = (input: RouteInput) => boolean;

/** The path that a match holds for alone, so that a table finds it; null where it may hold for several. */
export function exactPathOf(match: RouteMatch): string | null {
  if (match.path !== undefined) return match.path;
  const { service, method } = match.grpc ?? {};
  return service !== undefined && method !== undefined ? `/${service}/${method}` : null;
}

/** How the path of every request begins that a match holds for, one of several ways; empty where nothing says so. */
export function prefixesOf(match: RouteMatch): readonly string[] {
  if (match.pathPrefix !== undefined) return [match.pathPrefix].flat();
  const { service, method } = match.grpc ?? {};
  return service !== undefined && method === undefined ? [`/${service}/`] : [];
}

/** What a header, a cookie or a parameter must hold, with its texts as bytes. */
export interface CompiledValue {
  readonly kind: ValueKind;
  readonly name: string;
  readonly exact: string | undefined;
  readonly prefix: string | undefined;
  readonly regex: WrittenRegex | null;
  /** Whether a matching header must be there, or must not be. */
  readonly expected: boolean;
}

/** Compiles what a match requires of headers, cookies and the query. Throws where a regular expression is not a safe one. */
export function compileValues(match: RouteMatch, budget: StateBudget): CompiledValue[] {
  const compile = (kind: ValueKind, values: readonly ValueMatch[] = []): CompiledValue[] =>
    values.map((value) => ({
      kind,
      name: kind === 'header' ? value.name.toLowerCase() : bytesOf(value.name),
      exact: value.exact === undefined ? undefined : bytesOf(value.exact),
      prefix: value.prefix === undefined ? undefined : bytesOf(value.prefix),
      regex: value.regex === undefined ? null : writtenRegex(value.regex, budget),
      expected: (value.present !== false) !== (value.invert === true),
    }));
  return [
    ...compile('header', match.headers),
    ...compile('cookie', match.cookies),
    ...compile('query', match.query),
  ];
}

/** Compiles a pattern. Throws where it is not a safe one. */
export function writtenRegex(source: string, budget: StateBudget): WrittenRegex {
  return { source, regex: safeRegex(source, budget) };
}

/** All conditions of a match but its authority, cheapest first. Throws where a range of addresses is none. */
export function compileConditions(
  match: RouteMatch,
  pathRegex: WrittenRegex | null,
  values: readonly CompiledValue[],
): Condition[] {
  const conditions: Condition[] = [];
  if (match.path !== undefined) conditions.push(exactCondition(match.path));
  if (match.pathPrefix !== undefined) conditions.push(anyOf([match.pathPrefix].flat().map(prefixCondition)));
  if (match.grpc !== undefined) conditions.push(...grpcConditions(match.grpc));
  if (match.method !== undefined)
    conditions.push(
      anyOf(
        [match.method].flat().map(
          (method) =>
            ({ head }) =>
              head.method === method,
        ),
      ),
    );
  if (match.source !== undefined) conditions.push(sourceCondition([match.source].flat().map(rangeOf)));
  if (pathRegex !== null) conditions.push(({ path }) => pathRegex.regex.matches(path));
  for (const value of values) conditions.push(valueCondition(value));
  return conditions;
}

function anyOf(conditions: readonly Condition[]): Condition {
  if (conditions.length === 1) return conditions[0];
  return (input) => conditions.some((condition) => condition(input));
}

function sourceCondition(ranges: readonly AddressRange[]): Condition {
  return ({ sourceBytes }) => sourceBytes !== null && isInRanges(sourceBytes, ranges);
}

function rangeOf(text: string): AddressRange {
  const { value, error } = parseRange(text);
  if (value === undefined) throw new Error(`"${text}" ${error}`);
  return value;
}

function exactCondition(exact: string): Condition {
  return ({ path }) => path === exact;
}

function prefixCondition(prefix: string): Condition {
  // Segments, as a person reads it: `/api` must not take `/apiary` along. Envoy's plain prefix does.
  if (prefix.endsWith('/')) return ({ path }) => path.startsWith(prefix);
  return ({ path }) =>
    path.startsWith(prefix) && (path.length === prefix.length || path.charCodeAt(prefix.length) === 0x2f);
}

/** `/service/method` (gRPC over HTTP/2, "Requests"); a service name has no slash in it. */
function grpcConditions(match: GrpcMatch): Condition[] {
  const { service, method } = match;
  const isGrpc: Condition = ({ head }) => head.isGrpc;
  if (service !== undefined && method !== undefined) return [exactCondition(`/${service}/${method}`), isGrpc];
  const prefix = `/${service}/`;
  if (service !== undefined) return [({ path }) => path.startsWith(prefix), isGrpc];
  if (method === undefined) return [isGrpc];
  const suffix = `/${method}`;
  return [
    ({ path }) => path.endsWith(suffix) && path.indexOf('/', 1) === path.length - suffix.length,
    isGrpc,
  ];
}

function valueCondition({ kind, name, exact, prefix, regex, expected }: CompiledValue): Condition {
  const matches = (value: string): boolean =>
    (exact === undefined || value === exact) &&
    (prefix === undefined || value.startsWith(prefix)) &&
    (regex === null || regex.regex.matches(value));
  return (input) => input.some(kind, name, matches) === expected;
}

/** Heads hold bytes, configuration holds text: compare as UTF-8 bytes. */
function bytesOf(text: string): string {
  return Buffer.from(text, 'utf8').toString('latin1');
}

function safeRegex(pattern: string, budget: StateBudget): SafeRegex {
  const { value, error } = compileSafeRegex(pattern, budget);
  if (value === undefined) throw new Error(`"${pattern}": ${error}`);
  return value;
}
