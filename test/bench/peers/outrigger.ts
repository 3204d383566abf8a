import { existsSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { stringify } from 'yaml';
import type { Protocol } from '../scenarios.ts';
import type { Peer, Ports } from './peer.ts';

const entry = fileURLToPath(new URL('../../../src/main.ts', import.meta.url));
const chosen = process.env.BENCH_OUTRIGGER?.split(' ') ?? [process.execPath, entry];

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
  ...make('grpc', false, { ratio: 1 }),
  name: 'Outrigger sampled',
  only: ['c10 m10'],
};

/** As `outrigger`, started from this file. */
export function outriggerFrom(file: string): readonly Peer[] {
  const command = [process.execPath, file];
  return [
    make('grpc', false, { command }),
    make('grpc', true, { command }),
    make('http1', false, { command }),
    make('http1', true, { command }),
    make('tcp', false, { command }),
  ];
}

function make(protocol: Protocol, tls: boolean, { ratio = 0.01, command = chosen } = {}): Peer {
  return {
    name: 'Outrigger',
    protocol,
    ...(tls && { tls }),
    missing: () => (existsSync(command.at(-1) ?? '') ? '' : `${command.join(' ')} is not there`),
    version: () => 'this work tree',
    prepare(dir, ports) {
      writeFileSync(`${dir}/outrigger.yaml`, stringify(configuration(protocol, tls, ratio, ports)));
      return {
        command: [...command, 'run', '--config', `${dir}/outrigger.yaml`],
        // The listener is open before the first probes are in.
        readyUrl: `http://127.0.0.1:${ports.admin}/ready`,
      };
    },
  };
}

function configuration(protocol: Protocol, tls: boolean, ratio: number, ports: Ports): unknown {
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
    telemetry: { traces: { ratio, otlp: { endpoint: `http://127.0.0.1:${ports.collector}` } } },
  };
}
