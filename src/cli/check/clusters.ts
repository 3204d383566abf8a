import type { ClusterConfig, Config } from '../../config/table.ts';
import { formatAddress } from '../../core/address.ts';
import { waitFor } from '../../core/clock.ts';
import type { EndpointSpec } from '../../core/endpoint-spec.ts';
import { silentLogger } from '../../core/logger.ts';
import { pluralize } from '../../core/pluralize.ts';
import { systemRandom } from '../../core/random.ts';
import type { DiscoverySource } from '../../discovery/source.ts';
import { buildDiscovery, type DiscoveryBuildDeps } from '../../runtime/build-discovery.ts';
import { checkEndpoint } from './endpoint.ts';
import type { EndpointTarget } from './endpoint-target.ts';
import { type Finding, Findings } from './finding.ts';
import { type CheckDeps, endpointsMax, late, runAll } from './limits.ts';

/** Discovers the endpoints of every cluster and checks each of them. */
export async function checkClusters(
  config: Config,
  deps: CheckDeps,
  env: DiscoveryBuildDeps['env'],
): Promise<readonly Finding[]> {
  const lists = await Promise.all(
    config.clusters.map(async (cluster) => {
      const found = new Findings(`cluster ${cluster.name}`);
      const endpoints = await discover(cluster, deps, { env, zone: config.zone }, found);
      const targets = endpoints.map(({ address, hostname = '' }) => ({ cluster, address, hostname }));
      return [...found.list, ...(await checkEndpoints(targets, found, deps))];
    }),
  );
  return lists.flat();
}

/** Checks endpoints, of which one cluster has at most `endpointsMax` checked. */
export async function checkEndpoints(
  targets: readonly EndpointTarget[],
  cluster: Findings,
  deps: CheckDeps,
): Promise<readonly Finding[]> {
  if (targets.length > endpointsMax)
    cluster.warning(
      'discovery',
      `only ${endpointsMax} of ${targets.length} endpoints are checked`,
      'check the others from another configuration file',
    );
  const tasks = targets.slice(0, endpointsMax).map((target) => () => checkEndpoint(target, deps));
  return (await runAll(tasks)).flat();
}

async function discover(
  cluster: ClusterConfig,
  deps: CheckDeps,
  process: Pick<DiscoveryBuildDeps, 'env' | 'zone'>,
  found: Findings,
): Promise<readonly EndpointSpec[]> {
  if (cluster.discovery === undefined) {
    found.ok('discovery', pluralize(cluster.endpoints.length, 'endpoint'));
    return cluster.endpoints;
  }
  const source = buildDiscovery(cluster, {
    ...deps,
    ...process,
    random: systemRandom(),
    logger: silentLogger,
  });
  const answer = await firstList(source, deps);
  const { lastError } = source.status;
  source.stop();
  if (answer === late || answer.length === 0) {
    const why = lastError === '' ? `no answer within ${deps.timeoutMs} ms` : lastError;
    found.failed(checkOf(source), `${source.describe}: ${why}`, source.advice);
    return [];
  }
  const names = answer.slice(0, 5).map(({ address }) => formatAddress(address));
  const more = answer.length > names.length ? ` and ${answer.length - names.length} more` : '';
  found.ok(
    checkOf(source),
    `${source.describe}: ${pluralize(answer.length, 'endpoint')} (${names.join(', ')}${more})`,
  );
  return answer;
}

function checkOf({ describe }: DiscoverySource): 'dns' | 'discovery' {
  return describe.startsWith('DNS') ? 'dns' : 'discovery';
}

/** Between two checks whether a source has failed, milliseconds. */
const pollIntervalMs = 20;

/** Returns the first list of a source; `late` where it fails, or none comes in time. */
async function firstList(
  source: DiscoverySource,
  { clock, timeoutMs }: CheckDeps,
): Promise<readonly EndpointSpec[] | typeof late> {
  const endMs = clock.now() + timeoutMs;
  let list: readonly EndpointSpec[] | undefined;
  source.start((published) => {
    list = published;
  });
  while (list === undefined && source.status.lastError === '' && clock.now() < endMs)
    await waitFor(clock, pollIntervalMs);
  return list ?? late;
}
