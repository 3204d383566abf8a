import { existsSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { stringify } from 'yaml';
import type { Peer } from './peer.ts';

const entry = fileURLToPath(new URL('../../../src/main.ts', import.meta.url));
const chosen = process.env.BENCH_OUTRIGGER?.split(' ') ?? [process.execPath, entry];

/**
 * The proxy under test, with what a default user has on: metrics, trace context with 1% sampled and exported, recent calls,
 * health probes. `BENCH_OUTRIGGER` names another command that takes `run --config FILE`.
 */
export const outrigger: Peer = make('Outrigger', 0.01, false);

/** Every call is sampled and exported. */
export const outriggerSampled: Peer = { ...make('Outrigger sampled', 1, false), only: ['c10 m10'] };

export const outriggerTls: Peer = { ...make('Outrigger TLS', 0.01, true), only: ['c10 m10'], tls: true };

/** As `outrigger`, started from this file. */
export function outriggerFrom(file: string): Peer {
  return make('Outrigger', 0.01, false, [process.execPath, file]);
}

function make(name: string, ratio: number, tls: boolean, command = chosen): Peer {
  return {
    name,
    missing: () => (existsSync(command.at(-1) ?? '') ? '' : `${command.join(' ')} is not there`),
    version: () => 'this work tree',
    prepare(dir, ports) {
      const configuration = {
        admin: { listen: `127.0.0.1:${ports.admin}` },
        listeners: [
          {
            name: 'bench',
            ...(tls && { tls: { cert: ports.cert, key: ports.key } }),
            listen: `127.0.0.1:${ports.listen}`,
            routes: [{ name: 'all', cluster: 'replicas' }],
          },
        ],
        clusters: [
          {
            name: 'replicas',
            protocol: 'http2',
            ...(tls && { tls: { ca: ports.cert, cert: ports.cert, key: ports.key } }),
            endpoints: ports.replicas.map((port) => ({ address: `127.0.0.1:${port}` })),
            limits: { maxConnections: 1024, maxPending: 100_000, maxRequests: 100_000 },
          },
        ],
        drain: { delay: '0s' },
        telemetry: { traces: { ratio, otlp: { endpoint: `http://127.0.0.1:${ports.collector}` } } },
      };
      writeFileSync(`${dir}/outrigger.yaml`, stringify(configuration));
      return {
        command: [...command, 'run', '--config', `${dir}/outrigger.yaml`],
        // The listener is open before the first probes are in.
        readyUrl: `http://127.0.0.1:${ports.admin}/ready`,
      };
    },
  };
}
