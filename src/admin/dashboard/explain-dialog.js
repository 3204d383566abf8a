import { h, setHidden, setText } from './dom.js';
import { explanationParts } from './explain-view.js';

const prefix = '#explain/';

/** The address of the page on which the explanation of a call is open. */
export function explainLink(key) {
  return `/${prefix}${encodeURIComponent(key)}`;
}

/**
 * The dialog that explains one call. The fragment of the address names the call, `#explain/ID`, so that a link leads there: ID is that
 * of the call, of an error reply or of a trace.
 */
export function createExplain(dialog, { title, link, trace, body }) {
  let asked = '';
  dialog.addEventListener('click', (event) => {
    if (event.target === dialog) dialog.close(); // the backdrop
  });
  dialog.addEventListener('close', () => {
    asked = '';
    if (location.hash.startsWith(prefix)) history.replaceState(null, '', location.pathname);
  });
  const follow = () => {
    if (!location.hash.startsWith(prefix)) return dialog.close();
    void open(keyOf(location.hash));
  };
  async function open(key) {
    asked = key;
    const path = `/explain/${encodeURIComponent(key)}`;
    setText(title, `Request ${key}`);
    link.setAttribute('href', path);
    setHidden(trace, true);
    body.replaceChildren(h('p', { class: 'empty' }, 'Loading…'));
    if (!dialog.open) dialog.showModal();
    const { answer, problem } = await ask(path);
    if (asked !== key) return;
    if (answer === null) return body.replaceChildren(h('p', { class: 'problem', role: 'alert' }, problem));
    setHidden(trace, answer.traceUrl === '');
    if (answer.traceUrl !== '') trace.setAttribute('href', answer.traceUrl);
    body.replaceChildren(...explanationParts(answer));
    body.scrollTop = 0;
  }
  addEventListener('hashchange', follow);
  if (location.hash.startsWith(prefix)) follow();
}

/** What stands in the fragment may have been typed by hand. */
function keyOf(hash) {
  const text = hash.slice(prefix.length);
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

async function ask(path) {
  try {
    const reply = await fetch(`${path}?format=json`);
    const answer = await reply.json();
    return reply.ok ? { answer, problem: '' } : { answer: null, problem: answer.error.message };
  } catch {
    return { answer: null, problem: 'The sidecar does not answer.' };
  }
}
