import { readdirSync, readFileSync } from 'node:fs';
import { entityTag } from './reply.ts';

/** One file of the live page, ready to be sent. */
export interface DashboardFile {
  readonly type: string;
  readonly body: Buffer;
  /** `ETag`. */
  readonly tag: string;
}

const types: Readonly<Record<string, string>> = {
  html: 'text/html; charset=utf-8',
  css: 'text/css; charset=utf-8',
  js: 'text/javascript; charset=utf-8',
  svg: 'image/svg+xml',
};

/**
 * Reads the page's files once, by URL path: `/` is `index.html`, the others are under `/dashboard/`. A request is
 * answered from this map and never reaches the file system. Throws if the folder is missing: a broken installation.
 */
export function readDashboard(): ReadonlyMap<string, DashboardFile> {
  const folder = new URL('dashboard/', import.meta.url);
  const files = new Map<string, DashboardFile>();
  for (const name of readdirSync(folder)) {
    const type = types[name.slice(name.lastIndexOf('.') + 1)];
    if (type === undefined) continue;
    const body = readFileSync(new URL(name, folder));
    files.set(name === 'index.html' ? '/' : `/dashboard/${name}`, { type, body, tag: entityTag(body) });
  }
  return files;
}
