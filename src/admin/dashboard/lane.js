import { createCells } from './data-table.js';
import { h, setAttribute, setFigure, setText } from './dom.js';
import { endpointState, stateRank } from './endpoint-state.js';
import { count, duration, percent, plural, rate, weight } from './format.js';
import { createTimeline } from './timeline.js';

/** Headings of the lanes; on a narrow screen each stands before its figure instead. */
export const laneColumns = [
  { key: 'endpoint', title: 'Endpoint', sort: (e) => e.address },
  { key: 'health', title: 'Health', sort: stateRank },
  { key: 'weight', title: 'Weight', sort: (e) => e.effectiveWeight, descending: true },
  { key: 'share', title: 'Share', sort: (e) => e.share, descending: true, extra: legend },
  { key: 'active', title: 'In flight', sort: (e) => e.active, descending: true },
  { key: 'rate', title: 'Req/s', sort: (e) => e.perSecond, descending: true },
  { key: 'p50', title: 'p50', sort: (e) => e.p50Ms, descending: true },
  { key: 'p99', title: 'p99', sort: (e) => e.p99Ms, descending: true },
  { key: 'errors', title: 'Errors', sort: (e) => e.error, descending: true },
  { key: 'drain', title: 'Use' },
];

function legend() {
  return h('span', { class: 'legend-weight' }, h('i', { class: 'legend-tick' }), 'by weight');
}

/** The lane of one endpoint. `confirm` asks before the drain switch does something. */
export function createLane(confirm) {
  const address = h('span', { class: 'address' });
  const place = h('span', { class: 'note' });
  const pill = h('span', { class: 'pill' });
  const why = h('span', { class: 'note' });
  const timeline = createTimeline();
  const bar = h(
    'span',
    { class: 'bar', 'aria-hidden': 'true' },
    h('i', { class: 'fill' }),
    h('i', { class: 'tick' }),
  );
  const share = h('span', { class: 'share-now' });
  const byWeight = h('span', { class: 'note' });
  const figures = Object.fromEntries(
    ['weight', 'active', 'rate', 'p50', 'p99', 'errors'].map((key) => [key, h('span')]),
  );
  const reported = h('span', { class: 'note' });
  const weightNow = h('span', { class: 'note' });
  const errorNotes = [
    h('span', { class: 'note' }),
    h('span', { class: 'note' }),
    h('span', { class: 'note' }),
  ];
  const drain = createDrainSwitch(confirm);
  const node = createCells(laneColumns, {
    endpoint: [address, place],
    health: [h('span', { class: 'health-top' }, pill, timeline.node), why],
    weight: [figures.weight, weightNow],
    share: [bar, h('span', { class: 'share-text' }, share, ' ', byWeight)],
    active: [figures.active, reported],
    rate: [figures.rate],
    p50: [figures.p50],
    p99: [figures.p99],
    errors: [figures.errors, ...errorNotes],
    drain: [drain.node],
  });
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
      timeline.update(e.timeline ?? '');
      setText(figures.weight, weight(e.weight));
      setText(weightNow, e.effectiveWeight === e.weight ? '' : `now ${weight(e.effectiveWeight)}`);
      setFigure(bar, '--share', ((e.share ?? 0) / e.longest).toFixed(2));
      setFigure(bar, '--by-weight', (e.shareByWeight / e.longest).toFixed(2));
      setText(share, e.usable || e.share > 0 ? percent(e.share) : '-');
      setText(byWeight, e.usable ? `· ${percent(e.shareByWeight)} by weight` : '');
      setText(figures.active, count(e.active));
      setText(reported, reportText(e));
      setText(figures.rate, rate(e.perSecond));
      setText(figures.p50, duration(e.p50Ms));
      setText(figures.p99, duration(e.p99Ms));
      setText(figures.errors, count(e.error));
      for (const [i, text] of errorNoteTexts(e).entries()) setText(errorNotes[i], text);
      setAttribute(figures.errors, 'data-tone', e.error >= 0.01 * e.total && e.error > 0 ? 'bad' : null);
      drain.update(e);
    },
  };
}

function createDrainSwitch(confirm) {
  const node = h('button', { type: 'button', class: 'switch' });
  let endpoint;
  node.addEventListener('click', () => {
    const { address, draining, active } = endpoint;
    const path = `/endpoints/${encodeURIComponent(address)}/${draining ? 'enable' : 'drain'}`;
    const others = 'This applies to the endpoint in every cluster.';
    confirm({
      title: draining ? `Use ${address} again?` : `Drain ${address}?`,
      text: draining
        ? `Outrigger sends requests to the endpoint again. ${others}`
        : `Outrigger sends no new requests to the endpoint. ${plural(active, 'request', 'requests')} in flight can finish. ${others}`,
      action: draining ? 'Use again' : 'Drain',
      path,
    });
  });
  return {
    node,
    update(e) {
      endpoint = e;
      setText(node, e.draining ? 'Use again' : 'Drain');
      setAttribute(node, 'aria-label', e.draining ? `Use again ${e.address}` : `Drain ${e.address}`);
    },
  };
}

function errorNoteTexts({ error, total, other = 0, ejections = 0 }) {
  return [
    error > 0 ? percent(error / total) : '',
    other > 0 ? `${count(other)} other` : '',
    ejections > 0 ? plural(ejections, 'ejection', 'ejections') : '',
  ];
}

/** What the endpoint says of its load over all of its clients, or why it does not stream it; '' where it reports none. */
function reportText({ report, reportStream }) {
  if (reportStream && reportStream.state !== 'open' && reportStream.reason !== '')
    return `streams no load reports: ${reportStream.reason}`;
  if (!report) return '';
  const { ageMs, inFlight, limit, utilization } = report;
  const most = limit === null ? '' : ` of ${count(limit)}`;
  const load = inFlight === null ? `${percent(utilization)} busy` : `${count(inFlight)}${most}`;
  return `reports ${load}, ${duration(ageMs)} ago`;
}

function placeText(e) {
  const parts = [];
  if (e.zone !== '') parts.push(`zone ${e.zone}`);
  if (e.priority > 0) parts.push(`priority ${e.priority}`);
  parts.push(plural(e.connections, 'connection', 'connections').replace(' ', '\u00a0'));
  return parts.join(' · ');
}
