import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, statSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { fileURLToPath } from 'node:url';
import { stringify } from 'yaml';
import { type Running, runToEnd, start } from '../child-process.ts';
import { isInstalled, treeCpuMicros } from '../machine.ts';
import { freePorts } from '../ports.ts';
import type { Alone } from '../report.ts';

/** What a datagram costs in CPU, beside nginx's stream module. Both have three replicas, least requests and one worker. */

const source = fileURLToPath(new URL('./datagrams.c', import.meta.url));
const entry = fileURLToPath(new URL('../../../src/main.ts', import.meta.url));
const folder = `${process.env.XDG_CACHE_HOME ?? `${homedir()}/.cache`}/outrigger/bench`;
const program = `${folder}/datagrams`;
const nginxModule = '/usr/lib/nginx/modules/ngx_stream_module.so';
/** The proxy has a core for itself; the load and the replicas share the other one. */
const [proxyCore, otherCore] = [0, 1];
const replicaCount = 3;
/** The JIT has compiled what is hot by then; a sidecar runs for weeks. */
const warmSeconds = 8;
const startPatienceMs = 20_000;

interface UdpScenario {
  readonly name: string;
  readonly clients: number;
  readonly inFlight: number;
  readonly bytes: number;
  /** Each request from a new port, and so in a session of its own. */
  readonly fresh: boolean;
}

const scenarios: readonly UdpScenario[] = [
  { name: 'c50, 100 B', clients: 50, inFlight: 1, bytes: 100, fresh: false },
  { name: 'c50 m4, 1,200 B', clients: 50, inFlight: 4, bytes: 1200, fresh: false },
  { name: 'c50, 100 B, a session for each request', clients: 50, inFlight: 1, bytes: 100, fresh: true },
];

interface Proxy {
  readonly name: string;
  readonly running: Running;
  /** Its listener, and one whose sessions end with the answer. */
  readonly port: number;
  readonly freshPort: number;
}

/** '' where it can run here, else what is missing and how to get it. */
export function udpBenchMissing(): string {
  if (!isInstalled('nginx') || !existsSync(nginxModule))
    return 'nginx has no stream module (Debian packages nginx and libnginx-mod-stream)';
  if (!isInstalled('cc')) return 'there is no C compiler (Debian package gcc)';
  return built() ? '' : `cc could not compile ${source}`;
}

/** Compiles both ends into the cache folder. False where that cannot be done. */
function built(): boolean {
  if (existsSync(program) && statSync(program).mtimeMs > statSync(source).mtimeMs) return true;
  mkdirSync(folder, { recursive: true });
  return spawnSync('cc', ['-O2', '-o', program, source], { stdio: 'ignore' }).status === 0;
}

/** One row for each scenario: medians of `rounds` runs in turn, and the ratio. */
export async function measureUdp(
  dir: string,
  rounds: number,
  seconds: number,
  say: (text: string) => void,
): Promise<Alone[]> {
  const ports = await freePorts(replicaCount);
  const replicas = start([program, 'echo', ...ports.map(String)], otherCore);
  const proxies = [await startOutrigger(dir, ports), await startNginx(dir, ports)];
  try {
    const rows: Alone[] = [];
    for (const scenario of scenarios) {
      const costs = new Map<string, number[]>(proxies.map(({ name }) => [name, []]));
      for (const proxy of proxies) await untilAnswered(proxy, scenario);
      for (const proxy of proxies) await load(proxy, scenario, warmSeconds);
      for (let round = 0; round < rounds; round++)
        for (const proxy of proxies) costs.get(proxy.name)?.push(await measureOne(proxy, scenario, seconds));
      const [ours, theirs] = proxies.map(({ name }) => median(costs.get(name) ?? []));
      const measured = `${ours.toFixed(1)} µs, nginx ${theirs.toFixed(1)} µs, ${(ours / theirs).toFixed(2)} ×`;
      const what = `CPU per UDP datagram, ${scenario.name}`;
      say(`${what}: ${measured}`);
      rows.push({ what, measured });
    }
    return rows;
  } finally {
    await Promise.all([replicas.stop(), ...proxies.map(({ running }) => running.stop())]);
  }
}

/** CPU of the proxy for each datagram, microseconds; a request and its answer are two. */
async function measureOne(proxy: Proxy, scenario: UdpScenario, seconds: number): Promise<number> {
  const before = treeCpuMicros(proxy.running.pid);
  const { answers } = await load(proxy, scenario, seconds);
  return (treeCpuMicros(proxy.running.pid) - before) / (2 * answers);
}

async function load(
  { port, freshPort, name, running }: Proxy,
  { clients, inFlight, bytes, fresh }: UdpScenario,
  seconds: number,
): Promise<{ readonly answers: number; readonly lost: number }> {
  const sizes = [clients, inFlight, bytes, seconds].map(String);
  const to = String(fresh ? freshPort : port);
  const out = await runToEnd([program, 'load', to, ...sizes, ...(fresh ? ['fresh'] : [])], otherCore);
  if (running.exited()) throw new Error(`${name} ended: ${running.stderr().trim()}`);
  const [answers, lost] = out.split(' ').map(Number);
  return { answers, lost };
}

async function untilAnswered(proxy: Proxy, scenario: UdpScenario): Promise<void> {
  const untilMs = Date.now() + startPatienceMs;
  while ((await load(proxy, scenario, 0.2)).answers === 0)
    if (Date.now() > untilMs) throw new Error(`${proxy.name} does not answer: ${proxy.running.stderr()}`);
}

async function startOutrigger(dir: string, replicas: readonly number[]): Promise<Proxy> {
  const [port, freshPort, admin] = await freePorts(3);
  const listener = { protocol: 'udp', cluster: 'replicas' };
  const file = `${dir}/outrigger-udp.yaml`;
  writeFileSync(
    file,
    stringify({
      admin: { listen: `127.0.0.1:${admin}` },
      listeners: [
        { name: 'bench', listen: `127.0.0.1:${port}`, ...listener },
        { name: 'fresh', listen: `127.0.0.1:${freshPort}`, ...listener, udp: { responses: 1 } },
      ],
      clusters: [
        {
          name: 'replicas',
          protocol: 'udp',
          endpoints: replicas.map((replica) => ({ address: `127.0.0.1:${replica}` })),
        },
      ],
      drain: { delay: '0s', grace: '0s' },
    }),
  );
  const running = start([process.execPath, entry, 'run', '--config', file], proxyCore);
  return { name: 'Outrigger', running, port, freshPort };
}

async function startNginx(dir: string, replicas: readonly number[]): Promise<Proxy> {
  const [port, freshPort] = await freePorts(2);
  const servers = replicas.map((replica) => `server 127.0.0.1:${replica} max_fails=0;`);
  writeFileSync(
    `${dir}/nginx-udp.conf`,
    `load_module ${nginxModule};
daemon off;
pid ${dir}/nginx-udp.pid;
error_log stderr crit;
worker_processes 1;
${process.getuid?.() === 0 ? 'user root;' : ''}
events { worker_connections 16384; }
stream {
  upstream replicas { least_conn; ${servers.join(' ')} }
  server { listen 127.0.0.1:${port} udp; proxy_pass replicas; proxy_timeout 1m; }
  server { listen 127.0.0.1:${freshPort} udp; proxy_pass replicas; proxy_responses 1; }
}
`,
  );
  const command = ['nginx', '-p', dir, '-e', 'stderr', '-c', `${dir}/nginx-udp.conf`];
  return { name: 'nginx', running: start(command, proxyCore), port, freshPort };
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[values.length >> 1];
}
