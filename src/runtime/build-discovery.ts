import { stat } from 'node:fs/promises';
import { readEndpointFile } from '../config/endpoint-file.ts';
import type { ClusterConfig } from '../config/table.ts';
import type { Clock } from '../core/clock.ts';
import { type Logger, loggerWith } from '../core/logger.ts';
import type { Random } from '../core/random.ts';
import { DnsSource } from '../discovery/dns.ts';
import { addressQuery, serviceQuery } from '../discovery/dns-query.ts';
import { type DnsResolver, systemDnsResolver } from '../discovery/dns-resolver.ts';
import { type EndpointFile, FileSource } from '../discovery/file.ts';
import type { DiscoverySource } from '../discovery/source.ts';
import { staticSource } from '../discovery/static.ts';

export interface DiscoveryDeps {
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  /** For tests: asks other DNS servers than the system's. */
  readonly newDnsResolver?: () => DnsResolver;
}

/** Where the endpoints of a cluster come from, as configured. */
export function buildDiscovery(config: ClusterConfig, given: DiscoveryDeps): DiscoverySource {
  const deps = { ...given, logger: loggerWith(given.logger, { cluster: config.name }) };
  const { dns, file } = config.discovery ?? {};
  if (file !== undefined) return new FileSource(endpointFile(file.path), file.intervalMs, deps);
  if (dns === undefined) return staticSource(config.endpoints, () => deps.clock.now());
  const resolver = (deps.newDnsResolver ?? systemDnsResolver)();
  const query =
    dns.type === 'srv'
      ? serviceQuery(dns, resolver)
      : // A rule of the configuration sees to it that there is a port.
        addressQuery({ ...dns, port: dns.port! }, resolver);
  return new DnsSource(query, { ...deps, resolver });
}

/** By what a file is known to be another: the file itself, when it was changed, its length. */
function endpointFile(path: string): EndpointFile {
  return {
    path,
    read: () => readEndpointFile(path),
    async look() {
      try {
        const { dev, ino, mtimeNs, ctimeNs, size } = await stat(path, { bigint: true });
        return { value: [dev, ino, mtimeNs, ctimeNs, size].join(' ') };
      } catch (error) {
        const { code } = error as NodeJS.ErrnoException;
        const missing = code === 'ENOENT' || code === 'ENOTDIR';
        return {
          error: missing
            ? 'does not exist; write the path of a file that lists endpoints'
            : `cannot be read (${code})`,
        };
      }
    },
  };
}
