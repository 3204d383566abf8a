import { formatAddress } from '../../../src/core/address.ts';
import { VirtualClock } from '../../../src/core/clock.ts';
import type { EndpointSpec } from '../../../src/core/endpoint-spec.ts';
import type { Logger } from '../../../src/core/logger.ts';
import { SeededRandom } from '../../../src/core/random.ts';
import { DnsSource } from '../../../src/discovery/dns.ts';
import { addressQuery, serviceQuery } from '../../../src/discovery/dns-query.ts';
import type { DnsFamily, DnsResolver, Service } from '../../../src/discovery/dns-resolver.ts';

export const target = { host: 'orders.test', port: 80, family: 'all' } as const;
export const failure = (code: string) => Object.assign(new Error(code), { code });
export const turn = () => new Promise<void>((resolve) => setImmediate(resolve));

/** A world of DNS that the test sets by hand. An `Error` in place of addresses is thrown. */
export class FakeDns implements DnsResolver {
  a: readonly string[] | Error = failure('ENOTFOUND');
  aaaa: readonly string[] | Error = failure('ENODATA');
  system: readonly string[] | Error = failure('ENOTFOUND');
  srv: readonly Service[] | Error = failure('ENOTFOUND');
  /** A records of each name, where they differ; null where `a` is for all. */
  hosts: Map<string, readonly string[] | Error> | null = null;
  ttlSec = 5;
  hangs = false;
  asked = 0;
  lookedUp = 0;
  cancelled = 0;
  roundMs = 0;

  private answer<T>(addresses: readonly string[] | Error, map: (address: string) => T): Promise<T[]> {
    if (this.hangs) return new Promise(() => {});
    return addresses instanceof Error ? Promise.reject(addresses) : Promise.resolve(addresses.map(map));
  }
  resolve4(host = '') {
    this.asked++;
    const records = this.hosts?.get(host) ?? (this.hosts === null ? this.a : failure('ENOTFOUND'));
    return this.answer(records, (address) => ({ address, ttlSec: this.ttlSec }));
  }
  resolve6() {
    return this.answer(this.aaaa, (address) => ({ address, ttlSec: this.ttlSec }));
  }
  resolveSrv() {
    this.asked++;
    const { srv } = this;
    return srv instanceof Error ? Promise.reject(srv) : Promise.resolve(srv);
  }
  lookup = (_host: string) => {
    this.lookedUp++;
    return this.answer(this.system, (address) => address);
  };
  cancel() {
    this.cancelled++;
  }
}

export function setUp(host: string = target.host, family: DnsFamily = target.family, srv = false) {
  const clock = new VirtualClock();
  const dns = new FakeDns();
  const lines: string[] = [];
  const line = (level: string) => (message: string) => void lines.push(`${level}: ${message}`);
  const logger: Logger = {
    debug: line('debug'),
    info: line('info'),
    warn: line('warn'),
    error: line('error'),
  };
  const query = srv ? serviceQuery({ host, family }, dns) : addressQuery({ ...target, host, family }, dns);
  const source = new DnsSource(query, { clock, logger, random: new SeededRandom(1), resolver: dns });
  const published: string[][] = [];
  const publish = (list: readonly EndpointSpec[]) =>
    void published.push(list.map((e) => formatAddress(e.address)));
  const start = async () => {
    source.start(publish);
    await turn();
  };
  const advance = async (ms: number) => {
    clock.advance(ms);
    await turn();
  };
  /** Past the next resolution, and short of its timeout. */
  const settle = async () => {
    await turn();
    await advance(6000);
  };
  return { clock, dns, lines, source, published, start, advance, settle };
}
