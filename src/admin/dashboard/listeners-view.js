import { createCard } from './card.js';
import { createCells, createTable } from './data-table.js';
import { h, setHidden, setText } from './dom.js';
import { bytes, count } from './format.js';

const columns = [
  { key: 'name', title: 'Listener', sort: (l) => l.name },
  { key: 'where', title: 'Address', sort: (l) => l.address },
  { key: 'conns', title: 'Connections', sort: (l) => l.connections, descending: true },
  { key: 'active', title: 'In flight', sort: (l) => l.active, descending: true },
  { key: 'total', title: 'Ended', sort: (l) => l.total, descending: true },
  { key: 'more', title: 'Datagrams' },
];

/** The table of listeners, with the sessions and datagrams of those with `protocol: udp`. `update(listeners)`. */
export function createListeners(parent) {
  const all = h('a', { class: 'all', href: '/listeners' }, 'As text');
  const table = createTable({
    name: 'Listeners',
    columns,
    keyOf: (listener) => listener.name,
    createRow: createListener,
    textOf: (l) => `${l.name} ${l.address} ${l.direction} ${l.protocol}`,
    filterLabel: 'Filter listeners',
    empty: 'No listener is configured.',
  });
  const card = createCard({
    title: 'Listeners',
    name: 'Listeners',
    kind: 'listeners',
    header: [all],
    contents: [table.bar, table.frame, table.none],
  });
  parent.append(card.node);
  return {
    update(listeners) {
      table.update(listeners);
      setHidden(table.bar, listeners.length < 4);
    },
  };
}

function createListener() {
  const name = h('span', { class: 'route-name' });
  const about = h('span', { class: 'note' });
  const address = h('span', { class: 'address' });
  const connections = h('span');
  const active = h('span');
  const total = h('span');
  const datagrams = h('span');
  const dropped = h('span', { class: 'note' });
  const node = createCells(columns, {
    name: [name, about],
    where: [address],
    conns: [connections],
    active: [active],
    total: [total],
    more: [datagrams, dropped],
  });
  return {
    node,
    update(l) {
      const unit = { udp: 'sessions', tcp: 'connections' }[l.protocol] ?? 'requests';
      setText(name, l.name);
      setText(
        about,
        [l.direction, l.protocol === 'auto' ? 'HTTP' : l.protocol.toUpperCase(), l.going ? 'draining' : '']
          .filter(Boolean)
          .join(' · '),
      );
      setText(address, l.address);
      setText(connections, l.udp ? '-' : count(l.connections));
      setText(active, `${count(l.active)} ${unit}`);
      setText(total, `${count(l.total)} ${unit}`);
      setText(datagrams, l.udp ? datagramText(l.udp) : '-');
      setText(dropped, l.udp ? droppedText(l.udp) : '');
    },
  };
}

function datagramText(udp) {
  return `${count(udp.requestDatagrams)} in (${bytes(udp.requestBytes)}), ${count(udp.responseDatagrams)} out (${bytes(udp.responseBytes)})`;
}

function droppedText({ dropped }) {
  const parts = Object.entries(dropped).map(([reason, n]) => `${count(n)} ${reason}`);
  return parts.length === 0 ? 'none dropped' : `dropped: ${parts.join(', ')}`;
}
