import { escapeHelp, prometheusUnit } from './names.ts';
import type { Family, Registry, ShownHistogram, Value } from './registry.ts';

/** What `GET /metrics` answers with. */
export interface PrometheusText {
  /** For `content-type`. */
  readonly type: string;
  readonly body: string;
}

const textType = 'text/plain; version=0.0.4; charset=utf-8';
const openMetricsType = 'application/openmetrics-text; version=1.0.0; charset=utf-8';

/** The whole registry: OpenMetrics 1.0 (with exemplars) for who prefers it, the text format 0.0.4 for all others. */
export function prometheusText(registry: Registry, accept: string | undefined): PrometheusText {
  const openMetrics = prefersOpenMetrics(accept);
  const lines: string[] = [];
  for (const family of registry.collect()) writeFamily(lines, family, openMetrics);
  if (openMetrics) lines.push('# EOF');
  lines.push('');
  return { type: openMetrics ? openMetricsType : textType, body: lines.join('\n') };
}

/** RFC 9110 section 12.5.1, as far as it matters here: the two types by their weight, OpenMetrics on a tie. */
export function prefersOpenMetrics(accept: string | undefined): boolean {
  if (accept === undefined || !accept.includes('openmetrics')) return false;
  let open = -1;
  let plain = -1;
  for (const part of accept.split(',', 32)) {
    const [range, ...parameters] = part.split(';').map((s) => s.trim().toLowerCase());
    let weight = 1;
    let isCurrentVersion = true;
    for (const parameter of parameters) {
      if (parameter.startsWith('q=')) weight = Number(parameter.slice(2)) || 0;
      else if (parameter.startsWith('version='))
        isCurrentVersion = /^version="?(0\.0\.[14]|1\.0\.0)"?$/.test(parameter);
    }
    if (range === 'application/openmetrics-text' && isCurrentVersion) open = Math.max(open, weight);
    else if ((range === 'text/plain' || range === 'text/*' || range === '*/*') && isCurrentVersion)
      plain = Math.max(plain, weight);
  }
  return open > 0 && open >= plain;
}

function writeFamily(lines: string[], family: Family, openMetrics: boolean): void {
  const series = family.series();
  if (series.length === 0) return;
  const { kind, prometheus: name } = family;
  // The text format names a counter with its suffix, OpenMetrics without.
  const declared = kind === 'counter' && !openMetrics ? `${name}_total` : name;
  lines.push(`# HELP ${declared} ${escapeHelp(family.help, openMetrics)}`, `# TYPE ${declared} ${kind}`);
  if (openMetrics) {
    const unit = prometheusUnit(kind, family.unit);
    // OpenMetrics demands that a family with a unit ends in it.
    if (unit !== '' && name.endsWith(`_${unit}`)) lines.push(`# UNIT ${name} ${unit}`);
  }
  if (kind === 'histogram') {
    for (const one of series as readonly ShownHistogram[]) writeHistogram(lines, name, one, openMetrics);
    return;
  }
  const sample = kind === 'counter' ? `${name}_total` : name;
  for (const one of series as readonly Value[]) {
    lines.push(`${one.text === '' ? sample : `${sample}{${one.text}}`} ${number(one.value)}`);
  }
}

function writeHistogram(lines: string[], name: string, series: ShownHistogram, openMetrics: boolean): void {
  const { bounds, counts, exemplars, sum } = series.data;
  const prefix = series.text === '' ? '' : `${series.text},`;
  let total = 0;
  for (let bucket = 0; bucket < counts.length; bucket++) {
    total += counts[bucket];
    const le = bucket === bounds.length ? '+Inf' : boundText(bounds[bucket], openMetrics);
    const exemplar = openMetrics ? exemplars?.[bucket] : undefined;
    const tail = exemplar
      ? ` # {trace_id="${exemplar.traceId}"} ${number(exemplar.value)} ${(exemplar.wallMs / 1000).toFixed(3)}`
      : '';
    lines.push(`${name}_bucket{${prefix}le="${le}"} ${total}${tail}`);
  }
  const labels = series.text === '' ? '' : `{${series.text}}`;
  lines.push(`${name}_sum${labels} ${number(sum)}`, `${name}_count${labels} ${total}`);
}

/** OpenMetrics requires a whole bound as `1.0`, so that the label is the same whoever writes it. */
function boundText(bound: number, openMetrics: boolean): string {
  return openMetrics && Number.isInteger(bound) && Math.abs(bound) < 1e15 ? bound.toFixed(1) : String(bound);
}

function number(value: number): string {
  if (value === Number.POSITIVE_INFINITY) return '+Inf';
  if (value === Number.NEGATIVE_INFINITY) return '-Inf';
  return String(value);
}
