import { maskUnsafe } from '../../core/safe-text.ts';

/** Prometheus's form of OpenTelemetry's names (OpenTelemetry "Prometheus and OpenMetrics Compatibility"). */

/** Units that become a suffix; an annotation in braces becomes none. */
const unitNames: Readonly<Record<string, string>> = {
  s: 'seconds',
  By: 'bytes',
  '%': 'percent',
  Cel: 'celsius',
};

/** The unit as Prometheus spells it, '' for none. A gauge of unit 1 is a ratio. */
export function prometheusUnit(kind: 'counter' | 'gauge' | 'histogram', unit: string): string {
  if (unit === '1') return kind === 'gauge' ? 'ratio' : '';
  return unitNames[unit] ?? '';
}

/** `rpc.server.call.duration` in `s` is `rpc_server_call_duration_seconds`; `_total` is no part of a family's name. */
export function prometheusName(kind: 'counter' | 'gauge' | 'histogram', name: string, unit: string): string {
  const base = prometheusLabel(name);
  const suffix = prometheusUnit(kind, unit);
  return suffix === '' || base.endsWith(`_${suffix}`) ? base : `${base}_${suffix}`;
}

/** A name of letters, digits and underscores that begins with no digit. */
export function prometheusLabel(name: string): string {
  const text = name.replace(/[^a-zA-Z0-9_]/g, '_');
  return /^[0-9]/.test(text) ? `_${text}` : text;
}

/** `a="1",b="2"`, escaped, in the order given; '' for no labels. */
export function labelText(labels: Readonly<Record<string, string>>): string {
  const parts: string[] = [];
  for (const name in labels) parts.push(`${prometheusLabel(name)}="${escapeLabel(labels[name])}"`);
  return parts.join(',');
}

/** Backslash, quote and line feed; what no terminal should get, and what UTF-8 cannot carry, is replaced. */
export function escapeLabel(value: string): string {
  if (/^[\x20\x21\x23-\x5b\x5d-\x7e]*$/.test(value)) return value;
  return maskUnsafe(
    value.replace(/[\\"\n]/g, (c) => (c === '\n' ? '\\n' : `\\${c}`)),
    '\ufffd',
  );
}

/** Backslash and line feed (text format); OpenMetrics escapes the quote too, and reads it escaped. */
export function escapeHelp(text: string, openMetrics: boolean): string {
  const escaped = text.replace(/\\/g, '\\\\').replace(/\n/g, '\\n');
  return openMetrics ? escaped.replace(/"/g, '\\"') : escaped;
}
