/**
 * The variables of the OpenTelemetry specification ("Environment Variable Specification", "OTLP Exporter Configuration")
 * that have no configuration key. A wrong value counts as unset, and whoever reads the configuration warns of it.
 */

export interface OtelVariable {
  readonly name: string;
  /** What may be written, for the warning. */
  readonly write: string;
  accepts(text: string): boolean;
}

const words = (name: string, write: string, allowed: readonly string[]): OtelVariable => ({
  name,
  write,
  accepts: (text) => allowed.includes(text.trim().toLowerCase()),
});

const listOf = (name: string, allowed: readonly string[]): OtelVariable => ({
  name,
  write: `a list of ${allowed.join(', ')}`,
  accepts: (text) => text.split(',').every((word) => allowed.includes(word.trim().toLowerCase())),
});

const url = (name: string): OtelVariable => ({
  name,
  write: 'a URL, such as http://127.0.0.1:4318/v1/traces',
  accepts: (text) => /^https?:\/\/[^\s/?#]+([/?][^\s#]*)?$/i.test(text.trim()) && URL.canParse(text.trim()),
});

const milliseconds = (name: string): OtelVariable => whole(name, 'milliseconds, a whole number above 0');

const whole = (name: string, write = 'a whole number above 0'): OtelVariable => ({
  name,
  write,
  accepts: (text) => /^0*[1-9]\d{0,9}$/.test(text.trim()),
});

const protocol = (name: string): OtelVariable =>
  words(name, 'grpc or http/protobuf', ['grpc', 'http/protobuf']);
const compression = (name: string): OtelVariable => words(name, 'gzip or none', ['gzip', 'none']);

const perSignal = (make: (name: string) => OtelVariable, what: string): OtelVariable[] =>
  ['TRACES', 'METRICS'].map((signal) => make(`OTEL_EXPORTER_OTLP_${signal}_${what}`));

export const otelVariables: readonly OtelVariable[] = [
  words('OTEL_SDK_DISABLED', 'true or false', ['true', 'false']),
  listOf('OTEL_TRACES_EXPORTER', ['otlp', 'console', 'none']),
  // Prometheus is served on the admin address in any case.
  listOf('OTEL_METRICS_EXPORTER', ['otlp', 'prometheus', 'none']),
  ...perSignal(url, 'ENDPOINT'),
  ...perSignal(protocol, 'PROTOCOL'),
  compression('OTEL_EXPORTER_OTLP_COMPRESSION'),
  ...perSignal(compression, 'COMPRESSION'),
  milliseconds('OTEL_EXPORTER_OTLP_TIMEOUT'),
  ...perSignal(milliseconds, 'TIMEOUT'),
  whole('OTEL_BSP_MAX_QUEUE_SIZE'),
  whole('OTEL_BSP_MAX_EXPORT_BATCH_SIZE'),
  milliseconds('OTEL_BSP_SCHEDULE_DELAY'),
  milliseconds('OTEL_BSP_EXPORT_TIMEOUT'),
  milliseconds('OTEL_METRIC_EXPORT_INTERVAL'),
  milliseconds('OTEL_METRIC_EXPORT_TIMEOUT'),
];

const byName = new Map(otelVariables.map((variable) => [variable.name, variable]));

/** The value of a variable of the table, trimmed; '' where it is unset, empty or wrong. */
export function otelValue(env: Readonly<Record<string, string | undefined>>, name: string): string {
  const text = env[name]?.trim() ?? '';
  return text !== '' && byName.get(name)?.accepts(text) === true ? text : '';
}
