import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Random, SeededRandom } from '../../../src/core/random.ts';
import { envoyProgram, installEnvoy } from '../../bench/peers/envoy.ts';
import { freeAddresses, startConfigured } from '../../support/sidecar-process.ts';
import { type Checks, exitForMissing, expectThat, startChecks, until } from '../checks.ts';
import { ControlPlaneProcess, controlPlaneProgram, type Document } from './control-plane.ts';
import { clusterNames, type RouteRequest, randomHosts, randomRequest } from './decisions.ts';

/**
 * Envoy and Outrigger on one control plane, with the same route configurations and requests at random: both must send each request
 * to the same cluster, with the same path, authority and headers, or answer it alike. `--seed N --configurations N --requests N`.
 */

const patienceMs = 30_000;
const ads = { ads: {}, resource_api_version: 'V3' };
const typed = (type: string, more: object = {}) => ({
  '@type': `type.googleapis.com/envoy.${type}`,
  ...more,
});

const argument = (name: string, otherwise: number): number => {
  const at = process.argv.indexOf(`--${name}`);
  return at < 0 ? otherwise : Number(process.argv[at + 1]);
};

/** A server for each cluster, which replies with what it was sent. */
async function startBackends(): Promise<Map<string, http.Server>> {
  const servers = new Map<string, http.Server>();
  for (const name of clusterNames) {
    const server = http.createServer(({ url, headers }, response) => {
      const { host, 'x-added': added, 'x-user': user } = headers;
      response.writeHead(200, { 'content-type': 'application/json' });
      response.end(JSON.stringify({ cluster: name, path: url, authority: host, added, user }));
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    servers.set(name, server);
  }
  return servers;
}

interface Proxy {
  readonly name: 'envoy' | 'outrigger';
  readonly listen: string;
  readonly agent: http.Agent;
}

function document(
  version: string,
  proxy: Proxy,
  hosts: readonly object[],
  ports: Map<string, number>,
): Document {
  const [host, port] = proxy.listen.split(':');
  const socket = (address: string, port_value: number) => ({ socket_address: { address, port_value } });
  const versionRoute = {
    match: { path: '/version' },
    direct_response: { status: 200, body: { inline_string: version } },
  };
  const manager = typed('extensions.filters.network.http_connection_manager.v3.HttpConnectionManager', {
    stat_prefix: 'http',
    rds: { route_config_name: 'routes', config_source: ads },
    http_filters: [{ name: 'router', typed_config: typed('extensions.filters.http.router.v3.Router') }],
  });
  return {
    version,
    for: proxy.name,
    listeners: [
      {
        name: 'shop',
        address: socket(host, Number(port)),
        filter_chains: [{ filters: [{ name: 'http', typed_config: manager }] }],
      },
    ],
    routes: [
      {
        name: 'routes',
        ignore_port_in_host_matching: true,
        virtual_hosts: [{ name: 'version', domains: ['version.test'], routes: [versionRoute] }, ...hosts],
      },
    ],
    clusters: clusterNames.map((name) => ({
      name,
      type: 'EDS',
      connect_timeout: '1s',
      eds_cluster_config: { eds_config: ads },
    })),
    endpoints: clusterNames.map((cluster_name) => ({
      cluster_name,
      endpoints: [
        {
          lb_endpoints: [{ endpoint: { address: socket('127.0.0.1', ports.get(cluster_name) ?? 0) } }],
        },
      ],
    })),
  };
}

/** Envoy as a sidecar of the control plane, until `stop`. */
function startEnvoy(dir: string, controlPlane: string): { stop(): Promise<void> } {
  const [address, port] = controlPlane.split(':');
  const grpc = { envoy_grpc: { cluster_name: 'control-plane' } };
  const bootstrap = {
    node: { id: 'envoy', cluster: 'envoy' },
    dynamic_resources: {
      ads_config: { api_type: 'GRPC', transport_api_version: 'V3', grpc_services: [grpc] },
      lds_config: ads,
      cds_config: ads,
    },
    static_resources: {
      clusters: [
        {
          name: 'control-plane',
          connect_timeout: '1s',
          typed_extension_protocol_options: {
            'envoy.extensions.upstreams.http.v3.HttpProtocolOptions': typed(
              'extensions.upstreams.http.v3.HttpProtocolOptions',
              { explicit_http_config: { http2_protocol_options: {} } },
            ),
          },
          load_assignment: {
            cluster_name: 'control-plane',
            endpoints: [
              {
                lb_endpoints: [
                  { endpoint: { address: { socket_address: { address, port_value: Number(port) } } } },
                ],
              },
            ],
          },
        },
      ],
    },
  };
  writeFileSync(join(dir, 'envoy.json'), JSON.stringify(bootstrap));
  const quiet = ['--concurrency', '1', '--log-level', 'off', '--disable-hot-restart'];
  const child = spawn(envoyProgram, ['-c', join(dir, 'envoy.json'), ...quiet], { stdio: 'ignore' });
  const endWithUs = () => child.kill('SIGKILL');
  process.once('exit', endWithUs);
  const exit = once(child, 'exit');
  return {
    async stop() {
      child.kill('SIGKILL');
      await exit;
      process.removeListener('exit', endWithUs);
    },
  };
}

/** What a proxy did with a request: the reply's parts that a route decides. */
async function ask({ listen, agent }: Proxy, request: RouteRequest): Promise<Record<string, unknown>> {
  const [host, port] = listen.split(':');
  const { method, path, authority, headers } = request;
  const sent = http.request({ host, port, method, path, agent, headers: { ...headers, host: authority } });
  sent.setTimeout(patienceMs, () => sent.destroy(new Error('no answer')));
  sent.end();
  const [reply] = (await once(sent, 'response')) as [http.IncomingMessage];
  let text = '';
  for await (const chunk of reply) text += chunk;
  const { location, 'x-reply': added } = reply.headers;
  const status = reply.statusCode;
  if (reply.headers['content-type'] === 'application/json')
    return { status, ...(JSON.parse(text) as object), reply: added };
  // Texts of errors that the proxies make themselves differ, and a location may be relative.
  const target = location === undefined ? undefined : new URL(location, `http://${authority}`).href;
  return { status, target, body: status === 404 || target !== undefined ? undefined : text, reply: added };
}

async function holds(proxy: Proxy, version: string): Promise<boolean> {
  const request = { method: 'GET', path: '/version', authority: 'version.test', headers: {} };
  return (await ask(proxy, request).catch(() => ({ body: '' }))).body === version;
}

interface Difference {
  readonly seed: number;
  readonly request: RouteRequest;
  readonly envoy: string;
  readonly outrigger: string;
}

/** Differences that are meant; docs/xds-fields.md has each with its reason. */
const meant: ReadonlyArray<{ readonly reason: string; is(difference: Difference): boolean }> = [
  {
    reason:
      'a redirect to https of a request with a port: Envoy keeps the port, Outrigger uses that of https',
    is: ({ request, envoy, outrigger }) =>
      envoy.includes(`"target":"https://${request.authority.toLowerCase()}/`) &&
      envoy.replace(/:8080\//, '/') === outrigger,
  },
];

interface Stage {
  readonly plane: ControlPlaneProcess;
  readonly proxies: readonly Proxy[];
  readonly ports: Map<string, number>;
}

async function compare(
  { plane, proxies, ports }: Stage,
  seed: number,
  requests: number,
): Promise<Difference[]> {
  const random: Random = new SeededRandom(seed);
  const hosts = randomHosts(random);
  const from = plane.events.length;
  for (const proxy of proxies) await plane.serve(document(String(seed), proxy, hosts, ports));
  for (const proxy of proxies)
    await until(`seed ${seed}: ${proxy.name} applies it`, patienceMs, async () => {
      const nack = plane.requests(from).find((request) => request.nack !== '')?.nack;
      if (nack !== undefined) throw new Error(`seed ${seed}: ${nack}`);
      return holds(proxy, String(seed));
    });
  const differences: Difference[] = [];
  for (let i = 0; i < requests; i++) {
    const request = randomRequest(random);
    const [envoy, outrigger] = (await Promise.all(proxies.map((proxy) => ask(proxy, request)))).map((reply) =>
      JSON.stringify(reply),
    );
    if (envoy !== outrigger) differences.push({ seed, request, envoy, outrigger });
  }
  return differences;
}

async function checkDecisions(checks: Checks, stage: Stage): Promise<void> {
  const [seed, configurations, requests] = [
    argument('seed', 1),
    argument('configurations', 60),
    argument('requests', 50),
  ];
  await checks.check(
    `Envoy and Outrigger decide alike for ${configurations} route configurations with ${requests} requests each`,
    async () => {
      const all: Difference[] = [];
      for (let i = 0; i < configurations; i++) all.push(...(await compare(stage, seed + i, requests)));
      for (const { reason, is } of meant) {
        const count = all.filter(is).length;
        if (count > 0) process.stdout.write(`          meant, ${count} times: ${reason}\n`);
      }
      const others = all.filter((difference) => !meant.some(({ is }) => is(difference)));
      for (const { seed: own, request, envoy, outrigger } of others.slice(0, 20))
        process.stdout.write(
          `          seed ${own} ${JSON.stringify(request)}\n            Envoy     ${envoy}\n            Outrigger ${outrigger}\n`,
        );
      expectThat(others.length === 0, `${others.length} of ${configurations * requests} requests differ`);
    },
  );
}

async function main(): Promise<number> {
  const program = controlPlaneProgram();
  if ('missing' in program) exitForMissing(program.missing);
  if (!installEnvoy()) exitForMissing('Envoy cannot be installed (python3 -m venv, pip)');
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(130));
  const checks = startChecks();
  const dir = mkdtempSync(join(tmpdir(), 'outrigger-envoy-'));
  const servers = await startBackends();
  const ports = new Map([...servers].map(([name, server]) => [name, (server.address() as AddressInfo).port]));
  const listens = await freeAddresses(2);
  const proxies = (['envoy', 'outrigger'] as const).map((name, i) => ({
    name,
    listen: listens[i],
    agent: new http.Agent({ keepAlive: true }),
  }));
  const plane = new ControlPlaneProcess(program.path);
  await plane.start(document('0', proxies[0], [], ports));
  await plane.serve(document('0', proxies[1], [], ports));
  const config = join(dir, 'outrigger.yaml');
  const node = { id: 'outrigger', cluster: 'outrigger' };
  writeFileSync(config, JSON.stringify({ xds: { server: plane.address, node } }));
  const envoy = startEnvoy(dir, plane.address);
  const sidecar = await startConfigured(config, listens[1]);
  await checkDecisions(checks, { plane, proxies, ports }).catch((error: Error) =>
    checks.failed('the run', error.message),
  );
  await sidecar.stop();
  await envoy.stop();
  await plane.kill();
  for (const { agent } of proxies) agent.destroy();
  for (const server of servers.values()) server.close();
  rmSync(dir, { recursive: true });
  return checks.close();
}

process.exit(await main());
