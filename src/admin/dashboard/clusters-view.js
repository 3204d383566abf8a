import { h, keyedList, setAttribute, setFigure, setText } from './dom.js';
import { count, duration, percent, plural, rate, span, weight } from './format.js';

/** Headings of the table; on a narrow screen each stands before its figure instead. */
const columns = [
  ['endpoint', 'Endpoint'],
  ['health', 'Health'],
  ['weight', 'Weight'],
  ['share', 'Share of requests'],
  ['active', 'In flight'],
  ['rate', 'Requests/s'],
  ['p50', 'p50'],
  ['p99', 'p99'],
  ['errors', 'Errors'],
];

/** The cards of all clusters. `update(clusters)`. */
export function createClusters(parent) {
  const update = keyedList(parent, (cluster) => cluster.name, createCluster);
  const empty = h('p', { class: 'card empty' }, 'No cluster is configured.');
  return {
    update(clusters) {
      update(clusters);
      if (clusters.length > 0) empty.remove();
      else parent.append(empty);
    },
  };
}

function createCluster() {
  const name = h('h2', {});
  const about = h('p', { class: 'meta' });
  const usable = h('p', { class: 'usable' });
  const body = h('tbody', { role: 'rowgroup' });
  const more = h('p', { class: 'more' });
  const heads = columns.map(([key, title]) =>
    h('th', { scope: 'col', role: 'columnheader', class: `c-${key}` }, title),
  );
  heads[3].append(h('span', { class: 'legend' }, h('i', { class: 'legend-tick' }), 'by weight'));
  const table = h(
    'table',
    { role: 'table' },
    h('thead', { role: 'rowgroup' }, h('tr', { role: 'row' }, ...heads)),
    body,
  );
  const rows = keyedList(body, (endpoint) => endpoint.address, createEndpoint);
  const node = h('section', { class: 'card cluster' }, h('header', {}, name, about, usable), table, more);
  return {
    node,
    update(cluster) {
      setText(name, cluster.name);
      setAttribute(node, 'aria-label', `Cluster ${cluster.name}`);
      setText(about, aboutText(cluster));
      setText(usable, usableText(cluster));
      setAttribute(usable, 'data-tone', usableTone(cluster));
      // One scale for all bars of a cluster: the longest nearly fills its track, so small shares stay comparable.
      const longest = Math.max(
        0.01,
        ...cluster.endpoints.map((e) => Math.max(e.share ?? 0, e.shareByWeight)),
      );
      rows(cluster.endpoints.map((endpoint) => ({ ...endpoint, longest })));
      const hidden = cluster.endpointCount - cluster.endpoints.length;
      setText(more, hidden > 0 ? `${plural(hidden, 'more endpoint', 'more endpoints')} in /clusters` : '');
    },
  };
}

function aboutText({ protocol, policy, discovery, concurrency }) {
  const parts = [protocol, policy, discovery];
  if (concurrency)
    parts.push(`concurrency limit ${count(concurrency.limit)}, ${count(concurrency.inFlight)} in use`);
  return parts.join(' · ');
}

function usableText({ usableCount, endpointCount }) {
  if (endpointCount === 0) return 'no endpoints';
  return usableCount === endpointCount
    ? `all ${count(endpointCount)} usable`
    : `${count(usableCount)} of ${count(endpointCount)} usable`;
}

function usableTone({ usableCount, endpointCount }) {
  if (usableCount === 0) return 'bad';
  return usableCount < endpointCount ? 'warn' : 'ok';
}

function createEndpoint() {
  const address = h('span', { class: 'address' });
  const place = h('span', { class: 'note' });
  const pill = h('span', { class: 'pill' });
  const why = h('span', { class: 'note' });
  const bar = h(
    'span',
    { class: 'bar', 'aria-hidden': 'true' },
    h('i', { class: 'fill' }),
    h('i', { class: 'tick' }),
  );
  const share = h('span', { class: 'share-now' });
  const wanted = h('span', { class: 'note' });
  const errorRate = h('span', { class: 'note' });
  const contents = {
    endpoint: [address, place],
    health: [pill, why],
    weight: [h('span'), h('span', { class: 'note' })],
    share: [bar, h('span', { class: 'share-text' }, share, ' ', wanted)],
    active: [h('span')],
    rate: [h('span')],
    p50: [h('span')],
    p99: [h('span')],
    errors: [h('span'), errorRate],
  };
  const cells = columns.map(([key, title], i) =>
    h(
      i === 0 ? 'th' : 'td',
      {
        class: `c-${key}`,
        'data-label': title,
        ...(i === 0 ? { scope: 'row', role: 'rowheader' } : { role: 'cell' }),
      },
      ...contents[key],
    ),
  );
  const node = h('tr', { role: 'row' }, ...cells);
  return {
    node,
    update(e) {
      const state = endpointState(e);
      setAttribute(node, 'data-usable', String(e.usable));
      setAttribute(node, 'data-quiet', String(!e.usable && e.active === 0 && e.perSecond === 0));
      setText(address, e.address);
      setText(place, placeText(e));
      setText(pill, state.word);
      setAttribute(pill, 'data-tone', state.tone);
      setText(why, state.why);
      setText(contents.weight[0], weight(e.weight));
      setText(contents.weight[1], e.effectiveWeight === e.weight ? '' : `now ${weight(e.effectiveWeight)}`);
      setFigure(bar, '--share', (e.share ?? 0) / e.longest);
      setFigure(bar, '--wanted', e.shareByWeight / e.longest);
      setText(share, e.usable || e.share > 0 ? percent(e.share) : '-');
      setText(wanted, e.usable ? `· ${percent(e.shareByWeight)} by weight` : '');
      setText(contents.active[0], count(e.active));
      setText(contents.rate[0], rate(e.perSecond));
      setText(contents.p50[0], duration(e.p50Ms));
      setText(contents.p99[0], duration(e.p99Ms));
      setText(contents.errors[0], count(e.error));
      const { error, other = 0, total } = e;
      const notes = [error > 0 ? percent(error / total) : '', other > 0 ? `${count(other)} other` : ''];
      setText(errorRate, notes.filter((note) => note !== '').join(' · '));
      setAttribute(contents.errors[0], 'data-tone', e.error >= 0.01 * e.total && e.error > 0 ? 'bad' : null);
    },
  };
}

/** One word for what matters most, its colour, and the reason in plain words. */
function endpointState(e) {
  const probe = e.health.reason || e.health.status;
  if (e.draining) return { word: 'draining', tone: 'idle', why: `no new requests; ${probe}` };
  if (e.ejectedForMs !== null)
    return {
      word: 'ejected',
      tone: 'bad',
      why: [e.unusableReason, `back in ${span(e.ejectedForMs)}`].filter(Boolean).join('; '),
    };
  const why = `${probe} for ${span(e.health.sinceMs)}`;
  if (e.health.status === 'unhealthy') return { word: 'unhealthy', tone: 'bad', why };
  if (e.health.status === 'unknown') return { word: 'unknown', tone: 'warn', why: e.unusableReason || why };
  if (!e.usable) return { word: 'standby', tone: 'idle', why: e.unusableReason };
  return { word: 'healthy', tone: 'ok', why };
}

function placeText(e) {
  const parts = [];
  if (e.zone !== '') parts.push(`zone ${e.zone}`);
  if (e.priority > 0) parts.push(`priority ${e.priority}`);
  parts.push(plural(e.connections, 'connection', 'connections').replace(' ', '\u00a0'));
  return parts.join(' · ');
}
