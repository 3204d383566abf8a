import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import * as grpc from '@grpc/grpc-js';
import { isInstalled } from '../bench/machine.ts';
import { connectGreeter, type GreeterClient } from '../support/greeter-client.ts';
import { type Greeter, startGreeter } from '../support/greeter-server.ts';
import { dashboardQueries, ruleFile, ruleQueries, variableQueries } from '../support/monitoring-queries.ts';
import { type SidecarProcess, startSidecar } from '../support/sidecar-process.ts';
import { type Checks, exitForMissing, expectThat, startChecks, until } from './checks.ts';
import { type Prometheus, startPrometheus } from './prometheus-server.ts';
import { type Jaeger, jaegerProgram, startJaeger } from './tracing/programs.ts';
import { traceOf } from './tracing/trace.ts';

/**
 * A real Prometheus scrapes the sidecar: its counters match what the load generator counted, its quantiles lie in the bucket of
 * the exact ones, its exemplars are the trace ids that were sent and lead to these traces in a real Jaeger, names of methods cannot
 * add series, and every query of the rules and of the dashboard works.
 */
const okCalls = 600;
const notFoundCalls = 40;
/** Fewer than outlier detection takes to eject a replica. */
const unavailableCalls = 4;
const inFlight = 12;
const randomMethods = 300;
const scrapePatienceMs = 20_000;
/** By how much the duration of a span may differ from the exemplar of its call. */
const durationToleranceSeconds = 0.002;
const method = 'helloworld.Greeter/SayHello';

for (const tool of ['prometheus', 'promtool'])
  if (!isInstalled(tool)) exitForMissing(`${tool} is not installed (Debian package prometheus)`);

interface Setting {
  readonly prometheus: Prometheus;
  readonly client: GreeterClient;
  readonly replicas: readonly Greeter[];
  readonly sidecar: SidecarProcess;
  readonly accessLog: string;
  /** Trace ids of the calls that were sent as sampled. */
  readonly traceIds: Set<string>;
  /** Null where it is not available. */
  readonly jaeger: Jaeger | null;
}

/** Makes calls, some of them at a time; each is its own sampled trace. Returns how many ended with each status. */
async function load({ client, traceIds }: Setting, count: number): Promise<Map<number, number>> {
  const codes = new Map<number, number>();
  let left = count;
  const worker = async (): Promise<void> => {
    while (left > 0) {
      const traceId = (0xabc0_0000_0000 + traceIds.size).toString(16).padStart(32, '0');
      traceIds.add(traceId);
      left--;
      const metadata = [['traceparent', `00-${traceId}-00000000000000ab-01`]] as const;
      const { code } = await client.sayHello('x', { metadata });
      codes.set(code, (codes.get(code) ?? 0) + 1);
    }
  };
  await Promise.all(Array.from({ length: inFlight }, worker));
  return codes;
}

async function counters({ check }: Checks, setting: Setting): Promise<void> {
  const { prometheus, replicas } = setting;
  const expected = new Map<string, number>();
  for (const [failure, count] of [
    [null, okCalls],
    [{ code: grpc.status.NOT_FOUND, details: 'no such greeting' }, notFoundCalls],
    [{ code: grpc.status.UNAVAILABLE, details: 'closed' }, unavailableCalls],
  ] as const) {
    for (const replica of replicas) replica.failure = failure;
    for (const [code, calls] of await load(setting, count)) expected.set(grpc.status[code], calls);
  }
  for (const replica of replicas) replica.failure = null;
  const total = okCalls + notFoundCalls + unavailableCalls;
  const calls = 'rpc_server_call_duration_seconds_count';
  await check('calls are counted exactly, by status', async () => {
    await until('all calls in Prometheus', scrapePatienceMs, async () => {
      return (await prometheus.value(`sum(${calls}{rpc_method="${method}"})`)) === total;
    });
    for (const [status, count] of expected) {
      const seen = await prometheus.value(`sum(${calls}{rpc_response_status_code="${status}"})`);
      expectThat(seen === count, `${status}: Prometheus has ${seen}, the load generator counted ${count}`);
    }
  });
  await check('attempts are counted exactly, by endpoint and in the names of gRFC A66', async () => {
    for (const replica of replicas) {
      const endpoint = `outrigger_endpoint="${replica.address}"`;
      const seen = await prometheus.value(`sum(outrigger_endpoint_attempts_total{${endpoint}})`);
      expectThat(
        seen === replica.calls,
        `${replica.address}: ${seen}, and it counted ${replica.calls} calls`,
      );
    }
    for (const name of ['grpc_client_attempt_started_total', 'grpc_client_attempt_duration_seconds_count']) {
      const seen = await prometheus.value(`sum(${name}{grpc_method="${method}"})`);
      expectThat(seen === total, `${name} is ${seen}, not ${total}`);
    }
  });
  await check('calls are counted exactly under the names of gRFC A66', async () => {
    const server = 'grpc_server_call_duration_seconds_count';
    const client = 'grpc_client_call_duration_seconds_count';
    for (const name of ['grpc_server_call_started_total', server, client]) {
      const seen = await prometheus.value(`sum(${name}{grpc_method="${method}"})`);
      expectThat(seen === total, `${name} is ${seen}, not ${total}`);
    }
    for (const [status, count] of expected) {
      const seen = await prometheus.value(`sum(${server}{grpc_status="${status}"})`);
      expectThat(seen === count, `${status}: ${seen}, and the load generator counted ${count}`);
    }
  });
  await check('connections are counted under the names of gRFC A94', async () => {
    for (const name of ['connection_attempts_succeeded_total', 'open_connections']) {
      const seen = await prometheus.value(`sum(grpc_subchannel_${name}{grpc_target="upstream"})`);
      expectThat(seen === replicas.length, `${name} is ${seen}, not ${replicas.length}`);
    }
  });
  await check('messages are counted exactly, by direction', async () => {
    const messages = (direction: string) =>
      prometheus.value(`sum(outrigger_messages_total{outrigger_direction="${direction}"})`);
    expectThat((await messages('request')) === total, `requests: ${await messages('request')}`);
    expectThat((await messages('response')) === okCalls, `responses: ${await messages('response')}`);
  });
}

async function quantiles({ check }: Checks, { prometheus, accessLog }: Setting): Promise<void> {
  const lines = () =>
    readFileSync(accessLog, 'utf8')
      .split('\n')
      .filter((line) => line.includes(method))
      .map((line) => (JSON.parse(line) as { durationMs: number }).durationMs / 1000)
      .sort((a, b) => a - b);
  const total = okCalls + notFoundCalls + unavailableCalls;
  await check('quantiles lie in the bucket of the exact ones', async () => {
    await until('all calls in the access log', scrapePatienceMs, async () => lines().length === total);
    const exact = lines();
    const buckets = await prometheus.query(`sum by (le) (rpc_server_call_duration_seconds_bucket)`);
    const bounds = buckets.map(({ metric }) => Number(metric.le.replace('+Inf', 'Infinity')));
    for (const q of [0.1, 0.5, 0.9, 0.99]) {
      const value = exact[Math.ceil(q * total) - 1];
      const upper = Math.min(...bounds.filter((bound) => bound >= value));
      const lower = Math.max(0, ...bounds.filter((bound) => bound < value));
      const seen = await prometheus.value(
        `histogram_quantile(${q}, sum by (le) (rpc_server_call_duration_seconds_bucket))`,
      );
      expectThat(
        seen >= lower && seen <= upper,
        `p${q * 100} is ${seen} s, the exact one ${value} s in the bucket from ${lower} to ${upper} s`,
      );
    }
  });
}

async function exemplars({ check }: Checks, { prometheus, traceIds, jaeger }: Setting): Promise<void> {
  const histogram = 'rpc_server_call_duration_seconds_bucket';
  await check('exemplars carry the trace ids that the clients sent', async () => {
    const seen = await prometheus.exemplars(histogram);
    expectThat(seen.length > 0, 'there are none');
    const strange = seen.filter(({ labels }) => !traceIds.has(labels.trace_id));
    expectThat(strange.length === 0, `nobody sent ${JSON.stringify(strange.slice(0, 3))}`);
  });
  if (jaeger === null) return;
  await check('each exemplar leads to its trace in Jaeger, whose span took as long', async () => {
    for (const { labels, value } of await prometheus.exemplars(histogram)) {
      const spans = await traceOf(jaeger.queryUrl, labels.trace_id, 2);
      const server = spans.filter(({ kind }) => kind === 'server');
      expectThat(server.length === 1, `${labels.trace_id} has ${server.length} SERVER spans`);
      const seconds = server[0].durationUs / 1e6;
      expectThat(
        Math.abs(seconds - Number(value)) <= durationToleranceSeconds,
        `the span of ${labels.trace_id} took ${seconds} s, the exemplar says ${value} s`,
      );
    }
  });
}

async function boundedNames({ check }: Checks, { prometheus, replicas, sidecar }: Setting): Promise<void> {
  // The figures of the last ten seconds are there only if there were attempts, those of alerts while one is pending.
  const series = async (): Promise<string[]> => {
    const all = await prometheus.query(
      'count by (__name__) ({job="outrigger",instance!="",__name__!~"outrigger_balance_.*|ALERTS.*"})',
    );
    return all.map(({ metric, value }) => `${metric.__name__} ${value}`).sort();
  };
  const other = 'sum(rpc_server_call_duration_seconds_count{rpc_method="other"})';
  const client = new grpc.Client(sidecar.listener, grpc.credentials.createInsecure());
  const call = (path: string) =>
    new Promise<number>((done) => {
      const copy = (bytes: Buffer): Buffer => bytes;
      client.makeUnaryRequest(path, copy, copy, Buffer.alloc(0), (error) => done(error?.code ?? 0));
    });
  await check('names of methods that no server knows add one series, however many there are', async () => {
    expectThat((await call('/made.Up/First')) === grpc.status.UNIMPLEMENTED, 'the first is implemented');
    let calls = 1;
    // Each replica has one series for the methods without a name.
    await until('a call at each replica', scrapePatienceMs, async () => {
      await call(`/made.Up/First${calls++}`);
      const endpoints = 'count(outrigger_endpoint_method_attempts_total{rpc_method="other"})';
      return (await prometheus.value(endpoints)) === replicas.length;
    });
    const counted = () =>
      until('all of them', scrapePatienceMs, async () => (await prometheus.value(other)) === calls);
    await counted();
    const before = await series();
    for (let i = 0; i < randomMethods; i++, calls++) await call(`/made.Up${i}/Method${i}`);
    await counted();
    const added = (await series()).filter((line) => !before.includes(line));
    expectThat(added.length === 0, `there are more series of ${added.join(', ')}`);
  });
  client.close();
}

/** Queries that have nothing to show while all is well: they count what did not happen here. */
const mayBeEmpty = [
  /^Outrigger/, // alerts
  /^route:/,
  /^(Requests by status|Duration by route|Bytes of bodies)$/, // this load is gRPC alone
  /^(Errors that Outrigger answered with|Failed TLS handshakes|HTTP\/1\.1 messages that were refused)$/,
  /^(Retries and hedged attempts|Retries that were not made|Disconnections from endpoints)$/,
];

async function queries({ check }: Checks, setting: Setting): Promise<void> {
  const { prometheus } = setting;
  let isOver = false;
  // Rates need calls that go on, and balance reports the last ten seconds.
  const traffic = (async () => {
    while (!isOver) await load(setting, inFlight * 4);
  })();
  const all = [...ruleQueries(), ...dashboardQueries('5s'), ...variableQueries()];
  for (const { of, expr } of all) {
    await check(`${of}: ${expr.replaceAll(/\s+/g, ' ').slice(0, 90)}`, async () => {
      if (mayBeEmpty.some((names) => names.test(of))) return void (await prometheus.query(expr));
      await until('an answer with a series', scrapePatienceMs, async () => {
        return (await prometheus.query(expr)).length > 0;
      });
    });
  }
  await check('Prometheus evaluates all rules without an error, and no alert fires', async () => {
    const { groups } = (await prometheus.get('rules')) as {
      groups: Array<{ rules: Array<{ name: string; lastError?: string; health: string; state?: string }> }>;
    };
    const rules = groups.flatMap((group) => group.rules);
    expectThat(rules.length === ruleQueries().length, `it has ${rules.length} rules`);
    const bad = rules.filter(({ health, state }) => health !== 'ok' || state === 'firing');
    expectThat(bad.length === 0, JSON.stringify(bad));
  });
  isOver = true;
  await traffic;
}

async function promtool({ check }: Checks, { sidecar }: Setting): Promise<void> {
  const run = promisify(execFile);
  await check('promtool check rules', async () => void (await run('promtool', ['check', 'rules', ruleFile])));
  await check('promtool test rules', async () => {
    await run('promtool', ['test', 'rules', ruleFile.replace('.yml', '.test.yml')]);
  });
  await check('promtool check metrics has no complaint about a name that is ours', async () => {
    const text = await (await fetch(`${sidecar.adminUrl}/metrics`)).text();
    const running = run('promtool', ['check', 'metrics']);
    running.child.stdin?.end(text);
    // It exits with 3 for remarks, which it writes to standard error.
    const { stderr } = await running.catch((error: { stderr: string }) => error);
    expectThat(!/error while linting|parse/.test(stderr), stderr);
  });
}

/** What takes the spans: with a collector, calls have traces. */
interface Collector {
  readonly otlpHttp: string;
  readonly jaeger: Jaeger | null;
  stop(): Promise<void>;
}

/** Starts Jaeger, or a server that takes everything where there is no Jaeger. */
async function startCollector(): Promise<Collector> {
  const program = jaegerProgram();
  if ('path' in program) {
    const jaeger = await startJaeger(program.path);
    return { otlpHttp: jaeger.otlpHttp, jaeger, stop: () => jaeger.stop() };
  }
  process.stdout.write(`  skipped each exemplar leads to its trace in Jaeger: ${program.missing}\n`);
  const server = createServer((request, reply) => request.resume().on('end', () => reply.end()));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    otlpHttp: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    jaeger: null,
    async stop() {
      server.closeAllConnections();
      server.close();
    },
  };
}

async function main(): Promise<number> {
  const checks = startChecks();
  const dir = mkdtempSync(join(tmpdir(), 'outrigger-prometheus-'));
  process.once('exit', () => rmSync(dir, { recursive: true, force: true }));
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(130));
  const replicas = await Promise.all([2, 8, 30].map((delayMs) => startGreeter({ delayMs })));
  const collector = await startCollector();
  const accessLog = join(dir, 'access.log');
  process.env.OTEL_EXPORTER_OTLP_ENDPOINT = `http://${collector.otlpHttp}`;
  process.env.OTEL_BSP_SCHEDULE_DELAY = '200';
  process.env.OUTRIGGER_TELEMETRY_METRICS_GRPC_CALLS = 'true';
  let sidecar: SidecarProcess | null = null;
  let prometheus: Prometheus | null = null;
  let client: GreeterClient | null = null;
  try {
    sidecar = await startSidecar(
      replicas.map(({ address }) => address),
      ['--access-log', `file:${accessLog}`],
    );
    prometheus = await startPrometheus(dir, new URL(sidecar.adminUrl).host, [resolve(ruleFile)]);
    client = connectGreeter(sidecar.listener);
    const { jaeger } = collector;
    const setting = { prometheus, client, replicas, sidecar, accessLog, traceIds: new Set<string>(), jaeger };
    await counters(checks, setting);
    await quantiles(checks, setting);
    await exemplars(checks, setting);
    await boundedNames(checks, setting);
    await queries(checks, setting);
    await promtool(checks, setting);
  } catch (error) {
    checks.failed('the run', (error as Error).message);
  } finally {
    client?.close();
    await prometheus?.stop();
    await sidecar?.stop();
    await Promise.all(replicas.map((replica) => replica.kill()));
    await collector.stop();
  }
  return checks.close();
}

process.exit(await main());
