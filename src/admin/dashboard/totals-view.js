import { createChart, peakOf } from './chart.js';
import { h, keyedList, setAttribute, setText } from './dom.js';
import { count, duration, durationParts, percent, rate } from './format.js';
import { updatedInSight } from './sight.js';
import { createStatuses, statusesShown } from './statuses.js';

/** Seconds that the charts show; the server remembers as many. */
export const historyPoints = 300;
/** What comes a little earlier than a second after the one before is not left out. */
const earlyMs = 500;

/**
 * The three cards at the top. `setHistory(points)` and `add(totals)`, once a second, show the figures of now; points are oldest first.
 * `draw()` draws the charts, which move by little more than a pixel in a second. `setPace(everyMs)` says how often figures change.
 */
export function createTotals(parent) {
  const cards = [createRate(), createErrors(), createLatency()];
  parent.append(...cards.map(({ node }) => node));
  const figures = cards.map(({ figures, showNow }) => updatedInSight({ node: figures, update: showNow }));
  const charts = cards.map(({ plot, draw }) => updatedInSight({ node: plot, update: draw }));
  let history = [];
  let counted = null;
  let everyMs = 0;
  let shownAt = 0;
  const show = () => {
    shownAt = performance.now();
    for (const figure of figures) figure.update(history.at(-1));
  };
  const draw = () => {
    for (const chart of charts) chart.update(history);
  };
  show();
  draw();
  return {
    setHistory(points) {
      history = points.slice(-historyPoints);
      counted = null;
      show();
      draw();
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
      if (performance.now() - shownAt > everyMs - earlyMs) show();
    },
    setPace(ms) {
      everyMs = ms;
    },
    draw() {
      show();
      draw();
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
  const top = h('div', { class: 'figures' }, ...figures.map((one) => one.node));
  const plot = h('div', { class: 'plot' }, chart.node, peak);
  const node = h(
    'div',
    { class: 'card chart-card', 'data-chart': name },
    top,
    plot,
    extra ??
      h('p', { class: 'axis', 'aria-hidden': 'true' }, h('span', {}, '5 min ago'), h('span', {}, 'now')),
  );
  return { node, figures: top, plot, peak };
}

function createRate() {
  const perSecond = createFigure({ key: 'rate', title: 'Requests/s', show: (v) => [rate(v ?? 0), ''] });
  const active = createFigure({ key: 'active', title: 'In flight', show: (v) => [count(v ?? 0), ''] });
  const chart = createChart({ series: ['s1'], points: historyPoints });
  const { peak, ...card } = createCard('rate', [perSecond, active], chart);
  return {
    ...card,
    showNow(now) {
      perSecond.update(now?.callsPerSecond);
      active.update(now?.active);
    },
    draw(history) {
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
  const { peak, ...card } = createCard('errors', [errors, clients], chart, legend);
  const statuses = createStatuses();
  return {
    ...card,
    showNow(now) {
      errors.update(part(now?.errorsPerSecond, now?.callsPerSecond));
      clients.update(part(now?.clientErrorsPerSecond, now?.callsPerSecond));
    },
    draw(history) {
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
  const { peak, ...card } = createCard('latency', figures, chart);
  return {
    ...card,
    showNow(now) {
      for (const [i, figure] of figures.entries())
        figure.update(now === undefined ? undefined : quantiles[i].of(now));
    },
    draw(history) {
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
