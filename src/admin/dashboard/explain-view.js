import { setText } from './dom.js';

/** The dialog that tells everything of one call; the text is the one of `/explain/ID`. */
export function createExplain(dialog, { title, link, text }) {
  let asked = '';
  dialog.addEventListener('click', (event) => {
    if (event.target === dialog) dialog.close(); // the backdrop
  });
  return async (id) => {
    asked = id;
    const path = `/explain/${encodeURIComponent(id)}?format=text`;
    setText(title, `Call ${id}`);
    setText(text, 'Asking…');
    link.setAttribute('href', path);
    if (!dialog.open) dialog.showModal();
    let answer;
    try {
      answer = await (await fetch(path)).text();
    } catch {
      answer = 'The sidecar does not answer.';
    }
    if (asked === id) setText(text, answer);
  };
}
