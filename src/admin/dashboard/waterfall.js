import { h, setAttribute, setFigure } from './dom.js';
import { duration } from './format.js';

/** The parts of an attempt in words. */
const partWords = { queue: 'queue wait', connect: 'connect', reply: 'first byte', body: 'body' };

/** The attempts of a call as thin bars on one time line, for a row of a table. `update(call)`. */
export function createBars() {
  const node = h('span', { class: 'bars', role: 'img' });
  let shown = '';
  return {
    node,
    update(call) {
      const key = `${call.kind} ${call.id}`;
      if (key === shown) return;
      shown = key;
      node.replaceChildren(...call.timing.map((attempt) => barOf(attempt, call.durationMs)));
      setAttribute(node, 'aria-label', call.timing.map(attemptText).join('; ') || 'no attempt');
    },
  };
}

/** The same with words, for the dialog. */
export function waterfallOf(call) {
  if (call.timing.length === 0)
    return [h('p', { class: 'note' }, 'No endpoint was picked, so there is no attempt to show.')];
  const rows = call.timing.map((attempt, i) =>
    h(
      'li',
      {},
      h('span', { class: 'attempt' }, `${i + 1}. ${attempt.endpoint}`),
      barOf(attempt, call.durationMs),
      h('span', { class: 'note' }, attemptText(attempt)),
    ),
  );
  const keys = Object.entries(partWords).map(([part, words]) =>
    h('span', { class: 'key' }, h('i', { class: `swatch p-${part}` }), words),
  );
  return [
    h('p', { class: 'keys', 'aria-hidden': 'true' }, ...keys),
    h('ol', { class: 'waterfall', 'aria-label': 'Attempts' }, ...rows),
  ];
}

function barOf({ parts }, durationMs) {
  const bar = h('span', { class: 'attempt-bar', 'aria-hidden': 'true' });
  const total = Math.max(durationMs, 0.001);
  for (const { part, fromMs, toMs } of parts) {
    const node = h('i', { class: `p-${part}` });
    setFigure(node, '--from', Math.min(1, Math.max(0, fromMs / total)).toFixed(4));
    setFigure(node, '--to', Math.min(1, Math.max(0, toMs / total)).toFixed(4));
    bar.append(node);
  }
  return bar;
}

function attemptText({ kind, outcome, parts }) {
  const times = parts.map(({ part, fromMs, toMs }) => `${partWords[part]} ${duration(toMs - fromMs)}`);
  return [`${kind === 'first' ? '' : `${kind}, `}${outcome}`, ...times].join(', ');
}
