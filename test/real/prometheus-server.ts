import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse, stringify } from 'yaml';
import { freeAddresses } from '../support/sidecar-process.ts';
import { until } from './checks.ts';

/** One series of an answer: its labels, and its value now. */
export interface Sample {
  readonly metric: Readonly<Record<string, string>>;
  readonly value: number;
}

export interface Exemplar {
  readonly labels: Readonly<Record<string, string>>;
  readonly value: string;
}

/** A Prometheus of its own, that scrapes one target every second. */
export interface Prometheus {
  /** Evaluates an expression now; rejects with what Prometheus says of it. */
  query(expr: string): Promise<Sample[]>;
  /** The value of the only series of an answer; NaN if there is none. */
  value(expr: string): Promise<number>;
  exemplars(expr: string): Promise<Exemplar[]>;
  /** What `GET /api/v1/PATH` answers as `data`. */
  get(path: string): Promise<unknown>;
  stop(): Promise<void>;
}

const startPatienceMs = 30_000;

/** Starts Prometheus with its data below `dir`; resolves once it has scraped the target. */
export async function startPrometheus(
  dir: string,
  target: string,
  ruleFiles: readonly string[],
): Promise<Prometheus> {
  const [address] = await freeAddresses(1);
  // The configuration of docker/compose.yaml, with the target and the haste of a test.
  const config = parse(readFileSync('docker/prometheus/prometheus.yml', 'utf8'));
  config.global = { scrape_interval: '1s', scrape_timeout: '1s', evaluation_interval: '1s' };
  config.rule_files = ruleFiles;
  config.scrape_configs[0].static_configs = [{ targets: [target] }];
  const file = join(dir, 'prometheus.yml');
  writeFileSync(file, stringify(config));
  const args = [
    `--config.file=${file}`,
    `--storage.tsdb.path=${join(dir, 'data')}`,
    `--web.listen-address=${address}`,
    '--enable-feature=exemplar-storage',
    '--log.level=warn',
  ];
  const child = spawn('prometheus', args, { stdio: ['ignore', 'ignore', 'pipe'] });
  let log = '';
  child.stderr.on('data', (chunk: Buffer) => {
    log = (log + chunk.toString()).slice(-4000);
  });
  const endWithUs = (): void => void child.kill('SIGKILL');
  process.once('exit', endWithUs);
  const ended = once(child, 'exit').then(() => process.removeListener('exit', endWithUs));
  const server = apiOf(`http://${address}/api/v1`, async () => {
    child.kill('SIGKILL');
    await ended;
  });
  const isUp = (): Promise<boolean> => server.value('up{job="outrigger"}').then((up) => up === 1);
  await until('Prometheus scrapes the sidecar', startPatienceMs, () => isUp().catch(() => false)).catch(
    async (error: Error) => {
      await server.stop();
      throw new Error(`${error.message}: ${log}`);
    },
  );
  return server;
}

function apiOf(url: string, stop: () => Promise<void>): Prometheus {
  const get = async (path: string): Promise<unknown> => {
    const reply = await fetch(`${url}/${path}`);
    const body = (await reply.json()) as { status: string; data: unknown; error?: string };
    if (body.status !== 'success') throw new Error(body.error ?? `status ${reply.status}`);
    return body.data;
  };
  const query = async (expr: string): Promise<Sample[]> => {
    const data = (await get(`query?query=${encodeURIComponent(expr)}`)) as {
      result: Array<{ metric: Sample['metric']; value: [number, string] }>;
    };
    return data.result.map(({ metric, value }) => ({ metric, value: Number(value[1]) }));
  };
  return {
    get,
    query,
    stop,
    async value(expr) {
      const samples = await query(expr);
      if (samples.length > 1) throw new Error(`${expr} has ${samples.length} series`);
      return samples[0]?.value ?? Number.NaN;
    },
    async exemplars(expr) {
      const end = Date.now() / 1000;
      const data = await get(
        `query_exemplars?query=${encodeURIComponent(expr)}&start=${end - 3600}&end=${end}`,
      );
      return (data as Array<{ exemplars: Exemplar[] }>).flatMap(({ exemplars }) => exemplars);
    },
  };
}
