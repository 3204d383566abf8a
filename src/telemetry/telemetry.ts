import { isDeepStrictEqual } from 'node:util';
import type { Clock } from '../core/clock.ts';
import type { Field } from '../core/field.ts';
import type { HeaderBlock } from '../core/header-block.ts';
import { type InternalErrors, seams } from '../core/internal-errors.ts';
import type { Logger } from '../core/logger.ts';
import { QueryRedaction, sensitiveParametersDefault } from '../core/query-redaction.ts';
import type { Random } from '../core/random.ts';
import { maskUrls } from '../core/secret-keys.ts';
import { createAccessLog } from './access-log.ts';
import type { AttemptRecord, CallRecord } from './call-record.ts';
import { type Environment, type ExportPlan, exportPlan } from './export-plan.ts';
import { type CallMetrics, createCallMetrics } from './metrics/call-metrics.ts';
import { type EndpointMetrics, registerEndpointMetrics } from './metrics/endpoint-metrics.ts';
import { type ConnectionCounts, registerProcessMetrics } from './metrics/process-metrics.ts';
import type { PrometheusText } from './metrics/prometheus-text.ts';
import { createRegistry, type Registry } from './metrics/registry.ts';
import { ScrapeMemo } from './metrics/scrape-memo.ts';
import type { Otel } from './otel.ts';
import { makePropagation, type ReplacedHeaders } from './propagation.ts';
import { createRecentCalls, type RecentCalls } from './recent-calls.ts';
import { RequestText } from './request-text.ts';
import type { RouteTelemetry } from './route-telemetry.ts';
import { makeSampler } from './sampler.ts';
import type { TelemetrySettings } from './settings.ts';
import { type CallTrace, contextTracing, offTracing, type Tracing } from './tracing.ts';

/** What telemetry needs of the rest of the process. The callbacks are asked at a scrape, never per call. */
export interface TelemetryDeps {
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  /** The OpenTelemetry exporters read `process.env` themselves; this is for deciding what to start. */
  readonly env: Environment;
  /** Outrigger's version. */
  readonly version: string;
  endpoints(): readonly EndpointMetrics[];
  connections(): ConnectionCounts;
  readonly internalErrors?: InternalErrors;
  /** Counts a call for the totals of the admin page. */
  settled?(record: CallRecord): void;
}

/** All that the call path and the admin API know of telemetry. Nothing here throws or waits while calls run. */
export interface Telemetry {
  /** See `Tracing.replaced`: which trace headers of a request the proxy replaces. */
  readonly replaced: ReplacedHeaders;
  /** What records and errors show of a request. */
  readonly requestText: RequestText;
  /**
   * A call was accepted: its record has listener, id and times. Fills `traceId` and `sampled`. `route` is what the route of the
   * call sets, null for nothing.
   */
  begin(head: HeaderBlock, record: CallRecord, route: RouteTelemetry | null): CallTrace;
  /** An attempt begins: route and cluster are known. Fills `spanId`; answers with the `traceparent` to send. */
  attempt(record: CallRecord, trace: CallTrace, attempt: AttemptRecord): Field | null;
  /** Once for every `begin`, when the record is final; it is kept and must not change any more. */
  settled(record: CallRecord, trace: CallTrace, route: RouteTelemetry | null): void;
  /** A connection or session of Layer 4 is over, which has no span and no method: once, when its record is final. */
  connectionSettled(record: CallRecord): void;
  readonly registry: Registry;
  readonly recent: RecentCalls;
  /** Whether `/metrics` is served. */
  readonly prometheus: boolean;
  prometheusText(accept: string | undefined): PrometheusText;
  /** Applies what of its settings can change while calls run: access log, sampler, propagators, redaction. */
  reconfigure(settings: TelemetrySettings): void;
  /** Reopens the access log, on SIGUSR1 and SIGHUP. */
  reopenAccessLog(): void;
  /** Sends and writes what is left, within `shutdownMaxMs`. Never rejects. */
  shutdown(): Promise<void>;
}

export async function startTelemetry(settings: TelemetrySettings, deps: TelemetryDeps): Promise<Telemetry> {
  const { clock, random, logger } = deps;
  const registry = createRegistry();
  const scrapes = new ScrapeMemo(registry, clock);
  const recent = createRecentCalls();
  const plan = exportPlan(settings, deps.env);
  const metricsOn = settings.metrics.prometheus || plan.metrics !== null;
  const { maxMethods, grpcCalls } = settings.metrics;
  const calls = metricsOn ? createCallMetrics(registry, maxMethods, grpcCalls) : noCallMetrics;
  registerEndpointMetrics(registry, () => deps.endpoints());
  const sampling = metricsOn
    ? registerProcessMetrics(registry, clock.wallMs(), () => deps.connections())
    : null;
  registerBuild(registry, deps.version);
  registerInternalErrors(registry, deps.internalErrors);
  const accessLogOf = (to: TelemetrySettings) => createAccessLog({ ...to.accessLog, random, clock, logger });
  let accessLog = accessLogOf(settings);
  let droppedBefore = 0;
  const otel = await startExport(plan, settings, deps, registry);
  registerLosses(registry, otel, () => droppedBefore + (accessLog?.droppedLines ?? 0));
  let applied = settings;
  let tracing = makeTracing(settings, deps, otel);
  let requestText = requestTextOf(settings);

  return {
    get replaced() {
      return tracing.replaced;
    },
    get requestText() {
      return requestText;
    },
    reconfigure(config) {
      if (!isDeepStrictEqual(config.accessLog, applied.accessLog)) {
        droppedBefore += accessLog?.droppedLines ?? 0;
        void accessLog?.close();
        accessLog = accessLogOf(config);
      }
      if (!isDeepStrictEqual(config.traces, applied.traces)) tracing = makeTracing(config, deps, otel);
      if (!isDeepStrictEqual(config.redactQuery, applied.redactQuery)) requestText = requestTextOf(config);
      applied = config;
    },
    begin(head, record, route) {
      calls.started(record);
      return tracing.begin(head, record, route?.samplingRatio);
    },
    attempt(record, trace, attempt) {
      calls.attemptStarted(record);
      return trace.attempt(attempt);
    },
    settled(record, trace, route) {
      deps.settled?.(record);
      calls.settled(record);
      recent.add(record);
      if (trace.sampled) tracing.ended(record, trace);
      if (accessLog !== null) accessLog.write(record, route?.accessLog);
    },
    connectionSettled(record) {
      deps.settled?.(record);
      recent.add(record);
      accessLog?.write(record);
    },
    registry,
    recent,
    prometheus: settings.metrics.prometheus,
    prometheusText: (accept) => scrapes.text(accept),
    reopenAccessLog: () => accessLog?.reopen(),
    async shutdown() {
      sampling?.stop();
      await Promise.all([otel?.shutdown(), accessLog?.close()]);
    },
  };
}

const noCallMetrics: CallMetrics = { started() {}, attemptStarted() {}, settled() {} };

/** The SDK is loaded here and nowhere else: who exports nothing has not its memory to pay for. */
async function startExport(
  plan: ExportPlan,
  settings: TelemetrySettings,
  deps: TelemetryDeps,
  registry: Registry,
): Promise<Otel | null> {
  const { clock, logger, env, version } = deps;
  if (plan.traces === null && plan.metrics === null) return null;
  try {
    const { startOtel } = await import('./otel.ts');
    return await startOtel({
      plan,
      serviceName: settings.serviceName,
      version,
      registry,
      clock,
      logger,
      env,
    });
  } catch (error) {
    // The exporters check the standard variables as they are made, and throw at one that makes no sense.
    const reason = maskUrls(error instanceof Error ? error.message : String(error));
    logger.error('traces and metrics are not exported; check traces.otlp and the OTEL_* variables', {
      reason,
    });
    return null;
  }
}

function requestTextOf({ redactQuery = sensitiveParametersDefault }: TelemetrySettings): RequestText {
  return new RequestText(new QueryRedaction(redactQuery));
}

function makeTracing(settings: TelemetrySettings, deps: TelemetryDeps, otel: Otel | null): Tracing {
  const { sampler, ratio, propagators } = settings.traces;
  const propagation = makePropagation(propagators);
  if (otel === null || otel.sink === null) return offTracing(propagation);
  return contextTracing({
    sampler: makeSampler(sampler, ratio),
    random: deps.random,
    sink: otel.sink,
    propagation,
  });
}

function registerBuild(registry: Registry, version: string): void {
  registry
    .gauge({
      name: 'outrigger.build_info',
      help: 'Always 1; the labels are the versions that run.',
      unit: '',
    })
    .bind({ version, node: process.version })
    .set(1);
}

function registerInternalErrors(registry: Registry, errors: InternalErrors | undefined): void {
  registry.observe(
    'counter',
    {
      name: 'outrigger.internal_errors',
      help: 'Internal errors of Outrigger (bugs), by place in the code; the log shows each of them.',
      unit: '{error}',
    },
    (emit) => {
      for (const seam of seams) emit({ 'outrigger.seam': seam }, errors?.count(seam) ?? 0);
    },
  );
}

function registerLosses(registry: Registry, otel: Otel | null, droppedLines: () => number): void {
  registry.observe(
    'counter',
    { name: 'outrigger.export.spans', help: 'Spans, by result of the export.', unit: '{span}' },
    (emit) => {
      if (!otel?.spans) return;
      emit({ 'outrigger.outcome': 'exported' }, otel.spans.exported);
      emit({ 'outrigger.outcome': 'failed' }, otel.spans.failed);
      emit({ 'outrigger.outcome': 'dropped' }, otel.spans.dropped);
    },
  );
  registry.observe(
    'counter',
    {
      name: 'outrigger.export.metrics',
      help: 'Exports of metrics, by result.',
      unit: '{export}',
    },
    (emit) => {
      if (!otel?.metrics) return;
      emit({ 'outrigger.outcome': 'exported' }, otel.metrics.exported);
      emit({ 'outrigger.outcome': 'failed' }, otel.metrics.failed);
    },
  );
  registry.observe(
    'counter',
    { name: 'outrigger.access_log.dropped', help: 'Access log lines that were not written.', unit: '{line}' },
    (emit) => {
      emit({}, droppedLines());
    },
  );
}
