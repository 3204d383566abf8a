/**
 * What telemetry costs a call, in nanoseconds of one core: `node test/bench/micro/telemetry.ts`. Each line is the
 * median of several rounds in one process; the figures are for comparing lines and commits on one machine.
 */
import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import { systemClock } from '../../../src/core/clock.ts';
import type { Field } from '../../../src/core/field.ts';
import { HeaderBlock } from '../../../src/core/header-block.ts';
import { LatencyHistogram, RecentLatency } from '../../../src/core/histogram.ts';
import { silentLogger } from '../../../src/core/logger.ts';
import { SeededRandom } from '../../../src/core/random.ts';
import { writePlainLiteral } from '../../../src/http2/hpack/representation.ts';
import { accessLogLine } from '../../../src/telemetry/access-log.ts';
import type { CallRecord } from '../../../src/telemetry/call-record.ts';
import { createCallMetrics } from '../../../src/telemetry/metrics/call-metrics.ts';
import { prometheusText } from '../../../src/telemetry/metrics/prometheus-text.ts';
import { createRegistry } from '../../../src/telemetry/metrics/registry.ts';
import { startOtel } from '../../../src/telemetry/otel.ts';
import { makePropagation } from '../../../src/telemetry/propagation.ts';
import { createRecentCalls } from '../../../src/telemetry/recent-calls.ts';
import { makeSampler } from '../../../src/telemetry/sampler.ts';
import { cleanTracestate, parseTraceparent } from '../../../src/telemetry/trace-context.ts';
import { contextTracing } from '../../../src/telemetry/tracing.ts';
import { OutputBuffer } from '../../../src/transport/output-buffer.ts';
import { attemptRecord, callRecord } from '../../unit/telemetry/records.ts';

const rounds = 7;

function report(name: string, nanos: number): void {
  console.log(`${name.padEnd(64)}${nanos.toFixed(nanos < 100 ? 1 : 0).padStart(8)} ns`);
}

/** Median nanoseconds of one `work`, over rounds of `count`; the results are summed, so that none is dropped. */
function bench(name: string, work: (i: number) => number, count = 300_000): number {
  const nanos: number[] = [];
  let sum = 0;
  for (let round = 0; round < rounds; round++) {
    const start = process.hrtime.bigint();
    for (let i = 0; i < count; i++) sum += work(i);
    nanos.push(Number(process.hrtime.bigint() - start) / count);
  }
  const median = nanos.sort((a, b) => a - b)[rounds >> 1];
  if (Number.isNaN(sum)) throw new Error(`${name}: no number`);
  report(name, median);
  return median;
}

const random = new SeededRandom(1);
const durations = Float64Array.from({ length: 1024 }, () => 0.1 + random.next() * 5);
const records: CallRecord[] = Array.from({ length: 1024 }, (_, i) =>
  callRecord({ id: i, endedMs: 1000 + durations[i], path: `/pkg.Service/Method${i % 10}` }),
);
const incoming = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00';
const plainHead = HeaderBlock.of(
  [':method', 'POST'],
  [':scheme', 'http'],
  [':path', '/pkg.Service/Method0'],
  [':authority', 'greeter'],
  ['content-type', 'application/grpc'],
  ['te', 'trailers'],
);
const tracedHead = new HeaderBlock(HeaderBlock.of(['traceparent', incoming]).fields, plainHead);

function benchParts(): void {
  const histogram = new LatencyHistogram();
  bench('LatencyHistogram.record', (i) => {
    histogram.record(durations[i & 1023]);
    return 0;
  });
  const recent = new RecentLatency(10_000);
  bench('RecentLatency.record', (i) => {
    recent.record(durations[i & 1023], i);
    return 0;
  });
  bench('parseTraceparent', () => (parseTraceparent(incoming) ? 1 : 0));
  bench(
    'cleanTracestate, two members',
    () => cleanTracestate(['rojo=00f067aa0ba902b7,congo=t61rcWkgMzE']).length,
  );
}

function benchCalls(): void {
  const registry = createRegistry();
  const metrics = createCallMetrics(registry, 200);
  bench('metrics: started + attemptStarted + settled, 10 methods', (i) => {
    const record = records[i & 1023];
    metrics.started(record);
    metrics.attemptStarted(record);
    metrics.settled(record);
    return 0;
  });
  const calls = createRecentCalls();
  bench('recent calls: add', (i) => {
    calls.add(records[i & 1023]);
    return 0;
  });
  const tracing = contextTracing({
    sampler: makeSampler('parentbased_always_off', 0),
    random,
    sink: { record() {} },
    propagation: makePropagation(['tracecontext']),
  });
  const attempt = attemptRecord();
  const out = new OutputBuffer();
  const unsampled = (head: HeaderBlock) => (): number => {
    const record = records[0];
    const trace = tracing.begin(head, record);
    out.clear();
    writePlainLiteral(trace.attempt(attempt) as Field, out);
    return out.length;
  };
  bench('tracing, unsampled, continuing a trace: begin + attempt + encode', unsampled(tracedHead));
  bench('tracing, unsampled, new trace: begin + attempt + encode', unsampled(plainHead));
  bench('access log line', (i) => accessLogLine(records[i & 1023]).length, 50_000);
  bench(
    'Prometheus text, 10 methods (per scrape)',
    () => prometheusText(registry, undefined).body.length,
    50,
  );
}

/**
 * Sampled calls all the way: two spans each, through the SDK, as OTLP over HTTP to a collector in a thread of its
 * own. CPU of the main thread, so that what the collector spends does not count.
 */
async function benchSampled(): Promise<void> {
  const collector = new Worker(
    `const { createServer } = require('node:http');
     const { parentPort } = require('node:worker_threads');
     const server = createServer((request, response) => {
       request.resume();
       request.on('end', () => response.end());
     });
     server.listen(0, '127.0.0.1', () => parentPort.postMessage(server.address().port));`,
    { eval: true },
  );
  const [port] = (await once(collector, 'message')) as [number];
  const batchCalls = 256;
  const otel = await startOtel({
    plan: {
      traces: { kind: 'otlp', protocol: 'http/protobuf', url: `http://127.0.0.1:${port}/v1/traces` },
      metrics: null,
    },
    serviceName: 'bench',
    version: '0',
    registry: createRegistry(),
    clock: systemClock,
    logger: silentLogger,
    env: {},
  });
  const { sink, spans } = otel;
  if (sink === null || spans === null) throw new Error('traces are not exported');
  const tracing = contextTracing({
    sampler: makeSampler('always_on', 1),
    random,
    sink,
    propagation: makePropagation(['tracecontext']),
  });
  const microseconds = { calls: 0, total: 0 };
  const batch = async (): Promise<[calls: number, total: number]> => {
    const before = process.threadCpuUsage();
    const until = spans.exported + batchCalls * 2;
    for (let i = 0; i < batchCalls; i++) {
      const record = callRecord({ id: i });
      const trace = tracing.begin(tracedHead, record);
      trace.attempt(record.attempts[0]);
      tracing.ended(record, trace);
    }
    const queued = process.threadCpuUsage(before);
    while (spans.exported < until) await new Promise((resolve) => setTimeout(resolve, 1));
    const all = process.threadCpuUsage(before);
    return [queued.user + queued.system, all.user + all.system];
  };
  const batches = 200;
  for (let i = 0; i < batches; i++) await batch(); // to warm up
  for (let i = 0; i < batches; i++) {
    const [calls, total] = await batch();
    microseconds.calls += calls;
    microseconds.total += total;
  }
  const each = 1000 / (batches * batchCalls);
  report('tracing, sampled: begin + attempt + ended', microseconds.calls * each);
  report('tracing, sampled: the same with export, two spans', microseconds.total * each);
  await otel.shutdown();
  await collector.terminate();
}

benchParts();
benchCalls();
await benchSampled();
