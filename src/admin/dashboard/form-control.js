import { h, setAttribute, setText } from './dom.js';

let ids = 0;

/** A control with its label, and a hint below it. */
export function labelled(label, control, hint = '', kind = '') {
  const id = `control-${++ids}`;
  control.id = id;
  const parts = [h('label', { for: id }, label), control];
  if (hint !== '') {
    control.setAttribute('aria-describedby', `${id}-hint`);
    parts.push(h('span', { class: 'hint', id: `${id}-hint` }, hint));
  }
  return h('div', { class: `control ${kind}` }, ...parts);
}

/** A checkbox with its label behind it. */
export function checkbox(label, hint) {
  const box = h('input', { type: 'checkbox', id: `control-${++ids}` });
  box.setAttribute('aria-describedby', `${box.id}-hint`);
  const node = h(
    'div',
    { class: 'control wide' },
    h('span', {}, box, ' ', h('label', { for: box.id }, label)),
    h('span', { class: 'hint', id: `${box.id}-hint` }, hint),
  );
  return { node, box };
}

/** Why something was refused; marks the control that is wrong, and moves the focus to it. `show('')` takes it all back. */
export function createProblem() {
  const node = h('p', { class: 'problem', role: 'alert' });
  let marked = null;
  return {
    node,
    show(text, control = null) {
      if (marked !== null) setAttribute(marked, 'aria-invalid', null);
      marked = control;
      setText(node, text);
      if (control === null) return;
      setAttribute(control, 'aria-invalid', 'true');
      control.focus();
    },
  };
}
