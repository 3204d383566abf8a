import type { ControlPlaneSnapshot } from '../../admin/control-plane-snapshot.ts';
import type {
  ClusterSnapshot,
  EndpointSnapshot,
  MemorySnapshot,
  Readiness,
  ServerInfo,
} from '../../admin/deps.ts';
import { bytesText, spanText } from '../../admin/quantities.ts';
import { readSource } from '../../config/reader.ts';
import { sourceOf } from '../../config/source.ts';
import { type Config, table } from '../../config/table.ts';
import { formatAddress, parseAddress } from '../../core/address.ts';
import { isLoopbackHost } from '../../core/loopback.ts';
import { placeOfName } from '../../schema/problem.ts';
import type { Raw } from '../../schema/scalar-type.ts';
import { typedOf } from '../../schema/typed.ts';
import { type AdminAnswer, askAdminAll } from '../admin-client.ts';
import type { AdminTarget } from '../admin-target.ts';
import { packageVersion } from '../version.ts';
import { checkEndpoints } from './clusters.ts';
import { checkControlPlane } from './control-plane.ts';
import type { EndpointTarget } from './endpoint-target.ts';
import { type Finding, Findings } from './finding.ts';
import type { CheckDeps } from './limits.ts';
import { descriptorLimit, openDescriptors } from './machine.ts';

/** Share of a limit above which little is left. */
const nearlyUsedShare = 0.8;
/** Two clocks that differ by more make traces unreadable and certificates invalid. */
const skewMsMax = 5_000;

interface Answers {
  readonly server: ServerInfo;
  readonly readiness: Readiness;
  readonly clusters: readonly ClusterSnapshot[];
  readonly memory: MemorySnapshot;
  readonly config: unknown;
  /** `{}` without a control plane. */
  readonly controlPlane: Partial<ControlPlaneSnapshot>;
}

/**
 * Checks a running sidecar: what it says of itself, and its endpoints from here. If the sidecar is on another machine, only
 * what it says: this machine may reach other endpoints. The error says why nobody answered.
 */
export async function checkSidecar(
  target: AdminTarget,
  deps: CheckDeps,
): Promise<AdminAnswer<readonly Finding[]>> {
  const asked = await askAdminAll(target, {
    server: '/server_info',
    readiness: '/ready',
    clusters: '/clusters',
    memory: '/memory',
    config: '/config_dump',
    controlPlane: '/xds',
  });
  if (asked.error !== undefined) return asked;
  const answers = asked.value as unknown as Answers;
  const config = configOfDump(answers.config);
  const isHere = target.address.kind === 'unix' || isLoopbackHost(target.address.host);
  const found = new Findings(`sidecar ${formatAddress(target.address)}`);
  checkServer(answers.server, deps, found);
  checkReadiness(answers.readiness, found);
  checkControlPlane(answers.controlPlane, deps.clock.wallMs(), found);
  if (isHere) checkDescriptors(answers.server.pid, found);
  checkMemory(answers.memory, config, found);
  const lists = await Promise.all(
    answers.clusters.map((cluster) => checkCluster(cluster, isHere ? config : undefined, deps)),
  );
  return { value: [...found.list, ...lists.flat()] };
}

/** The configuration that runs, without its secrets. Parts that cannot be read are undefined. */
function configOfDump(dump: unknown): Config | undefined {
  if (typeof dump !== 'object' || dump === null) return undefined;
  const { raw } = readSource(table, sourceOf(dump as Raw, placeOfName('config_dump')));
  return typedOf(table, raw as Raw) as Config;
}

function checkServer(
  { version, pid, uptimeMs, startedWallMs, config }: ServerInfo,
  deps: CheckDeps,
  found: Findings,
): void {
  const own = packageVersion();
  if (version === own)
    found.ok('sidecar', `Outrigger ${version} answers (pid ${pid}, up ${spanText(uptimeMs)})`);
  else
    found.warning(
      'sidecar',
      `the sidecar is Outrigger ${version}, and this command is ${own}`,
      'use the command of the same version as the sidecar',
    );
  if (config.lastError === '') found.ok('configuration', `version ${config.version} is active`);
  else
    found.warning(
      'configuration',
      `the last reload was refused: ${config.lastError.split('\n')[0]}`,
      'correct the configuration (outrigger validate), then run outrigger reload',
    );
  const skewMs = startedWallMs + uptimeMs - deps.clock.wallMs();
  if (Math.abs(skewMs) > skewMsMax)
    found.warning(
      'clock',
      `the clock of the sidecar is ${spanText(Math.abs(skewMs))} ${skewMs > 0 ? 'ahead of' : 'behind'} this machine, or one of them was set since the sidecar started`,
      'synchronize the clocks of both machines (NTP)',
    );
  else found.ok('clock', 'the clocks of the sidecar and of this machine agree');
}

function checkReadiness({ ready, reasons, degraded, degradedReasons }: Readiness, found: Findings): void {
  if (!ready)
    found.failed(
      'readiness',
      `the sidecar is not ready: ${reasons.join('; ')}`,
      'wait until it is ready (outrigger ready --wait), or see its log',
    );
  else if (degraded)
    found.warning(
      'readiness',
      `the sidecar is ready, but ${degradedReasons.join('; ')}`,
      'see the endpoints of these clusters below',
    );
  else found.ok('readiness', 'the sidecar is ready');
}

function checkDescriptors(pid: number, found: Findings): void {
  const limit = descriptorLimit(pid);
  const open = openDescriptors(pid);
  // Another user's process, or another namespace: nothing is known.
  if (open === undefined || !Number.isFinite(limit)) return;
  if (open > limit * nearlyUsedShare)
    found.warning(
      'file-descriptors',
      `${open} of ${limit} file descriptors are in use`,
      `raise the limit (ulimit -n ${limit * 4}; systemd: LimitNOFILE=${limit * 4})`,
    );
  else found.ok('file-descriptors', `${open} of ${limit} file descriptors are in use`);
}

function checkMemory({ rssBytes }: MemorySnapshot, config: Config | undefined, found: Findings): void {
  const limit = config?.limits?.memoryBytes;
  if (limit !== undefined && rssBytes > limit * nearlyUsedShare)
    found.warning(
      'memory',
      `${bytesText(rssBytes)} of memory are in use, and limits.memoryBytes is ${bytesText(limit)}`,
      'raise limits.memoryBytes, or see /memory of the admin server',
    );
  else found.ok('memory', `${bytesText(rssBytes)} of memory are in use`);
}

async function checkCluster(
  { name, discovery, endpoints }: ClusterSnapshot,
  config: Config | undefined,
  deps: CheckDeps,
): Promise<readonly Finding[]> {
  const found = new Findings(`cluster ${name}`);
  const usable = endpoints.filter((endpoint) => endpoint.usable).length;
  const text = `${discovery}: ${usable} of ${endpoints.length} endpoints are usable`;
  if (endpoints.length === 0)
    found.failed('discovery', `${discovery}: there are no endpoints`, 'check discovery of the cluster');
  else if (usable === 0) found.failed('discovery', text, 'see the endpoints below');
  else found.ok('discovery', text);
  const cluster = config?.clusters?.find((one) => one?.name === name);
  if (cluster === undefined) return [...found.list, ...endpoints.flatMap((one) => reported(name, one))];
  const targets = endpoints.flatMap((probed): EndpointTarget[] => {
    const { value: address } = parseAddress(probed.address);
    return address === undefined ? [] : [{ cluster, address, hostname: probed.hostname, probed }];
  });
  return [...found.list, ...(await checkEndpoints(targets, found, deps))];
}

function reported(
  cluster: string,
  { address, usable, unusableReason, health }: EndpointSnapshot,
): readonly Finding[] {
  const found = new Findings(`cluster ${cluster}, ${address}`);
  if (usable) found.ok('health', health.reason || health.status);
  else
    found.failed(
      'health',
      `the sidecar sends no calls to this endpoint: ${unusableReason}`,
      'run this command on the machine of the sidecar to see why',
    );
  return found.list;
}
