import { isIP } from 'node:net';
import type { DnsFamily, DnsRecord, DnsResolver, Service } from './dns-resolver.ts';
import { nameKey } from './hosts-file.ts';
import { fullNames } from './resolv-conf.ts';
import type { SystemNames } from './system-names.ts';

/** All that one round of questions found out. */
export type Resolution =
  | {
      readonly ok: true;
      readonly addresses: readonly string[];
      /** The lowest of the records; null where the system resolved the name, which reports none. */
      readonly ttlSec: number | null;
      /** 4 or 6 where that family could not be asked: of those addresses nothing is known. */
      readonly unknownFamily: 0 | 4 | 6;
    }
  | { readonly ok: false; readonly error: string };

type Records<R> =
  | { readonly kind: 'records'; readonly records: readonly R[] }
  | { readonly kind: 'none' | 'failed' | 'unreachable'; readonly reason: string };

/** Which of the full names that a short name may stand for it stood for last; '' before the first answer. */
export interface FullNameMemory {
  fullName: string;
}

interface Unresolved {
  readonly ok: false;
  readonly error: string;
  /**
   * `none`: there is no such name or record. `failed`: a server says that it cannot tell. `unreachable`: no server answered.
   * `known`: it is about the very name that answered before, so that nothing else may take its place.
   */
  readonly kind: 'none' | 'failed' | 'unreachable' | 'known';
}
type Resolved = Extract<Resolution, { ok: true }>;
type SystemLookup = NonNullable<DnsResolver['lookup']>;

/** One name of a round of questions. */
export interface HostQuestion {
  readonly host: string;
  readonly family: DnsFamily;
  /** A full name, as the target of an SRV record is: the search domains do not complete it. */
  readonly absolute: boolean;
  readonly memory: FullNameMemory;
}

/**
 * The addresses of a name, as the platform finds them: in the order of nsswitch.conf, as a rule in the hosts file first, then by
 * DNS with the search domains, and at last by the C library, which may know more sources. `localhost` is never a question to a
 * server (RFC 6761 section 6.3). Never rejects.
 *
 * @param names the platform's rules in this round; undefined to ask DNS for the name as it is
 */
export async function resolveHost(
  resolver: DnsResolver,
  names: SystemNames | undefined,
  question: HostQuestion,
): Promise<Resolution> {
  const { host, family } = question;
  if (isIP(host) !== 0)
    return { ok: true, addresses: [host], ttlSec: Number.POSITIVE_INFINITY, unknownFamily: 0 };
  if (isLocalhost(host)) {
    if (names !== undefined) return localhost(names, host, family);
    if (resolver.lookup !== null) return lookedUp(resolver.lookup, host, family, '');
  }
  const found =
    names === undefined
      ? await resolveByDns(resolver, host, family)
      : await resolveByRules(resolver, names, question);
  if (found.ok) return found;
  return resolver.lookup === null || found.kind === 'known'
    ? { ok: false, error: found.error }
    : lookedUp(resolver.lookup, host, family, found.error);
}

async function resolveByRules(
  resolver: DnsResolver,
  names: SystemNames,
  { host, family, absolute, memory }: HostQuestion,
): Promise<Resolved | Unresolved> {
  const { sources, final, multicast } = names.order;
  let failure: Unresolved = { ok: false, error: 'the system knows no such name', kind: 'none' };
  // Multicast DNS, which only the C library asks.
  if (multicast && /\.local\.?$/i.test(host)) return failure;
  for (const source of sources) {
    if (source === 'files') {
      const found = resolveByFile(names, host, family);
      if (found !== null) return found;
    } else {
      const candidates = absolute ? [nameKey(host)] : fullNames(host, names.resolvConf);
      const found = await resolveFullNames(candidates, memory, (name) =>
        resolveByDns(resolver, name, family),
      );
      if (found.ok) return found;
      failure = found;
    }
    if (final.has(source) && failure.kind === 'none') break;
  }
  return failure;
}

/** SRV records of a name, which the search domains complete as they do any other. Never rejects. */
export async function resolveServices(
  resolver: DnsResolver,
  names: SystemNames | undefined,
  host: string,
  memory: FullNameMemory,
): Promise<
  | { readonly ok: true; readonly services: readonly Service[] }
  | { readonly ok: false; readonly error: string }
> {
  const candidates = names === undefined ? [host] : fullNames(host, names.resolvConf);
  type Found = { readonly ok: true; readonly services: readonly Service[] };
  return resolveFullNames<Found>(candidates, memory, async (name) => {
    const found = await asked(() => resolver.resolveSrv(name), 'no SRV records');
    return found.kind === 'records'
      ? { ok: true, services: found.records }
      : { ok: false, error: found.reason, kind: found.kind };
  });
}

/**
 * Asks for one full name after the other until one has records. As in the C library, a server that fails for one of them does
 * not end the search, and no server that answers does. A failure about the name that answered before does as well: its
 * replicas are kept, and not exchanged for those of another name.
 */
async function resolveFullNames<R extends { readonly ok: true }>(
  candidates: readonly string[],
  memory: FullNameMemory,
  ask: (name: string) => Promise<R | Unresolved>,
): Promise<R | Unresolved> {
  let failure: Unresolved = { ok: false, error: 'the name is too long for DNS', kind: 'none' };
  for (const name of candidates) {
    const found = await ask(name);
    if (found.ok) {
      memory.fullName = name;
      return found;
    }
    if (found.kind !== 'none' && name === memory.fullName) return { ...found, kind: 'known' };
    if (found.kind === 'unreachable') return found;
    // What is wrong counts for more than that another name does not exist.
    if (found.kind !== 'none' || failure.kind === 'none') failure = found;
  }
  return failure;
}

/** A and AAAA of a full name. */
async function resolveByDns(
  resolver: DnsResolver,
  name: string,
  family: DnsFamily,
): Promise<Resolved | Unresolved> {
  const [v4, v6] = await Promise.all([
    family === 'ipv6' ? unwanted : asked(() => resolver.resolve4(name), noAddresses),
    family === 'ipv4' ? unwanted : asked(() => resolver.resolve6(name), noAddresses),
  ]);
  if (v4.kind === 'records' || v6.kind === 'records') {
    const found = [v4, v6].flatMap((one) => (one.kind === 'records' ? one.records : []));
    return {
      ok: true,
      addresses: found.map(({ address }) => address),
      ttlSec: Math.min(...found.map(({ ttlSec }) => ttlSec)),
      unknownFamily: inTrouble(v4) ? 4 : inTrouble(v6) ? 6 : 0,
    };
  }
  const { kind, reason } = inTrouble(v4) ? v4 : inTrouble(v6) || v4 === unwanted ? v6 : v4;
  return { ok: false, error: reason, kind };
}

function inTrouble({ kind }: Records<DnsRecord>): boolean {
  return kind === 'failed' || kind === 'unreachable';
}

/** Null where the hosts file has no address of the name. */
function resolveByFile({ hosts }: SystemNames, host: string, family: DnsFamily): Resolved | null {
  const addresses = addressesOf(hosts.get(nameKey(host)) ?? [], family);
  return addresses.length > 0 ? { ok: true, addresses, ttlSec: null, unknownFamily: 0 } : null;
}

/** Loopback, unless the hosts file says otherwise (RFC 6761 section 6.3). */
function localhost(names: SystemNames, host: string, family: DnsFamily): Resolved {
  const loopback = addressesOf(['127.0.0.1', '::1'], family);
  return (
    resolveByFile(names, host, family) ?? {
      ok: true,
      addresses: loopback,
      ttlSec: null,
      unknownFamily: 0,
    }
  );
}

function addressesOf(addresses: readonly string[], family: DnsFamily): readonly string[] {
  const other = family === 'ipv4' ? 6 : family === 'ipv6' ? 4 : 0;
  return addresses.filter((address) => isIP(address) !== other);
}

/** RFC 6761 section 6.3: never a question to a server. */
export function isLocalhost(host: string): boolean {
  return /^(.*\.)?localhost\.?$/i.test(host);
}

const noAddresses = 'no A or AAAA records';
const unwanted: Records<DnsRecord> = { kind: 'none', reason: noAddresses };

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
      case 'ETIMEOUT':
      case 'ECONNREFUSED':
      case 'ECANCELLED':
        return { kind: 'unreachable', reason: plain(error) };
      default:
        return { kind: 'failed', reason: plain(error) };
    }
  }
}

async function lookedUp(
  systemLookup: SystemLookup,
  host: string,
  family: DnsFamily,
  dnsReason: string,
): Promise<Resolution> {
  try {
    const addresses = addressesOf(await systemLookup(host), family);
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
