import { writeFileSync } from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';
import { isPortFree } from '../../../src/cli/demo/ports.ts';
import { Orders, type PaymentCall } from './client.ts';
import { waterfall } from './picture.ts';
import { jaegerProgram, startCollector, startJaeger } from './programs.ts';
import { startServices } from './services.ts';
import { sendSpans } from './spans.ts';
import { drawing, traceOf } from './trace.ts';

/**
 * `make demo-jaeger`: two services with a sidecar for each pod, an OpenTelemetry Collector and Jaeger. Makes calls until Ctrl-C or
 * for DEMO_SECONDS, and prints a trace of each kind with its link.
 */
const pauseMs = 200;
/** With `--picture`, where the picture of a trace goes, and of which. */
const pictureFile = new URL('../../../docs/trace.svg', import.meta.url);
const picturedKind = process.argv.includes('--picture') ? 'retried' : '';
const arrivalMs = 15_000;

const kinds: ReadonlyArray<{ readonly name: string; readonly call: PaymentCall; readonly spans: number }> = [
  { name: 'unary', call: { method: 'Unary' }, spans: 6 },
  { name: 'streaming', call: { method: 'Bidi', messages: 3 }, spans: 6 },
  { name: 'retried', call: { method: 'Unary', route: 'retry' }, spans: 10 },
  { name: 'hedged', call: { method: 'Unary', route: 'hedge' }, spans: 10 },
  {
    name: 'failed',
    call: { method: 'Unary', options: { failStatus: 13, failMessage: 'the ledger is broken' } },
    spans: 6,
  },
  { name: 'timed out', call: { method: 'Unary', options: { sleepMs: 3000 }, route: 'timeout' }, spans: 6 },
];

const print = (line: string): void => void process.stdout.write(`${line}\n`);

async function addressAt(port: number, what: string): Promise<string | undefined> {
  if (await isPortFree(port)) return `127.0.0.1:${port}`;
  print(`Port ${port} is in use: the ${what} gets a free one.`);
  return undefined;
}

async function main(): Promise<number> {
  print('Starting Jaeger; the first run builds it, which takes 2 to 3 minutes.');
  const program = jaegerProgram();
  if ('missing' in program) {
    print(program.missing);
    return 1;
  }
  const untilMs = performance.now() + 1000 * Number(process.env.DEMO_SECONDS || Number.POSITIVE_INFINITY);
  const interrupt = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => interrupt.abort());
  const jaeger = await startJaeger(program.path, await addressAt(16686, 'page of Jaeger'));
  const collector = await startCollector(program.path, jaeger.otlpGrpc);
  const services = await startServices({
    collector,
    queryUrl: jaeger.queryUrl,
    env: { OTEL_BSP_SCHEDULE_DELAY: '200' },
    outbound: await addressAt(15001, 'outbound listener'),
    admin: await addressAt(15000, 'live page'),
  });
  const orders = new Orders(services.outbound);
  print(`Jaeger:    ${jaeger.queryUrl}/`);
  print(`Live page: ${services.orders.adminUrl}/`);
  for (let round = 0; !interrupt.signal.aborted && (round === 0 || performance.now() < untilMs); round++) {
    for (const { name, call, spans } of kinds) {
      if (name === 'retried') services.failNext = 1;
      if (name === 'hedged') services.slowNextMs.push(1000);
      const { trace, span } = await orders.call(call);
      await pause(pauseMs);
      await sendSpans(jaeger.otlpHttp, [span, ...services.serverSpans.splice(0)]);
      // The first of each kind is shown; the others are there to look for.
      if (round > 0 || interrupt.signal.aborted) continue;
      const found = await traceOf(jaeger.queryUrl, trace.traceId, spans, arrivalMs);
      print(`\nA ${name} call: ${jaeger.queryUrl}/trace/${trace.traceId}\n${drawing(found)}`);
      if (name === picturedKind) writeFileSync(pictureFile, waterfall(found));
    }
    if (round === 0)
      print(`\nCalls go on until Ctrl-C. All traces as JSON: ${jaeger.queryUrl}/api/traces?service=orders`);
  }
  orders.close();
  for (const one of [services, collector, jaeger]) await one.stop();
  return 0;
}

process.exit(await main());
