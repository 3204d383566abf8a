import { isIP } from 'node:net';
import type { EndpointSpec } from '../core/endpoint-spec.ts';
import type { DnsFamily, DnsResolver, Service } from './dns-resolver.ts';
import {
  type FullNameMemory,
  isLocalhost,
  type Resolution,
  resolveHost,
  resolveServices,
} from './resolve-host.ts';
import type { SystemNames } from './system-names.ts';

/** A question that is asked again and again; it remembers what it learnt, for what a later round cannot find out. */
export interface DnsQuery {
  /** In plain words: `DNS name orders, port 50051`. */
  readonly describe: string;
  /** Never rejects. */
  ask(): Promise<DnsAnswer>;
}

export type DnsAnswer =
  | {
      readonly ok: true;
      /** Sorted, each address once. */
      readonly endpoints: readonly EndpointSpec[];
      /** Null where the system reports none. */
      readonly ttlSec: number | null;
    }
  | { readonly ok: false; readonly error: string };

/** A name whose A and AAAA records are the endpoints, all on one port. */
export interface AddressTarget {
  readonly host: string;
  readonly port: number;
  readonly family: DnsFamily;
}

/** A name whose SRV records name hosts and ports (RFC 2782). */
export interface ServiceTarget {
  readonly host: string;
  readonly family: DnsFamily;
}

/** Node reports no TTL of SRV records: they are asked for as often as this, or as the addresses of their hosts ask for, seconds. */
const servicesTtlSecMax = 5;

/** Hosts of one SRV answer that are looked up; further ones are left out. */
const servicesMax = 1000;

export function addressQuery({ host, port, family }: AddressTarget, resolver: DnsResolver): DnsQuery {
  const name = new KnownName(host, family, resolver, false);
  const hostname = isIP(host) === 0 ? withoutRoot(host) : '';
  return {
    describe: `DNS name ${host}, port ${port}`,
    async ask() {
      const found = await name.resolve(await resolver.names?.());
      if (!found.ok) return found;
      const endpoints = found.addresses.map((address) => ({
        address: { kind: 'tcp' as const, host: address, port },
        hostname,
        weight: 1,
        zone: '',
        priority: 0,
      }));
      return { ok: true, endpoints, ttlSec: found.ttlSec };
    },
  };
}

/** The addresses of a name, with those kept of a family that could not be asked this time. */
class KnownName {
  private readonly host: string;
  private readonly family: DnsFamily;
  private readonly resolver: DnsResolver;
  private readonly absolute: boolean;
  private readonly memory: FullNameMemory = { fullName: '' };
  private known: readonly string[] = [];

  constructor(host: string, family: DnsFamily, resolver: DnsResolver, absolute: boolean) {
    this.host = host;
    this.absolute = absolute;
    this.family = family;
    this.resolver = resolver;
  }

  async resolve(names: SystemNames | undefined): Promise<Resolution> {
    const { host, family, absolute, memory } = this;
    const found = await resolveHost(this.resolver, names, { host, family, absolute, memory });
    if (!found.ok) return found;
    // What is not known has not changed: a server that has trouble with AAAA alone takes no IPv6 endpoint away.
    const kept = this.known.filter((address) => isIP(address) === found.unknownFamily);
    this.known = [...new Set([...found.addresses, ...kept])].sort();
    return { ...found, addresses: family === 'auto' ? oneFamily(host, this.known) : this.known };
  }

  /** What it resolved to last, for a round in which it does not. */
  get last(): readonly string[] {
    return this.family === 'auto' ? oneFamily(this.host, this.known) : this.known;
  }
}

function oneFamily(host: string, addresses: readonly string[]): readonly string[] {
  const ipv4 = addresses.filter((address) => isIP(address) === 4);
  if (ipv4.length === 0 || ipv4.length === addresses.length) return addresses;
  // One machine that may listen on either: whoever connects tries both in turn (RFC 8305).
  return isLocalhost(host) ? ['localhost'] : ipv4;
}

/**
 * SRV: who and where, with priorities as they rank and weights as they are; then the addresses of each. The name of an endpoint,
 * which TLS verifies, is the domain whose service was asked for, and not the target of its record: DNS is not trusted to say whom
 * to trust (RFC 6125 section 6.2.1, "source domain").
 */
export function serviceQuery({ host, family }: ServiceTarget, resolver: DnsResolver): DnsQuery {
  const memory: FullNameMemory = { fullName: '' };
  const hostname = serviceDomain(host);
  let known = new Map<string, KnownName>();
  return {
    describe: `DNS service ${host}`,
    async ask() {
      const rules = await resolver.names?.();
      const found = await resolveServices(resolver, rules, host, memory);
      if (!found.ok) return found;
      // A target of "." says that there is no such service (RFC 2782).
      const services = found.services
        .filter(({ host: target }) => target !== '' && target !== '.')
        .slice(0, servicesMax);
      const asked = new Map<string, KnownName>();
      for (const { host: target } of services)
        asked.set(target, known.get(target) ?? new KnownName(target, family, resolver, true));
      known = asked;
      const resolutions = new Map<string, Resolution>();
      await Promise.all(
        [...asked].map(async ([target, name]) => resolutions.set(target, await name.resolve(rules))),
      );
      return endpointsOf(services, asked, resolutions, hostname);
    },
  };
}

function endpointsOf(
  services: readonly Service[],
  names: ReadonlyMap<string, KnownName>,
  resolutions: ReadonlyMap<string, Resolution>,
  hostname: string,
): DnsAnswer {
  const ranks = [...new Set(services.map(({ priority }) => priority))].sort((a, b) => a - b);
  const endpoints = new Map<string, EndpointSpec>();
  let ttlSec = servicesTtlSecMax;
  let error = '';
  for (const { host, port, priority, weight } of services) {
    const resolution = resolutions.get(host)!;
    if (!resolution.ok) error ||= `${host}: ${resolution.error}`;
    else ttlSec = Math.min(ttlSec, resolution.ttlSec ?? servicesTtlSecMax);
    // Trouble with one name takes its endpoints as little away as trouble with all of them would.
    const addresses = resolution.ok ? resolution.addresses : names.get(host)!.last;
    for (const address of addresses) {
      endpoints.set(`${address} ${port}`, {
        address: { kind: 'tcp', host: address, port },
        hostname,
        // Weight 0 is "hardly ever" in RFC 2782, or that nobody cares; a host with two addresses gets its share once.
        weight: Math.max(1, weight) / addresses.length,
        zone: '',
        priority: Math.min(ranks.indexOf(priority), 127),
      });
    }
  }
  if (endpoints.size === 0) return { ok: false, error: error || 'no SRV records' };
  const sorted = [...endpoints].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, endpoint]) => endpoint);
  return { ok: true, endpoints: sorted, ttlSec };
}

function withoutRoot(name: string): string {
  return name.replace(/\.$/, '');
}

/** `orders.example` of `_grpc._tcp.orders.example`. */
function serviceDomain(host: string): string {
  return withoutRoot(host.replace(/^(_[^.]*\.)+/, '')) || withoutRoot(host);
}
