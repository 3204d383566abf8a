import type { RouteModel, VirtualHostModel } from './model.ts';

/** A virtual host under one of its domains, in the order in which domains take requests. */
export interface DomainRoutes {
  readonly host: VirtualHostModel;
  /** '*' for every authority. */
  readonly authority: string;
  readonly routes: readonly RouteModel[];
  /** Whether a request that none of the routes takes could be taken by a less specific domain, which Envoy never does. */
  readonly needsEnd: boolean;
}

/** The domains of all virtual hosts, the most specific first: exact names, then suffixes by length, then `*`. */
export function domainsInOrder(hosts: readonly VirtualHostModel[]): DomainRoutes[] {
  const all = hosts.flatMap((host) =>
    host.domains.map((domain) => ({ host, authority: domain.toLowerCase() })),
  );
  all.sort((a, b) => rank(b.authority) - rank(a.authority));
  const wild = all.filter(({ authority }) => authority.startsWith('*')).map(({ authority }) => authority);
  const withoutPorts = new Set(all.map(({ authority }) => authority));
  return all.map(({ host, authority }) => {
    const routes = host.routes.flatMap((route) => routeUnder(route, authority));
    const wider =
      wild.some((other) => other !== authority && covers(other, authority)) ||
      (portOf(authority) !== '' && withoutPorts.has(authority.slice(0, -portOf(authority).length)));
    return { host, authority, routes, needsEnd: wider && !routes.some(({ takesAll }) => takesAll) };
  });
}

/**
 * The virtual host of a proxyless gRPC client, which is that of the name of its listener (gRFC A27). A client of the sidecar
 * may use any authority, so the only virtual host there is takes every name.
 */
export function hostOfTarget(
  hosts: readonly VirtualHostModel[],
  target: string,
): VirtualHostModel | undefined {
  const name = target.slice(target.lastIndexOf('/') + 1).toLowerCase();
  const plain = name.slice(0, name.length - portOf(name).length);
  const domains = hosts.flatMap((host) =>
    host.domains.map((domain) => ({ host, domain: domain.toLowerCase() })),
  );
  const exact =
    domains.find(({ domain }) => domain === name) ?? domains.find(({ domain }) => domain === plain);
  if (exact !== undefined) return exact.host;
  const wild = domains
    .filter(({ domain }) => domain.startsWith('*') && covers(domain, name))
    .sort((a, b) => b.domain.length - a.domain.length);
  return wild[0]?.host ?? (hosts.length === 1 ? hosts[0] : undefined);
}

/** Exact names before suffixes, longer ones first; a name with a port before the same without. */
function rank(authority: string): number {
  return authority === '*' ? -1 : (authority.startsWith('*') ? 0 : 1_000_000) + authority.length;
}

function covers(wildcard: string, authority: string): boolean {
  if (wildcard === '*') return true;
  const plain = authority.slice(0, authority.length - portOf(authority).length);
  return plain.endsWith(wildcard.slice(1)) && plain.length > wildcard.length - 1;
}

/** `:80` of `shop:80`, '' for none. */
function portOf(authority: string): string {
  return /:\d{1,5}$/.exec(authority)?.[0] ?? '';
}

/** A route with a condition on the authority holds only under domains that allow it. */
function routeUnder(route: RouteModel, authority: string): RouteModel[] {
  const own = route.match.authority;
  if (own === undefined || authority === '*') return [route];
  if (typeof own !== 'string') return [];
  const lower = own.toLowerCase();
  return lower === authority || (authority.startsWith('*') && covers(authority, lower)) ? [route] : [];
}
