import { h, keyedList, setAttribute, setHidden, setText } from './dom.js';
import { plural } from './format.js';
import { updatedInSight } from './sight.js';

/** How often rows may change places by themselves, milliseconds: nobody can read a row that moves every second. */
const sortPauseMs = 5_000;

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
  everyMs,
  textOf,
  firstOrder,
  empty,
  filterLabel,
  tools = [],
}) {
  let rows = [];
  let needle = '';
  let order = { column: null, descending: false };
  let orderedAt = -sortPauseMs;
  let ranks = new Map();

  const filter = h('input', {
    type: 'search',
    'aria-label': filterLabel,
    placeholder: 'Filter',
    autocomplete: 'off',
    spellcheck: 'false',
  });
  const choice = h('select', { 'aria-label': `Order of ${name}` });
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
  const list = keyedList(body, keyOf, () => updatedInSight(createRow(), { urgencyOf, everyMs }));
  fillChoice();

  filter.addEventListener('input', () => {
    needle = filter.value.trim().toLowerCase();
    show();
  });
  choice.addEventListener('change', () => {
    const [index, direction] = choice.value.split(' ');
    const column = columns[Number(index)] ?? null;
    orderBy(column, direction === 'down');
  });

  function fillChoice() {
    choice.append(h('option', { value: '' }, 'Default order'));
    for (const [i, { title, sort, descending }] of columns.entries()) {
      if (!sort) continue;
      const [first, second] = descending ? ['down', 'up'] : ['up', 'down'];
      for (const direction of [first, second])
        choice.append(
          h(
            'option',
            { value: `${i} ${direction}` },
            `${title}, ${direction === 'up' ? 'ascending' : 'descending'}`,
          ),
        );
    }
  }

  function orderBy(column, descending) {
    order = { column, descending };
    orderedAt = -sortPauseMs;
    choice.value = column === null ? '' : `${columns.indexOf(column)} ${descending ? 'down' : 'up'}`;
    for (const [i, { node }] of heads.entries())
      setAttribute(
        node,
        'aria-sort',
        columns[i] === column ? (descending ? 'descending' : 'ascending') : null,
      );
    show();
  }

  /** Rows keep their places between two sorts; a new row comes last until then. */
  function inOrder(shown) {
    const now = performance.now();
    const isDue = now - orderedAt >= sortPauseMs || ranks.size === 0;
    if (isDue) {
      orderedAt = now;
      const by = order.column?.sort ?? firstOrder;
      const sorted = by ? [...rows].sort((a, b) => compare(by(a), by(b), order.descending)) : rows;
      ranks = new Map(sorted.map((row, i) => [keyOf(row), i]));
    }
    const rankOf = (row) => ranks.get(keyOf(row)) ?? Number.MAX_SAFE_INTEGER;
    return [...shown].sort((a, b) => rankOf(a) - rankOf(b));
  }

  function show() {
    const matching = needle === '' ? rows : rows.filter((row) => textOf(row).toLowerCase().includes(needle));
    list(inOrder(matching));
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

/** What has no value comes last in both directions. */
function compare(a, b, descending) {
  if (a === b) return 0;
  if (a === null) return 1;
  if (b === null) return -1;
  const ascending =
    typeof a === 'number' && typeof b === 'number'
      ? a - b
      : String(a).localeCompare(String(b), 'en', { numeric: true });
  return descending ? -ascending : ascending;
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
