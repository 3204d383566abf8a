import { h } from './dom.js';
import { attemptSection, factList } from './explain-attempt.js';
import { bytes, dayTime, duration, plural } from './format.js';
import { staticTable } from './static-table.js';
import { waterfallOf } from './waterfall.js';

const routeColumns = [
  { key: 'compared', title: 'Route' },
  { key: 'matched', title: 'Result' },
  { key: 'because', title: 'Why' },
];

/** The answer of `/explain/ID` as parts of the dialog: what happened, what to change, where the time went, and why each choice was made. */
export function explanationParts(answer) {
  const { explanation, failed, status, durationMs, name } = answer;
  const { outcome, inFlight, advice, attempts } = explanation;
  const tone = inFlight ? 'idle' : failed ? 'bad' : 'ok';
  const took = `${inFlight ? 'for' : 'after'} ${duration(durationMs)}`;
  return [
    h(
      'p',
      { class: 'explain-name' },
      h('span', { class: 'call-name' }, name),
      h('span', { class: 'pill', 'data-tone': tone }, inFlight ? 'in flight' : status),
      h('span', { class: 'note' }, took),
    ),
    h('p', { class: 'explain-outcome' }, outcome),
    ...part(
      'What to change',
      advice.length === 0 ? [] : [h('ul', { class: 'advice' }, ...advice.map((text) => h('li', {}, text)))],
    ),
    ...part('Where the time went', waterfallOf(answer)),
    ...part('Request', [factList(requestFacts(answer))]),
    ...part('Routes, in the order in which they were compared', routeParts(explanation.routing)),
    ...part('Resources of the control plane', resourceParts(answer.resources)),
    ...part(attempts.length === 1 ? 'Attempt' : 'Attempts', attempts.map(attemptSection)),
    ...part('Other calls of this trace', otherCalls(answer.otherCallsOfTrace)),
  ];
}

function resourceParts(resources) {
  if (resources.length === 0) return [];
  return [
    factList(resources.map(({ kind, name, version }) => [kind, `${name}, version ${version || '(none)'}`])),
  ];
}

function part(title, contents) {
  return contents.length === 0 ? [] : [h('h3', {}, title), ...contents];
}

function requestFacts({ call, explanation, status }) {
  const { endedBy, processed, reference, routing, notes } = explanation;
  const traffic = (size, count) =>
    call.grpc ? `${bytes(size)} in ${plural(count, 'message', 'messages')}` : bytes(size);
  return [
    ['status', status],
    ['ended by', endedBy.text],
    ['processed', `${processed.answer}: ${processed.text}`],
    ['first reply', call.headMs > 0 ? `${duration(call.headMs - call.startedMs)} after the start` : 'none'],
    ['listener', call.listener],
    ['route', routing.route || 'none matched'],
    ['cluster', call.cluster],
    ['client', call.clientPort > 0 ? `${call.clientAddress}:${call.clientPort}` : call.clientAddress],
    ['authority', call.authority],
    ['started', `${dayTime(call.startedWallMs)} UTC`],
    ['request', traffic(call.requestBytes, call.requestMessages)],
    ['reply', traffic(call.responseBytes, call.responseMessages)],
    ['trace', String(call.traceId ?? '')],
    ['error id', call.error === '' ? '' : reference],
    ...notes.map(({ policy, text }) => [policy, text]),
  ];
}

function routeParts({ steps, stepsLeftOut }) {
  if (steps.length === 0) return [];
  const rows = steps.map(({ route, matched, reasons }) => ({
    compared: [h('span', { class: 'route-name' }, route)],
    matched: [
      h('span', { class: 'pill', 'data-tone': matched ? 'ok' : 'idle' }, matched ? 'matches' : 'no match'),
    ],
    because: [h('span', { class: 'match' }, reasons.join('; '))],
  }));
  const table = staticTable('Routes that were compared', 'compared', routeColumns, rows);
  if (stepsLeftOut === 0) return [table];
  return [
    table,
    h('p', { class: 'note' }, `${plural(stepsLeftOut, 'more route', 'more routes')} without a match`),
  ];
}

function otherCalls(ids) {
  if (ids.length === 0) return [];
  const links = ids.flatMap((id) => [h('a', { href: `#explain/${id}` }, `#${id}`), ' ']);
  return [h('p', {}, ...links)];
}
