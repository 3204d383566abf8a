import { createCard } from './card.js';
import { createCells, createTable } from './data-table.js';
import { h, keyedList, setAttribute, setHidden, setText } from './dom.js';
import { plural } from './format.js';

const columns = [
  { key: 'route', title: 'Route', sort: (route) => route.route },
  { key: 'listener', title: 'Listener', sort: (route) => route.listener },
  { key: 'cluster', title: 'Cluster', sort: (route) => route.cluster || `by ${route.replacedBy}` },
  { key: 'policies', title: 'Policies' },
  { key: 'facts', title: 'What they did' },
];

/** The table of routes. `update({ routes, routesLeftOut })`. */
export function createRoutes(parent) {
  const more = h('p', { class: 'more' });
  const all = h('a', { class: 'all', href: '/routes' }, 'All routes');
  const table = createTable({
    name: 'Routes',
    columns,
    keyOf: (route) => JSON.stringify([route.listener, route.route]),
    createRow: createRoute,
    textOf: (r) =>
      [
        r.route,
        r.listener,
        r.cluster,
        r.replacedBy,
        r.match,
        ...r.policies.map((p) => `${p.policy} ${p.text}`),
        ...r.facts.map((f) => `${f.policy} ${f.name} ${f.text}`),
      ].join(' '),
    filterLabel: 'Filter routes',
    empty: 'No route is configured.',
  });
  const card = createCard({
    title: 'Routes',
    name: 'Routes',
    kind: 'routes',
    header: [all],
    contents: [table.bar, table.frame, table.none, more],
  });
  parent.append(card.node);
  return {
    update({ routes = [], routesLeftOut = 0 }) {
      table.update(routes);
      setHidden(table.bar, routes.length < 4);
      setText(
        more,
        routesLeftOut > 0 ? `${plural(routesLeftOut, 'more route', 'more routes')} in /routes` : '',
      );
    },
  };
}

function createRoute() {
  const name = h('span', { class: 'route-name' });
  const match = h('span', { class: 'note match' });
  const listener = h('span');
  const cluster = h('span');
  const policies = h('span', { class: 'policies' });
  const facts = h('span', { class: 'facts' });
  const more = h('span', { class: 'note' });
  const node = createCells(columns, {
    route: [name, match],
    listener: [listener],
    cluster: [cluster],
    policies: [policies],
    facts: [facts, more],
  });
  const settings = keyedList(policies, ({ policy }) => policy, createPolicy);
  const lines = keyedList(facts, (fact) => fact.at, createFact);
  return {
    node,
    update(route) {
      setText(name, route.route || 'all connections');
      setText(match, route.match ? `match ${route.match}` : '');
      setText(listener, route.listener);
      setText(cluster, route.cluster || `by ${route.replacedBy}`);
      setAttribute(cluster, 'class', route.cluster === '' ? 'replaced' : null);
      setAttribute(node, 'data-facts', String(route.facts.length));
      setAttribute(node, 'data-policies', String(route.policies.length));
      settings(route.policies);
      lines(
        route.facts.map((fact, i) => ({ ...fact, at: i, first: fact.policy !== route.facts[i - 1]?.policy })),
      );
      setText(more, route.factsLeftOut > 0 ? `${plural(route.factsLeftOut, 'more', 'more')} in /routes` : '');
    },
  };
}

/** A policy with its configuration. */
function createPolicy() {
  const key = h('span', { class: 'policy-key' });
  const text = h('span', { class: 'policy-text' });
  return {
    node: h('span', { class: 'policy' }, key, ' ', text),
    update(setting) {
      setText(key, setting.policy);
      setText(text, setting.text);
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
