import { lookup } from 'node:dns/promises';
import { isIP } from 'node:net';
import type { EndpointSnapshot } from '../../admin/deps.ts';
import { durationText } from '../../admin/quantities.ts';
import type { ClusterConfig } from '../../config/table.ts';
import { type Address, formatAddress } from '../../core/address.ts';
import { probeKinds, tcpHealth } from '../../health/probe-kinds.ts';
import { clusterTls } from '../../runtime/build-cluster.ts';
import { chosenKind } from '../../schema/kind.ts';
import { endpointTls } from '../../security/endpoint-tls.ts';
import { checkHttp2 } from './endpoint-http2.ts';
import type { EndpointTarget } from './endpoint-target.ts';
import { checkTls } from './endpoint-tls.ts';
import { type Finding, Findings } from './finding.ts';
import { type CheckDeps, late, within } from './limits.ts';
import { openSocket } from './open-socket.ts';

/**
 * Checks one endpoint in the order in which a call would reach it: name, port, TLS, HTTP/2, health. A step whose
 * predecessor failed is left out, since it would fail for the same reason.
 */
export async function checkEndpoint(target: EndpointTarget, deps: CheckDeps): Promise<readonly Finding[]> {
  const { cluster, address } = target;
  const found = new Findings(`cluster ${cluster.name}, ${formatAddress(address)}`);
  if (!(await checkName(address, deps, found))) return found.list;
  if (cluster.protocol === 'udp') {
    found.ok('port', 'UDP has no connections, so there is nothing to check');
    return found.list;
  }
  if (!(await checkPort(address, deps, found))) return found.list;
  const unreadable = tlsProblem(cluster);
  if (unreadable !== '') {
    found.warning(
      'tls',
      unreadable,
      'run this command where the sidecar runs: in its working directory, as its user',
    );
    return found.list;
  }
  const secured = cluster.tls === undefined || (await checkTls(target, deps, found));
  if (!secured) return found.list;
  if (cluster.protocol === 'http2' && !(await checkHttp2(target, deps, found))) return found.list;
  if (target.probed === undefined) await checkHealth(target, deps, found);
  else reportHealth(target.probed, found);
  return found.list;
}

/** Why the files of `tls` cannot be read; '' where they can. */
function tlsProblem(cluster: ClusterConfig): string {
  try {
    clusterTls(cluster);
    return '';
  } catch (error) {
    return (error as Error).message.replace(/; restore it$/, '');
  }
}

async function checkName(address: Address, deps: CheckDeps, found: Findings): Promise<boolean> {
  if (address.kind === 'unix' || isIP(address.host) !== 0) return true;
  const { host } = address;
  const fix =
    'correct the name, or check the DNS servers and the hosts file of this machine (getent hosts NAME)';
  try {
    const answer = await within(lookup(host, { all: true }), deps);
    if (answer === late) {
      found.failed('dns', `no answer for the name "${host}" within ${deps.timeoutMs} ms`, fix);
      return false;
    }
    found.ok(
      'dns',
      `"${host}" has ${answer.length === 1 ? 'the address' : 'the addresses'} ${answer.map(({ address: ip }) => ip).join(', ')}`,
    );
    return true;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    const why = code === 'ENOTFOUND' ? 'does not exist' : `cannot be resolved for now (${code})`;
    found.failed('dns', `the name "${host}" ${why}`, fix);
    return false;
  }
}

async function checkPort(address: Address, deps: CheckDeps, found: Findings): Promise<boolean> {
  const startMs = deps.clock.now();
  const { socket, error } = await openSocket(address, deps);
  if (socket === undefined) {
    const refused = error.includes('refused') || error.includes('no such socket');
    found.failed(
      'port',
      error,
      refused
        ? 'start the server, or correct the address of the endpoint'
        : 'check that the server runs and that no firewall or network policy drops the connection',
    );
    return false;
  }
  socket.destroy();
  found.ok('port', `connected in ${durationText(deps.clock.now() - startMs)}`);
  return true;
}

/** What the probes of the running sidecar found. */
function reportHealth({ usable, unusableReason, health }: EndpointSnapshot, found: Findings): void {
  if (!usable)
    found.failed(
      'health',
      `the sidecar sends no calls to this endpoint: ${unusableReason}`,
      'see the log of the server, and outrigger endpoints',
    );
  else if (health.reason.startsWith('no health service'))
    found.warning('health', health.reason, advice.unimplemented);
  else if (health.status === 'healthy') found.ok('health', health.reason || 'healthy');
  else
    found.warning(
      'health',
      `the health is unknown: ${health.reason || 'no probe has a result yet'}`,
      'see docs/replicas.md, and health of the cluster',
    );
}

/** What to do about each verdict of a probe that is not `healthy`. */
const advice = {
  unhealthy_now: 'see the log of the server, or correct health.grpc.service if it names another service',
  failed: 'check health of the cluster and the log of the server',
  unimplemented:
    'add the service grpc.health.v1.Health to the server, or write health: { tcp: {} } or health: none',
  inconclusive:
    'add the credentials that the server requires to health.grpc.metadata, or write health: { tcp: {} }',
  says_unknown: 'see the log of the server: its health service does not know the state',
  unavailable: 'see the log of the server: it answers that it is unavailable',
  connection_closed: 'see the log of the server: it closes the connection of the health check',
  no_answer: 'raise health.timeout, or see the log of the server',
};

async function checkHealth(
  { cluster, address, hostname }: EndpointTarget,
  { clock, timeoutMs }: CheckDeps,
  found: Findings,
): Promise<void> {
  if (cluster.health === 'none') return found.ok('health', 'not checked (health: none)');
  const tls = clusterTls(cluster);
  const host =
    address.kind === 'tcp' ? { ...address, host: hostname || address.host.replace(/%.*$/, '') } : null;
  const probeDeps = {
    address,
    clock,
    tls: tls === null ? undefined : endpointTls(tls, address, hostname),
    authority: cluster.tls?.serverName ?? (host === null ? 'localhost' : formatAddress(host)),
    protocol: cluster.protocol,
  };
  const probe = chosenKind(probeKinds, cluster.health)?.create(probeDeps) ?? tcpHealth.create({}, probeDeps);
  const startMs = clock.now();
  const { verdict, reason } = await probe.check(Math.min(cluster.health.timeoutMs, timeoutMs));
  probe.close();
  if (verdict === 'healthy') found.ok('health', `${reason} in ${durationText(clock.now() - startMs)}`);
  else if (verdict === 'unimplemented' || verdict === 'says_unknown' || verdict === 'inconclusive')
    found.warning('health', reason, advice[verdict]);
  else found.failed('health', reason, advice[verdict]);
}
