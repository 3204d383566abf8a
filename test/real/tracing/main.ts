import * as grpc from '@grpc/grpc-js';
import { type Checks, exitForMissing, expectThat, startChecks, until } from '../checks.ts';
import { Orders, type PaymentCall, type TracedCall } from './client.ts';
import { type Jaeger, jaegerProgram, type Program, startCollector, startJaeger } from './programs.ts';
import { type Services, startServices } from './services.ts';
import { sendSpans } from './spans.ts';
import { childrenOf, drawing, type JaegerSpan, traceOf } from './trace.ts';

/**
 * Calls of one service to another through an outbound and an inbound sidecar, whose spans go to a real OpenTelemetry Collector with
 * docker/otel-collector.yaml, over gRPC and over HTTP, and from there to a real Jaeger, which is asked for the traces.
 */

/** Of two processes on one machine; a millisecond of it is what a span of whole milliseconds would take. */
const clockToleranceUs = 2000;
/** Spans that a sidecar keeps for the collector. */
const queuedSpans = 64;
const verbose = process.argv.includes('--verbose');

interface Stage {
  readonly checks: Checks;
  readonly jaeger: Jaeger;
  readonly services: Services;
  readonly orders: Orders;
}

/** Makes a call, hands over the spans of the services themselves, and gives the trace as Jaeger has it. */
async function traced(
  { jaeger, services, orders }: Stage,
  asked: PaymentCall,
  spans: number,
): Promise<{ call: TracedCall; spans: JaegerSpan[] }> {
  const call = await orders.call(asked);
  const own = () => services.serverSpans.filter(({ traceId }) => traceId === call.trace.traceId);
  const serversOwn = asked.route === 'reset' ? 0 : 1;
  await until('the span of the server', 5000, async () => own().length >= serversOwn);
  // Those that a reset has not ended yet come with the wait for the trace.
  await sendSpans(jaeger.otlpHttp, [call.span]);
  let sent = 0;
  await until('every span in Jaeger', 15_000, async () => {
    const news = own().slice(sent);
    sent += news.length;
    if (news.length > 0) await sendSpans(jaeger.otlpHttp, news);
    return (await traceOf(jaeger.queryUrl, call.trace.traceId, 1).catch(() => [])).length >= spans;
  }).catch(() => {});
  const found = await traceOf(jaeger.queryUrl, call.trace.traceId, spans);
  if (verbose) process.stdout.write(`${drawing(found)}\n`);
  return { call, spans: found };
}

/** The way from the client's span down: outbound SERVER, then for each attempt CLIENT, inbound SERVER, CLIENT, server. */
interface Way {
  readonly outbound: JaegerSpan;
  readonly attempts: readonly JaegerSpan[];
  readonly inbound: readonly JaegerSpan[];
}

function wayOf(call: TracedCall, spans: readonly JaegerSpan[]): Way {
  const roots = spans.filter(({ parent }) => parent === '');
  expectThat(
    roots.length === 1 && roots[0].service === 'orders',
    `roots: ${roots.map((r) => r.service)}\n${drawing(spans)}`,
  );
  expectThat(roots[0].id === call.trace.spanId, 'the root is not the span of the client');
  const [outbound, ...others] = childrenOf(spans, roots[0]);
  expectThat(others.length === 0, `the client's span has ${others.length + 1} children`);
  isSpan(outbound, 'orders-sidecar', 'server');
  const attempts = childrenOf(spans, outbound);
  const inbound = attempts.flatMap((attempt) => {
    isSpan(attempt, 'orders-sidecar', 'client');
    return childrenOf(spans, attempt);
  });
  for (const span of inbound) {
    isSpan(span, 'payments-sidecar', 'server');
    for (const client of childrenOf(spans, span)) {
      isSpan(client, 'payments-sidecar', 'client');
      for (const server of childrenOf(spans, client)) isSpan(server, 'payments', 'server');
    }
  }
  for (const span of spans) startsWithinParent(span, spans);
  return { outbound, attempts, inbound };
}

function isSpan(span: JaegerSpan | undefined, service: string, kind: string): void {
  const found = span === undefined ? 'nothing' : `${span.service} ${span.kind}`;
  expectThat(found === `${service} ${kind}`, `${service} ${kind} expected, ${found} found`);
}

function startsWithinParent(span: JaegerSpan, spans: readonly JaegerSpan[]): void {
  const parent = spans.find(({ id }) => id === span.parent);
  if (parent === undefined) return;
  const earlyUs = parent.startUs - span.startUs;
  const lateUs = span.startUs - (parent.startUs + parent.durationUs);
  expectThat(
    earlyUs <= clockToleranceUs && lateUs <= clockToleranceUs,
    `${span.service} starts outside of its parent: ${Math.max(earlyUs, lateUs)} µs`,
  );
}

function eventsOf(span: JaegerSpan): string {
  return span.events
    .map(({ name, fields }) => `${name} ${fields['outrigger.reset.by'] ?? ''}`.trim())
    .join(', ');
}

function equal(actual: unknown, expected: unknown, what: string): void {
  expectThat(actual === expected, `${what}: ${String(actual)} instead of ${String(expected)}`);
}

function messages({ tags }: JaegerSpan): string {
  return `${tags['outrigger.request.messages']}/${tags['outrigger.response.messages']}`;
}

async function unaryAndStreams(stage: Stage): Promise<void> {
  const { check } = stage.checks;
  for (const [name, asked, counts] of [
    ['unary', { method: 'Unary' }, '1/1'],
    ['bidirectional', { method: 'Bidi', messages: 3 }, '3/3'],
    ['server-streaming', { method: 'ServerStream', options: { replies: 5 } }, '1/5'],
  ] as const)
    await check(
      `a ${name} call is one trace from the client to the server, with its messages counted`,
      async () => {
        const { call, spans } = await traced(stage, asked, 6);
        equal(call.code, grpc.status.OK, 'status');
        equal(spans.length, 6, 'spans');
        const { outbound, attempts, inbound } = wayOf(call, spans);
        equal(attempts.length, 1, 'attempts');
        equal(messages(outbound), counts, 'messages at the outbound sidecar');
        equal(messages(inbound[0]), counts, 'messages at the inbound sidecar');
        equal(spans.flatMap(({ events }) => events).length, 0, 'events');
        expectThat(
          outbound.startUs % 1000 !== 0 || inbound[0].startUs % 1000 !== 0,
          'start times are whole milliseconds',
        );
      },
    );
}

async function retriesAndHedges(stage: Stage): Promise<void> {
  const { checks, services } = stage;
  await checks.check(
    'a retried call has its attempts side by side, and an event for each retry',
    async () => {
      services.failNext = 2;
      const { call, spans } = await traced(stage, { method: 'Unary', route: 'retry' }, 14);
      equal(call.code, grpc.status.OK, 'status');
      const { outbound, attempts, inbound } = wayOf(call, spans);
      equal(attempts.map(({ tags }) => tags['outrigger.attempt']).join(), '1,2,3', 'attempts');
      equal(inbound.length, 3, 'inbound spans');
      equal(eventsOf(outbound), 'outrigger.retry, outrigger.retry', 'events');
      const [retry] = outbound.events;
      expectThat(
        Math.abs(retry.atUs - attempts[1].startUs) <= 1,
        'the event is not at the start of the second attempt',
      );
      expectThat(
        String(retry.fields['outrigger.reason']).includes('UNAVAILABLE'),
        `reason: ${retry.fields['outrigger.reason']}`,
      );
      equal(
        attempts.map(({ tags }) => tags.error === true).join(),
        'true,true,false',
        'attempts with status Error',
      );
    },
  );
  await checks.check('a hedged call has both attempts, and the slower one was reset', async () => {
    services.slowNextMs.push(1500);
    const { call, spans } = await traced(stage, { method: 'Unary', route: 'hedge' }, 10);
    equal(call.code, grpc.status.OK, 'status');
    const { outbound, attempts, inbound } = wayOf(call, spans);
    equal(eventsOf(outbound), 'outrigger.hedge', 'events of the call');
    equal(attempts.length, 2, 'attempts');
    expectThat(
      attempts[0].startUs + attempts[0].durationUs > attempts[1].startUs,
      'the attempts do not overlap',
    );
    equal(eventsOf(attempts[0]), 'outrigger.reset outrigger', 'events of the slower attempt');
    equal(eventsOf(inbound[0]), 'outrigger.reset client', 'events of its inbound span');
    equal(eventsOf(attempts[1]), '', 'events of the faster attempt');
  });
}

async function failures(stage: Stage): Promise<void> {
  const { check } = stage.checks;
  await check('a failed call has the status and the message of its server in every span', async () => {
    const options = { failStatus: grpc.status.INTERNAL, failMessage: 'the ledger is broken' };
    const { call, spans } = await traced(stage, { method: 'Unary', options }, 6);
    equal(call.code, grpc.status.INTERNAL, 'status');
    const { outbound, attempts, inbound } = wayOf(call, spans);
    for (const span of [outbound, attempts[0], inbound[0]]) {
      equal(span.tags['rpc.status_code'], 'INTERNAL', 'rpc.status_code');
      equal(span.tags.error, true, 'error');
      equal(span.tags['otel.status_description'], 'the ledger is broken', 'description');
    }
  });
  await check('a stream that the server resets has an event where it was reset', async () => {
    const { call, spans } = await traced(stage, { method: 'Unary', route: 'reset' }, 5);
    expectThat(call.code !== grpc.status.OK, `status ${call.code}`);
    const { attempts, inbound } = wayOf(call, spans);
    const [resetting] = childrenOf(spans, inbound[0]);
    equal(eventsOf(resetting), 'outrigger.reset upstream', 'events of the attempt at the server');
    equal(attempts.length, 1, 'attempts');
  });
  await check('a call whose deadline passes has an event for that at both sidecars', async () => {
    const asked = { method: 'Unary', options: { sleepMs: 3000 }, route: 'timeout' } as const;
    const { call, spans } = await traced(stage, asked, 6);
    equal(call.code, grpc.status.DEADLINE_EXCEEDED, 'status');
    const { outbound, attempts, inbound } = wayOf(call, spans);
    equal(eventsOf(outbound), 'outrigger.deadline', 'events of the call');
    equal(eventsOf(attempts[0]), 'outrigger.deadline', 'events of the attempt');
    // The inbound sidecar knows the deadline too; either it or the reset of the outbound one comes first.
    for (const span of [inbound[0], ...childrenOf(spans, inbound[0])])
      expectThat(
        /^outrigger\.(deadline|reset)/.test(eventsOf(span)),
        `${span.service} ${span.kind}: "${eventsOf(span)}"`,
      );
  });
}

async function links({ checks, jaeger, services, orders }: Stage): Promise<void> {
  await checks.check('/explain links the call to its trace, and the link leads there', async () => {
    const { trace } = await orders.call({ method: 'Unary' });
    const text = await (await fetch(`${services.orders.adminUrl}/traces`)).text();
    const url = `${jaeger.queryUrl}/trace/${trace.traceId}`;
    const line = text.split('\n').find((row) => row.includes(url));
    expectThat(line !== undefined, `no link in /traces:\n${text}`);
    const id = /\d+/.exec(line ?? '')?.[0];
    const explained = await (await fetch(`${services.orders.adminUrl}/explain/${id}`)).text();
    expectThat(explained.includes(url), `no link in /explain:\n${explained}`);
    const page = await fetch(url);
    await page.text();
    equal(page.status, 200, 'the page of the trace');
  });
}

/** A collector that is down costs spans, and no call. */
async function collectorDown(
  stage: Stage,
  program: string,
  collector: Program,
  jaeger: Jaeger,
): Promise<Program> {
  const { checks, services, orders } = stage;
  const sidecar = services.orders;
  const count = async (outcome: string): Promise<number> => {
    const text = await (await fetch(`${sidecar.adminUrl}/metrics`)).text();
    const line = new RegExp(
      `^outrigger_export_spans_total\\{[^}]*outcome="${outcome}"[^}]*\\} (\\d+)`,
      'm',
    ).exec(text);
    return Number(line?.[1] ?? Number.NaN);
  };
  const warnings = () => sidecar.log().split('the collector does not accept spans').length - 1;
  let revived = collector;
  await checks.check(
    'a collector that is down: every call succeeds, one warning, lost spans are counted',
    async () => {
      await collector.stop();
      const before = (await count('failed')) + (await count('dropped'));
      let made = 0;
      await until('lost spans', 20_000, async () => {
        const codes = await Promise.all(Array.from({ length: 50 }, () => orders.call({ method: 'Unary' })));
        made += codes.length;
        equal(codes.filter(({ code }) => code !== grpc.status.OK).length, 0, 'failed calls');
        return (await count('failed')) > 0 && (await count('dropped')) > 0;
      });
      const lost = (await count('failed')) + (await count('dropped')) - before;
      expectThat(lost > 0 && lost <= 2 * made + queuedSpans, `${lost} spans lost of ${2 * made}`);
      equal(warnings(), 1, 'warnings in the log');
    },
  );
  await checks.check(
    'the collector is back: traces arrive again, and the log has how many spans were lost',
    async () => {
      revived = await startCollector(program, jaeger.otlpGrpc, collector);
      await until('the end of the failure in the log', 20_000, async () => {
        await orders.call({ method: 'Unary' });
        return /the collector accepts spans again.*lost/.test(sidecar.log());
      });
      equal(warnings(), 1, 'warnings in the log');
      // The other sidecar may find the collector later than the one whose log was read, and lose the spans of one more call.
      const whole = () => traced(stage, { method: 'Unary' }, 6);
      const { call, spans } = await whole().catch(whole);
      wayOf(call, spans);
    },
  );
  return revived;
}

async function main(): Promise<number> {
  const program = jaegerProgram();
  if ('missing' in program) exitForMissing(program.missing);
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(130));
  const checks = startChecks();
  let running: Array<{ stop(): Promise<unknown> }> = [];
  try {
    const jaeger = await startJaeger(program.path);
    running = [jaeger];
    let collector = await startCollector(program.path, jaeger.otlpGrpc);
    running.unshift(collector);
    // Small and quick, so that a collector that is down shows within seconds.
    const env = {
      OTEL_BSP_SCHEDULE_DELAY: '100',
      OTEL_BSP_MAX_QUEUE_SIZE: String(queuedSpans),
      OTEL_BSP_MAX_EXPORT_BATCH_SIZE: '32',
      OTEL_EXPORTER_OTLP_TIMEOUT: '1000',
    };
    const services = await startServices({ collector, queryUrl: jaeger.queryUrl, env });
    running.unshift(services);
    const orders = new Orders(services.outbound);
    const stage = { checks, jaeger, services, orders };
    await unaryAndStreams(stage);
    await retriesAndHedges(stage);
    await failures(stage);
    await links(stage);
    collector = await collectorDown(stage, program.path, collector, jaeger);
    running = [services, collector, jaeger];
    orders.close();
  } catch (error) {
    checks.failed('the run', (error as Error).message);
  } finally {
    for (const one of running) await one.stop();
  }
  return checks.close();
}

process.exit(await main());
