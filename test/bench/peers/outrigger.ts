import { existsSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { stringify } from 'yaml';
import type { Peer } from './peer.ts';

const entry = fileURLToPath(new URL('../../../src/main.ts', import.meta.url));
const command = process.env.BENCH_OUTRIGGER?.split(' ') ?? [process.execPath, entry];

/**
 * The proxy under test, with what a default user has on: metrics, trace context with 1% sampled and exported, recent calls,
 * health probes. `BENCH_OUTRIGGER` names another command that takes `run --config FILE`.
 */
export const outrigger: Peer = {
  name: 'Outrigger',
  missing: () => (existsSync(command.at(-1) ?? '') ? '' : `${command.join(' ')} is not there`),
  version: () => 'this work tree',
  prepare(dir, ports) {
    const configuration = {
      admin: { listen: `127.0.0.1:${ports.admin}` },
      listeners: [
        {
          name: 'bench',
          listen: `127.0.0.1:${ports.listen}`,
          routes: [{ name: 'all', cluster: 'replicas' }],
        },
      ],
      clusters: [
        {
          name: 'replicas',
          protocol: 'http2',
          endpoints: ports.replicas.map((port) => ({ address: `127.0.0.1:${port}` })),
          limits: { maxConnections: 1024, maxPending: 100_000, maxRequests: 100_000 },
        },
      ],
      telemetry: { traces: { ratio: 0.01, otlp: { endpoint: `http://127.0.0.1:${ports.collector}` } } },
    };
    writeFileSync(`${dir}/outrigger.yaml`, stringify(configuration));
    return {
      command: [...command, 'run', '--config', `${dir}/outrigger.yaml`],
      // The listener is open before the first probes are in.
      readyUrl: `http://127.0.0.1:${ports.admin}/ready`,
    };
  },
};
