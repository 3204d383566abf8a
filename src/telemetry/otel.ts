import {
  type ContextManager,
  context as contextApi,
  createTraceState,
  logs as logsApi,
  metrics as metricsApi,
  ROOT_CONTEXT,
  trace as traceApi,
} from '@opentelemetry/api';
import { type ExportResult, ExportResultCode } from '@opentelemetry/core';
import {
  defaultResource,
  detectResources,
  envDetector,
  hostDetector,
  type Resource,
  resourceFromAttributes,
  serviceInstanceIdDetector,
} from '@opentelemetry/resources';
import {
  type IMetricReader,
  PeriodicExportingMetricReader,
  type PushMetricExporter,
} from '@opentelemetry/sdk-metrics';
import { NodeSDK } from '@opentelemetry/sdk-node';
import { BatchSpanProcessor, ConsoleSpanExporter, type SpanExporter } from '@opentelemetry/sdk-trace';
import type { Clock } from '../core/clock.ts';
import type { Logger } from '../core/logger.ts';
import type { Environment, ExportPlan, SignalTarget } from './export-plan.ts';
import { ExportWatch } from './export-watch.ts';
import { createMetricProducer } from './metrics/otlp-producer.ts';
import type { Registry } from './metrics/registry.ts';
import { otlpSpanExporter } from './otlp-exporter.ts';
import { spansOf } from './spans.ts';
import type { SpanSink } from './tracing.ts';

/**
 * The OpenTelemetry SDK, started with `NodeSDK`. This module and what it imports are loaded (by `telemetry.ts`) only
 * if something is to be exported: the SDK is tens of megabytes of memory, 5 MiB of them for the exporters `NodeSDK` knows.
 */

export interface OtelOptions {
  readonly plan: ExportPlan;
  readonly serviceName: string;
  readonly version: string;
  readonly registry: Registry;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly env: Environment;
}

export interface Otel {
  /** Takes the spans of sampled calls; null where traces are not exported. */
  readonly sink: SpanSink | null;
  readonly spans: ExportWatch | null;
  readonly metrics: ExportWatch | null;
  /** Sends what is queued, for `shutdownMaxMs` at most. Never rejects. */
  shutdown(): Promise<void>;
}

/** A collector that is gone must not hold up the end of the process. */
export const shutdownMaxMs = 3000;
/** The SDK's default, which `OTEL_BSP_MAX_QUEUE_SIZE` replaces. */
export const queueSpansDefault = 2048;

const scope = 'outrigger';

export async function startOtel(options: OtelOptions): Promise<Otel> {
  const { plan, clock } = options;
  const resource = resourceOf(options);
  const traces = plan.traces === null ? null : await startTraces(options, plan.traces, resource);
  const metrics = plan.metrics === null ? null : await startMetrics(options, plan.metrics);
  const sdk = new NodeSDK({
    resource,
    autoDetectResources: false, // done in resourceOf, so that spans and metrics carry the same one
    spanProcessors: traces === null ? [] : [traces.processor],
    metricReaders: metrics === null ? [] : [metrics.reader],
    logRecordProcessors: [],
    instrumentations: [],
    textMapPropagator: null, // contexts are read and written by trace-context.ts
    contextManager: noContext,
  });
  withoutGlobals(() => sdk.start());
  const stop = async (): Promise<void> => {
    await sdk.shutdown().catch(() => {});
    // A batch that fails has the processor leave its exporter open, with the other batches still on their way.
    await traces?.exporter.shutdown().catch(() => {});
  };
  return {
    sink: traces?.sink ?? null,
    spans: traces?.watch ?? null,
    metrics: metrics?.watch ?? null,
    async shutdown() {
      let done: (() => void) | undefined;
      const tooLate = new Promise<void>((resolve) => {
        done = resolve;
      });
      const timer = clock.after(shutdownMaxMs, () => done?.());
      await Promise.race([stop(), tooLate]);
      timer.cancel();
    },
  };
}

function resourceOf(options: OtelOptions): Resource {
  const detected = detectResources({ detectors: [serviceInstanceIdDetector, hostDetector, envDetector] });
  return defaultResource()
    .merge(detected)
    .merge(
      resourceFromAttributes({
        'service.name': options.serviceName,
        'service.version': options.version,
        'process.pid': process.pid,
      }),
    );
}

async function startTraces(options: OtelOptions, target: SignalTarget, resource: Resource) {
  const { env, logger } = options;
  const watch = new ExportWatch('spans', shownTarget(target, env, 'TRACES'), logger);
  let takenSpans = 0;
  const inner = await spanExporter(target);
  const exporter: SpanExporter = {
    export(spans, callback) {
      takenSpans += spans.length;
      inner.export(spans, (result) => {
        report(watch, spans.length, result);
        callback(result);
      });
    },
    shutdown: () => inner.shutdown(),
    forceFlush: () => inner.forceFlush?.() ?? Promise.resolve(),
  };
  const maxQueueSize = positive(env.OTEL_BSP_MAX_QUEUE_SIZE) ?? queueSpansDefault;
  const processor = new BatchSpanProcessor({
    exporter,
    maxQueueSize,
    maxExportBatchSize: positive(env.OTEL_BSP_MAX_EXPORT_BATCH_SIZE),
    scheduledDelayMillis: positive(env.OTEL_BSP_SCHEDULE_DELAY),
    exportTimeoutMillis: positive(env.OTEL_BSP_EXPORT_TIMEOUT),
  });
  const spanScope = {
    resource,
    instrumentationScope: { name: scope, version: options.version },
    traceState: createTraceState,
  };
  let handedSpans = 0;
  const sink: SpanSink = {
    record(record, trace) {
      // The processor would drop them too, but silently, and only after they were made.
      const count = 1 + record.attempts.length;
      if (handedSpans - takenSpans + count > maxQueueSize) return watch.overflow(count);
      for (const span of spansOf(spanScope, record, trace)) {
        handedSpans++;
        processor.onEnd(span);
      }
    },
  };
  return { processor, exporter, sink, watch };
}

async function spanExporter(target: SignalTarget): Promise<SpanExporter> {
  if (target.kind === 'console') return new ConsoleSpanExporter();
  return otlpSpanExporter(target);
}

async function startMetrics(options: OtelOptions, target: SignalTarget) {
  const { env, registry, clock, version, logger } = options;
  const watch = new ExportWatch('metrics', shownTarget(target, env, 'METRICS'), logger);
  const inner = await metricExporter(target);
  const exporter: PushMetricExporter = {
    export(metrics, callback) {
      inner.export(metrics, (result) => {
        report(watch, 1, result);
        callback(result);
      });
    },
    forceFlush: () => inner.forceFlush(),
    shutdown: () => inner.shutdown(),
  };
  const exportIntervalMillis = positive(env.OTEL_METRIC_EXPORT_INTERVAL) ?? 60_000;
  const exportTimeoutMillis = Math.min(
    positive(env.OTEL_METRIC_EXPORT_TIMEOUT) ?? 30_000,
    exportIntervalMillis,
  );
  const reader: IMetricReader = new PeriodicExportingMetricReader({
    exporter,
    exportIntervalMillis,
    exportTimeoutMillis,
    metricProducers: [createMetricProducer(registry, { name: scope, version }, () => clock.wallMs())],
  });
  return { reader, watch };
}

async function metricExporter(target: SignalTarget): Promise<PushMetricExporter> {
  const config = target.url === undefined ? {} : { url: target.url };
  if (target.protocol === 'grpc') {
    const { OTLPMetricExporter } = await import('@opentelemetry/exporter-metrics-otlp-grpc');
    return new OTLPMetricExporter(config);
  }
  const { OTLPMetricExporter } = await import('@opentelemetry/exporter-metrics-otlp-proto');
  return new OTLPMetricExporter(config);
}

function report(watch: ExportWatch, count: number, result: ExportResult): void {
  if (result.code === ExportResultCode.SUCCESS) watch.succeeded(count);
  else watch.failure(count, result.error);
}

function shownTarget(target: SignalTarget, env: Environment, signal: 'TRACES' | 'METRICS'): string {
  if (target.kind === 'console') return 'console';
  const own = env[`OTEL_EXPORTER_OTLP_${signal}_ENDPOINT`];
  return target.url ?? own ?? env.OTEL_EXPORTER_OTLP_ENDPOINT ?? 'localhost';
}

function positive(text: string | undefined): number | undefined {
  const number = Number(text);
  return number > 0 && Number.isFinite(number) ? number : undefined;
}

/**
 * Runs what registers providers as the global ones of OpenTelemetry without letting it. Nothing here uses those, and they belong to the
 * program that a sidecar may be embedded in: its own SDK could not register any more, and its spans would go to our exporter.
 */
function withoutGlobals(run: () => void): void {
  const registrations = [
    [contextApi, 'setGlobalContextManager'],
    [traceApi, 'setGlobalTracerProvider'],
    [metricsApi, 'setGlobalMeterProvider'],
    [logsApi, 'setGlobalLoggerProvider'],
  ] as const;
  // An own property hides the method of the class until it is deleted.
  for (const [api, name] of registrations)
    Object.defineProperty(api, name, { value: () => true, configurable: true });
  try {
    run();
  } finally {
    for (const [api, name] of registrations) Reflect.deleteProperty(api, name);
  }
}

/**
 * Nothing here has an ambient context, and the SDK's default of AsyncLocalStorage has a price for every promise on
 * older Node versions.
 */
const noContext: ContextManager = {
  active: () => ROOT_CONTEXT,
  with: (_context, callback, self, ...values) =>
    callback.call(self as ThisParameterType<typeof callback>, ...values),
  bind: (_context, target) => target,
  enable: () => noContext,
  disable: () => noContext,
};
