import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type Sidecar, startSidecar } from '../../support/sidecar.ts';

/** `HTTPVersion` of the suite. */
const HTTP_VERSION_1 = 1;

export interface Sidecars {
  /** Where the programs of this folder ask for a sidecar: the value of `SIDECARS`. */
  readonly address: string;
  /** Sidecars that have been started. */
  readonly count: number;
  /** Stops all; returns the internal errors that they had. */
  stop(): Promise<string[]>;
}

/**
 * Starts what starts the sidecars, all in this process, so that the suite, which waits for a few seconds only, does not wait for the
 * start of a process. The programs between the suite and what it tests ask for `/PORT/HTTPVERSION`, and get the port of
 * a sidecar in front of that port.
 */
export async function startSidecars(): Promise<Sidecars> {
  const started = new Map<string, Promise<Sidecar>>();
  const server = createServer((request, response) => {
    const key = (request.url ?? '').slice(1);
    let sidecar = started.get(key);
    if (sidecar === undefined) {
      const [port, version] = key.split('/').map(Number);
      sidecar = startInFront(port, version);
      started.set(key, sidecar);
    }
    sidecar.then(
      (one) => response.end(one.target().split(':')[1]),
      (error: Error) => response.writeHead(500).end(error.message),
    );
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    address: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    get count() {
      return started.size;
    },
    async stop() {
      server.close();
      server.closeAllConnections();
      const ends = await Promise.allSettled([...started.values()].map(async (one) => (await one).stop()));
      return ends.flatMap((end) => (end.status === 'rejected' ? [String(end.reason)] : []));
    },
  };
}

/** Starts a sidecar with the defaults, health checks and ejection included, in front of a server of the suite. */
function startInFront(serverPort: number, httpVersion: number): Promise<Sidecar> {
  return startSidecar({
    listeners: [{ name: 'in', listen: '127.0.0.1:0', routes: [{ name: 'all', cluster: 'server' }] }],
    clusters: [
      {
        name: 'server',
        protocol: httpVersion === HTTP_VERSION_1 ? 'http1' : 'http2',
        endpoints: [{ address: `127.0.0.1:${serverPort}` }],
      },
    ],
  });
}
