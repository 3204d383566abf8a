import { setHidden, setText } from './dom.js';
import { waterfallOf } from './waterfall.js';

/** The dialog that shows everything about one request: where its time went, and the text of `/explain/ID`. */
export function createExplain(dialog, { title, link, trace, waterfall, text }) {
  let asked = '';
  dialog.addEventListener('click', (event) => {
    if (event.target === dialog) dialog.close(); // the backdrop
  });
  return async (call) => {
    const { id } = call;
    asked = id;
    const path = `/explain/${encodeURIComponent(id)}`;
    setText(title, `Request ${id}`);
    setText(text, 'Loading…');
    waterfall.replaceChildren(...waterfallOf(call));
    link.setAttribute('href', path);
    setHidden(trace, !call.traceUrl);
    if (call.traceUrl) trace.setAttribute('href', call.traceUrl);
    if (!dialog.open) dialog.showModal();
    let answer;
    try {
      answer = await (await fetch(`${path}?format=text`)).text();
    } catch {
      answer = 'The sidecar does not answer.';
    }
    if (asked === id) setText(text, answer);
  };
}
