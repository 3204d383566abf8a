import { readdirSync, readFileSync } from 'node:fs';
import type { ClusterSnapshot, ListenerSnapshot, MemorySnapshot } from '../../src/admin/deps.ts';
import type { ConfigShape } from '../support/sidecar.ts';
import type { Replicas } from './replicas.ts';

/** What the sidecar holds at one moment. */
export interface Figures {
  readonly rssMiB: number;
  readonly heapUsedMiB: number;
  readonly descriptors: number;
  /** Timers and sockets that keep its event loop alive. */
  readonly timers: number;
  readonly sockets: number;
  readonly clientConnections: number;
  /** Streams, WebSockets and TCP connections: as the listeners count them, and as the endpoints do. */
  readonly activeCalls: number;
  readonly activeAttempts: number;
}

/** Calls of every kind on one port, bytes on another; failed calls are logged, and every call may be traced. */
export function soakConfig(
  replicas: Replicas,
  collectorPort: number,
  listen: readonly [http: string, tcp: string],
  accessLog: string,
): ConfigShape {
  const cluster = (name: string, protocol: string, addresses: readonly string[]) => ({
    name,
    protocol,
    endpoints: addresses.map((address) => ({ address })),
    health: { [protocol === 'http2' ? 'grpc' : 'tcp']: {}, interval: '1s' },
  });
  const [calls, bytes] = listen;
  return {
    listeners: [
      {
        name: 'calls',
        listen: calls,
        routes: [
          { name: 'http1', match: { pathPrefix: '/http/' }, cluster: 'http1' },
          { name: 'grpc', cluster: 'grpc' },
        ],
      },
      { name: 'bytes', listen: bytes, protocol: 'tcp', cluster: 'tcp' },
    ],
    clusters: [
      cluster('grpc', 'http2', replicas.addresses('grpc')),
      cluster('http1', 'http1', replicas.addresses('http')),
      cluster('tcp', 'tcp', replicas.addresses('tcp')),
    ],
    telemetry: {
      traces: { otlp: { endpoint: `http://127.0.0.1:${collectorPort}` } },
      // Failed calls have a line whatever the sample.
      accessLog: { format: 'json', to: `file:${accessLog}`, sample: 0 },
    },
  };
}

export async function figuresOf(adminUrl: string, pid: number): Promise<Figures> {
  const [memory, listeners, clusters] = await Promise.all([
    read<MemorySnapshot>(adminUrl, 'memory'),
    read<ListenerSnapshot[]>(adminUrl, 'listeners'),
    read<ClusterSnapshot[]>(adminUrl, 'clusters'),
  ]);
  const sum = (values: readonly number[]) => values.reduce((a, b) => a + b, 0);
  const resources = memory.resources;
  return {
    rssMiB: rssMiB(pid),
    heapUsedMiB: memory.heapUsedBytes / 2 ** 20,
    descriptors: readdirSync(`/proc/${pid}/fd`).length,
    timers: (resources.Timeout ?? 0) + (resources.Immediate ?? 0),
    sockets: (resources.TCPSocketWrap ?? 0) + (resources.TCPServerWrap ?? 0),
    clientConnections: sum(listeners.map(({ connections }) => connections)),
    activeCalls: sum(listeners.map(({ active }) => active)),
    activeAttempts: sum(clusters.flatMap(({ endpoints }) => endpoints.map(({ active }) => active))),
  };
}

/** Of each figure the least. */
export function least(readings: readonly Figures[]): Figures {
  const names = Object.keys(readings[0]) as Array<keyof Figures>;
  const lowest = names.map((name) => [name, Math.min(...readings.map((reading) => reading[name]))]);
  return Object.fromEntries(lowest) as unknown as Figures;
}

/** The endpoints that are not used, and why. */
export async function unusable(adminUrl: string): Promise<string[]> {
  const clusters = await read<ClusterSnapshot[]>(adminUrl, 'clusters');
  return clusters.flatMap(({ endpoints }) =>
    endpoints
      .filter(({ usable }) => !usable)
      .map(({ address, unusableReason }) => `${address} (${unusableReason})`),
  );
}

/** Whether every cluster has somebody to call besides these. */
export async function canSpare(adminUrl: string, addresses: readonly string[]): Promise<boolean> {
  const clusters = await read<ClusterSnapshot[]>(adminUrl, 'clusters');
  return clusters.every(({ endpoints }) =>
    endpoints.some(({ address, usable }) => usable && !addresses.includes(address)),
  );
}

/** Calls that each endpoint got. */
export async function totalsOf(adminUrl: string): Promise<Map<string, number>> {
  const clusters = await read<ClusterSnapshot[]>(adminUrl, 'clusters');
  return new Map(
    clusters.flatMap(({ endpoints }) => endpoints.map(({ address, total }) => [address, total])),
  );
}

export function rssMiB(pid: number): number {
  return Number(/^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, 'latin1'))?.[1]) / 1024;
}

async function read<T>(adminUrl: string, what: string): Promise<T> {
  // A connection kept alive would be one of those that are counted.
  const reply = await fetch(`${adminUrl}/${what}?format=json`, { headers: { connection: 'close' } });
  return (await reply.json()) as T;
}
