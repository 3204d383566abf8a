/** How often rows may change places by themselves, milliseconds: nobody can read a row that moves every second. */
const sortPauseMs = 5_000;

/**
 * The order of the rows of a table. `keyOf(row)` identifies a row, `firstOrder(row)` orders them until the reader chooses a column by
 * `choose(column, descending)`. `inOrder(rows, shown)` returns those of `rows` that are shown: they keep their places between two
 * sorts, and a new row comes last until then.
 */
export function createRowOrder(keyOf, firstOrder) {
  let order = { column: null, descending: false };
  let orderedAt = -sortPauseMs;
  let ranks = new Map();
  const rankOf = (row) => ranks.get(keyOf(row)) ?? Number.MAX_SAFE_INTEGER;
  function sort(rows) {
    const by = order.column?.sort ?? firstOrder;
    // Equal rows keep their places: a row that moves costs the reader more than the browser.
    const sorted = by
      ? [...rows].sort((a, b) => compare(by(a), by(b), order.descending) || rankOf(a) - rankOf(b))
      : rows;
    ranks = new Map(sorted.map((row, i) => [keyOf(row), i]));
  }
  return {
    get column() {
      return order.column;
    },
    get descending() {
      return order.descending;
    },
    choose(column, descending) {
      order = { column, descending };
      orderedAt = -sortPauseMs;
    },
    inOrder(rows, shown) {
      const now = performance.now();
      if (now - orderedAt >= sortPauseMs || ranks.size === 0) {
        orderedAt = now;
        sort(rows);
      }
      return [...shown].sort((a, b) => rankOf(a) - rankOf(b));
    },
  };
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
