import { readEndpointFile } from '../config/endpoint-file.ts';
import type { ClusterConfig } from '../config/table.ts';
import { loggerWith } from '../core/logger.ts';
import type { DiscoveryDeps } from '../discovery/kinds.ts';
import { discoverySources } from '../discovery/list.ts';
import type { DiscoverySource } from '../discovery/source.ts';
import { staticSource } from '../discovery/static.ts';
import { chosenKind } from '../schema/kind.ts';

/** Where the endpoints of a cluster come from, as configured. */
export function buildDiscovery(
  config: ClusterConfig,
  given: Omit<DiscoveryDeps, 'readEndpointFile'>,
): DiscoverySource {
  const { clock, logger } = given;
  const chosen = chosenKind(discoverySources, config.discovery ?? {});
  if (chosen === null) return staticSource(config.endpoints, () => clock.now());
  return chosen.create({
    ...given,
    logger: loggerWith(logger, { cluster: config.name }),
    readEndpointFile: (path) => readEndpointFile(path),
  });
}
