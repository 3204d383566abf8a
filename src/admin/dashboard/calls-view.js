import { h, keyedList, setAttribute, setText } from './dom.js';
import { duration, span } from './format.js';

/** The lists of failed and of slow calls. `update({ failed, slow })`, newest first. */
export function createCalls(parent, openExplanation) {
  const failed = createList('Failed requests', 'No request has failed.', openExplanation);
  const slow = createList('Slow requests', 'No request was slow.', openExplanation);
  parent.append(failed.node, slow.node);
  return {
    update(calls) {
      failed.update(calls.failed);
      slow.update(calls.slow);
    },
  };
}

function createList(title, none, openExplanation) {
  const list = h('ol', {});
  const empty = h('p', { class: 'empty' }, none);
  const all = h('a', { class: 'all', href: '/traces' }, 'All requests');
  const header = h('header', {}, h('h2', {}, title), all);
  const rows = keyedList(
    list,
    (call) => call.id,
    () => createCall(openExplanation),
  );
  return {
    node: h('section', { class: 'card list', 'aria-label': title }, header, empty, list),
    update(calls) {
      rows(calls);
      empty.hidden = calls.length > 0;
    },
  };
}

function createCall(openExplanation) {
  const name = h('span', { class: 'call-name' });
  const status = h('span', { class: 'pill' });
  const reason = h('p', { class: 'reason' });
  const about = h('span', { class: 'note' });
  const link = h('a', {});
  const node = h(
    'li',
    {},
    h('p', { class: 'call-top' }, name, status),
    reason,
    h('p', { class: 'call-bottom' }, about, link),
  );
  link.addEventListener('click', (event) => {
    // With a modifier the reader asks for a tab of its own, which the plain link gives.
    if (event.ctrlKey || event.metaKey || event.shiftKey || event.altKey) return;
    event.preventDefault();
    openExplanation(link.dataset.id);
  });
  return {
    node,
    update(call) {
      setText(name, call.name);
      setText(status, call.status);
      setAttribute(status, 'data-tone', call.failed ? 'bad' : 'idle');
      setText(reason, call.reason);
      setText(about, aboutText(call));
      setText(link, `Explain #${call.id}`);
      setAttribute(link, 'data-id', String(call.id));
      setAttribute(link, 'href', `/explain/${encodeURIComponent(call.id)}`);
    },
  };
}

function aboutText(call) {
  const parts = [duration(call.durationMs), `${span(call.agoMs)} ago`];
  if (call.cluster !== '') parts.push(call.cluster);
  if (call.attempts > 1) parts.push(`${call.attempts} attempts`);
  if (call.times > 1) parts.push(`${call.times} alike`);
  return parts.join(' · ');
}
