import { h, setAttribute, setHidden } from './dom.js';

/**
 * A card whose contents can be collapsed. `header` are the nodes behind the title. `onOpen` is called when it opens. A card that the
 * reader has not touched opens and closes as `setOpen` says.
 */
export function createCard({ title, name, kind, header = [], contents, isOpen = true, onOpen = () => {} }) {
  const button = h('button', { type: 'button', class: 'fold', 'aria-expanded': String(isOpen) }, title);
  const inner = h('div', { class: 'card-body' }, ...contents);
  const node = h(
    'section',
    { class: `card ${kind}`, 'aria-label': name },
    h('header', {}, h('h2', {}, button), ...header),
    inner,
  );
  let isTouched = false;
  let open = isOpen;
  function apply(next) {
    open = next;
    setAttribute(button, 'aria-expanded', String(next));
    setHidden(inner, !next);
    if (next) onOpen();
  }
  setHidden(inner, !isOpen);
  button.addEventListener('click', () => {
    isTouched = true;
    apply(!open);
  });
  return {
    node,
    button,
    get isOpen() {
      return open;
    },
    setOpen(next) {
      if (!isTouched && next !== open) apply(next);
    },
  };
}
