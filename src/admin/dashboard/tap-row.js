import { h } from './dom.js';
import { explainLink } from './explain-dialog.js';
import { bytes, duration, plural } from './format.js';

const tones = { ok: 'ok', error: 'bad' };

/** A call that was tapped: one line, and its headers and messages once the reader opens it. */
export function createTapRow(call) {
  const details = h(
    'details',
    {},
    h(
      'summary',
      {},
      h('span', { class: 't-time' }, call.time.slice(11, 23)),
      h(
        'span',
        { class: 't-status' },
        h('span', { class: 'pill', 'data-tone': tones[call.outcome] ?? 'idle' }, call.status),
      ),
      h('span', { class: 't-took' }, duration(call.durationMs)),
      h('span', { class: 't-name' }, nameOf(call)),
      h('span', { class: 't-end' }, call.endpoint || 'no endpoint'),
    ),
  );
  details.addEventListener(
    'toggle',
    () => {
      if (details.childElementCount === 1) details.append(contentsOf(call));
    },
    { once: true },
  );
  return h('li', {}, details);
}

function nameOf({ traffic, path, httpMethod, listener }) {
  if (traffic === 'grpc') return path.replace(/^\//, '');
  return path === '' ? `${traffic} on ${listener}` : `${httpMethod} ${path}`;
}

function contentsOf(call) {
  const { request, response } = call;
  const parts = [
    h('p', { class: 'note' }, aboutText(call), ' · ', createExplainLink(call.id)),
    ...[call.detail, call.message].filter((text) => text !== '').map((text) => h('p', {}, text)),
    headers('Request headers', request.headers),
    messages('Request messages', request),
    headers('Request trailers', request.trailers),
    headers('Response headers', response?.headers),
    messages('Response messages', response),
    headers('Response trailers', response?.trailers),
    attempts(call.attempts),
  ];
  return h('div', { class: 'tap-more' }, ...parts.filter((part) => part !== null));
}

function aboutText({ id, client, route, cluster, requestBytes, responseBytes }) {
  const parts = [`#${id}`, `from ${client}`];
  if (route !== '') parts.push(`route ${route}`);
  if (cluster !== '') parts.push(`cluster ${cluster}`);
  parts.push(`${bytes(requestBytes)} in, ${bytes(responseBytes)} out`);
  return parts.join(' · ');
}

/** In a tab of its own: the tap ends when the reader leaves the page. */
function createExplainLink(id) {
  return h('a', { href: explainLink(id), target: '_blank' }, 'Explain in a new tab');
}

function headers(title, pairs) {
  if (!pairs || pairs.length === 0) return null;
  return block(title, pairs.map(([name, value]) => `${name}: ${value}`).join('\n'));
}

function messages(title, side) {
  if (!side?.messages) return null;
  const { messagesNotShown } = side;
  const texts = side.messages.map((one) =>
    'json' in one ? JSON.stringify(one.json, null, 2) : `${bytes(one.bytes)}: ${one.problem}`,
  );
  if (messagesNotShown > 0) texts.push(`${plural(messagesNotShown, 'more message', 'more messages')}`);
  return texts.length === 0 ? null : block(title, texts.join('\n'));
}

function attempts(all) {
  if (all.length < 2) return null;
  const lines = all.map(
    ({ endpoint, kind, status, error, durationMs }, i) =>
      `${i + 1}. ${endpoint}, ${kind}: ${error || status}, ${duration(durationMs)}`,
  );
  return block('Attempts', lines.join('\n'));
}

function block(title, text) {
  return h('div', { class: 'block' }, h('h3', {}, title), h('pre', {}, text));
}
