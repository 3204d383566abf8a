import { createCells } from './data-table.js';
import { h } from './dom.js';

/** A table that does not change. `columns`: `{ key, title }`. Each of `rows` has the contents of its cells by key, as lists of nodes or texts. */
export function staticTable(name, kind, columns, rows) {
  const heads = columns.map(({ key, title }) =>
    h('th', { scope: 'col', role: 'columnheader', class: `c-${key}` }, title),
  );
  return h(
    'table',
    { role: 'table', 'aria-label': name, class: kind },
    h('thead', { role: 'rowgroup' }, h('tr', { role: 'row' }, ...heads)),
    h('tbody', { role: 'rowgroup' }, ...rows.map((row) => createCells(columns, row))),
  );
}
