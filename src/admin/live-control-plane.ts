import type { ControlPlaneSnapshot } from './control-plane-snapshot.ts';
import { printable } from './text-table.ts';

/** Rows of refused resources and of notes that the page shows; `/xds` has them all. */
const rowsMax = 50;
/** Reasons contain what a control plane sent. */
const reasonCharsMax = 400;

/** A row of the page: what a resource is, and what is the matter with it. */
interface LiveNote {
  /** `refused`, `waiting` or `warning`. */
  readonly what: string;
  readonly kind: string;
  readonly name: string;
  readonly reason: string;
}

export interface LiveControlPlane
  extends Pick<
    ControlPlaneSnapshot,
    'server' | 'controlPlane' | 'connected' | 'sinceMs' | 'staleMs' | 'applied'
  > {
  readonly lastError: string;
  readonly refused: string;
  readonly kinds: ReadonlyArray<{
    readonly kind: string;
    readonly version: string;
    readonly resources: number;
    readonly missing: number;
    readonly refused: number;
    readonly lastAckAtMs: number | null;
  }>;
  readonly notes: readonly LiveNote[];
  readonly notesLeftOut: number;
}

/** What the page shows of the control plane; null without one. */
export function liveControlPlane(snapshot: ControlPlaneSnapshot | null): LiveControlPlane | null {
  if (snapshot === null) return null;
  const { server, controlPlane, connected, sinceMs, staleMs, applied, lastError, refused, kinds } = snapshot;
  const notes = notesOf(snapshot);
  return {
    server,
    controlPlane: clip(controlPlane),
    connected,
    sinceMs,
    staleMs,
    applied,
    lastError: clip(lastError),
    refused: clip(refused),
    kinds: kinds.map(({ kind, version, resources, missing, refused: wrong, lastAckAtMs }) => ({
      kind,
      version: clip(version),
      resources,
      missing: missing.length,
      refused: wrong.length,
      lastAckAtMs,
    })),
    notes: notes.slice(0, rowsMax).map((note) => ({
      ...note,
      name: clip(note.name),
      reason: clip(note.reason),
    })),
    notesLeftOut: Math.max(0, notes.length - rowsMax),
  };
}

function notesOf({ kinds, waiting, warnings }: ControlPlaneSnapshot): LiveNote[] {
  const placed = (path: string, text: string): string => (path === '' ? text : `${path}: ${text}`);
  return [
    ...kinds.flatMap(({ kind, refused }) =>
      refused.map(({ name, path, message }) => ({
        what: 'refused',
        kind,
        name,
        reason: placed(path, message),
      })),
    ),
    ...waiting.map(({ kind, name, for: missing }) => ({
      what: 'waiting',
      kind,
      name,
      reason: `waits for ${missing}`,
    })),
    ...warnings.map(({ kind, name, path, message }) => ({
      what: 'warning',
      kind,
      name,
      reason: placed(path, message),
    })),
  ];
}

function clip(text: string): string {
  return printable(text.length <= reasonCharsMax ? text : `${text.slice(0, reasonCharsMax - 1)}…`);
}
