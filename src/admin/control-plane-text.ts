import type { ControlPlaneSnapshot } from './control-plane-snapshot.ts';
import { spanText } from './quantities.ts';
import { textTable } from './text-table.ts';

/** The connection, a line for each kind of resources, and what is refused, waits or has no effect. */
export function controlPlaneText(snapshot: ControlPlaneSnapshot | null): string {
  if (snapshot === null) return 'There is no control plane: the configuration has no server under xds.\n';
  const { kinds, waiting, warnings } = snapshot;
  const table = textTable(
    [
      { title: 'KIND' },
      { title: 'VERSION' },
      { title: 'RESOURCES', align: 'right' },
      { title: 'MISSING', align: 'right' },
      { title: 'REFUSED', align: 'right' },
      { title: 'ACKS', align: 'right' },
      { title: 'NACKS', align: 'right' },
      { title: 'LAST REASON' },
    ],
    kinds.map((one) => [
      one.kind,
      one.version || '-',
      String(one.resources),
      String(one.missing.length),
      String(one.refused.length),
      String(one.acks),
      String(one.nacks),
      one.lastNack || '-',
    ]),
  );
  const notes = [
    ...waiting.map((note) => `${placeOf(note)} waits for ${note.for}`),
    ...warnings.map((note) => `${placeOf(note)} ${note.message}`),
  ];
  return `${connectionText(snapshot)}\n\n${table}${notes.map((note) => `${note}\n`).join('')}`;
}

function connectionText({
  server,
  connected,
  staleMs,
  lastError,
  refused,
  applied,
}: ControlPlaneSnapshot): string {
  const state = connected
    ? `connected to ${server}`
    : `not connected to ${server} for ${spanText(staleMs)}: ${lastError}`;
  if (refused !== '') return `${state}; refused as a whole: ${refused}`;
  return applied ? state : `${state}; nothing is applied yet`;
}

function placeOf({ kind, name, path }: { kind: string; name: string; path: string }): string {
  return `${kind} ${name}${path === '' ? '' : `, ${path}`}:`;
}
