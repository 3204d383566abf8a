import { h, setHidden, setText } from './dom.js';
import { checkbox, createProblem, labelled } from './form-control.js';
import { count, plural } from './format.js';
import { createTapRow } from './tap-row.js';
import { openTap } from './tap-stream.js';

/** Calls that are kept, and characters of all of them together. */
const rowsMax = 200;
const charsMax = 8 * 1024 * 1024;
/** How often new calls are drawn, milliseconds. */
const drawMs = 250;
/** Different problems that are shown. */
const notesMax = 5;

const filters = [
  ['method', 'Method', 'shop.Orders/Get, /v1/*'],
  ['status', 'Status', 'error, 5xx, UNAVAILABLE'],
  ['min-latency', 'Min latency', '200ms'],
  ['max-latency', 'Max latency', '2s'],
  ['header', 'Header', 'x-user=42'],
  ['endpoint', 'Endpoint', '10.0.0.7:50051'],
];

/**
 * Streams live calls while the reader wants it: nothing is tapped before the start, and the tap ends when the view or the page is
 * hidden. `stop(why)` ends it.
 */
export function createTap(parent) {
  const inputs = new Map(
    filters.map(([name, label, placeholder]) => [
      name,
      { label, input: h('input', { type: 'text', placeholder, autocomplete: 'off', spellcheck: 'false' }) },
    ]),
  );
  const bodies = checkbox(
    'Show message bodies',
    'Needs a reflection service at the endpoint. Credentials are hidden. On another machine, needs the admin token or a client certificate.',
  );
  const start = h('button', { type: 'submit', class: 'go' }, 'Start');
  const clear = h('button', { type: 'button' }, 'Clear');
  const problem = createProblem();
  const status = h('p', { class: 'tap-status', role: 'status' }, 'Not started.');
  const rows = createRows();
  const form = h(
    'form',
    { class: 'controls', 'aria-label': 'Filters' },
    ...[...inputs.values()].map(({ label, input }) => labelled(label, input)),
    bodies.node,
    h('div', { class: 'actions' }, start, clear),
  );
  parent.append(
    h(
      'section',
      { class: 'card tap', 'aria-label': 'Live calls' },
      h(
        'header',
        {},
        h('h2', {}, 'Live calls'),
        h('p', { class: 'meta' }, 'Shows requests as they end, at most 100 each second.'),
      ),
      form,
      problem.node,
      h('div', { class: 'tap-bar' }, status, rows.counts),
      rows.notes,
      rows.frame,
    ),
  );

  let close = null;
  let isRunning = false;
  function stop(why) {
    if (close === null) return;
    close();
    close = null;
    setText(start, 'Start');
    setText(status, why);
    rows.flush();
  }
  function begin() {
    problem.show('');
    rows.clear();
    setText(start, 'Stop');
    setText(status, 'Starting…');
    isRunning = false;
    close = openTap(queryOf(inputs, bodies.box), {
      onEvent(event, chars) {
        if (event.event === 'tap') {
          isRunning = true;
          setText(status, 'Running.');
        } else if (event.event === 'end') stop(`Ended: ${event.text}.`);
        else rows.add(event, chars);
      },
      onEnd(text) {
        stop(isRunning ? 'Stopped.' : 'Not started.');
        problem.show(text, isRunning ? null : inputOf(text, inputs));
      },
    });
  }
  form.addEventListener('submit', (event) => {
    event.preventDefault();
    if (close === null) begin();
    else stop('Stopped.');
  });
  clear.addEventListener('click', () => rows.clear());
  document.addEventListener('visibilitychange', () => {
    if (document.hidden) stop('Stopped, because the page was hidden.');
  });
  return { stop };
}

function queryOf(inputs, bodies) {
  const query = new URLSearchParams();
  for (const [name, { input }] of inputs)
    if (input.value.trim() !== '') query.append(name, input.value.trim());
  if (bodies.checked) query.append('messages', 'true');
  return query;
}

/** The input that a refusal is about: it begins with the name of the parameter. */
function inputOf(text, inputs) {
  return inputs.get(/^([a-z-]+)[ :]/.exec(text)?.[1])?.input ?? null;
}

/** The calls, the newest first. While the reader is among them, new ones wait. */
function createRows() {
  const list = h('ol', { class: 'tap-rows' });
  const empty = h('p', { class: 'empty' }, 'No request has been shown.');
  const heads = ['Time (UTC)', 'Status', 'Took', 'Request', 'Endpoint'];
  const head = h(
    'p',
    { class: 'tap-head', 'aria-hidden': 'true' },
    ...heads.map((text) => h('span', {}, text)),
  );
  const frame = h(
    'div',
    { class: 'scroll', role: 'group', 'aria-label': 'Requests', tabindex: '0' },
    head,
    list,
    empty,
  );
  const counts = h('span', { class: 'count' });
  const notes = h('ul', { class: 'tap-notes' });
  /** The newest last, of which the last `waiting.length` are not in the list. */
  let kept = [];
  let waiting = [];
  let chars = 0;
  let shown = 0;
  let missed = 0;
  let idle = '';
  let timer = 0;

  function isRead() {
    return list.matches(':hover, :focus-within') || list.querySelector('details[open]') !== null;
  }
  function drop() {
    while (kept.length > rowsMax || (chars > charsMax && kept.length > 1)) {
      const [oldest] = kept.splice(0, 1);
      chars -= oldest.chars;
      if (oldest.node === null) waiting.shift();
      else oldest.node.remove();
    }
  }
  function draw(evenIfRead) {
    timer = 0;
    if (waiting.length > 0 && (evenIfRead || !isRead())) {
      for (const row of waiting) {
        row.node = createTapRow(row.call);
        row.call = null;
      }
      list.prepend(...waiting.map(({ node }) => node).reverse());
      waiting = [];
    }
    setText(counts, countsText());
    setHidden(empty, kept.length > 0);
    setHidden(head, kept.length === 0);
    if (waiting.length > 0) later();
  }
  function later() {
    if (timer === 0) timer = setTimeout(() => draw(false), drawMs);
  }
  function countsText() {
    const parts = [];
    if (shown > 0)
      parts.push(
        `${plural(shown, 'request', 'requests')}${shown > kept.length ? `, the last ${count(kept.length)} kept` : ''}`,
      );
    else if (idle !== '') parts.push(idle);
    if (waiting.length > 0) parts.push(`${count(waiting.length)} new ones wait while you read`);
    if (missed > 0) parts.push(`${count(missed)} not shown`);
    return parts.join(' · ');
  }
  function note(text) {
    const all = [...notes.children];
    if (all.some((one) => one.textContent === text)) return;
    if (all.length === notesMax) all[0].remove();
    notes.append(h('li', {}, text));
  }
  draw(true);
  return {
    frame,
    counts,
    notes,
    add(event, length) {
      if (event.event === 'call') {
        const row = { call: event, chars: length, node: null };
        shown++;
        chars += length;
        kept.push(row);
        waiting.push(row);
        drop();
      } else if (event.event === 'not_shown') missed += event.calls;
      else if (event.event === 'problem') note(event.text);
      else if (event.event === 'counts') idle = idleText(event);
      later();
    },
    /** Draws what waits. */
    flush() {
      clearTimeout(timer);
      draw(true);
    },
    clear() {
      for (const { node } of kept) node?.remove();
      kept = [];
      waiting = [];
      chars = 0;
      shown = 0;
      missed = 0;
      idle = '';
      notes.replaceChildren();
      this.flush();
    },
  };
}

function idleText({ seen, matched }) {
  if (matched > 0) return '';
  return seen === 0
    ? 'No request has started so far'
    : `No request matches so far; ${plural(seen, 'request', 'requests')} started`;
}
