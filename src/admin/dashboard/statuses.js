/** Statuses that have a colour of their own; the others share one. */
export const statusesShown = 5;

/**
 * Divides the errors of each second by status. A status keeps its place, and with it its colour, for as long as it is among the
 * most frequent.
 */
export function createStatuses() {
  let places = [];
  return {
    /** `names` with their `totals`, the most frequent ones and `other` at most, and the values of each second in `lists`. */
    of(history) {
      const sums = new Map();
      for (const { statuses = {} } of history)
        for (const [name, n] of Object.entries(statuses)) sums.set(name, (sums.get(name) ?? 0) + n);
      const most = [...sums].sort((a, b) => b[1] - a[1]).slice(0, statusesShown);
      const chosen = new Set(most.map(([name]) => name));
      const kept = places.filter((name) => chosen.has(name));
      places = [...kept, ...most.map(([name]) => name).filter((name) => !kept.includes(name))];
      const lists = places.map((name) => history.map(({ statuses = {} }) => statuses[name] ?? 0));
      const names = [...places];
      const totals = places.map((name) => sums.get(name));
      const rest = [...sums].filter(([name]) => !chosen.has(name));
      if (rest.length > 0) {
        names.push('other statuses');
        totals.push(rest.reduce((sum, [, n]) => sum + n, 0));
        lists.push(
          history.map(({ statuses = {} }) =>
            Object.entries(statuses).reduce((sum, [name, n]) => sum + (chosen.has(name) ? 0 : n), 0),
          ),
        );
      }
      return { names, totals, lists };
    },
  };
}
