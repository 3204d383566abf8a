import { createCall } from './call-view.js';
import { createCalls } from './calls-view.js';
import { createCertificates } from './certificates-view.js';
import { createClusters } from './clusters-view.js';
import { createConfirm } from './confirm-dialog.js';
import { createControlPlane } from './control-plane-view.js';
import { setHidden, setText } from './dom.js';
import { createExplain } from './explain-dialog.js';
import { plural } from './format.js';
import { createHeader } from './header-view.js';
import { createListeners } from './listeners-view.js';
import { createRoutes } from './routes-view.js';
import { createSettings } from './settings-view.js';
import { openStream } from './stream.js';
import { createTap } from './tap-view.js';
import { createTotals } from './totals-view.js';
import { createViews } from './views.js';

const byId = (id) => document.getElementById(id);

const header = createHeader(byId);
const totals = createTotals(byId('totals'));
const confirm = createConfirm(byId('confirm'), {
  title: byId('confirm-title'),
  text: byId('confirm-text'),
  problem: byId('confirm-problem'),
  button: byId('confirm-do'),
});
const clusters = createClusters(byId('clusters'), confirm);
const routes = createRoutes(byId('routes'));
createExplain(byId('explain'), {
  title: byId('explain-title'),
  link: byId('explain-link'),
  trace: byId('explain-trace'),
  body: byId('explain-body'),
});
const calls = createCalls(byId('calls'));
const listeners = createListeners(byId('listeners'));
const controlPlane = createControlPlane(byId('control-plane'));
const certificates = createCertificates(byId('certificates'));
const settings = createSettings(byId('settings'));
const tap = createTap(byId('tap-view'));
const call = createCall(byId('call-view'));
createViews([...byId('views').children], (name) => {
  if (name !== 'tap') tap.stop('Stopped, because another view was opened.');
});
/** By the clock of the sidecar, of the latest snapshot: ages are computed with it. */
let nowWallMs = 0;
/** A pace of the clusters that needs no mention, and the pace of the totals where that of the clusters is slower, milliseconds. */
const quickMs = 2_000;
const slowTotalsMs = 2_000;

/** The reader should know that a figure which does not move is no fault. */
function paceText(everyMs) {
  const every = plural(everyMs / 1_000, 'second', 'seconds');
  return `With this many endpoints, the totals update every 2 seconds and the rest of the page every ${every}, or at once when an endpoint changes its state.`;
}

openStream({
  onHistory: (points) => totals.setHistory(points),
  onSnapshot(snapshot) {
    nowWallMs = snapshot.nowWallMs;
    header.update(snapshot);
    totals.add(snapshot.totals);
    settings.update(snapshot.server.config);
  },
  // All that is large comes at a slower pace, and is drawn together, so that the browser paints once.
  onClusters(part) {
    header.updateListeners(part.listeners);
    const isSlow = part.clustersEveryMs > quickMs;
    totals.setPace(isSlow ? slowTotalsMs : 0);
    totals.draw();
    setHidden(byId('pace'), !isSlow);
    setText(byId('pace'), isSlow ? paceText(part.clustersEveryMs) : '');
    clusters.update(part.clusters);
    listeners.update(part.listeners);
    calls.updateAges(nowWallMs);
    call.update(part);
    const left = part.clustersLeftOut;
    setHidden(byId('more'), left === 0);
    setText(byId('more'), left > 0 ? `${plural(left, 'more cluster', 'more clusters')} in /clusters` : '');
  },
  onRoutes: (part) => routes.update(part),
  onCalls: (part) => calls.update(part.calls, nowWallMs),
  onControlPlane: (part) => controlPlane.update(part.controlPlane, nowWallMs),
  onCertificates: (part) => certificates.update(part.certificates, nowWallMs),
  // The page appears in one piece, so that nothing moves while its parts arrive.
  onLoaded: () => document.body.removeAttribute('data-loading'),
  onGone: (silentMs) => header.showGone(silentMs),
  onNotice: (text) => header.showNotice(text),
});
