import { createChart, peakOf } from './chart.js';
import { h, keyedList, setAttribute, setText } from './dom.js';
import { count, duration, durationParts, percent, rate } from './format.js';
import { createPace } from './pace.js';
import { updatedInSight } from './sight.js';
import { createStatuses, statusesShown } from './statuses.js';

/** Seconds that the charts show; the server remembers as many. */
export const historyPoints = 300;
/** How often a chart is drawn, milliseconds: a second more moves it by little more than a pixel. */
const drawnEveryMs = 3_000;

/** The three charts. `setHistory(points)` and `add(totals)`: points oldest first, the last one is now. */
export function createTotals(parent) {
  const views = [createRate(), createErrors(), createLatency()].map((view) => updatedInSight(view));
  parent.append(...views.map((view) => view.node));
  let history = [];
  let counted = null;
  const show = () => {
    for (const view of views) view.update(history);
  };
  show();
  return {
    setHistory(points) {
      history = points.slice(-historyPoints);
      counted = null;
      show();
    },
    add(totals) {
      // The sidecar counts since its start: the chart shows each second alone.
      const ended = {};
      for (const [status, n] of Object.entries(totals.statuses ?? {})) {
        const more = n - (counted?.[status] ?? (counted === null ? n : 0));
        if (more > 0) ended[status] = more;
      }
      counted = totals.statuses ?? {};
      history = [...history, { ...totals, statuses: ended }].slice(-historyPoints);
      show();
    },
  };
}

function createFigure({ key, title, show, tone }) {
  const figure = h('span', { class: 'figure' });
  const unit = h('span', { class: 'unit' });
  const node = h(
    'p',
    { class: 'tile', 'data-tile': key },
    h('span', { class: 'tile-title' }, title),
    h('span', { class: 'value' }, figure, unit),
  );
  return {
    node,
    update(now) {
      const [value, unitText] = show(now);
      setText(figure, value);
      setText(unit, unitText);
      if (tone) setAttribute(node, 'data-tone', tone(now));
    },
  };
}

function createCard(name, figures, chart, extra) {
  const peak = h('span', { class: 'peak' });
  const node = h(
    'div',
    { class: 'card chart-card', 'data-chart': name },
    h('div', { class: 'figures' }, ...figures.map((one) => one.node)),
    h('div', { class: 'plot' }, chart.node, peak),
    extra ??
      h('p', { class: 'axis', 'aria-hidden': 'true' }, h('span', {}, '5 min ago'), h('span', {}, 'now')),
  );
  return { node, peak };
}

function createRate() {
  const perSecond = createFigure({ key: 'rate', title: 'Requests/s', show: (v) => [rate(v ?? 0), ''] });
  const active = createFigure({ key: 'active', title: 'In flight', show: (v) => [count(v ?? 0), ''] });
  const chart = createChart({ series: ['s1'], points: historyPoints });
  const { node, peak } = createCard('rate', [perSecond, active], chart);
  const isDue = createPace(drawnEveryMs);
  return {
    node,
    update(history) {
      const now = history.at(-1);
      perSecond.update(now?.callsPerSecond);
      active.update(now?.active);
      if (!isDue()) return;
      const values = history.map((p) => p.callsPerSecond);
      const highest = rate(peakOf(values));
      setText(peak, history.length > 0 ? `peak ${highest}` : '');
      chart.update([values], `Requests/s, last 5 minutes, peak ${highest}`);
    },
  };
}

function createErrors() {
  const errors = createFigure({
    key: 'errors',
    title: 'Error rate',
    show: (v) => [percent(v ?? 0), ''],
    tone: errorTone,
  });
  const clients = createFigure({
    key: 'client-errors',
    title: 'Client errors',
    show: (v) => [percent(v ?? 0), ''],
  });
  const series = Array.from({ length: statusesShown + 1 }, (_, i) => `e${i + 1}`);
  const chart = createChart({ series, points: historyPoints, stacked: true });
  const legend = h('ul', { class: 'legend', 'aria-label': 'Errors by status, last 5 minutes' });
  const items = keyedList(legend, ({ status }) => status, createLegendItem);
  const none = h('li', { class: 'none' }, 'no errors in the last 5 minutes');
  const { node, peak } = createCard('errors', [errors, clients], chart, legend);
  const statuses = createStatuses();
  const isDue = createPace(drawnEveryMs);
  return {
    node,
    update(history) {
      const now = history.at(-1);
      errors.update(part(now?.errorsPerSecond, now?.callsPerSecond));
      clients.update(part(now?.clientErrorsPerSecond, now?.callsPerSecond));
      if (!isDue()) return;
      const { names, totals, lists } = statuses.of(history);
      items(names.map((status, i) => ({ status, total: totals[i], series: series[i] })));
      if (names.length === 0) legend.append(none);
      else none.remove();
      const sums = history.map((_, i) => lists.reduce((sum, list) => sum + list[i], 0));
      setText(peak, names.length > 0 ? `peak ${count(peakOf(sums))}/s` : '');
      const words = names.map((name, i) => `${name} ${count(totals[i])}`).join(', ');
      chart.update(lists, `Errors by status, last 5 minutes: ${words || 'none'}`);
    },
  };
}

function createLegendItem() {
  const swatch = h('i', {});
  const text = h('span', {});
  return {
    node: h('li', {}, swatch, text),
    update({ status, total, series }) {
      setAttribute(swatch, 'class', `swatch ${series}`);
      setText(text, `${status} ${count(total)}`);
    },
  };
}

const quantiles = [
  { key: 'p50', series: 's1', of: (p) => p.p50Ms },
  { key: 'p90', series: 's2', of: (p) => p.p90Ms ?? null },
  { key: 'p99', series: 's3', of: (p) => p.p99Ms },
];

function createLatency() {
  const figures = quantiles.map(({ key }) =>
    createFigure({ key, title: key === 'p50' ? 'Latency p50' : key, show: (v) => durationParts(v ?? null) }),
  );
  for (const [i, { node }] of figures.entries())
    node.firstElementChild.prepend(h('i', { class: `swatch ${quantiles[i].series}` }));
  const chart = createChart({ series: quantiles.map(({ series }) => series), points: historyPoints });
  const { node, peak } = createCard('latency', figures, chart);
  const isDue = createPace(drawnEveryMs);
  return {
    node,
    update(history) {
      for (const [i, figure] of figures.entries())
        figure.update(history.length === 0 ? undefined : quantiles[i].of(history.at(-1)));
      if (!isDue()) return;
      const lists = quantiles.map(({ of }) => history.map(of));
      const highest = peakOf(lists[2]);
      setText(peak, highest > 0 ? `p99 peak ${duration(highest)}` : '');
      const words = quantiles.map(({ key }, i) => `${key} ${duration(lists[i].at(-1) ?? null)}`).join(', ');
      chart.update(lists, `Latency, last 5 minutes; now ${words}`);
    },
  };
}

/** Part of the requests; null without requests. Errors are those of the server side; clients cause the others. */
function part(perSecond = 0, all = 0) {
  return all > 0 ? Math.min(1, perSecond / all) : null;
}

function errorTone(value) {
  if (value === null || value < 0.0005) return 'calm';
  return value < 0.01 ? 'warn' : 'bad';
}
