import { childrenOf, type JaegerSpan } from './trace.ts';

/** A trace as an SVG waterfall, for docs/trace.svg: `make demo-jaeger ARGS=--picture` writes that of the retried call. */
const rowHeight = 26;
const labelWidth = 300;
const barsWidth = 560;
const colors: Readonly<Record<string, string>> = {
  orders: '#4c78a8',
  'orders-sidecar': '#f58518',
  'payments-sidecar': '#b279a2',
  payments: '#54a24b',
};
const failedColor = '#d62728';

export function waterfall(spans: readonly JaegerSpan[]): string {
  const firstUs = Math.min(...spans.map(({ startUs }) => startUs));
  const lastUs = Math.max(...spans.map(({ startUs, durationUs }) => startUs + durationUs));
  const x = (us: number) => Math.round(labelWidth + (barsWidth * (us - firstUs)) / (lastUs - firstUs));
  const rows: string[] = [];
  const draw = (span: JaegerSpan, depth: number): void => {
    const y = 10 + rows.length * rowHeight;
    const width = Math.max(2, x(span.startUs + span.durationUs) - x(span.startUs));
    const failed = span.tags.error === true;
    const marks = span.events.map(
      ({ name, atUs }) =>
        `<circle cx="${x(atUs)}" cy="${y + 9}" r="5" fill="#222"><title>${name}</title></circle>`,
    );
    rows.push(
      [
        `<text x="${10 + depth * 16}" y="${y + 14}">${span.service} (${span.kind})</text>`,
        `<rect x="${x(span.startUs)}" y="${y}" width="${width}" height="18" rx="3" fill="${failed ? failedColor : colors[span.service]}"/>`,
        ...marks,
        `<text x="${x(span.startUs) + width + 6}" y="${y + 14}">${(span.durationUs / 1000).toFixed(1)} ms</text>`,
      ].join(''),
    );
    for (const child of childrenOf(spans, span)) draw(child, depth + 1);
  };
  for (const span of spans) if (span.parent === '') draw(span, 0);
  const height = 20 + rows.length * rowHeight;
  const width = labelWidth + barsWidth + 80;
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" font-family="sans-serif" font-size="13" fill="#222">
<rect width="100%" height="100%" fill="#fff"/>
${rows.join('\n')}
</svg>
`;
}
