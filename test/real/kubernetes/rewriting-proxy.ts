import { readFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { request } from 'node:https';
import type { AddressInfo } from 'node:net';
import type { ControlPlane } from './cluster.ts';

/**
 * As `kubectl proxy`: plain HTTP on loopback in front of the API server, with a token of its own. It also turns the addresses
 * 10.99.x.y of endpoints into 127.99.x.y, where the pods of a test listen: the API server accepts no loopback addresses in an
 * EndpointSlice.
 */
export async function startRewritingProxy(
  cluster: ControlPlane,
  token: string,
): Promise<{ readonly url: string; close(): void }> {
  const server = createServer((asked, reply) => relay(cluster, token, asked, reply));
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    close() {
      server.close();
      server.closeAllConnections();
    },
  };
}

function relay(cluster: ControlPlane, token: string, asked: IncomingMessage, reply: ServerResponse): void {
  const sent = request(
    {
      host: cluster.host,
      port: cluster.port,
      path: asked.url,
      method: asked.method,
      ca: readFileSync(cluster.caFile),
      headers: { authorization: `Bearer ${token}`, accept: 'application/json' },
      agent: false,
    },
    (answer) => {
      const { 'content-length': _length, ...headers } = answer.headers;
      reply.writeHead(answer.statusCode ?? 502, headers);
      reply.flushHeaders();
      // Every answer ends with a line feed, those of a watch after each event: an address is never split.
      let rest = '';
      answer.setEncoding('utf8');
      answer.on('data', (text: string) => {
        const lines = (rest + text).split('\n');
        rest = lines.pop() ?? '';
        for (const line of lines) reply.write(`${line.replace(/"10\.99\.(\d+\.\d+)"/g, '"127.99.$1"')}\n`);
      });
      answer.on('end', () => reply.end(rest));
      answer.on('error', () => reply.destroy());
    },
  );
  sent.on('error', () => reply.destroy());
  reply.on('close', () => sent.destroy());
  sent.end();
}
