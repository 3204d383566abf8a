import { lookup, Resolver } from 'node:dns/promises';
import type { ResolvConf } from './resolv-conf.ts';
import { SystemNameFiles, type SystemNames, type SystemPaths, systemPaths } from './system-names.ts';

/** What the DNS source asks of the world; injected, so that tests need no network. Rejections carry Node's `code`. */
export interface DnsResolver {
  resolve4(host: string): Promise<readonly DnsRecord[]>;
  resolve6(host: string): Promise<readonly DnsRecord[]>;
  resolveSrv(host: string): Promise<readonly Service[]>;
  /** The platform's rules as they are now, for one round of questions; absent where names are asked for as they are. */
  names?(): Promise<SystemNames>;
  /** The longest that one round may take, milliseconds; absent for what is usual. */
  readonly roundMs?: number;
  /** The C library's own resolution, asked last; null where only DNS servers are to be asked. */
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

/** Where resolv.conf does not say. */
const queryTimeoutMs = 2000;
const queryAttempts = 2;

/**
 * @param servers `address` or `address:port` of the DNS servers to ask; those of resolv.conf if not given
 * @param paths the files whose rules are followed; null for none, as is usual where servers are given
 */
export function systemDnsResolver(
  servers?: readonly string[],
  paths: SystemPaths | null = servers === undefined ? systemPaths : null,
): DnsResolver {
  return new SystemResolver(servers, paths);
}

class SystemResolver implements DnsResolver {
  readonly lookup: DnsResolver['lookup'];
  names?: () => Promise<SystemNames>;
  private readonly servers: readonly string[] | undefined;
  private readonly files: SystemNameFiles | null;
  private resolver = new Resolver({ timeout: queryTimeoutMs, tries: queryAttempts });
  /** What `resolver` was made from. */
  private conf: ResolvConf | null = null;
  private turns = 0;

  constructor(servers: readonly string[] | undefined, paths: SystemPaths | null) {
    this.servers = servers;
    this.files = paths === null ? null : new SystemNameFiles(paths);
    if (servers !== undefined) this.resolver.setServers(servers);
    if (this.files !== null) this.names = () => this.read();
    this.lookup =
      servers !== undefined
        ? null
        : async (host) =>
            (await lookup(host, { all: true, order: 'verbatim' })).map(({ address }) => address);
  }

  get roundMs(): number {
    const { timeoutMs, attempts, servers } = this.conf ?? {};
    return (timeoutMs ?? queryTimeoutMs) * (attempts ?? queryAttempts) * Math.max(1, servers?.length ?? 1);
  }

  async resolve4(host: string): Promise<readonly DnsRecord[]> {
    return records(await this.resolver.resolve4(host, { ttl: true }));
  }

  async resolve6(host: string): Promise<readonly DnsRecord[]> {
    return records(await this.resolver.resolve6(host, { ttl: true }));
  }

  async resolveSrv(host: string): Promise<readonly Service[]> {
    const found = await this.resolver.resolveSrv(host);
    return found.map(({ name, port, priority, weight }) => ({ host: name, port, priority, weight }));
  }

  cancel(): void {
    this.resolver.cancel();
  }

  /** Called before a round, in which nothing is in flight: only then the servers may be changed. */
  private async read(): Promise<SystemNames> {
    const names = await (this.files as SystemNameFiles).read();
    const { resolvConf: conf } = names;
    if (conf !== this.conf) {
      this.conf = conf;
      this.resolver = new Resolver({
        timeout: conf.timeoutMs ?? queryTimeoutMs,
        tries: conf.attempts ?? queryAttempts,
      });
      this.setServers(0);
    } else if (conf.rotate) this.setServers(++this.turns);
    return names;
  }

  private setServers(turns: number): void {
    const servers = this.servers ?? this.conf?.servers ?? [];
    // Node forgets the zone of a server's address (`fe80::1%eth0`), which c-ares reads from resolv.conf by itself.
    if (servers.length === 0 || servers.some((server) => server.includes('%'))) return;
    const first = turns % servers.length;
    this.resolver.setServers([...servers.slice(first), ...servers.slice(0, first)]);
  }
}

function records(list: ReadonlyArray<{ address: string; ttl: number }>): DnsRecord[] {
  return list.map(({ address, ttl }) => ({ address, ttlSec: ttl }));
}
