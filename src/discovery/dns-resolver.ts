import { lookup, Resolver } from 'node:dns/promises';
import { isIP } from 'node:net';

/** What the DNS source asks of the world; injected, so that tests need no network. Rejections carry Node's `code`. */
export interface DnsResolver {
  resolve4(host: string): Promise<readonly DnsRecord[]>;
  resolve6(host: string): Promise<readonly DnsRecord[]>;
  resolveSrv(host: string): Promise<readonly Service[]>;
  /** The system's own resolution (hosts file, search domains); null where only DNS servers are to be asked. */
  readonly lookup: ((host: string) => Promise<readonly string[]>) | null;
  /** Ends queries in flight, which then reject. */
  cancel(): void;
}

export interface DnsRecord {
  readonly address: string;
  readonly ttlSec: number;
}

/**
 * Which addresses of a name with both families are endpoints. A replica of a dual-stack service has one of each, and would
 * count twice: so `auto` takes IPv4 where there is any, else IPv6. `all` is for names whose records are all replicas.
 */
export type DnsFamily = 'auto' | 'ipv4' | 'ipv6' | 'all';

/** One SRV record. */
export interface Service {
  readonly host: string;
  readonly port: number;
  /** Lower is used first. */
  readonly priority: number;
  readonly weight: number;
}

const queryTimeoutMs = 2000;
const queryTries = 2;

/** @param servers `address` or `address:port` of the DNS servers to ask, and nobody else; the system's, and its hosts file, if not given */
export function systemDnsResolver(servers?: readonly string[]): DnsResolver {
  const resolver = new Resolver({ timeout: queryTimeoutMs, tries: queryTries });
  if (servers !== undefined) resolver.setServers(servers);
  const records = (list: ReadonlyArray<{ address: string; ttl: number }>): DnsRecord[] =>
    list.map(({ address, ttl }) => ({ address, ttlSec: ttl }));
  return {
    resolve4: async (host) => records(await resolver.resolve4(host, { ttl: true })),
    resolve6: async (host) => records(await resolver.resolve6(host, { ttl: true })),
    resolveSrv: async (host) =>
      (await resolver.resolveSrv(host)).map(({ name, port, priority, weight }) => ({
        host: name,
        port,
        priority,
        weight,
      })),
    lookup:
      servers !== undefined
        ? null
        : async (host) =>
            (await lookup(host, { all: true, order: 'verbatim' })).map(({ address }) => address),
    cancel: () => resolver.cancel(),
  };
}

/** All that one round of questions found out. */
export type Resolution =
  | {
      readonly ok: true;
      readonly addresses: readonly string[];
      /** The lowest of the records; null where the system resolved the name, which tells none. */
      readonly ttlSec: number | null;
      /** 4 or 6 where that family could not be asked: of those addresses nothing is known. */
      readonly unknownFamily: 0 | 4 | 6;
    }
  | { readonly ok: false; readonly error: string };

type Family = Records<DnsRecord>;
type Records<R> =
  | { readonly kind: 'records'; readonly records: readonly R[] }
  /** The servers say that there are none. */
  | { readonly kind: 'none'; readonly reason: string }
  /** Nobody knows. */
  | { readonly kind: 'trouble'; readonly reason: string };

/**
 * A and AAAA of a name. A name that DNS has not, or that it cannot be asked about, goes to the system's own
 * resolution, so that the hosts file, search domains (`orders` for `orders.shop.svc.cluster.local`) and
 * `localhost` (RFC 6761 section 6.3: never a question to a server) work as everywhere else. Never rejects.
 */
export async function resolveHost(
  resolver: DnsResolver,
  host: string,
  family: DnsFamily,
): Promise<Resolution> {
  if (isIP(host) !== 0)
    return { ok: true, addresses: [host], ttlSec: Number.POSITIVE_INFINITY, unknownFamily: 0 };
  if (resolver.lookup !== null && isLocalhost(host)) return lookedUp(resolver.lookup, host, family, '');
  const [v4, v6] = await Promise.all([
    family === 'ipv6' ? unwanted : asked(() => resolver.resolve4(host), noAddresses),
    family === 'ipv4' ? unwanted : asked(() => resolver.resolve6(host), noAddresses),
  ]);
  if (v4.kind === 'records' || v6.kind === 'records') {
    const records = [v4, v6].flatMap((one) => (one.kind === 'records' ? one.records : []));
    return {
      ok: true,
      addresses: records.map(({ address }) => address),
      ttlSec: Math.min(...records.map(({ ttlSec }) => ttlSec)),
      unknownFamily: v4.kind === 'trouble' ? 4 : v6.kind === 'trouble' ? 6 : 0,
    };
  }
  const told = v4.kind === 'trouble' ? v4 : v6.kind === 'trouble' || v4 === unwanted ? v6 : v4;
  return resolver.lookup === null
    ? { ok: false, error: told.reason }
    : lookedUp(resolver.lookup, host, family, told.reason);
}

/** RFC 6761 section 6.3: never a question to a server. */
export function isLocalhost(host: string): boolean {
  return /^(.*\.)?localhost\.?$/i.test(host);
}

const noAddresses = 'no A or AAAA records';
const unwanted: Family = { kind: 'none', reason: noAddresses };

/** SRV records of a name. Never rejects. */
export async function resolveServices(
  resolver: DnsResolver,
  host: string,
): Promise<
  | { readonly ok: true; readonly services: readonly Service[] }
  | { readonly ok: false; readonly error: string }
> {
  const found = await asked(() => resolver.resolveSrv(host), 'no SRV records');
  return found.kind === 'records'
    ? { ok: true, services: found.records }
    : { ok: false, error: found.reason };
}

async function asked<R>(question: () => Promise<readonly R[]>, noneReason: string): Promise<Records<R>> {
  try {
    const records = await question();
    return records.length > 0 ? { kind: 'records', records } : { kind: 'none', reason: noneReason };
  } catch (error) {
    switch (codeOf(error)) {
      case 'ENODATA':
        return { kind: 'none', reason: noneReason };
      case 'ENOTFOUND':
        return { kind: 'none', reason: 'DNS has no such name' };
      default:
        return { kind: 'trouble', reason: plain(error) };
    }
  }
}

async function lookedUp(
  systemLookup: NonNullable<DnsResolver['lookup']>,
  host: string,
  family: DnsFamily,
  dnsReason: string,
): Promise<Resolution> {
  const other = family === 'ipv4' ? 6 : family === 'ipv6' ? 4 : 0;
  try {
    const addresses = (await systemLookup(host)).filter((address) => isIP(address) !== other);
    if (addresses.length > 0) return { ok: true, addresses, ttlSec: null, unknownFamily: 0 };
  } catch (error) {
    if (dnsReason === '') return { ok: false, error: plain(error) };
  }
  return { ok: false, error: dnsReason === '' ? 'the system knows no such name' : dnsReason };
}

function plain(error: unknown): string {
  const code = codeOf(error);
  switch (code) {
    case 'ETIMEOUT':
      return 'no DNS server answered in time';
    case 'ECONNREFUSED':
      return 'no DNS server could be reached';
    case 'ESERVFAIL':
      return 'the DNS server failed (SERVFAIL)';
    case 'EREFUSED':
      return 'the DNS server refused to answer (REFUSED)';
    case 'ENOTFOUND':
      return 'the system knows no such name';
    case 'EAI_AGAIN':
      return "the system's resolver has trouble (EAI_AGAIN)";
    default:
      return code === '' ? String(error) : `DNS error ${code}`;
  }
}

function codeOf(error: unknown): string {
  if (typeof error !== 'object' || error === null || !('code' in error)) return '';
  return typeof error.code === 'string' ? error.code : '';
}
