import { setAttribute } from './dom.js';

const first = 'overview';

/**
 * The views of the page, one of which is shown: the one that the fragment of the address names, else the first. `links` are those
 * that lead to the views, such as `#tap`. `onChange(name)` is called with the view that is shown from then on.
 */
export function createViews(links, onChange) {
  const names = links.map((link) => link.hash.slice(1));
  let shown = '';
  function show() {
    const asked = location.hash.slice(1);
    const name = names.includes(asked) ? asked : first;
    if (name === shown) return;
    shown = name;
    setAttribute(document.body, 'data-view', name);
    for (const link of links) setAttribute(link, 'aria-current', link.hash === `#${name}` ? 'page' : null);
    onChange(name);
  }
  addEventListener('hashchange', show);
  show();
}
