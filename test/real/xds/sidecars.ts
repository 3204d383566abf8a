import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Greeter, startGreeter } from '../../support/greeter-server.ts';
import { freeAddresses, type SidecarProcess, startConfigured } from '../../support/sidecar-process.ts';
import { type Checks, expectThat, until } from '../checks.ts';
import { type ControlPlaneEvent, ControlPlaneProcess, type Document } from './control-plane.ts';
import { startLoad } from './load.ts';

/** Sidecars as processes that get all of their configuration from go-control-plane. */

const replicas = 3;
const pushes = 1000;
/** Callers at a time, each with one call in flight. */
const callers = 20;
const patienceMs = 60_000;
const ads = { ads: {}, resource_api_version: 'V3' };

interface Stage {
  readonly plane: ControlPlaneProcess;
  readonly greeters: readonly Greeter[];
  readonly dir: string;
}

/** A version of the mesh: which replicas there are, how they are balanced, and how long a call may take. */
function mesh(version: string, greeters: readonly Greeter[], change = 0): Document {
  const socket = (address: string) => {
    const [host, port] = address.split(':');
    return { socket_address: { address: host, port_value: Number(port) } };
  };
  const used = greeters.filter((_, i) => change === 0 || i !== change % (greeters.length + 1));
  return {
    version,
    listeners: [{ name: 'greeter', api_listener: { api_listener: manager } }],
    routes: [
      {
        name: 'routes',
        virtual_hosts: [
          {
            name: 'all',
            domains: ['*'],
            routes: [
              { match: { prefix: '' }, route: { cluster: 'greeter', timeout: `${10 + (change % 5)}s` } },
            ],
          },
        ],
      },
    ],
    clusters: [
      {
        name: 'greeter',
        type: 'EDS',
        eds_cluster_config: { eds_config: ads },
        lb_policy: change % 2 === 0 ? 'LEAST_REQUEST' : 'ROUND_ROBIN',
      },
    ],
    endpoints: [
      {
        cluster_name: 'greeter',
        endpoints: [
          {
            locality: { zone: 'a' },
            load_balancing_weight: 1,
            lb_endpoints: used.map(({ address }) => ({ endpoint: { address: socket(address) } })),
          },
        ],
      },
    ],
  };
}

const manager = {
  '@type':
    'type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager',
  stat_prefix: 'http',
  rds: { route_config_name: 'routes', config_source: ads },
  http_filters: [
    {
      name: 'router',
      typed_config: { '@type': 'type.googleapis.com/envoy.extensions.filters.http.router.v3.Router' },
    },
  ],
};

async function startSidecar({ plane, dir }: Stage, id: string, delta: boolean): Promise<SidecarProcess> {
  const [listen] = await freeAddresses(1);
  const file = join(dir, `${id}.yaml`);
  const listeners = [{ name: 'greeter', listen }];
  writeFileSync(file, JSON.stringify({ xds: { server: plane.address, delta, node: { id }, listeners } }));
  return startConfigured(file, listen);
}

async function pushesUnderLoad(checks: Checks, stage: Stage, delta: boolean): Promise<void> {
  const { plane, greeters } = stage;
  const variant = delta ? 'delta' : 'state of the world';
  await plane.serve(mesh('0', greeters));
  const sidecar = await startSidecar(stage, `load-${variant.replaceAll(' ', '-')}`, delta);
  await checks.check(`${variant}: ${pushes} pushes under load lose no call`, async () => {
    const load = startLoad(sidecar.listener, callers);
    await until('the first calls', patienceMs, async () => load.calls > callers);
    const startMs = performance.now();
    for (let i = 1; i <= pushes; i++) {
      const version = `${variant}-${i}`;
      // With delta, a request has no version: the answer for endpoints, which every push changes, is as good.
      const ack = plane.next(
        (event) => event.event === 'request' && isEndpoints(event) && (delta || event.version === version),
      );
      plane.push(mesh(version, greeters, i));
      await ack;
      const callsBefore = load.calls;
      // So that calls run in every version.
      while (load.calls === callsBefore && load.failures.length === 0) await turn();
    }
    await plane.serve(mesh(`${variant}-end`, greeters));
    const seconds = ((performance.now() - startMs) / 1000).toFixed(1);
    await load.stop();
    const nack = plane.requests().find((request) => request.nack !== '')?.nack ?? '';
    process.stdout.write(`          ${load.calls} calls during ${pushes} pushes in ${seconds} s\n`);
    expectThat(nack === '', `refused: ${nack}`);
    expectThat(load.failures.length === 0, `${load.failures.length} calls failed: ${load.failures[0]}`);
  });
  await sidecar.stop();
}

function isEndpoints({ type = '' }: ControlPlaneEvent): boolean {
  return type.endsWith('ClusterLoadAssignment');
}

function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

/** `least to most MiB` that the processes have for themselves, or with their part of what they share (Linux). */
function memoryMiB(sidecars: readonly SidecarProcess[], what: 'Private_Dirty' | 'Pss'): string {
  const sizes = sidecars
    .map(({ pid }) => readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8'))
    .map((rollup) => Number(new RegExp(`^${what}:\\s+(\\d+) kB$`, 'm').exec(rollup)?.[1] ?? 0) / 1024)
    .sort((a, b) => a - b);
  return `${sizes[0].toFixed(1)} to ${sizes[sizes.length - 1].toFixed(1)} MiB`;
}

async function fleet(checks: Checks, stage: Stage, size: number): Promise<void> {
  const { plane, greeters } = stage;
  await plane.serve(mesh('fleet-1', greeters));
  const sidecars: SidecarProcess[] = [];
  for (let i = 0; i < size; i++) sidecars.push(await startSidecar(stage, `node-${i}`, false));
  const acksOf = async (version: string, from: number): Promise<number[]> => {
    const acks = () =>
      plane.requests(from).filter((request) => request.version === version && isEndpoints(request));
    await until(`${size} ACKs of ${version}`, patienceMs, async () => acks().length >= size);
    return acks().map(({ ms }) => ms);
  };
  await checks.check(`a change is applied by ${size} sidecars`, async () => {
    const from = plane.events.length;
    await plane.serve(mesh('fleet-2', greeters, 1));
    const servedAtMs = plane.events.slice(from).find(({ event }) => event === 'serves')?.ms ?? 0;
    const lastMs = Math.max(...(await acksOf('fleet-2', from))) - servedAtMs;
    const [own, shared] = [memoryMiB(sidecars, 'Private_Dirty'), memoryMiB(sidecars, 'Pss')];
    process.stdout.write(
      `          everywhere after ${lastMs} ms; memory of a sidecar: private ${own}, with its part of what is shared ${shared}\n`,
    );
  });
  await checks.check(
    `${size} sidecars work on without the control plane, and come back spread over time`,
    async () => {
      await plane.kill();
      const load = startLoad(sidecars[0].listener, 1);
      await new Promise((resolve) => setTimeout(resolve, 5_000));
      const from = plane.events.length;
      await plane.start(mesh('fleet-3', greeters));
      const listensMs = plane.events.slice(from).find(({ event }) => event === 'listens')?.ms ?? 0;
      await acksOf('fleet-3', from);
      await load.stop();
      expectThat(load.failures.length === 0 && load.calls > 0, `calls failed: ${load.failures[0]}`);
      const opened = plane.events.slice(from).filter(({ event }) => event === 'opened');
      const times = opened.map(({ ms }) => ms - listensMs).sort((a, b) => a - b);
      const most = Math.max(
        ...times.map((start) => times.filter((ms) => ms >= start && ms < start + 100).length),
      );
      const median = times[Math.floor(times.length / 2)];
      process.stdout.write(
        `          back between ${times[0]} and ${times[times.length - 1]} ms after its start, median ${median} ms, at most ${most} within 100 ms\n`,
      );
    },
  );
  for (const sidecar of sidecars) await sidecar.stop();
}

/** `--sidecars N` sets the size of the fleet; `--fleet-only` leaves out the pushes under load. */
export async function checkSidecars(checks: Checks, program: string): Promise<void> {
  const at = process.argv.indexOf('--sidecars');
  const size = Number(process.argv[at + 1]);
  const dir = mkdtempSync(join(tmpdir(), 'outrigger-xds-'));
  const greeters = await Promise.all(
    Array.from({ length: replicas }, (_, i) => startGreeter({ name: `replica-${i}` })),
  );
  process.setMaxListeners(size + 20); // each process ends with this one
  const plane = new ControlPlaneProcess(program);
  try {
    await plane.start(mesh('start', greeters));
    const stage = { plane, greeters, dir };
    if (!process.argv.includes('--fleet-only')) {
      await pushesUnderLoad(checks, stage, false);
      await pushesUnderLoad(checks, stage, true);
    }
    await fleet(checks, stage, size);
  } finally {
    await plane.kill();
    for (const greeter of greeters) await greeter.stop();
    rmSync(dir, { recursive: true });
  }
}
