import { h, setAttribute, setHidden, setText } from './dom.js';
import { explainLink } from './explain-dialog.js';
import { duration } from './format.js';

/** What came of a call. `show(method, result)`. */
export function createReport() {
  const title = h('h3');
  const pill = h('span', { class: 'pill' });
  const about = h('span', { class: 'note' });
  const explain = h('a', { class: 'note', target: '_blank' }, 'Explain in a new tab');
  const details = h('p', { class: 'problem' });
  const messages = h('pre', { tabindex: '0', 'aria-label': 'Reply messages' });
  const trailers = h('pre', { tabindex: '0', 'aria-label': 'Trailers' });
  const trailersTitle = h('h3', {}, 'Trailers');
  const node = h(
    'section',
    { class: 'report', 'aria-label': 'Reply', hidden: '' },
    title,
    h('p', { class: 'report-top' }, pill, about, explain),
    details,
    messages,
    trailersTitle,
    trailers,
  );
  return {
    node,
    show(method, result) {
      setText(title, method);
      setText(pill, result.status);
      setAttribute(pill, 'data-tone', result.code === 0 ? 'ok' : 'bad');
      setText(about, aboutText(result));
      setAttribute(explain, 'href', explainLink(result.id ?? result.traceId));
      setText(details, result.code === 0 ? '' : result.details);
      setText(messages, result.messages.map((message) => JSON.stringify(message, null, 2)).join('\n'));
      setHidden(messages, result.messages.length === 0);
      const lines = Object.entries(result.trailers).flatMap(([name, values]) =>
        values.map((value) => `${name}: ${value}`),
      );
      setText(trailers, lines.join('\n'));
      setHidden(trailers, lines.length === 0);
      setHidden(trailersTitle, lines.length === 0);
      setHidden(node, false);
    },
  };
}

function aboutText({ durationMs, endpoint, traceId }) {
  const parts = [duration(durationMs)];
  if (endpoint !== '') parts.push(`from ${endpoint}`);
  parts.push(`trace ${traceId}`);
  return parts.join(' · ');
}
