import { once } from 'node:events';
import { createServer, Agent as HttpAgent, type IncomingMessage, request, type Server } from 'node:http';
import { Agent as HttpsAgent, request as requestTls } from 'node:https';
import type { AddressInfo } from 'node:net';
import { localhostCertificate } from '../unit/health/localhost-certificate.ts';
import { launchPeer, serving } from './child-process.ts';
import type { Peer } from './peers/peer.ts';
import { freePorts } from './ports.ts';
import { bodyOf } from './wire/http1.ts';

const callsPerReplica = 20;
const patienceMs = 10_000;

interface Replica {
  readonly server: Server;
  readonly port: number;
  calls: number;
}

/**
 * Runs a peer in front of three of Node's HTTP servers and checks, with Node's client, that it does the whole of the work: bodies pass
 * both ways, of known length and in chunks, as do paths, statuses and fields; requests are spread; and over HTTP/1.1 each
 * reaches its replica with the client's address and a `traceparent` that no other has. Rejects with what is wrong.
 */
export async function verifyHttp1Peer(peer: Peer, dir: string, collector: number): Promise<void> {
  const replicas = await Promise.all([startReplica(), startReplica(), startReplica()]);
  const [listen, admin] = await freePorts(2);
  const ports = replicas.map(({ port }) => port);
  const launch = peer.prepare(dir, { listen, admin, collector, replicas: ports, cert: '', key: '' });
  const proxy = launchPeer(launch, null);
  // Over TCP it is connections that are spread.
  const agent = new HttpAgent({ keepAlive: peer.protocol === 'http1' });
  try {
    await serving(launch, listen, proxy, peer.name);
    const traces = new Set<string>();
    const total = replicas.length * callsPerReplica;
    for (let i = 0; i < total; i++) {
      const body = Buffer.alloc(25 + i * 997, i);
      const chunked = i % 2 === 1;
      const { reply, bytes } = await exchange(listen, `/status/201?call=${i}`, body, { agent, chunked });
      const { headers } = reply;
      expectThat(reply.statusCode === 201, `request ${i} has the status ${reply.statusCode}, not 201`);
      expectThat(bytes.equals(body), `the body of request ${i} came back changed`);
      expectThat(headers['x-path'] === `/status/201?call=${i}`, `request ${i} came as ${headers['x-path']}`);
      traces.add(String(headers['x-traceparent']));
      if (peer.protocol !== 'http1') continue;
      expectThat(headers['x-for'] === '127.0.0.1', `x-forwarded-for is ${headers['x-for']}`);
      expectThat(headers['x-proto'] === 'http', `x-forwarded-proto is ${headers['x-proto']}`);
    }
    const unique = peer.protocol === 'http1' ? total : 1;
    expectThat(traces.size === unique, `${traces.size} traceparents for ${total} requests`);
    const calls = replicas.map((replica) => replica.calls);
    expectThat(Math.min(...calls) >= 1, `of ${total} requests the replicas got ${calls.join(', ')}`);
  } finally {
    agent.destroy();
    await proxy.stop();
    for (const { server } of replicas) {
      server.close();
      server.closeAllConnections();
    }
  }
}

/** A few requests by Node's client to the bench's own replicas. Rejects with what is wrong. */
export async function sampleHttp1(port: number, tls: boolean): Promise<void> {
  const agent = tls
    ? new HttpsAgent({ keepAlive: true, ca: localhostCertificate, servername: 'localhost' })
    : new HttpAgent({ keepAlive: true });
  try {
    for (const size of [0, 1, 100, 1024, 70_000, 1 << 20]) {
      const wanted = bodyOf(size);
      const got = await exchange(port, `/images/${size}`, null, { agent, tls });
      expectThat(
        got.reply.statusCode === 200 && got.bytes.equals(wanted),
        `the reply of ${size} bytes is wrong`,
      );
      const echoed = await exchange(port, '/api/echo', wanted, { agent, tls });
      expectThat(
        echoed.reply.statusCode === 200 && echoed.bytes.equals(wanted),
        `the echo of ${size} bytes is wrong`,
      );
    }
  } finally {
    agent.destroy();
  }
}

/** Repeats the body and, as fields, what came with it. */
async function startReplica(): Promise<Replica> {
  const server = createServer((incoming, outgoing) => {
    replica.calls++;
    const { headers } = incoming;
    outgoing.writeHead(Number(/\/status\/(\d+)/.exec(incoming.url ?? '')?.[1] ?? 200), {
      'x-path': incoming.url,
      'x-traceparent': headers.traceparent ?? 'none',
      'x-for': headers['x-forwarded-for'] ?? 'none',
      'x-proto': headers['x-forwarded-proto'] ?? 'none',
      ...(headers['content-length'] !== undefined && { 'content-length': headers['content-length'] }),
    });
    incoming.pipe(outgoing);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const replica: Replica = { server, port: (server.address() as AddressInfo).port, calls: 0 };
  return replica;
}

interface ExchangeOptions {
  readonly agent: HttpAgent;
  readonly tls?: boolean;
  readonly chunked?: boolean;
}

/** One request, with a body unless that is null, and its whole reply. */
async function exchange(
  port: number,
  path: string,
  body: Buffer | null,
  { agent, tls = false, chunked = false }: ExchangeOptions,
): Promise<{ reply: IncomingMessage; bytes: Buffer }> {
  const length = body === null || chunked ? {} : { 'content-length': body.length };
  const outgoing = (tls ? requestTls : request)({
    host: '127.0.0.1',
    port,
    path,
    agent,
    method: body === null ? 'GET' : 'POST',
    headers: length,
    timeout: patienceMs,
  });
  outgoing.once('timeout', () => outgoing.destroy(new Error(`no reply within ${patienceMs} ms`)));
  outgoing.end(body ?? undefined);
  const [reply] = (await once(outgoing, 'response')) as [IncomingMessage];
  const chunks: Buffer[] = [];
  for await (const chunk of reply) chunks.push(chunk as Buffer);
  return { reply, bytes: Buffer.concat(chunks) };
}

function expectThat(truth: boolean, otherwise: string): void {
  if (!truth) throw new Error(otherwise);
}
