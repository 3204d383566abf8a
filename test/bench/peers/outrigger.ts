import { existsSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { Document } from 'yaml';
import type { Protocol } from '../scenarios.ts';
import type { Peer, Ports } from './peer.ts';

const entry = fileURLToPath(new URL('../../../src/main.ts', import.meta.url));
const chosen = process.env.BENCH_OUTRIGGER?.split(' ') ?? [process.execPath, entry];

/** Settings in place of those of the bench, each by its path: `telemetry.traces.ratio`. */
export type Settings = Readonly<Record<string, unknown>>;

const everyCallSampled: Settings = { 'telemetry.traces.ratio': 1 };

/**
 * The proxy under test for each protocol, with TLS and without, with what a default user has on: metrics, trace context with 1%
 * sampled and exported, recent calls, health probes. `BENCH_OUTRIGGER` names another command that takes `run --config FILE`.
 */
export const outrigger: readonly Peer[] = [
  make('grpc', false),
  make('grpc', true),
  make('http1', false),
  make('http1', true),
  make('tcp', false),
];

/** Every call is sampled and exported. */
export const outriggerSampled: Peer = {
  ...make('grpc', false, { settings: everyCallSampled }),
  name: 'Outrigger sampled',
  only: ['c10 m10'],
};

/** As `outrigger`, with other settings, started by another command or from the file that it ends with. */
export function outriggerWith({ settings, command }: Variant): readonly Peer[] {
  return [
    make('grpc', false, { settings, command }),
    make('grpc', true, { settings, command }),
    make('http1', false, { settings, command }),
    make('http1', true, { settings, command }),
    make('tcp', false, { settings, command }),
  ];
}

/** What of a variant differs from the proxy under test. */
export interface Variant {
  readonly settings?: Settings;
  readonly command?: readonly string[];
}

function make(protocol: Protocol, tls: boolean, { settings = {}, command = chosen }: Variant = {}): Peer {
  return {
    name: 'Outrigger',
    protocol,
    ...(tls && { tls }),
    missing: () => (existsSync(command.at(-1) ?? '') ? '' : `${command.join(' ')} is not there`),
    version: () => 'this work tree',
    prepare(dir, ports) {
      const document = new Document(configuration(protocol, tls, ports));
      for (const [path, value] of Object.entries(settings)) document.setIn(path.split('.'), value);
      writeFileSync(`${dir}/outrigger.yaml`, document.toString());
      return {
        command: [...command, 'run', '--config', `${dir}/outrigger.yaml`],
        // The listener is open before the first probes are in.
        readyUrl: `http://127.0.0.1:${ports.admin}/ready`,
      };
    },
  };
}

function configuration(protocol: Protocol, tls: boolean, ports: Ports): unknown {
  const { cert, key } = ports;
  const work =
    protocol === 'tcp'
      ? { protocol: 'tcp', cluster: 'replicas' }
      : { routes: [{ name: 'all', cluster: 'replicas' }] };
  return {
    admin: { listen: `127.0.0.1:${ports.admin}` },
    listeners: [
      { name: 'bench', listen: `127.0.0.1:${ports.listen}`, ...(tls && { tls: { cert, key } }), ...work },
    ],
    clusters: [
      {
        name: 'replicas',
        protocol: protocol === 'grpc' ? 'http2' : protocol,
        ...(tls && { tls: { ca: cert, cert, key } }),
        endpoints: ports.replicas.map((port) => ({ address: `127.0.0.1:${port}` })),
        limits: { maxConnections: 1024, maxPending: 100_000, maxRequests: 100_000 },
      },
    ],
    drain: { delay: '0s' },
    telemetry: { traces: { ratio: 0.01, otlp: { endpoint: `http://127.0.0.1:${ports.collector}` } } },
  };
}
