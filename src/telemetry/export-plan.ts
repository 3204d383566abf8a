import { otelValue } from '../core/otel-variables.ts';
import type { OtlpProtocol, TelemetrySettings } from './settings.ts';

export type Environment = Readonly<Record<string, string | undefined>>;

/** Where one signal goes, or null where it is not exported. */
export interface SignalTarget {
  readonly kind: 'otlp' | 'console';
  readonly protocol: OtlpProtocol;
  /** The full URL, or undefined to let the exporter read the standard environment. */
  readonly url: string | undefined;
}

export interface ExportPlan {
  readonly traces: SignalTarget | null;
  readonly metrics: SignalTarget | null;
}

/**
 * Returns what is exported and where to (OpenTelemetry "Environment Variable Specification" and "OTLP Exporter
 * Configuration"). `OTEL_SDK_DISABLED=true`, and `none` in `OTEL_TRACES_EXPORTER` or `OTEL_METRICS_EXPORTER`, win over all
 * else: they are how an operator switches export off for a while. Then an endpoint of the configuration counts, then the
 * variables. A wrong value counts as unset; the configuration has warned of it.
 */
export function exportPlan(settings: TelemetrySettings, env: Environment): ExportPlan {
  if (otelValue(env, 'OTEL_SDK_DISABLED').toLowerCase() === 'true') return { traces: null, metrics: null };
  return {
    traces: tracesTarget(settings, env),
    metrics: metricsTarget(settings, env),
  };
}

function tracesTarget(settings: TelemetrySettings, env: Environment): SignalTarget | null {
  const exporters = listOf(otelValue(env, 'OTEL_TRACES_EXPORTER'));
  if (exporters.includes('none')) return null;
  if (exporters.includes('console')) return { kind: 'console', protocol: 'http/protobuf', url: undefined };
  const asked =
    exporters.includes('otlp') ||
    isSet(settings.traces.otlp.endpoint) ||
    otelValue(env, 'OTEL_EXPORTER_OTLP_TRACES_ENDPOINT') !== '';
  return asked ? otlpTarget(settings, env, 'TRACES') : null;
}

/** Metrics are scraped by default, so an endpoint that is there for traces alone does not start a second export. */
function metricsTarget(settings: TelemetrySettings, env: Environment): SignalTarget | null {
  const exporters = listOf(otelValue(env, 'OTEL_METRICS_EXPORTER'));
  if (exporters.includes('none')) return null;
  const asked =
    settings.metrics.otlp ||
    exporters.includes('otlp') ||
    otelValue(env, 'OTEL_EXPORTER_OTLP_METRICS_ENDPOINT') !== '';
  return asked ? otlpTarget(settings, env, 'METRICS') : null;
}

const genericEndpoint = 'OTEL_EXPORTER_OTLP_ENDPOINT';
/** Where the specification has exporters send to, if nothing says otherwise. */
const defaultEndpoint = { grpc: 'http://localhost:4317', 'http/protobuf': 'http://localhost:4318' } as const;

function otlpTarget(
  settings: TelemetrySettings,
  env: Environment,
  signal: 'TRACES' | 'METRICS',
): SignalTarget {
  const { endpoint } = settings.traces.otlp;
  // Configuration may have taken the endpoint from the variable that the exporters read themselves.
  const configured = isSet(endpoint) && endpoint !== env[genericEndpoint]?.trim() ? endpoint : undefined;
  const own = configured === undefined ? otelValue(env, `OTEL_EXPORTER_OTLP_${signal}_PROTOCOL`) : '';
  const named = own || settings.traces.otlp.protocol || env.OTEL_EXPORTER_OTLP_PROTOCOL;
  const protocol = named?.toLowerCase() === 'grpc' ? 'grpc' : 'http/protobuf';
  const path = protocol === 'grpc' ? '' : `/v1/${signal.toLowerCase()}`;
  const url =
    configured ??
    (exporterCanRead(settings, env, signal) ? undefined : endpoint || defaultEndpoint[protocol]);
  return { kind: 'otlp', protocol, url: url === undefined ? undefined : url.replace(/\/+$/, '') + path };
}

/** Whether the exporter, which reads the environment itself, comes by no endpoint that was found to be wrong. */
function exporterCanRead(settings: TelemetrySettings, env: Environment, signal: string): boolean {
  const name = `OTEL_EXPORTER_OTLP_${signal}_ENDPOINT`;
  if (isSet(env[name])) return otelValue(env, name) !== '';
  return !isSet(env[genericEndpoint]) || isSet(settings.traces.otlp.endpoint);
}

function listOf(text: string): string[] {
  return text.split(',').map((name) => name.trim().toLowerCase());
}

function isSet(text: string | undefined): text is string {
  return text !== undefined && text.trim() !== '';
}
