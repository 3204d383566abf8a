/**
 * The little this page needs of a framework. Text only ever enters through `textContent` and attributes through
 * `setAttribute`, so a name from the network is shown and never run. Nothing is written that has not changed: the
 * page does not flicker, a selection survives, and a screen reader is not told the same thing every second.
 */

/** Makes an element. Strings among the children become text. */
export function h(tag, attributes = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
  node.append(...children);
  return node;
}

/** Changes the text in place: an element whose child is replaced costs the browser a new layout object and style. */
export function setText(node, text) {
  const { firstChild } = node;
  if (firstChild === null) {
    if (text !== '') node.textContent = text;
  } else if (firstChild.nodeType === Node.TEXT_NODE && firstChild === node.lastChild) {
    if (firstChild.data !== text) firstChild.data = text;
  } else if (node.textContent !== text) node.textContent = text;
}

/** `null` takes the attribute away. */
export function setAttribute(node, name, value) {
  if (value === null) {
    if (node.hasAttribute(name)) node.removeAttribute(name);
  } else if (node.getAttribute(name) !== value) node.setAttribute(name, value);
}

export function setHidden(node, hidden) {
  if (node.hidden !== hidden) node.hidden = hidden;
}

/** Sets a CSS custom property: figures go to the style sheet, which decides what they look like. */
export function setFigure(node, name, value) {
  const text = String(value);
  if (node.style.getPropertyValue(name) !== text) node.style.setProperty(name, text);
}

/**
 * Keeps the children of `parent` in step with a list. `create()` gives `{ node, update(item) }`; a child stays with
 * the item of its key, and is moved only when the order changed. Items of the same key share the first one's child. A
 * child that goes away is told by `removed()`, where it has that.
 */
export function keyedList(parent, keyOf, create) {
  let views = new Map();
  return (items) => {
    const next = new Map();
    for (const item of items) {
      const key = keyOf(item);
      if (next.has(key)) continue;
      const view = views.get(key) ?? create();
      view.update(item);
      next.set(key, view);
    }
    for (const [key, view] of views) {
      if (next.has(key)) continue;
      view.node.remove();
      view.removed?.();
    }
    let at = parent.firstElementChild;
    for (const { node } of next.values()) {
      if (node === at) at = at.nextElementSibling;
      else parent.insertBefore(node, at);
    }
    views = next;
  };
}
