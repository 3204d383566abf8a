import { createCard } from './card.js';
import { createCells, createTable } from './data-table.js';
import { h, setAttribute, setHidden, setText } from './dom.js';
import { dayTime, span } from './format.js';

/** Certificates that expire within this time are marked. */
const soonMs = 30 * 24 * 3_600_000;

const columns = [
  { key: 'used', title: 'Used by', sort: (c) => c.usedBy },
  { key: 'subject', title: 'Subject', sort: (c) => c.subject },
  { key: 'issuer', title: 'Issuer', sort: (c) => c.issuer },
  { key: 'expires', title: 'Expires (UTC)', sort: (c) => c.notAfterWallMs },
];

/** The certificates in use, those that expire first at the top. `update(certificates, nowWallMs)`. */
export function createCertificates(parent) {
  const all = h('a', { class: 'all', href: '/certificates' }, 'As text');
  const table = createTable({
    name: 'Certificates',
    columns,
    keyOf: (c) => JSON.stringify([c.usedBy, c.role, c.subject, c.notAfterWallMs]),
    createRow: createCertificate,
    textOf: (c) => `${c.usedBy} ${c.role} ${c.subject} ${c.issuer} ${c.names}`,
    firstOrder: (c) => c.notAfterWallMs,
    filterLabel: 'Filter certificates',
    empty: 'No certificate is in use: neither a listener nor a cluster has tls.',
  });
  const card = createCard({
    title: 'Certificates',
    name: 'Certificates',
    kind: 'certificates',
    header: [all],
    contents: [table.bar, table.frame, table.none],
  });
  parent.append(card.node);
  return {
    update(certificates, nowWallMs) {
      table.update(certificates.map((c) => ({ ...c, leftMs: c.notAfterWallMs - nowWallMs })));
      setHidden(table.bar, certificates.length < 4);
    },
  };
}

function createCertificate() {
  const usedBy = h('span', { class: 'route-name' });
  const role = h('span', { class: 'note' });
  const subject = h('span');
  const names = h('span', { class: 'note' });
  const issuer = h('span');
  const day = h('span');
  const pill = h('span', { class: 'pill' });
  const node = createCells(columns, {
    used: [usedBy, role],
    subject: [subject, names],
    issuer: [issuer],
    expires: [day, ' ', pill],
  });
  return {
    node,
    update(c) {
      setText(usedBy, c.usedBy);
      setText(role, c.role);
      setText(subject, c.subject);
      setText(names, c.names);
      setText(issuer, c.issuer);
      setText(day, dayTime(c.notAfterWallMs));
      setText(pill, c.leftMs > 0 ? `in ${span(c.leftMs)}` : 'expired');
      setAttribute(pill, 'data-tone', c.leftMs <= 0 ? 'bad' : c.leftMs < soonMs ? 'warn' : 'ok');
    },
  };
}
