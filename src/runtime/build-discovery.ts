import { readEndpointFile } from '../config/endpoint-file.ts';
import type { ClusterConfig } from '../config/table.ts';
import { loggerWith } from '../core/logger.ts';
import type { DiscoveryDeps } from '../discovery/kinds.ts';
import { discoverySources } from '../discovery/list.ts';
import type { DiscoverySource } from '../discovery/source.ts';
import { staticSource } from '../discovery/static.ts';
import { chosenKind } from '../schema/kind.ts';

/** What the process has for every source. */
export interface DiscoveryBuildDeps
  extends Pick<DiscoveryDeps, 'clock' | 'random' | 'logger' | 'env' | 'newDnsResolver' | 'assignments'> {
  /** The zone that this process is in, '' where it is not known. */
  readonly zone: string;
}

/** Where the endpoints of a cluster come from, as configured. */
export function buildDiscovery(config: ClusterConfig, given: DiscoveryBuildDeps): DiscoverySource {
  const { clock, logger } = given;
  const chosen = chosenKind(discoverySources, config.discovery ?? {});
  if (chosen === null) return staticSource(config.endpoints, () => clock.now());
  return chosen.create({
    ...given,
    transport: config.protocol === 'udp' ? 'UDP' : 'TCP',
    localZone: config.balancer.preferZone ? given.zone : '',
    logger: loggerWith(logger, { cluster: config.name }),
    readEndpointFile: (path) => readEndpointFile(path),
  });
}
