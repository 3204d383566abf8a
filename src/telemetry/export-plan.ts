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
 * What is exported and where to. An endpoint in the configuration wins over the environment; without one, the
 * standard variables decide (OpenTelemetry "Environment variable specification" and "OTLP exporter configuration").
 */
export function exportPlan(settings: TelemetrySettings, env: Environment): ExportPlan {
  if (env.OTEL_SDK_DISABLED?.toLowerCase() === 'true') return { traces: null, metrics: null };
  return {
    traces: tracesTarget(settings, env),
    metrics: metricsTarget(settings, env),
  };
}

function tracesTarget(settings: TelemetrySettings, env: Environment): SignalTarget | null {
  const explicit = explicitEndpoint(settings, env);
  if (explicit !== undefined) return otlpTarget(settings, env, 'TRACES', explicit);
  const exporters = listOf(env.OTEL_TRACES_EXPORTER);
  if (exporters.includes('none')) return null;
  if (exporters.includes('console')) return { kind: 'console', protocol: 'http/protobuf', url: undefined };
  const asked =
    exporters.includes('otlp') ||
    isSet(env.OTEL_EXPORTER_OTLP_ENDPOINT) ||
    isSet(env.OTEL_EXPORTER_OTLP_TRACES_ENDPOINT);
  return asked ? otlpTarget(settings, env, 'TRACES', undefined) : null;
}

/** Metrics are scraped by default, so an endpoint that is there for traces alone does not start a second export. */
function metricsTarget(settings: TelemetrySettings, env: Environment): SignalTarget | null {
  const exporters = listOf(env.OTEL_METRICS_EXPORTER);
  const asked =
    settings.metrics.otlp ||
    (!exporters.includes('none') &&
      (exporters.includes('otlp') || isSet(env.OTEL_EXPORTER_OTLP_METRICS_ENDPOINT)));
  return asked ? otlpTarget(settings, env, 'METRICS', explicitEndpoint(settings, env)) : null;
}

/** The configured endpoint, unless configuration took it from the standard variable that exporters read themselves. */
function explicitEndpoint(settings: TelemetrySettings, env: Environment): string | undefined {
  const { endpoint } = settings.traces.otlp;
  return endpoint === undefined || endpoint === '' || endpoint === env.OTEL_EXPORTER_OTLP_ENDPOINT
    ? undefined
    : endpoint;
}

function otlpTarget(
  settings: TelemetrySettings,
  env: Environment,
  signal: 'TRACES' | 'METRICS',
  endpoint: string | undefined,
): SignalTarget {
  const own = endpoint === undefined ? env[`OTEL_EXPORTER_OTLP_${signal}_PROTOCOL`] : undefined;
  const named = own ?? settings.traces.otlp.protocol ?? env.OTEL_EXPORTER_OTLP_PROTOCOL;
  const protocol = named === 'grpc' ? 'grpc' : 'http/protobuf';
  const path = protocol === 'grpc' ? '' : `/v1/${signal.toLowerCase()}`;
  const url = endpoint === undefined ? undefined : endpoint.replace(/\/+$/, '') + path;
  return { kind: 'otlp', protocol, url };
}

function listOf(text: string | undefined): string[] {
  return (text ?? '').split(',').map((name) => name.trim().toLowerCase());
}

function isSet(text: string | undefined): boolean {
  return text !== undefined && text.trim() !== '';
}
