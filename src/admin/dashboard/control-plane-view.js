import { createCard } from './card.js';
import { createCells, createTable } from './data-table.js';
import { h, setAttribute, setHidden, setText } from './dom.js';
import { count, plural, span } from './format.js';

const kindColumns = [
  { key: 'kind', title: 'Kind', sort: (k) => k.kind },
  { key: 'version', title: 'Version', sort: (k) => k.version },
  { key: 'resources', title: 'Accepted', sort: (k) => k.resources, descending: true },
  { key: 'refused', title: 'Refused', sort: (k) => k.refused, descending: true },
  { key: 'missing', title: 'Missing', sort: (k) => k.missing, descending: true },
  { key: 'accepted', title: 'Last accepted', sort: (k) => k.lastAckAtMs ?? 0 },
];
const noteColumns = [
  { key: 'name', title: 'Resource', sort: (n) => n.name },
  { key: 'reason', title: 'Reason', sort: (n) => n.reason },
];

/** The control plane and what it sent; hidden where `xds` is not configured. `update(controlPlane, nowWallMs)`. */
export function createControlPlane(parent) {
  const all = h('a', { class: 'all', href: '/xds' }, 'As text');
  const state = h('span', { class: 'pill' });
  const about = h('p', { class: 'note' });
  const more = h('p', { class: 'note' });
  const kinds = createTable({
    name: 'Kinds of resources',
    columns: kindColumns,
    keyOf: ({ kind }) => kind,
    createRow: createKind,
    textOf: ({ kind, version }) => `${kind} ${version}`,
    filterLabel: 'Filter kinds of resources',
    empty: 'Nothing is requested yet.',
  });
  const notes = createTable({
    name: 'Resources that are not in use as they were sent',
    columns: noteColumns,
    keyOf: (n) => JSON.stringify(n),
    createRow: createNote,
    textOf: (n) => `${n.what} ${n.kind} ${n.name} ${n.reason}`,
    filterLabel: 'Filter resources',
    empty: 'Every resource is in use as it was sent.',
  });
  const card = createCard({
    title: 'Control plane',
    name: 'Control plane',
    kind: 'control-plane',
    header: [state, all],
    contents: [about, kinds.frame, kinds.none, notes.bar, notes.frame, notes.none, more],
  });
  parent.append(card.node);
  setHidden(card.node, true);
  return {
    update(plane, nowWallMs) {
      setHidden(card.node, plane === null);
      if (plane === null) return;
      setText(state, plane.connected ? 'connected' : 'not connected');
      setAttribute(state, 'data-tone', plane.connected ? 'ok' : 'bad');
      setText(about, aboutText(plane, nowWallMs));
      kinds.update(plane.kinds.map((one) => ({ ...one, nowWallMs })));
      notes.update(plane.notes);
      setHidden(notes.bar, plane.notes.length < 4);
      setHidden(more, plane.notesLeftOut === 0);
      setText(more, `${plural(plane.notesLeftOut, 'more note', 'more notes')} in /xds`);
    },
  };
}

function aboutText(plane, nowWallMs) {
  const { server, controlPlane, connected, sinceMs, staleMs, lastError, refused, applied } = plane;
  const name = controlPlane === '' ? server : `${server} (${controlPlane})`;
  const parts = [`${name}, ${connected ? 'connected' : 'not connected'} for ${span(nowWallMs - sinceMs)}`];
  if (!connected) parts.push(`the configuration may be stale by ${span(staleMs)}`, lastError);
  if (!applied) parts.push('nothing is applied yet');
  if (refused !== '') parts.push(`refused as a whole: ${refused}`);
  return parts.filter(Boolean).join('; ');
}

function createKind() {
  const kind = h('span', { class: 'route-name' });
  const version = h('span');
  const resources = h('span');
  const refused = h('span');
  const missing = h('span');
  const accepted = h('span');
  const node = createCells(kindColumns, {
    kind: [kind],
    version: [version],
    resources: [resources],
    refused: [refused],
    missing: [missing],
    accepted: [accepted],
  });
  return {
    node,
    update(k) {
      setText(kind, k.kind);
      setText(version, k.version || '-');
      setText(resources, count(k.resources));
      setText(refused, count(k.refused));
      setText(missing, count(k.missing));
      setText(accepted, k.lastAckAtMs === null ? 'never' : `${span(k.nowWallMs - k.lastAckAtMs)} ago`);
    },
  };
}

function createNote() {
  const name = h('span', { class: 'route-name' });
  const what = h('span', { class: 'note' });
  const reason = h('span');
  const node = createCells(noteColumns, { name: [name, what], reason: [reason] });
  return {
    node,
    update(n) {
      setText(name, n.name);
      setText(what, `${n.kind} · ${n.what}`);
      setText(reason, n.reason);
    },
  };
}
