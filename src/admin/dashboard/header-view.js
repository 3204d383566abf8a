import { setAttribute, setHidden, setText } from './dom.js';
import { span } from './format.js';

/** The top of the page: who the sidecar is, its state, and the banner. `byId` finds the elements. */
export function createHeader(byId) {
  function showState(word, tone, why) {
    setText(byId('state'), word);
    setAttribute(byId('state'), 'data-tone', tone);
    setText(byId('why'), why);
    setHidden(byId('why'), why === '');
  }
  function showBanner(text, tone) {
    setText(byId('banner'), text);
    setAttribute(byId('banner'), 'data-tone', tone);
    setHidden(byId('banner'), text === '');
  }
  let latest = null;
  let listeners = [];
  function showAbout() {
    if (latest !== null) setText(byId('about'), aboutText(latest, listeners));
  }
  return {
    updateListeners(next) {
      listeners = next;
      showAbout();
    },
    update({ server, readiness }) {
      setAttribute(document.body, 'data-gone', null);
      if (byId('banner').dataset.tone === 'bad') showBanner('', 'idle');
      setText(byId('service'), server.name);
      const title = `${server.name} · Outrigger`;
      if (document.title !== title) document.title = title;
      latest = server;
      showAbout();
      const why = readiness.reasons.join('; ');
      if (server.state === 'draining') showState(server.drained ? 'Drained' : 'Draining', 'warn', why);
      else if (readiness.ready && readiness.degraded)
        showState('Degraded', 'warn', readiness.degradedReasons.join('; '));
      else if (readiness.ready) showState('Ready', 'ok', '');
      else showState(server.state === 'starting' ? 'Starting' : 'Not ready', 'warn', why);
    },
    showGone(silentMs) {
      setAttribute(document.body, 'data-gone', '');
      showBanner(goneText(silentMs), 'bad');
      showState('Gone', 'bad', '');
    },
    /** Something the reader should know while the page goes on; '' takes it away. */
    showNotice: (text) => showBanner(text, 'warn'),
  };
}

/** In steps of ten seconds: what need not change does not, see `updatedInSight`. */
function steady(ms) {
  return Math.floor(ms / 10_000) * 10_000;
}

function aboutText(server, listeners) {
  const shown = listeners.slice(0, 3).map((l) => `${l.name} ${l.address}`);
  if (listeners.length > shown.length) shown.push(`${listeners.length - shown.length} more`);
  return [
    `Outrigger ${server.version}`,
    `up ${span(steady(server.uptimeMs))}`.replaceAll(' ', '\u00a0'),
    shown.join(', '),
  ]
    .filter(Boolean)
    .join(' · ');
}

/** In coarse steps: this is read aloud, and once every ten seconds is often enough. */
function goneText(silentMs) {
  const seconds = Math.floor(silentMs / 1000);
  const ago = seconds < 10 ? 'a few seconds' : span(steady(silentMs));
  return `The sidecar does not answer. The page shows its last update, from ${ago} ago, and reconnects every two seconds.`;
}
