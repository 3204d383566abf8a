import { type IncomingHttpHeaders, request } from 'node:http';
import { connect, type Socket } from 'node:net';
import { type AdminOptions, type AdminServer, startAdmin } from '../../src/admin/server.ts';
import { systemClock } from '../../src/core/clock.ts';
import { silentLogger } from '../../src/core/logger.ts';
import { FakeProxy } from './fake-admin.ts';
import { eventfulClusters, type FakeCluster } from './fake-clusters.ts';

export interface AdminAnswer {
  status: number;
  headers: IncomingHttpHeaders;
  body: string;
}

/** An admin server on a port of its own over a made-up proxy, and a plain client that may send any header. */
export interface AdminRig {
  proxy: FakeProxy;
  admin: AdminServer;
  port: number;
  ask(method: string, path: string, headers?: Record<string, string>, body?: string): Promise<AdminAnswer>;
  get(path: string, headers?: Record<string, string>): Promise<AdminAnswer>;
  /** A bare connection, for what no client would send. Ends with the rig. */
  connect(): Socket;
  close(): Promise<void>;
}

export async function startAdminRig(
  clusters: readonly FakeCluster[] = eventfulClusters,
  options: Partial<AdminOptions> = {},
): Promise<AdminRig> {
  const proxy = new FakeProxy(structuredClone(clusters), systemClock);
  proxy.step();
  const address = { kind: 'tcp', host: '127.0.0.1', port: 0 } as const;
  const admin = await startAdmin({ address, deps: proxy, logger: silentLogger, ...options });
  const port = admin.address.kind === 'tcp' ? admin.address.port : 0;
  const sockets: Socket[] = [];
  const ask: AdminRig['ask'] = (method, path, headers = {}, body = '') =>
    new Promise((resolve, reject) => {
      const asking = request({ host: '127.0.0.1', port, method, path, headers, agent: false }, (response) => {
        let text = '';
        response.setEncoding('utf8').on('data', (chunk: string) => {
          text += chunk;
        });
        response.on('end', () =>
          resolve({ status: response.statusCode ?? 0, headers: response.headers, body: text }),
        );
        response.on('error', reject);
      });
      asking.on('error', reject);
      asking.end(body);
    });
  return {
    proxy,
    admin,
    port,
    ask,
    get: (path, headers) => ask('GET', path, headers),
    connect() {
      const socket = connect(port, '127.0.0.1');
      socket.on('error', () => {});
      sockets.push(socket);
      return socket;
    },
    async close() {
      for (const socket of sockets) socket.destroy();
      await admin.close();
    },
  };
}

/** All that comes on a bare connection until the other end closes it. */
export async function readToEnd(socket: Socket): Promise<string> {
  let text = '';
  socket.setEncoding('utf8');
  try {
    for await (const chunk of socket) text += chunk;
  } catch {
    // a reset is an end as well
  }
  return text;
}
