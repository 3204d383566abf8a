import { createCard } from './card.js';
import { createCells, createTable } from './data-table.js';
import { h, setAttribute, setText } from './dom.js';
import { explainLink } from './explain-dialog.js';
import { ago, duration, plural } from './format.js';
import { createBars } from './waterfall.js';

const columns = [
  { key: 'call', title: 'Request', sort: (call) => call.name },
  { key: 'status', title: 'Status', sort: (call) => call.status },
  { key: 'last', title: 'Last', sort: (call) => call.endedWallMs, descending: true },
  { key: 'took', title: 'Took', sort: (call) => call.durationMs, descending: true },
  { key: 'times', title: 'Alike', sort: (call) => call.times, descending: true },
  { key: 'timing', title: 'Time spent' },
];

const kinds = [
  ['', 'All'],
  ['failed', 'Failed'],
  ['client error', 'Client errors'],
  ['slow', 'Slow'],
];
const kindRank = { failed: 0, 'client error': 1, slow: 2 };

/** The failed and slow requests. `update(calls, nowWallMs)`, and `updateAges(nowWallMs)` while they are the same. */
export function createCalls(parent) {
  let calls = [];
  let kind = '';
  let nowWallMs = 0;
  let isWaiting = false;
  const choice = h(
    'select',
    { 'aria-label': 'Kind of requests' },
    ...kinds.map(([value, text]) => h('option', { value }, text)),
  );
  const table = createTable({
    name: 'Failed and slow requests',
    columns,
    keyOf: (call) => `${call.kind} ${call.id}`,
    createRow: createCall,
    textOf: (c) =>
      [
        c.name,
        c.status,
        c.reason,
        c.cluster,
        c.endpoint,
        c.route,
        c.listener,
        c.kind,
        c.traceId,
        `#${c.id}`,
      ].join(' '),
    // Failed ones first, and in each kind the newest.
    firstOrder: (call) => kindRank[call.kind] * 1e15 - call.endedWallMs,
    filterLabel: 'Filter requests',
    empty: 'No request has failed or was slow.',
    tools: [choice],
  });
  const all = h('a', { class: 'all', href: '/traces' }, 'All requests');
  const card = createCard({
    title: 'Failed and slow requests',
    name: 'Failed and slow requests',
    kind: 'calls',
    header: [all],
    contents: [table.bar, table.frame, table.none],
    onOpen: () => show(),
  });
  parent.append(card.node);
  function show() {
    if (!card.isOpen) return;
    const shown = kind === '' ? calls : calls.filter((call) => call.kind === kind);
    table.update(shown.map((call) => ({ ...call, ago: ago(nowWallMs - call.endedWallMs) })));
  }
  // Calls and ages arrive one after the other: they are shown once, before the browser paints.
  function showSoon() {
    if (isWaiting) return;
    isWaiting = true;
    requestAnimationFrame(() => {
      isWaiting = false;
      show();
    });
  }
  choice.addEventListener('change', () => {
    kind = choice.value;
    show();
  });
  show();
  return {
    update(next, now) {
      calls = next;
      nowWallMs = now;
      showSoon();
    },
    updateAges(now) {
      nowWallMs = now;
      showSoon();
    },
  };
}

function createCall() {
  const link = h('a', { class: 'call-name' });
  const reason = h('span', { class: 'reason' });
  const about = h('span', { class: 'note' });
  const status = h('span', { class: 'pill' });
  const last = h('span');
  const took = h('span');
  const times = h('span');
  const bars = createBars();
  const node = createCells(columns, {
    call: [link, ' ', about, reason],
    status: [status],
    last: [last],
    took: [took],
    times: [times],
    timing: [bars.node],
  });
  return {
    node,
    update(call) {
      setText(link, call.name);
      setAttribute(link, 'href', explainLink(call.id));
      setText(reason, call.reason);
      setAttribute(reason, 'title', call.reason);
      setText(about, aboutText(call));
      setText(status, call.kind === 'slow' ? `slow · ${call.status}` : call.status);
      setAttribute(status, 'data-tone', { failed: 'bad', slow: 'warn' }[call.kind] ?? 'idle');
      setText(last, call.ago);
      setText(took, duration(call.durationMs));
      setText(times, call.times > 1 ? `× ${call.times}` : '1');
      bars.update(call);
    },
  };
}

function aboutText(call) {
  const parts = [`#${call.id}`];
  if (call.cluster !== '') parts.push(call.cluster);
  if (call.endpoint !== '') parts.push(call.endpoint);
  if (call.attempts > 1) parts.push(plural(call.attempts, 'attempt', 'attempts'));
  return parts.join(' · ');
}
