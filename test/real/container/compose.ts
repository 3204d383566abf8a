import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { parse } from 'yaml';
import { type Checks, expectThat, until } from '../checks.ts';
import type { Engine } from './engine.ts';
import { Network } from './network.ts';

/**
 * docker/compose.yaml: valid, as strict as it says, and its containers of Outrigger run as it describes them. Images of others are
 * not started, because there is no registry; test/real/jaeger and test/real/prometheus run their configurations.
 */
const file = 'docker/compose.yaml';
const ours = 'outrigger:dev';
const callsMin = 100;
const startPatienceMs = 60_000;
const replicas = ['greeter-a', 'greeter-b', 'greeter-c'];

interface Service {
  readonly image: string;
  readonly user?: string;
  readonly entrypoint?: readonly string[];
  readonly command?: readonly string[];
  readonly network_mode?: string;
  readonly volumes?: readonly string[];
  readonly ports?: readonly string[];
  readonly read_only?: boolean;
  readonly cap_drop?: readonly string[];
  readonly security_opt?: readonly string[];
  readonly depends_on?: Readonly<Record<string, { readonly condition: string }>>;
  readonly healthcheck?: { readonly test?: readonly string[]; readonly disable?: boolean };
  readonly deploy?: { readonly resources: { readonly limits: Limits } };
}

interface Limits {
  readonly cpus: string;
  readonly memory: string;
  readonly pids: number;
}

/** Checks the file, and runs the containers of Outrigger in it from `image`. */
export async function compose(checks: Checks, engine: Engine, image: string, tools: string): Promise<void> {
  const { check } = checks;
  const { services } = parse(readFileSync(file, 'utf8'), { merge: true }) as {
    readonly services: Readonly<Record<string, Service>>;
  };
  await check(`${file} is valid by the schema of the Compose Specification`, async () => {
    const program = join(tools, 'bin/check-jsonschema');
    const { status, stdout, stderr } = spawnSync(program, ['--builtin-schema', 'vendor.compose-spec', file], {
      encoding: 'utf8',
    });
    expectThat(status === 0, stdout + stderr);
  });
  await check('all of its containers are restricted, pinned and on loopback', async () => {
    const problems = Object.entries(services).flatMap(([name, service]) =>
      problemsOf(service).map((problem) => `${name}: ${problem}`),
    );
    expectThat(problems.length === 0, problems.join('; '));
  });
  await runServices(checks, engine, image, services);
}

function problemsOf(service: Service): string[] {
  const { image, user = '', volumes = [], ports = [], healthcheck, deploy } = service;
  const limits = deploy?.resources.limits;
  const mounts = volumes.map((volume) => volume.split(':')[0]).filter((path) => path.startsWith('.'));
  const problems: ReadonlyArray<readonly [boolean, string]> = [
    [service.read_only === true, 'its root file system is writable'],
    [service.cap_drop?.[0] === 'ALL', 'it has capabilities'],
    [service.security_opt?.[0] === 'no-new-privileges:true', 'it may get new privileges'],
    [/^[1-9]\d*:\d+$/.test(user), `its user is "${user}"`],
    [image === ours || /:v?\d+\.\d+\.\d+$/.test(image), `its image is ${image}`],
    [limits !== undefined && Boolean(limits.cpus && limits.memory && limits.pids), 'it has no limits'],
    [healthcheck !== undefined, 'it has no health check'],
    [ports.every((port) => port.startsWith('127.0.0.1:')), `it publishes ${ports}`],
    [mounts.every((path) => existsSync(resolve('docker', path))), `it mounts ${mounts}`],
  ];
  return problems.filter(([holds]) => !holds).map(([, problem]) => problem);
}

async function runServices(
  checks: Checks,
  engine: Engine,
  image: string,
  services: Readonly<Record<string, Service>>,
): Promise<void> {
  const network = new Network(String(process.pid));
  const own = Object.entries(services).filter(([, service]) => service.image === ours);
  const nameOf = (name: string): string => `outrigger-compose-${name}-${process.pid}`;
  try {
    for (const [name, { network_mode }] of own) if (network_mode === undefined) network.add(name);
    for (const [name, service] of own) {
      await untilStartable(engine, service, nameOf);
      const host = service.network_mode?.replace('service:', '') ?? name;
      const options = [...optionsOf(service), ...network.optionsFor(host)];
      const { entrypoint, command = [] } = service;
      const args = entrypoint === undefined ? command : [...entrypoint.slice(1), ...command];
      await engine.startWith(nameOf(name), image, options, args);
    }
    await judgeServices(checks, engine, nameOf, own);
  } finally {
    for (const [name] of own) await engine.remove(nameOf(name));
    network.close();
  }
}

/** Waits for the containers that must be healthy before this one starts. */
async function untilStartable(
  engine: Engine,
  { depends_on = {} }: Service,
  nameOf: (name: string) => string,
): Promise<void> {
  for (const [name, { condition }] of Object.entries(depends_on)) {
    if (condition !== 'service_healthy') continue;
    await until(`${name} is healthy`, startPatienceMs, async () => {
      return (await engine.checkHealth(nameOf(name))).code === 0;
    });
  }
}

/** What the file says of a container, as options of `podman run`. */
function optionsOf(service: Service): string[] {
  const { entrypoint, healthcheck, volumes = [], deploy } = service;
  const options = ['--user', service.user ?? ''];
  if (service.read_only) options.push('--read-only');
  for (const capability of service.cap_drop ?? []) options.push('--cap-drop', capability);
  for (const option of service.security_opt ?? [])
    options.push('--security-opt', option.replace(':true', ''));
  if (entrypoint !== undefined) options.push('--entrypoint', entrypoint[0]);
  if (healthcheck?.disable) options.push('--no-healthcheck');
  if (healthcheck?.test !== undefined)
    options.push('--health-cmd', JSON.stringify(healthcheck.test.slice(1)));
  for (const volume of volumes) options.push('--volume', resolve('docker', volume));
  const { memory, pids } = deploy?.resources.limits ?? {};
  return [...options, '--memory', `${memory}`, '--pids-limit', `${pids}`];
}

async function judgeServices(
  { check }: Checks,
  engine: Engine,
  nameOf: (name: string) => string,
  own: ReadonlyArray<readonly [string, Service]>,
): Promise<void> {
  const client = nameOf('client-sidecar');
  await check('the client makes calls, and each replica gets its share', async () => {
    let last = '';
    await until('calls at all replicas', startPatienceMs, async () => {
      const { code, out } = await engine.podman('exec', client, 'outrigger', 'endpoints', '-o', 'json');
      last = out;
      if (code !== 0) return false;
      const clusters = JSON.parse(out.slice(0, out.lastIndexOf(']') + 1)) as ReadonlyArray<{
        readonly endpoints: ReadonlyArray<{ readonly address: string; readonly total: number }>;
      }>;
      const totals = clusters[0].endpoints.map(({ total }) => total);
      return totals.length === replicas.length && Math.min(...totals) >= callsMin / replicas.length;
    }).catch(async (error: Error) => {
      throw new Error(`${error.message}: ${last.slice(-500)} ${await engine.logs(client)}`);
    });
  });
  await check('all of them are healthy', async () => {
    for (const [name, { healthcheck }] of own) {
      if (healthcheck?.disable) continue;
      const { code, out } = await engine.checkHealth(nameOf(name));
      expectThat(code === 0, `${name}: ${out}`);
    }
  });
  await check('Prometheus would reach each sidecar by the name in prometheus.yml', async () => {
    const config = parse(readFileSync('docker/prometheus/prometheus.yml', 'utf8'));
    const targets = config.scrape_configs[0].static_configs[0].targets as string[];
    expectThat(targets.length === replicas.length + 1, targets.join(' '));
    for (const target of targets) {
      const script = `fetch('http://${target}/metrics').then((reply) => process.exit(reply.status === 200 ? 0 : 1))`;
      const { code, out } = await engine.podman('exec', client, 'node', '-e', script);
      expectThat(code === 0, `${target}: ${out}`);
    }
  });
}
