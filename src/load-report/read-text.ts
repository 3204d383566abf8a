import { clamped, type LoadReport, loadReportMax, ownMetrics } from './load-report.ts';

/** Numbers in one report in text. */
const entriesMax = 64;

/**
 * Reads the flat form of a report, as HTTP servers write it behind `TEXT`: `cpu_utilization=0.3, named_metrics.queue=4`. Older
 * servers write `:` between name and value. Returns false where it is no such list; unknown names are passed over.
 */
export function readTextReport(text: string, names: readonly string[], report: LoadReport): boolean {
  const entries = text.split(',', entriesMax + 1);
  if (entries.length > entriesMax) return false;
  for (const entry of entries) {
    const [name, value, ...more] = entry.split(/[=:]/, 3);
    if (value === undefined || more.length > 0 || value.trim() === '') return false;
    const number = Number(value);
    if (!Number.isFinite(number)) return false;
    setMetric(name.trim(), number, names, report);
  }
  return true;
}

/**
 * Reads a report in JSON, with the names of the definition or in camel case (ProtoJSON accepts both). Returns false where it is
 * none; unknown names are passed over.
 */
export function readJsonReport(text: string, names: readonly string[], report: LoadReport): boolean {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return false;
  }
  if (!isMap(value)) return false;
  for (const [key, part] of Object.entries(value)) {
    const name = key.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
    if (typeof part === 'number') setMetric(name, part, names, report);
    else if (isMap(part) && !setMetrics(`${name}.`, part, names, report)) return false;
  }
  return true;
}

function setMetrics(
  prefix: string,
  metrics: Readonly<Record<string, unknown>>,
  names: readonly string[],
  report: LoadReport,
): boolean {
  const entries = Object.entries(metrics);
  if (entries.length > entriesMax) return false;
  for (const [name, value] of entries)
    if (typeof value === 'number') setMetric(prefix + name, value, names, report);
  return true;
}

function isMap(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** `name` is a field of the definition, or one of a map: `named_metrics.queue`. */
function setMetric(name: string, value: number, names: readonly string[], report: LoadReport): void {
  const { utilization, perSecond, inFlight, latencyMs } = loadReportMax;
  if (name === 'application_utilization') report.application = clamped(value, utilization);
  else if (name === 'cpu_utilization') report.cpu = clamped(value, utilization);
  else if (name === 'mem_utilization') report.memory = clamped(value, utilization);
  else if (name === 'rps_fractional') report.requestsPerSecond = clamped(value, perSecond);
  else if (name === 'eps') report.errorsPerSecond = clamped(value, perSecond);
  else if (name === `named_metrics.${ownMetrics.inFlight}`) report.inFlight = clamped(value, inFlight);
  else if (name === `named_metrics.${ownMetrics.latencyMs}`) report.latencyMs = clamped(value, latencyMs);
  else if (name === `named_metrics.${ownMetrics.limit}`) report.limit = clamped(value, inFlight);
  else if (names.includes(name)) report.named = Math.max(report.named, clamped(value, utilization));
}
