import { h } from './dom.js';
import { duration, plural, weight } from './format.js';
import { staticTable } from './static-table.js';

const columns = [
  { key: 'candidate', title: 'Endpoint' },
  { key: 'busy', title: 'Active' },
  { key: 'heavy', title: 'Weight' },
  { key: 'ratio', title: 'Active / weight' },
  { key: 'health', title: 'State at that moment' },
  { key: 'choice', title: 'Choice' },
];

/** One attempt in full: how it ended, why its endpoint was picked, and the endpoints among which the balancer chose. */
export function attemptSection(attempt) {
  const { number, endpoint, pick, message, kind, verdict, processed, spanId } = attempt;
  const facts = [
    ['kind', kind === 'first' ? '' : kind],
    ['message', message],
    ['then', verdict],
    ['processed', processed],
    ['picked because', pick.reason],
    ['drawn at random', pick.draws.join(', ')],
    ['span', spanId],
  ];
  return h(
    'section',
    { class: 'attempt-part', 'aria-label': `Attempt ${number}` },
    h('h4', {}, `${number}. `, h('span', { class: 'address' }, endpoint), ` ${endText(attempt)}`),
    factList(facts),
    ...candidateParts(attempt),
  );
}

/** A list of names with values; those without a value are left out. */
export function factList(facts) {
  const shown = facts.filter(([, value]) => value !== '');
  return h(
    'dl',
    { class: 'explain-facts' },
    ...shown.map(([name, value]) => h('div', {}, h('dt', {}, name), h('dd', {}, value))),
  );
}

function endText({ inFlight, outcome, durationMs, startedAfterMs }) {
  const took = `${inFlight ? 'for' : 'after'} ${duration(durationMs)}`;
  return `${outcome} ${took}, started at ${duration(startedAfterMs)}`;
}

function candidateParts({ endpoint, pick }) {
  const { candidates, candidatesLeftOut, hasActive } = pick;
  if (candidates.length === 0) return [];
  const rows = inOrder(candidates, endpoint, pick.draws).map((one) =>
    candidateRow(one, endpoint, pick.draws),
  );
  const notes = [];
  if (candidatesLeftOut > 0)
    notes.push(`${plural(candidatesLeftOut, 'more endpoint is', 'more endpoints are')} not kept.`);
  if (!hasActive) notes.push('Active is no longer known where it is "-": too many calls have followed.');
  const name = 'Endpoints at the moment of the pick';
  return [
    h('h5', {}, `${name}, before this call was counted`),
    h(
      'div',
      { class: 'scroll', role: 'group', 'aria-label': name, tabindex: '0' },
      staticTable(name, 'candidates', columns, rows),
    ),
    ...notes.map((text) => h('p', { class: 'note' }, text)),
  ];
}

/** The picked one first, then those that were drawn, then the usable ones, those with the least to do first. */
function inOrder(candidates, picked, draws) {
  const rank = ({ address, unusable }) => {
    if (address === picked) return 0;
    if (draws.includes(address)) return 1;
    return unusable === '' ? 2 : 3;
  };
  const load = ({ active, weight: w }) => (active ?? 1e6) / w;
  return [...candidates].sort((a, b) => rank(a) - rank(b) || load(a) - load(b));
}

function candidateRow(candidate, picked, draws) {
  const { address, active, weight: w, zone, priority, health, unusable } = candidate;
  const place = [zone === '' ? '' : `zone ${zone}`, priority > 0 ? `priority ${priority}` : ''];
  const isUsable = unusable === '';
  const isPicked = address === picked;
  const choice = isPicked ? 'picked' : draws.includes(address) ? 'drawn' : '';
  return {
    candidate: [
      h('span', { class: 'address' }, address),
      h('span', { class: 'note' }, place.filter(Boolean).join(' · ')),
    ],
    busy: [active === null ? '-' : String(active)],
    heavy: [weight(w)],
    ratio: [active === null ? '-' : (active / w).toFixed(2)],
    health: [
      h('span', { class: 'pill', 'data-tone': isUsable ? 'ok' : 'bad' }, isUsable ? health : 'not usable'),
      h('span', { class: 'note' }, unusable),
    ],
    choice: [
      choice === '' ? '' : h('span', { class: 'pill', 'data-tone': isPicked ? 'ok' : 'idle' }, choice),
    ],
  };
}
