import { createCard } from './card.js';
import { createTable } from './data-table.js';
import { h, keyedList, setAttribute, setHidden, setText } from './dom.js';
import { endpointState, stateRank } from './endpoint-state.js';
import { count, percent, plural } from './format.js';
import { createLane, laneColumns } from './lane.js';
import { updatedInSight } from './sight.js';

/** Endpoints that are shown without a click, all clusters together: more clusters are collapsed, those with problems last. */
const openEndpointsMax = 60;
const openClustersMax = 4;

/** The cards of all clusters. `confirm` is the dialog of the drain switch. `update(clusters)`. */
export function createClusters(parent, confirm) {
  const update = keyedList(
    parent,
    (cluster) => cluster.name,
    () => updatedInSight(createCluster(confirm), clusterUrgency),
  );
  const empty = h('p', { class: 'card empty' }, 'No cluster is configured.');
  return {
    update(clusters) {
      const open = openOnes(clusters);
      update(clusters.map((cluster) => ({ ...cluster, opensByItself: open.has(cluster.name) })));
      if (clusters.length > 0) empty.remove();
      else parent.append(empty);
    },
  };
}

/** Clusters with unusable endpoints first, then in their order, until the page is long enough. */
function openOnes(clusters) {
  const first = [...clusters].sort((a, b) => Number(isWhole(a)) - Number(isWhole(b)));
  const open = new Set();
  let endpoints = 0;
  for (const { name, endpointCount } of first) {
    if (open.size > 0 && (open.size === openClustersMax || endpoints + endpointCount > openEndpointsMax))
      break;
    open.add(name);
    endpoints += endpointCount;
  }
  return open;
}

function isWhole({ usableCount, endpointCount }) {
  return usableCount === endpointCount;
}

/** What a reader must not find out late, even of a cluster out of sight. */
function clusterUrgency(cluster) {
  return `${cluster.opensByItself} ${usableText(cluster)} ${cluster.balance.verdict}`;
}

function createCluster(confirm) {
  const name = h('span', { class: 'cluster-name' });
  const about = h('p', { class: 'meta' });
  const usable = h('p', { class: 'usable' });
  const verdict = h('p', { class: 'verdict' });
  const more = h('p', { class: 'more' });
  let latest = null;
  const table = createTable({
    name: 'Endpoints',
    columns: laneColumns,
    keyOf: (endpoint) => endpoint.address,
    createRow: () => createLane(confirm),
    urgencyOf: (e) => endpointState(e).word,
    textOf: (e) => `${e.address} ${e.zone} ${endpointState(e).word} ${e.unusableReason} ${e.health.reason}`,
    firstOrder: stateRank,
    filterLabel: 'Filter endpoints',
    empty: 'The cluster has no endpoints.',
  });
  const card = createCard({
    title: name,
    kind: 'cluster',
    header: [about, usable, verdict],
    contents: [table.bar, table.frame, table.none, more],
    isOpen: false,
    onOpen: () => showLanes(),
  });
  function showLanes() {
    if (latest === null || !card.isOpen) return;
    const { endpoints } = latest;
    // One scale for all bars of a cluster: the longest nearly fills its track, so small shares stay comparable.
    const longest = Math.max(0.01, ...endpoints.map((e) => Math.max(e.share ?? 0, e.shareByWeight)));
    table.update(endpoints.map((endpoint) => ({ ...endpoint, longest })));
    setHidden(table.bar, endpoints.length < 4);
  }
  return {
    node: card.node,
    update(cluster) {
      latest = cluster;
      setText(name, cluster.name);
      setAttribute(card.node, 'aria-label', `Cluster ${cluster.name}`);
      setAttribute(table.frame, 'aria-label', `Endpoints of ${cluster.name}`);
      setText(about, aboutText(cluster));
      setText(usable, usableText(cluster));
      setAttribute(usable, 'data-tone', usableTone(cluster));
      setText(verdict, cluster.balance.text);
      setAttribute(verdict, 'data-tone', cluster.balance.verdict === 'uneven' ? 'warn' : 'calm');
      const hidden = cluster.endpointCount - cluster.endpoints.length;
      setText(more, hidden > 0 ? `${plural(hidden, 'more endpoint', 'more endpoints')} in /clusters` : '');
      card.setOpen(cluster.opensByItself);
      showLanes();
    },
  };
}

function aboutText({ protocol, policy, discovery, subsetting, zoneSpill, endpointCount, concurrency }) {
  const parts = [protocol, policy, discovery];
  if (subsetting)
    parts.push(`subset of ${count(endpointCount)} of ${count(subsetting.discovered)} endpoints`);
  if (zoneSpill && zoneSpill.kept < 1) parts.push(`${percent(zoneSpill.kept)} stay in the own zone`);
  if (concurrency)
    parts.push(`concurrency limit ${count(concurrency.limit)}, ${count(concurrency.inFlight)} in use`);
  return parts.join(' · ');
}

function usableText({ usableCount, endpointCount }) {
  if (endpointCount === 0) return 'no endpoints';
  return usableCount === endpointCount
    ? `all ${count(endpointCount)} usable`
    : `${count(usableCount)} of ${count(endpointCount)} usable`;
}

function usableTone({ usableCount, endpointCount }) {
  if (usableCount === 0) return 'bad';
  return usableCount < endpointCount ? 'warn' : 'ok';
}
