import type { Field } from '../core/field.ts';
import type { HeaderBlock } from '../core/header-block.ts';
import type { WrittenRegex } from './regex-index.ts';
import type { GrpcMatch, RouteMatch } from './route-match.ts';
import { compileSafeRegex, type SafeRegex } from './safe-regex.ts';
import type { StateBudget } from './state-budget.ts';

/** One thing a route asks of a head. `path` is the head's path without its query, cut off once for all conditions. */
export type Condition = (head: HeaderBlock, path: string) => boolean;

/** The path that a match holds for alone, so that a table finds it; null where it may hold for several. */
export function exactPathOf(match: RouteMatch): string | null {
  if (match.path !== undefined) return match.path;
  const { service, method } = match.grpc ?? {};
  return service !== undefined && method !== undefined ? `/${service}/${method}` : null;
}

/** How the path of every call begins that a match holds for; null where nothing says so. */
export function prefixOf(match: RouteMatch): string | null {
  if (match.pathPrefix !== undefined) return match.pathPrefix;
  const { service, method } = match.grpc ?? {};
  return service !== undefined && method === undefined ? `/${service}/` : null;
}

/** What a header must hold, with its texts as bytes. */
export interface CompiledHeader {
  readonly name: string;
  readonly exact: string | undefined;
  readonly prefix: string | undefined;
  readonly regex: WrittenRegex | null;
  /** Whether a matching header must be there, or must not be. */
  readonly expected: boolean;
}

/** Compiles what a match requires of headers. Throws where a regular expression is not a safe one. */
export function compileHeaders(match: RouteMatch, budget: StateBudget): CompiledHeader[] {
  return (match.headers ?? []).map((header) => ({
    name: header.name.toLowerCase(),
    exact: header.exact === undefined ? undefined : bytesOf(header.exact),
    prefix: header.prefix === undefined ? undefined : bytesOf(header.prefix),
    regex: header.regex === undefined ? null : writtenRegex(header.regex, budget),
    expected: (header.present !== false) !== (header.invert === true),
  }));
}

/** Compiles a pattern. Throws where it is not a safe one. */
export function writtenRegex(source: string, budget: StateBudget): WrittenRegex {
  return { source, regex: safeRegex(source, budget) };
}

/** All conditions of a match but its authority, cheapest first. */
export function compileConditions(
  match: RouteMatch,
  pathRegex: WrittenRegex | null,
  headers: readonly CompiledHeader[],
): Condition[] {
  const conditions: Condition[] = [];
  if (match.path !== undefined) conditions.push(exactCondition(match.path));
  if (match.pathPrefix !== undefined) conditions.push(prefixCondition(match.pathPrefix));
  if (match.grpc !== undefined) conditions.push(...grpcConditions(match.grpc));
  const { method } = match;
  if (method !== undefined) conditions.push((head) => head.method === method);
  if (pathRegex !== null) conditions.push((_head, path) => pathRegex.regex.matches(path));
  for (const header of headers) conditions.push(headerCondition(header));
  return conditions;
}

function exactCondition(exact: string): Condition {
  return (_head, path) => path === exact;
}

function prefixCondition(prefix: string): Condition {
  // Segments, as a person reads it: `/api` must not take `/apiary` along. Envoy's plain prefix does.
  if (prefix.endsWith('/')) return (_head, path) => path.startsWith(prefix);
  return (_head, path) =>
    path.startsWith(prefix) && (path.length === prefix.length || path.charCodeAt(prefix.length) === 0x2f);
}

/** `/service/method` (gRPC over HTTP/2, "Requests"); a service name has no slash in it. */
function grpcConditions(match: GrpcMatch): Condition[] {
  const { service, method } = match;
  const isGrpc: Condition = (head) => head.isGrpc;
  if (service !== undefined && method !== undefined) return [exactCondition(`/${service}/${method}`), isGrpc];
  const prefix = `/${service}/`;
  if (service !== undefined) return [(_head, path) => path.startsWith(prefix), isGrpc];
  if (method === undefined) return [isGrpc];
  const suffix = `/${method}`;
  return [
    (_head, path) => path.endsWith(suffix) && path.indexOf('/', 1) === path.length - suffix.length,
    isGrpc,
  ];
}

function headerCondition({ name, exact, prefix, regex, expected }: CompiledHeader): Condition {
  const matches = (field: Field): boolean =>
    field.name === name &&
    (exact === undefined || field.value === exact) &&
    (prefix === undefined || field.value.startsWith(prefix)) &&
    (regex === null || regex.regex.matches(field.value));
  return (head) => hasField(head, matches) === expected;
}

/** Loops rather than `head.allFields`, which would make an array on every call. */
function hasField(head: HeaderBlock, matches: (field: Field) => boolean): boolean {
  for (let block: HeaderBlock | null = head; block !== null; block = block.base) {
    for (let i = 0; i < block.fields.length; i++) if (matches(block.fields[i])) return true;
  }
  return false;
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
