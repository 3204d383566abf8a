import { renameSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { fileURLToPath } from 'node:url';
import { stringify } from 'yaml';
import { leastConn } from '../../balance-sim/baselines.ts';
import { ownCounts, sharedLoad } from '../../balance-sim/policies.ts';
import type { Policy } from '../../balance-sim/spreader.ts';
import { isInstalled } from '../machine.ts';
import type { Launch } from '../peers/peer.ts';

/** Where the sidecar of a contender listens, for calls and for its admin API, and the inbound listeners in front of the replicas. */
export interface SidecarPorts {
  readonly listen: number;
  readonly admin: number;
  readonly replicas: readonly number[];
}

/** A way to balance, and the policy of the simulator that is the same. */
export interface Contender {
  readonly name: string;
  readonly simulated: Policy;
  /** '' where it can run here, else what is missing. */
  missing(): string;
  /** Writes what it needs below `dir`. */
  prepare(dir: string, ports: SidecarPorts): Launch;
  /** Tells the running sidecar below `dir` which replicas there are, by number; resolves when it knows or soon will. */
  discover(dir: string, ports: SidecarPorts, replicas: readonly number[]): Promise<void>;
}

const entry = fileURLToPath(new URL('../../../src/main.ts', import.meta.url));
/** Nothing but the balancing is compared: no probes, no ejection, no traces. */
const quiet = { health: 'none', outlier: 'none' };
const telemetry = { traces: { ratio: 0 } };
const uncapped = { maxConnections: 1024, maxPending: 100_000, maxRequests: 100_000 };

export const contenders: readonly Contender[] = [
  outrigger('least_request, own counts', ownCounts, false),
  outrigger('least_request, reports', sharedLoad, true),
  {
    name: 'HAProxy leastconn',
    simulated: leastConn,
    missing: () => (isInstalled('haproxy') ? '' : 'haproxy is not installed (Debian package haproxy)'),
    prepare(dir, ports) {
      writeFileSync(`${dir}/haproxy.cfg`, haproxyConfiguration(dir, ports));
      return { command: ['haproxy', '-db', '-q', '-f', `${dir}/haproxy.cfg`] };
    },
    async discover(dir, ports, replicas) {
      const states = ports.replicas.map(
        (_, i) => `set server replicas/r${i} state ${replicas.includes(i) ? 'ready' : 'maint'}`,
      );
      await command(`${dir}/admin.sock`, states.join(';'));
    },
  },
];

function outrigger(name: string, simulated: Policy, accept: boolean): Contender {
  return {
    name,
    simulated,
    missing: () => '',
    prepare(dir, ports) {
      writeEndpoints(dir, ports.replicas);
      const cluster = {
        name: 'replicas',
        discovery: { file: { path: `${dir}/endpoints.yaml`, interval: '100ms' } },
        limits: uncapped,
        loadReports: { accept },
        ...quiet,
      };
      const listener = { name: 'outbound', listen: `127.0.0.1:${ports.listen}` };
      return outriggerLaunch(dir, ports.admin, {
        listeners: [{ ...listener, routes: [{ name: 'all', cluster: 'replicas' }] }],
        clusters: [cluster],
      });
    },
    async discover(dir, ports, replicas) {
      writeEndpoints(
        dir,
        replicas.map((i) => ports.replicas[i]),
      );
    },
  };
}

function writeEndpoints(dir: string, ports: readonly number[]): void {
  const endpoints = ports.map((port) => ({ address: `127.0.0.1:${port}` }));
  writeFileSync(`${dir}/endpoints.new`, stringify({ endpoints }));
  renameSync(`${dir}/endpoints.new`, `${dir}/endpoints.yaml`);
}

/** The sidecar of all replicas: a listener and a cluster for each, so that each has reports of its own. */
export function prepareInbound(
  dir: string,
  admin: number,
  listen: readonly number[],
  replicas: readonly number[],
): Launch {
  return outriggerLaunch(dir, admin, {
    listeners: listen.map((port, i) => ({
      name: `inbound-${i}`,
      direction: 'inbound',
      listen: `127.0.0.1:${port}`,
      reportLoad: true,
      routes: [{ name: `all-${i}`, cluster: `replica-${i}` }],
    })),
    clusters: replicas.map((port, i) => ({
      name: `replica-${i}`,
      endpoints: [{ address: `127.0.0.1:${port}` }],
      limits: uncapped,
      ...quiet,
    })),
  });
}

function outriggerLaunch(dir: string, admin: number, rest: object): Launch {
  const configuration = {
    admin: { listen: `127.0.0.1:${admin}` },
    ...rest,
    drain: { delay: '0s' },
    telemetry,
  };
  writeFileSync(`${dir}/outrigger.yaml`, stringify(configuration));
  return {
    command: [process.execPath, entry, 'run', '--config', `${dir}/outrigger.yaml`],
    readyUrl: `http://127.0.0.1:${admin}/ready`,
  };
}

function haproxyConfiguration(dir: string, ports: SidecarPorts): string {
  return `global
  nbthread 1
  maxconn 4096
  stats socket ${dir}/admin.sock mode 600 level admin
  tune.h2.max-concurrent-streams 1000
defaults
  mode http
  timeout connect 5s
  timeout client 1d
  timeout server 1d
frontend in
  bind 127.0.0.1:${ports.listen} proto h2
  default_backend replicas
backend replicas
  balance leastconn
  http-reuse always
  ${ports.replicas.map((port, i) => `server r${i} 127.0.0.1:${port} proto h2`).join('\n  ')}
`;
}

/** Sends a line to HAProxy's runtime API; any text in the answer is an error. */
function command(socketPath: string, line: string): Promise<void> {
  return new Promise((resolve, reject) => {
    let answer = '';
    const socket = connect(socketPath, () => socket.end(`${line}\n`));
    socket.on('data', (bytes) => {
      answer += bytes.toString();
    });
    socket.on('error', reject);
    socket.on('close', () =>
      answer.trim() === '' ? resolve() : reject(new Error(`HAProxy: ${answer.trim()}`)),
    );
  });
}
