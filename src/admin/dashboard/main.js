import { createCalls } from './calls-view.js';
import { createClusters } from './clusters-view.js';
import { setAttribute, setHidden, setText } from './dom.js';
import { createExplain } from './explain-view.js';
import { plural, span } from './format.js';
import { createRoutes } from './routes-view.js';
import { openStream } from './stream.js';
import { createTotals, historyPoints } from './totals-view.js';

const byId = (id) => document.getElementById(id);

const totals = createTotals(byId('totals'));
const clusters = createClusters(byId('clusters'));
const routes = createRoutes(byId('routes'));
const openExplanation = createExplain(byId('explain'), {
  title: byId('explain-title'),
  link: byId('explain-link'),
  text: byId('explain-text'),
});
const calls = createCalls(byId('calls'), openExplanation);
let history = [];
totals.update(history);

openStream({
  onHistory(points) {
    history = points.slice(-historyPoints);
    totals.update(history);
  },
  onSnapshot(snapshot) {
    setHidden(byId('banner'), true);
    setAttribute(document.body, 'data-gone', null);
    history = [...history, snapshot.totals].slice(-historyPoints);
    showServer(snapshot);
    totals.update(history);
    clusters.update(snapshot.clusters);
    routes.update(snapshot);
    calls.update(snapshot);
    const left = snapshot.clustersLeftOut;
    setHidden(byId('more'), left === 0);
    setText(byId('more'), left > 0 ? `${plural(left, 'more cluster', 'more clusters')} in /clusters` : '');
  },
  onGone(silentMs) {
    setAttribute(document.body, 'data-gone', '');
    setText(byId('banner'), goneText(silentMs));
    setHidden(byId('banner'), false);
    showState('Gone', 'bad', '');
  },
});

function showServer({ server, readiness, listeners }) {
  setText(byId('service'), server.name);
  const title = `${server.name} · Outrigger`;
  if (document.title !== title) document.title = title;
  const where = listeners.map((l) => `${l.name} ${l.address}`).join(', ');
  const about = [
    `Outrigger ${server.version}`,
    `up ${span(server.uptimeMs)}`.replaceAll(' ', '\u00a0'),
    where,
  ]
    .filter(Boolean)
    .join(' · ');
  setText(byId('about'), about);
  const why = readiness.reasons.join('; ');
  if (server.state === 'draining') showState(server.drained ? 'Drained' : 'Draining', 'warn', why);
  else if (readiness.ready && readiness.degraded)
    showState('Degraded', 'warn', readiness.degradedReasons.join('; '));
  else if (readiness.ready) showState('Ready', 'ok', '');
  else showState(server.state === 'starting' ? 'Starting' : 'Not ready', 'warn', why);
}

function showState(word, tone, why) {
  setText(byId('state'), word);
  setAttribute(byId('state'), 'data-tone', tone);
  setText(byId('why'), why);
  setHidden(byId('why'), why === '');
}

/** In coarse steps: this is read aloud, and once every ten seconds is often enough. */
function goneText(silentMs) {
  const seconds = Math.floor(silentMs / 1000);
  const ago = seconds < 10 ? 'a few seconds' : span(Math.floor(seconds / 10) * 10_000);
  return `The sidecar does not answer. The page shows its last update, from ${ago} ago, and reconnects every two seconds.`;
}
