import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { freeAddresses } from '../../support/sidecar-process.ts';
import { until } from '../checks.ts';

/** Jaeger, and the same program as an OpenTelemetry Collector, as processes on loopback. */

const here = fileURLToPath(new URL('.', import.meta.url));
const jaegerConfig = fileURLToPath(new URL('../../../docker/jaeger.yaml', import.meta.url));
const collectorConfig = fileURLToPath(new URL('../../../docker/otel-collector.yaml', import.meta.url));
const patienceMs = 30_000;
const logKeptChars = 10_000;

/** The path of the program, or why there is none; builds it where that is possible, which takes minutes. */
export function jaegerProgram(): { readonly path: string } | { readonly missing: string } {
  const { stdout } = spawnSync(`${here}install`, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'] });
  const line = (stdout ?? '').trim();
  const [what, , ...rest] = line.split(' ');
  return what === 'have' ? { path: rest.join(' ') } : { missing: line };
}

export interface Program {
  /** `host:port` of OTLP. */
  readonly otlpGrpc: string;
  readonly otlpHttp: string;
  /** SIGTERM; resolves once it is gone. */
  stop(): Promise<void>;
  log(): string;
}

export interface Jaeger extends Program {
  /** `http://host:port` of the query API and the page. */
  readonly queryUrl: string;
}

/** Starts Jaeger with traces in memory; `queryListen` is where its page is to be. */
export async function startJaeger(path: string, queryListen?: string): Promise<Jaeger> {
  const [otlpGrpc, otlpHttp, queryGrpc, queryFree] = await freeAddresses(4);
  const query = queryListen ?? queryFree;
  const program = await startProgram(path, jaegerConfig, {
    OTLP_GRPC_LISTEN: otlpGrpc,
    OTLP_HTTP_LISTEN: otlpHttp,
    QUERY_LISTEN: query,
    QUERY_GRPC_LISTEN: queryGrpc,
  });
  const queryUrl = `http://${query}`;
  await until('Jaeger answers', patienceMs, async () => answers(`${queryUrl}/api/services`));
  return { ...program, otlpGrpc, otlpHttp, queryUrl };
}

/** Starts a collector with docker/otel-collector.yaml that sends to Jaeger. */
export async function startCollector(
  path: string,
  jaegerOtlpGrpc: string,
  listen?: Pick<Program, 'otlpGrpc' | 'otlpHttp'>,
): Promise<Program> {
  const [freeGrpc, freeHttp] = await freeAddresses(2);
  const { otlpGrpc, otlpHttp } = listen ?? { otlpGrpc: freeGrpc, otlpHttp: freeHttp };
  const program = await startProgram(path, collectorConfig, {
    OTLP_GRPC_LISTEN: otlpGrpc,
    OTLP_HTTP_LISTEN: otlpHttp,
    JAEGER_OTLP: jaegerOtlpGrpc,
    BATCH_TIMEOUT: '50ms',
  });
  await until('the collector answers', patienceMs, async () => answers(`http://${otlpHttp}/v1/traces`));
  return { ...program, otlpGrpc, otlpHttp };
}

async function answers(url: string): Promise<boolean> {
  const reply = await fetch(url).catch(() => null);
  await reply?.text();
  return reply !== null;
}

async function startProgram(path: string, config: string, env: Record<string, string>) {
  const child = spawn(path, ['--config', `file:${config}`], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, ...env },
  });
  let log = '';
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (chunk: Buffer) => {
      log = (log + chunk.toString()).slice(-logKeptChars);
    });
  const endWithUs = () => child.kill('SIGKILL');
  process.once('exit', endWithUs);
  const exit = once(child, 'exit').then(() => process.removeListener('exit', endWithUs));
  return {
    log: () => log,
    async stop() {
      child.kill('SIGTERM');
      const timer = setTimeout(() => child.kill('SIGKILL'), 10_000);
      await exit;
      clearTimeout(timer);
    },
  };
}
