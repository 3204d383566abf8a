import { setText } from './dom.js';

/**
 * Asks before something is changed, and does it. Returns a function that takes `{ title, text, action, path }`: `path` gets a POST
 * once the reader has confirmed. What goes wrong is shown, and the dialog stays open.
 */
export function createConfirm(dialog, { title, text, problem, button }) {
  let asked = null;
  let isSending = false;
  button.addEventListener('click', async () => {
    if (isSending) return;
    isSending = true;
    const { path } = asked;
    const failure = await post(path);
    isSending = false;
    if (failure === '') dialog.close();
    else setText(problem, failure);
  });
  dialog.addEventListener('click', (event) => {
    if (event.target === dialog) dialog.close(); // the backdrop
  });
  return (question) => {
    asked = question;
    setText(title, question.title);
    setText(text, question.text);
    setText(problem, '');
    setText(button, question.action);
    dialog.showModal();
  };
}

/** Returns why it failed; '' where it did not. */
async function post(path) {
  try {
    const reply = await fetch(path, { method: 'POST' });
    return reply.ok ? '' : `Not done: ${(await reply.text()).trim()}`;
  } catch {
    return 'Not done: the sidecar does not answer.';
  }
}
