import type { RouteMatch, ValueMatch } from '../../../src/routing/route-match.ts';

/** What a route matcher sees of a call. */
export interface PlainHead {
  readonly method: string;
  readonly authority: string;
  /** With its query. */
  readonly path: string;
  readonly fields: ReadonlyArray<readonly [name: string, value: string]>;
}

/** The first route whose every condition holds, or -1: each looked at by itself, word by word of `RouteMatch`. */
export function naiveRoute(matches: readonly RouteMatch[], head: PlainHead): number {
  return matches.findIndex((match) => holds(match, head));
}

function holds(match: RouteMatch, head: PlainHead): boolean {
  const path = head.path.split('?')[0];
  const { service, method } = match.grpc ?? {};
  return (
    (match.authority === undefined || authorityHolds(match.authority, head.authority)) &&
    (match.path === undefined || path === match.path) &&
    (match.pathPrefix === undefined ||
      [match.pathPrefix].flat().some((prefix) => prefixHolds(prefix, path))) &&
    (match.pathRegex === undefined || new RegExp(`^(?:${match.pathRegex})$`).test(path)) &&
    (match.method === undefined || [match.method].flat().includes(head.method)) &&
    (match.grpc === undefined || (isGrpc(head) && serviceHolds(path, service, method))) &&
    (match.headers ?? []).every((header) => headerHolds(header, head))
  );
}

function serviceHolds(path: string, service: string | undefined, method: string | undefined): boolean {
  if (service === undefined && method === undefined) return true;
  const parts = path.split('/');
  // `/service/method`: what a service alone is asked for may go on below it.
  if (parts[0] !== '' || parts.length < 3) return false;
  if (service !== undefined && parts[1] !== service) return false;
  return method === undefined || (parts.length === 3 && parts[2] === method);
}

function prefixHolds(prefix: string, path: string): boolean {
  if (prefix.endsWith('/')) return path.startsWith(prefix);
  return path === prefix || path.startsWith(`${prefix}/`);
}

function isGrpc({ fields }: PlainHead): boolean {
  const type = fields.find(([name]) => name === 'content-type')?.[1] ?? '';
  return /^application\/grpc([+;].*)?$/s.test(type);
}

function hostAndPort(text: string): [host: string, port: string | null] {
  const match = /^(\[[^\]]*\]|[^:[\]]*):([^:\]]*)$/.exec(text);
  return match === null ? [text, null] : [match[1], match[2]];
}

function authorityHolds(pattern: string, text: string): boolean {
  const [wantedHost, wantedPort] = hostAndPort(pattern.toLowerCase());
  const [host, port] = hostAndPort(text.toLowerCase());
  if (wantedPort !== null && wantedPort !== '' && port !== wantedPort) return false;
  if (wantedHost === '*') return true;
  if (wantedHost.startsWith('*.'))
    return host.endsWith(wantedHost.slice(1)) && host.length > wantedHost.length - 1;
  return host === wantedHost;
}

function headerHolds(match: ValueMatch, head: PlainHead): boolean {
  const any = head.fields.some(
    ([name, value]) =>
      name === match.name.toLowerCase() &&
      (match.exact === undefined || value === match.exact) &&
      (match.prefix === undefined || value.startsWith(match.prefix)) &&
      (match.regex === undefined || new RegExp(`^(?:${match.regex})$`).test(value)),
  );
  const present = match.present === false ? !any : any;
  return match.invert === true ? !present : present;
}
