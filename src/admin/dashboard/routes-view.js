import { h, keyedList, setAttribute, setHidden, setText } from './dom.js';
import { plural } from './format.js';

/** Headings of the table; on a narrow screen each stands before its value instead. */
const columns = [
  ['route', 'Route'],
  ['listener', 'Listener'],
  ['cluster', 'Cluster'],
  ['facts', 'Policy facts'],
];

/** The table of routes. `update({ routes, routesLeftOut })`. */
export function createRoutes(parent) {
  const body = h('tbody', { role: 'rowgroup' });
  const heads = columns.map(([key, title]) =>
    h('th', { scope: 'col', role: 'columnheader', class: `c-${key}` }, title),
  );
  const table = h(
    'table',
    { role: 'table' },
    h('thead', { role: 'rowgroup' }, h('tr', { role: 'row' }, ...heads)),
    body,
  );
  const empty = h('p', { class: 'empty' }, 'No route is configured.');
  const more = h('p', { class: 'more' });
  const all = h('a', { class: 'all', href: '/routes' }, 'All routes');
  const header = h('header', {}, h('h2', {}, 'Routes'), all);
  const rows = keyedList(body, (route) => JSON.stringify([route.listener, route.route]), createRoute);
  parent.append(h('section', { class: 'card routes', 'aria-label': 'Routes' }, header, table, empty, more));
  return {
    update({ routes = [], routesLeftOut = 0 }) {
      rows(routes);
      setHidden(table, routes.length === 0);
      setHidden(empty, routes.length > 0);
      setText(
        more,
        routesLeftOut > 0 ? `${plural(routesLeftOut, 'more route', 'more routes')} in /routes` : '',
      );
    },
  };
}

function createRoute() {
  const name = h('span', { class: 'route-name' });
  const listener = h('span');
  const cluster = h('span');
  const facts = h('span', { class: 'facts' });
  const more = h('span', { class: 'note' });
  const contents = { route: [name], listener: [listener], cluster: [cluster], facts: [facts, more] };
  const cells = columns.map(([key, title], i) =>
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
  const node = h('tr', { role: 'row' }, ...cells);
  const lines = keyedList(facts, (fact) => fact.at, createFact);
  return {
    node,
    update(route) {
      setText(name, route.route || 'all connections');
      setText(listener, route.listener);
      setText(cluster, route.cluster || `by ${route.replacedBy}`);
      setAttribute(cluster, 'class', route.cluster === '' ? 'replaced' : null);
      setAttribute(node, 'data-facts', String(route.facts.length));
      lines(
        route.facts.map((fact, i) => ({ ...fact, at: i, first: fact.policy !== route.facts[i - 1]?.policy })),
      );
      setText(more, route.factsLeftOut > 0 ? `${plural(route.factsLeftOut, 'more', 'more')} in /routes` : '');
    },
  };
}

/** The key of the policy stands before the first of its facts. */
function createFact() {
  const policy = h('span', { class: 'fact-policy' });
  const name = h('span', { class: 'fact-name' });
  const text = h('span', { class: 'fact-text' });
  return {
    node: h('span', { class: 'fact' }, policy, name, text),
    update(fact) {
      setText(policy, fact.first ? fact.policy : '');
      setText(name, fact.name);
      setText(text, fact.text);
    },
  };
}
