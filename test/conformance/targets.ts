import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startSidecarProgram } from '../support/sidecar.ts';
import { freeAddresses } from '../support/sidecar-process.ts';
import { localhostCertificate, localhostKey } from '../unit/health/localhost-certificate.ts';
import { startEchoServer } from './h2-echo-server.ts';

/** Something that listens on 127.0.0.1 and answers GET and POST of `/` with a body. */
export interface ServerTarget {
  readonly name: string;
  readonly port: number;
  readonly tls: boolean;
}

export interface Targets {
  /** The engine alone; the sidecar's listener; and the same with TLS and ALPN. */
  readonly servers: readonly ServerTarget[];
  /** The port of the sidecar's listener: a call with `/PORT` as its path goes to that port, one of those asked for. */
  readonly forward: number;
  stop(): Promise<void>;
}

/**
 * Starts the engine as a server by itself, and a real sidecar in front of it, whose other clusters are each one of `upstreamPorts`:
 * there the suites for clients listen.
 */
export async function startTargets(upstreamPorts: readonly number[]): Promise<Targets> {
  const engine = await startEchoServer(0);
  const folder = mkdtempSync(join(tmpdir(), 'outrigger-conformance-'));
  const [cert, key] = [join(folder, 'cert.pem'), join(folder, 'key.pem')];
  writeFileSync(cert, localhostCertificate);
  writeFileSync(key, localhostKey);
  const [plain, tls] = await freeAddresses(2);
  // Neither the engine alone nor the suites know of gRPC health.
  const cluster = (name: string, port: number) => ({
    name,
    health: 'none',
    endpoints: [{ address: `127.0.0.1:${port}` }],
  });
  const routes = [
    ...upstreamPorts.map((port) => ({ name: `p${port}`, match: { path: `/${port}` }, cluster: `p${port}` })),
    { name: 'all', cluster: 'engine' },
  ];
  const sidecar = await startSidecarProgram({
    listeners: [
      { name: 'plain', listen: plain, routes },
      { name: 'tls', listen: tls, tls: { cert, key }, routes },
    ],
    clusters: [cluster('engine', engine.port), ...upstreamPorts.map((port) => cluster(`p${port}`, port))],
  });
  return {
    servers: [
      { name: 'engine', port: engine.port, tls: false },
      { name: 'listener', port: portOf(plain), tls: false },
      { name: 'TLS listener', port: portOf(tls), tls: true },
    ],
    forward: portOf(plain),
    async stop() {
      sidecar.signal('SIGTERM');
      await sidecar.exit;
      engine.close();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

function portOf(address: string): number {
  return Number(address.split(':')[1]);
}
