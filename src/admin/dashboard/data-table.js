import { h, keyedList, setAttribute, setHidden, setText } from './dom.js';
import { plural } from './format.js';
import { createRowOrder } from './row-order.js';
import { updatedInSight } from './sight.js';

/**
 * A table in a frame of bounded height, with a filter and a choice of order above it. `columns`: `{ key, title, sort?, descending? }`,
 * where `sort(row)` is what the column is ordered by, and the first order is descending where that says so. `firstOrder(row)` orders
 * the rows until the reader chooses. `textOf(row)` is what the filter searches. `update(rows)`.
 */
export function createTable({
  name,
  columns,
  keyOf,
  createRow,
  urgencyOf,
  textOf,
  firstOrder,
  empty,
  filterLabel,
  tools = [],
}) {
  let rows = [];
  let needle = '';
  const order = createRowOrder(keyOf, firstOrder);

  const filter = createFilter(filterLabel);
  const choice = h('select', { 'aria-label': `Order of ${name}` }, ...orderOptions(columns));
  const count = h('span', { class: 'count', role: 'status' });
  const heads = columns.map((column) =>
    createHead(column, () =>
      orderBy(column, order.column === column ? !order.descending : column.descending === true),
    ),
  );
  const body = h('tbody', { role: 'rowgroup' });
  const table = h(
    'table',
    { role: 'table', 'aria-label': name },
    h('thead', { role: 'rowgroup' }, h('tr', { role: 'row' }, ...heads.map(({ node }) => node))),
    body,
  );
  const none = h('p', { class: 'empty' }, empty);
  const frame = h('div', { class: 'scroll', role: 'group', 'aria-label': name, tabindex: '0' }, table);
  const bar = h('div', { class: 'tools' }, filter, choice, ...tools, count);
  const list = keyedList(body, keyOf, () => updatedInSight(createRow(), urgencyOf));

  filter.addEventListener('input', () => {
    needle = filter.value.trim().toLowerCase();
    show();
  });
  choice.addEventListener('change', () => {
    const [index, direction] = choice.value.split(' ');
    const column = columns[Number(index)] ?? null;
    orderBy(column, direction === 'down');
  });

  function orderBy(column, descending) {
    order.choose(column, descending);
    choice.value = column === null ? '' : `${columns.indexOf(column)} ${descending ? 'down' : 'up'}`;
    markHeads(heads, columns, column, descending);
    show();
  }

  function show() {
    const matching = needle === '' ? rows : rows.filter((row) => textOf(row).toLowerCase().includes(needle));
    list(order.inOrder(rows, matching));
    const isFiltered = needle !== '';
    setText(count, isFiltered ? `${matching.length} of ${plural(rows.length, 'row', 'rows')}` : '');
    setHidden(table, matching.length === 0);
    setHidden(none, matching.length > 0);
    setText(none, isFiltered && rows.length > 0 ? 'No row matches the filter.' : empty);
  }

  return {
    bar,
    frame,
    none,
    update(next) {
      rows = next;
      show();
    },
  };
}

function createFilter(label) {
  return h('input', {
    type: 'search',
    'aria-label': label,
    placeholder: 'Filter',
    autocomplete: 'off',
    spellcheck: 'false',
  });
}

/** For narrow screens, which have no headings to select. */
function orderOptions(columns) {
  const options = [h('option', { value: '' }, 'Default order')];
  for (const [i, { title, sort, descending }] of columns.entries()) {
    if (!sort) continue;
    for (const direction of descending ? ['down', 'up'] : ['up', 'down']) {
      const text = `${title}, ${direction === 'up' ? 'ascending' : 'descending'}`;
      options.push(h('option', { value: `${i} ${direction}` }, text));
    }
  }
  return options;
}

/** Marks the heading by which the rows are ordered. */
function markHeads(heads, columns, chosen, descending) {
  for (const [i, { node }] of heads.entries())
    setAttribute(node, 'aria-sort', columns[i] === chosen ? (descending ? 'descending' : 'ascending') : null);
}

function createHead({ key, title, sort, extra }, onOrder) {
  const node = h('th', { scope: 'col', role: 'columnheader', class: `c-${key}` });
  if (!sort) node.append(title);
  else {
    const button = h('button', { type: 'button', class: 'sort' }, title);
    button.addEventListener('click', onOrder);
    node.append(button);
  }
  if (extra) node.append(extra());
  return { node };
}

/** A row of a table: a cell for each column, with its heading for narrow screens, where a row is a card. */
export function createCells(columns, contents) {
  const cells = columns.map(({ key, title }, i) =>
    h(
      i === 0 ? 'th' : 'td',
      {
        class: `c-${key}`,
        'data-label': title,
        ...(i === 0 ? { scope: 'row', role: 'rowheader' } : { role: 'cell' }),
      },
      ...contents[key],
    ),
  );
  return h('tr', { role: 'row' }, ...cells);
}
