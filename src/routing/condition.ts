import type { Field } from '../core/field.ts';
import type { HeaderBlock } from '../core/header-block.ts';
import type { GrpcMatch, HeaderMatch, RouteMatch } from './route-match.ts';
import { compileSafeRegex, type SafeRegex } from './safe-regex.ts';

/** One thing a route asks of a head. `path` is the head's path without its query, cut off once for all conditions. */
export type Condition = (head: HeaderBlock, path: string) => boolean;

/** The path that a match holds for alone, so that a table finds it; null where it may hold for several. */
export function exactPathOf(match: RouteMatch): string | null {
  if (match.path !== undefined) return match.path;
  const { service, method } = match.grpc ?? {};
  return service !== undefined && method !== undefined ? `/${service}/${method}` : null;
}

/** All conditions of a match but its authority, cheapest first. Throws where a regular expression is not a safe one. */
export function compileConditions(match: RouteMatch): Condition[] {
  const conditions: Condition[] = [];
  if (match.path !== undefined) conditions.push(exactCondition(match.path));
  if (match.pathPrefix !== undefined) conditions.push(prefixCondition(match.pathPrefix));
  if (match.grpc !== undefined) conditions.push(...grpcConditions(match.grpc));
  const { method } = match;
  if (method !== undefined) conditions.push((head) => head.method === method);
  if (match.pathRegex !== undefined) {
    const regex = safeRegex(match.pathRegex);
    conditions.push((_head, path) => regex.matches(path));
  }
  for (const header of match.headers ?? []) conditions.push(headerCondition(header));
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

function headerCondition(match: HeaderMatch): Condition {
  const name = match.name.toLowerCase();
  const exact = match.exact === undefined ? undefined : octetsOf(match.exact);
  const prefix = match.prefix === undefined ? undefined : octetsOf(match.prefix);
  const regex = match.regex === undefined ? undefined : safeRegex(match.regex);
  const fits = (field: Field): boolean =>
    field.name === name &&
    (exact === undefined || field.value === exact) &&
    (prefix === undefined || field.value.startsWith(prefix)) &&
    (regex === undefined || regex.matches(field.value));
  const wanted = (match.present !== false) !== (match.invert === true);
  return (head) => hasField(head, fits) === wanted;
}

/** Loops rather than `head.allFields`, which would make an array on every call. */
function hasField(head: HeaderBlock, fits: (field: Field) => boolean): boolean {
  for (let block: HeaderBlock | null = head; block !== null; block = block.base) {
    for (let i = 0; i < block.fields.length; i++) if (fits(block.fields[i])) return true;
  }
  return false;
}

/** Heads hold octets, configuration holds text: compare as UTF-8 octets. */
function octetsOf(text: string): string {
  return Buffer.from(text, 'utf8').toString('latin1');
}

function safeRegex(pattern: string): SafeRegex {
  const { value, error } = compileSafeRegex(pattern);
  if (value === undefined) throw new Error(`"${pattern}": ${error}`);
  return value;
}
