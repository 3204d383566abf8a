import type { AddressInfo } from 'node:net';
import { createServer } from 'node:net';
import { expect } from 'chai';
import { systemClock } from '../../src/core/clock.ts';
import { HeaderBlock } from '../../src/core/header-block.ts';
import type { Logger } from '../../src/core/logger.ts';
import { SeededRandom } from '../../src/core/random.ts';
import type { CallRecord } from '../../src/telemetry/call-record.ts';
import { queueSpansDefault } from '../../src/telemetry/otel.ts';
import type { OtlpProtocol, TelemetrySettings } from '../../src/telemetry/settings.ts';
import { startTelemetry, type Telemetry } from '../../src/telemetry/telemetry.ts';
import { judgesRealTime } from '../support/real-time.ts';
import { attemptRecord, callRecord } from '../unit/telemetry/records.ts';
import {
  type Collector,
  type ReceivedSpan,
  startGrpcCollector,
  startHttpCollector,
} from './telemetry-collector.ts';

const parentTrace = '4bf92f3577b34da6a3ce929d0e0e4736';
const parentSpan = '00f067aa0ba902b7';

function settingsFor(endpoint: string, protocol: OtlpProtocol, metrics = false): TelemetrySettings {
  return {
    serviceName: 'greeter-sidecar',
    traces: {
      sampler: 'parentbased_always_on',
      ratio: 0,
      propagators: ['tracecontext'],
      otlp: { endpoint, protocol },
    },
    metrics: { otlp: metrics, prometheus: true, maxMethods: 200 },
    accessLog: { format: 'json', to: { kind: 'none' }, sample: 1 },
  };
}

/** A logger that keeps warnings and what follows them. */
function keepingLogger(): Logger & { readonly lines: string[] } {
  const lines: string[] = [];
  const keep = (message: string): void => void lines.push(message);
  return { lines, debug() {}, info: keep, warn: keep, error: keep };
}

function start(
  settings: TelemetrySettings,
  logger: Logger,
  env: Record<string, string> = {},
): Promise<Telemetry> {
  return startTelemetry(settings, {
    clock: systemClock,
    random: new SeededRandom(7),
    logger,
    env,
    version: '1.2.3',
    endpoints: () => [],
    connections: () => ({ downstream: 0, upstream: 0 }),
  });
}

/** Takes a call through telemetry as the proxy does; answers with the `traceparent`s sent upstream. */
function run(telemetry: Telemetry, record: CallRecord, ...headers: Array<[string, string]>): string[] {
  const trace = telemetry.begin(HeaderBlock.of([':path', record.path], ...headers), record, null);
  const sent = record.attempts.map((attempt) => telemetry.attempt(record, trace, attempt)?.value ?? '');
  telemetry.settled(record, trace, null);
  return sent;
}

const bySpanId = (spans: readonly ReceivedSpan[], id: string): ReceivedSpan => {
  const span = spans.find((one) => one.spanId === id);
  if (!span) throw new Error(`no span ${id} among ${spans.map((one) => one.spanId).join()}`);
  return span;
};

/** What contracts promise of the SERVER span of the call below, and of the CLIENT span of its second attempt. */
const serverAttributes = {
  'rpc.system.name': 'grpc',
  'rpc.method': 'helloworld.Greeter/SayHello',
  'rpc.status_code': 'OK',
  'server.address': 'greeter',
  'server.port': 50_051,
  'client.address': '127.0.0.1',
  'client.port': 40_000,
  'network.peer.address': '127.0.0.1',
  'network.peer.port': 40_000,
  'outrigger.call': 1,
  'outrigger.listener': 'outbound',
  'outrigger.route': 'hello',
  'outrigger.cluster': 'greeter',
  'outrigger.request.messages': 1,
  'outrigger.response.messages': 1,
};
const clientAttributes = {
  'rpc.system.name': 'grpc',
  'rpc.method': 'helloworld.Greeter/SayHello',
  'rpc.status_code': 'OK',
  'server.address': '127.0.0.1',
  'server.port': 50_052,
  'network.peer.address': '127.0.0.1',
  'network.peer.port': 50_052,
  'outrigger.route': 'hello',
  'outrigger.cluster': 'greeter',
  'outrigger.attempt': 2,
  'outrigger.attempt.kind': 'retry',
  'outrigger.pick': 'lowest active/weight of 3',
};

describe('telemetry over OTLP', function () {
  judgesRealTime(this, 'batches have to be exported in time');
  for (const [protocol, startCollector] of [
    ['grpc', startGrpcCollector],
    ['http/protobuf', startHttpCollector],
  ] as const) {
    describe(protocol, () => {
      let collector: Collector;
      beforeEach(async () => {
        collector = await startCollector();
      });
      afterEach(() => collector.close());

      it('exports a SERVER span per call and a CLIENT span per attempt as its children', async () => {
        const telemetry = await start(settingsFor(collector.url, protocol), keepingLogger());
        const record = callRecord({
          attempts: [
            attemptRecord({ grpcStatus: 14, endedMs: 1005, verdict: 'UNAVAILABLE: retried after 3 ms' }),
            attemptRecord({
              number: 2,
              kind: 'retry',
              startedMs: 1005,
              peerPort: 50_052,
              endpoint: '127.0.0.1:50052',
            }),
          ],
        });
        const sent = run(
          telemetry,
          record,
          ['traceparent', `00-${parentTrace}-${parentSpan}-01`],
          ['tracestate', 'congo=t61rcWkgMzE'],
        );
        await telemetry.shutdown();

        expect(collector.spans).to.have.lengthOf(3);
        expect(collector.resource).to.include({
          'service.name': 'greeter-sidecar',
          'service.version': '1.2.3',
        });
        const [first, second] = sent.map((traceparent) => {
          const [version, trace, span, flags] = traceparent.split('-');
          expect([version, trace, flags]).to.deep.equal(['00', parentTrace, '01']);
          return bySpanId(collector.spans, span);
        });
        const server = collector.spans.find((span) => span.kind === 2) as ReceivedSpan;
        expect(server).to.deep.include({
          traceId: parentTrace,
          parentSpanId: parentSpan,
          traceState: 'congo=t61rcWkgMzE',
          name: 'helloworld.Greeter/SayHello',
          startNanos: 1_700_000_000_000_000_000n,
          endNanos: 1_700_000_000_020_000_000n,
          statusCode: 0,
          scope: 'outrigger',
        });
        expect(server.flags & 0x301, 'sampled, and the parent is remote').to.equal(0x301);
        expect(server.attributes).to.deep.equal(serverAttributes);
        expect(first).to.deep.include({
          kind: 3,
          parentSpanId: server.spanId,
          traceId: parentTrace,
          statusCode: 2,
        });
        expect(first.flags & 0x300, 'the parent is local').to.equal(0x100);
        expect(first.attributes).to.include({
          'rpc.status_code': 'UNAVAILABLE',
          'error.type': 'UNAVAILABLE',
          'outrigger.attempt.verdict': 'UNAVAILABLE: retried after 3 ms',
        });
        expect(second).to.deep.include({
          kind: 3,
          parentSpanId: server.spanId,
          name: 'helloworld.Greeter/SayHello',
          startNanos: 1_700_000_000_005_000_000n,
          endNanos: 1_700_000_000_019_000_000n,
          statusCode: 0,
        });
        expect(second.attributes).to.deep.equal(clientAttributes);
      });

      it('exports nothing of an unsampled call, and still sends its context on', async () => {
        const telemetry = await start(settingsFor(collector.url, protocol), keepingLogger());
        const record = callRecord();
        const [sent] = run(telemetry, record, ['traceparent', `00-${parentTrace}-${parentSpan}-00`]);
        await telemetry.shutdown();
        expect(sent).to.match(new RegExp(`^00-${parentTrace}-[0-9a-f]{16}-00$`));
        expect(sent).not.to.include(parentSpan);
        expect(collector.spans).to.deep.equal([]);
      });

      it('exports the registry as metrics', async () => {
        const telemetry = await start(settingsFor(collector.url, protocol, true), keepingLogger());
        run(telemetry, callRecord());
        await telemetry.shutdown();
        const metric = collector.metrics.find(({ name }) => name === 'rpc.server.call.duration');
        expect(metric).to.deep.include({ unit: 's', type: 'histogram' });
        const [point] = metric?.points ?? [];
        expect(point).to.deep.include({ count: 1, value: 0.02 });
        expect(point.attributes).to.deep.equal({
          'rpc.system.name': 'grpc',
          'rpc.method': 'helloworld.Greeter/SayHello',
          'rpc.status_code': 'OK',
          'rpc.response.status_code': 'OK',
          'outrigger.cluster': 'greeter',
          'outrigger.listener': 'outbound',
        });
        expect(point.buckets).to.have.lengthOf(point.bounds.length + 1);
        expect(point.buckets[point.bounds.indexOf(0.025)]).to.equal(1);
        const messages = collector.metrics.find(({ name }) => name === 'outrigger.messages');
        expect(messages).to.deep.include({ type: 'sum' });
        expect(messages?.points.map(({ value }) => value)).to.deep.equal([1, 1]);
        expect(collector.metrics.find(({ name }) => name === 'process.resident_memory')?.type).to.equal(
          'gauge',
        );
      });
    });
  }

  it('names spans of requests that are not gRPC by their method', async () => {
    const collector = await startHttpCollector();
    const telemetry = await start(settingsFor(collector.url, 'http/protobuf'), keepingLogger());
    const attempt = attemptRecord({ grpcStatus: -1, httpStatus: 404, scheme: 'http', httpVersion: '1.1' });
    const http = {
      scheme: 'https' as const,
      httpVersion: '2' as const,
      grpc: false,
      httpMethod: 'GET',
      path: '/api/users?id=7',
      grpcStatus: -1,
    };
    run(telemetry, callRecord({ ...http, httpStatus: 404, attempts: [attempt] }));
    run(
      telemetry,
      callRecord({ ...http, httpStatus: 503, error: 'no_endpoint', detail: 'none there', attempts: [] }),
    );
    await telemetry.shutdown();
    await collector.close();
    const [server, client, failed] = collector.spans;
    expect([server.name, client.name]).to.deep.equal(['GET', 'GET']);
    expect(server.attributes).to.include({
      'http.request.method': 'GET',
      'http.response.status_code': 404,
      'url.path': '/api/users',
      // By the HTTP semantic conventions a server span must have the scheme, and should have the version.
      'url.scheme': 'https',
      'network.protocol.version': '2',
    });
    expect(server.statusCode, 'a 4xx is no error of the server').to.equal(0);
    expect(client.statusCode).to.equal(2);
    expect(client.attributes).to.include({
      'error.type': '404',
      'url.scheme': 'http',
      'network.protocol.version': '1.1',
    });
    expect(failed).to.deep.include({ statusCode: 2, statusMessage: 'none there' });
    expect(failed.attributes).to.include({ 'error.type': '503', 'outrigger.error': 'no_endpoint' });
  });

  it('says once that the collector is gone, counts what is lost and never fails a call', async () => {
    const gone = createServer().listen(0, '127.0.0.1');
    await new Promise((resolve) => gone.once('listening', resolve));
    const { port } = gone.address() as AddressInfo;
    await new Promise((resolve) => gone.close(resolve));
    const logger = keepingLogger();
    process.env.OTEL_EXPORTER_OTLP_TIMEOUT = '300';
    try {
      const telemetry = await start(settingsFor(`http://127.0.0.1:${port}`, 'http/protobuf'), logger);
      const calls = queueSpansDefault; // two spans each: twice what the queue holds
      for (let i = 0; i < calls; i++) run(telemetry, callRecord({ id: i, attempts: [attemptRecord()] }));
      await telemetry.shutdown();
      const { body } = telemetry.prometheusText(undefined);
      const count = (outcome: string): number =>
        Number(
          body.match(
            new RegExp(`outrigger_export_spans_total\\{outrigger_outcome="${outcome}"\\} (\\d+)`),
          )?.[1],
        );
      expect(count('exported')).to.equal(0);
      expect(count('failed') + count('dropped')).to.equal(calls * 2);
      expect(count('dropped')).to.equal(calls * 2 - queueSpansDefault);
      expect(logger.lines.filter((line) => line.includes('does not accept spans'))).to.have.lengthOf(1);
    } finally {
      delete process.env.OTEL_EXPORTER_OTLP_TIMEOUT;
    }
  });

  it('runs on without export where the endpoint makes no sense', async () => {
    const logger = keepingLogger();
    const telemetry = await start(settingsFor('http://[', 'http/protobuf'), logger);
    run(telemetry, callRecord());
    await telemetry.shutdown();
    expect(logger.lines).to.have.lengthOf(1);
    expect(logger.lines[0]).to.match(/^traces and metrics are not exported/);
  });
});
