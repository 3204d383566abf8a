import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as grpc from '@grpc/grpc-js';
import { echoHandlers } from '../../support/echo-service.ts';
import { echoService } from '../../support/protos.ts';
import { startRawServer } from '../../support/raw-http2.ts';
import { freeAddresses, type SidecarProcess, startConfigured } from '../../support/sidecar-process.ts';
import type { Program } from './programs.ts';
import { type ServiceSpan, serverSpans } from './spans.ts';

/**
 * Two services with a sidecar for each pod, as in a cluster: `orders` calls `payments`, which has two replicas. A call passes the
 * outbound listener of the sidecar of `orders` and the inbound listener of one of the sidecars of `payments`.
 */
export interface Services {
  /** `host:port` of the outbound listener. */
  readonly outbound: string;
  readonly orders: SidecarProcess;
  readonly payments: readonly SidecarProcess[];
  /** Spans that the replicas of `payments` made, not sent yet. */
  readonly serverSpans: ServiceSpan[];
  /** How many of the next calls fail with UNAVAILABLE, and how long the next ones take, whichever replica gets them. */
  failNext: number;
  readonly slowNextMs: number[];
  stop(): Promise<void>;
}

/** Header by which a route of the outbound listener is chosen. */
export const caseHeader = 'x-case';

export interface ServicesOptions {
  readonly collector: Pick<Program, 'otlpGrpc' | 'otlpHttp'>;
  /** Base URL of the page that shows traces. */
  readonly queryUrl: string;
  /** Where the outbound listener and the page of its sidecar are to be; free ports otherwise. */
  readonly outbound?: string;
  readonly admin?: string;
  readonly env?: Readonly<Record<string, string>>;
}

export async function startServices(options: ServicesOptions): Promise<Services> {
  const dir = mkdtempSync(join(tmpdir(), 'outrigger-tracing-'));
  const remove = () => rmSync(dir, { recursive: true, force: true });
  process.once('exit', remove);
  const state = { failNext: 0, slowNextMs: [] as number[], serverSpans: [] as ServiceSpan[] };
  const resetting = await startRawServer((stream) => stream.close(2));
  const replicas = await Promise.all(['a', 'b'].map((name) => startReplica(name, state)));
  const inbound = await freeAddresses(2);
  const [outboundFree] = await freeAddresses(1);
  const outbound = options.outbound ?? outboundFree;
  const start = (name: string, listen: string, config: object, admin?: string): Promise<SidecarProcess> => {
    const file = join(dir, `${name}.json`);
    writeFileSync(file, JSON.stringify(config, null, 2));
    return startConfigured(file, listen, options.env, admin);
  };
  const payments = await Promise.all(
    replicas.map(({ address }, i) =>
      start(`payments-${i}`, inbound[i], inboundConfig(options, inbound[i], address, resetting.address)),
    ),
  );
  const orders = await start('orders', outbound, outboundConfig(options, outbound, inbound), options.admin);
  return Object.assign(state, {
    outbound,
    orders,
    payments,
    async stop() {
      await Promise.all([orders, ...payments].map((sidecar) => sidecar.stop()));
      await Promise.all([resetting.close(), ...replicas.map((replica) => replica.stop())]);
      remove();
      process.removeListener('exit', remove);
    },
  });
}

interface Replica {
  readonly address: string;
  stop(): Promise<void>;
}

async function startReplica(
  name: string,
  state: { failNext: number; readonly slowNextMs: number[]; readonly serverSpans: ServiceSpan[] },
): Promise<Replica> {
  const server = new grpc.Server({
    interceptors: [serverSpans('payments', (span) => state.serverSpans.push(span))],
  });
  const failure = () => {
    if (state.failNext === 0) return null;
    state.failNext--;
    return { code: grpc.status.UNAVAILABLE, details: `${name} is restarting` };
  };
  const hooks = { replica: name, delayMs: () => state.slowNextMs.shift() ?? 0, failure };
  server.addService(echoService, echoHandlers(hooks));
  const port = await new Promise<number>((resolve, reject) =>
    server.bindAsync('127.0.0.1:0', grpc.ServerCredentials.createInsecure(), (error, bound) =>
      error === null ? resolve(bound) : reject(error),
    ),
  );
  return { address: `127.0.0.1:${port}`, stop: async () => server.forceShutdown() };
}

/** Over OTLP/gRPC, every call sampled whose client did not decide otherwise. */
function outboundConfig(
  { collector, queryUrl }: ServicesOptions,
  listen: string,
  inbound: readonly string[],
) {
  const when = (value: string) => ({ match: { headers: [{ name: caseHeader, exact: value }] } });
  const payments = { cluster: 'payments' };
  return {
    listeners: [
      {
        name: 'outbound',
        listen,
        routes: [
          {
            name: 'retried',
            ...when('retry'),
            ...payments,
            retry: { on: ['unavailable'], attempts: 3, backoff: { base: '5ms', max: '5ms' } },
          },
          { name: 'hedged', ...when('hedge'), ...payments, hedge: { attempts: 2, delay: '60ms' } },
          { name: 'timed', ...when('timeout'), ...payments, timeout: '200ms' },
          { name: 'payments', ...payments },
        ],
      },
    ],
    clusters: [
      {
        name: 'payments',
        endpoints: inbound.map((address) => ({ address })),
        health: 'none',
        outlier: 'none',
      },
    ],
    telemetry: telemetry('orders-sidecar', queryUrl, {
      endpoint: `http://${collector.otlpGrpc}`,
      protocol: 'grpc',
    }),
    drain: { delay: '0s' },
  };
}

/** Over OTLP/HTTP. */
function inboundConfig(
  { collector, queryUrl }: ServicesOptions,
  listen: string,
  replica: string,
  resetting: string,
) {
  const reset = { headers: [{ name: caseHeader, exact: 'reset' }] };
  const cluster = (name: string, address: string) => ({
    name,
    endpoints: [{ address }],
    health: 'none',
    outlier: 'none',
  });
  return {
    listeners: [
      {
        name: 'inbound',
        listen,
        direction: 'inbound',
        routes: [
          { name: 'resetting', match: reset, cluster: 'resetting' },
          { name: 'local', cluster: 'local' },
        ],
      },
    ],
    clusters: [cluster('local', replica), cluster('resetting', resetting)],
    telemetry: telemetry('payments-sidecar', queryUrl, {
      endpoint: `http://${collector.otlpHttp}`,
      protocol: 'http/protobuf',
    }),
    drain: { delay: '0s' },
  };
}

function telemetry(serviceName: string, queryUrl: string, otlp: object) {
  return {
    serviceName,
    traces: { sampler: 'parentbased_always_on', linkUrl: `${queryUrl}/trace/{traceId}`, otlp },
  };
}
