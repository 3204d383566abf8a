import { h, setAttribute, setText } from './dom.js';
import { count, durationParts, percent, rate } from './format.js';
import { createSparkline } from './sparkline.js';

/** Seconds that the sparklines show; the server remembers as many. */
export const historyPoints = 60;

const tiles = [
  { key: 'rate', title: 'Requests/s', of: (p) => p.callsPerSecond, show: (v) => [rate(v ?? 0), ''] },
  { key: 'errors', title: 'Error rate', of: errorRate, show: (v) => [percent(v ?? 0), ''], tone: errorTone },
  { key: 'client-errors', title: 'Client errors', of: clientErrorRate, show: (v) => [percent(v ?? 0), ''] },
  { key: 'active', title: 'In flight', of: (p) => p.active, show: (v) => [count(v ?? 0), ''] },
  { key: 'p50', title: 'p50 latency', of: (p) => p.p50Ms, show: durationParts },
  { key: 'p99', title: 'p99 latency', of: (p) => p.p99Ms, show: durationParts },
];

/** The row of large figures. `update(history)`: points oldest first, the last one is now. */
export function createTotals(parent) {
  const views = tiles.map(createTile);
  parent.append(...views.map((view) => view.node));
  return {
    update(history) {
      for (const view of views) view.update(history);
    },
  };
}

function createTile({ key, title, of, show, tone }) {
  const figure = h('span', { class: 'figure' });
  const unit = h('span', { class: 'unit' });
  const peak = h('span', { class: 'peak' });
  const spark = createSparkline(historyPoints);
  const node = h(
    'div',
    { class: 'tile', 'data-tile': key },
    h('p', { class: 'tile-top' }, h('span', { class: 'tile-title' }, title), peak),
    h('p', { class: 'value' }, figure, unit),
    spark.node,
  );
  return {
    node,
    update(history) {
      const values = history.map(of);
      const now = values.at(-1) ?? null;
      const [value, unitText] = show(now);
      setText(figure, value);
      setText(unit, unitText);
      const known = values.filter((v) => v !== null);
      const highest =
        known.length > 0
          ? show(Math.max(...known))
              .join(' ')
              .trim()
          : '';
      setText(peak, highest && `peak ${highest}`);
      if (tone) setAttribute(node, 'data-tone', tone(now));
      spark.update(values, highest ? `${title}, last minute, peak ${highest}` : `${title}: no data yet`);
    },
  };
}

/** Part of the calls that clients cancelled or that were answered with a client error, such as NOT_FOUND or 404. */
function clientErrorRate(point) {
  const { callsPerSecond, clientErrorsPerSecond = 0 } = point;
  return callsPerSecond > 0 ? Math.min(1, clientErrorsPerSecond / callsPerSecond) : null;
}

/** Part of the calls that count as errors of the server side; null without calls. */
function errorRate(point) {
  return point.callsPerSecond > 0 ? Math.min(1, point.errorsPerSecond / point.callsPerSecond) : null;
}

function errorTone(part) {
  if (part === null || part < 0.0005) return 'calm';
  return part < 0.01 ? 'warn' : 'bad';
}
