import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface Collector {
  readonly port: number;
  /** Exports taken so far. */
  exports(): number;
  stop(): void;
}

/**
 * Takes OTLP over HTTP and forgets it: whoever exports traces does so here, as it would in use. Without a collector
 * Outrigger makes no trace context, and its work would not be that of the others.
 */
export async function startCollector(): Promise<Collector> {
  let exports = 0;
  const server = createServer((request, reply) => {
    request.resume().once('end', () => {
      exports++;
      reply.writeHead(200, { 'content-type': 'application/x-protobuf' }).end();
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    port: (server.address() as AddressInfo).port,
    exports: () => exports,
    stop: () => {
      server.close();
      server.closeAllConnections();
    },
  };
}
