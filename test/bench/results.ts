import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { Report } from './report.ts';

const dir = fileURLToPath(new URL('./results/', import.meta.url));

/** The latest report kept with the sources, or null; names begin with the date, so their order is that of time. */
export function latestReport(): Report | null {
  mkdirSync(dir, { recursive: true });
  const name = readdirSync(dir)
    .filter((file) => file.endsWith('.json'))
    .sort()
    .at(-1);
  return name === undefined ? null : (JSON.parse(readFileSync(dir + name, 'utf8')) as Report);
}

/** Writes DATE-commit.json and .md; gives the path without its ending. */
export function writeReport(report: Report, markdown: string): string {
  const base = `${dir}${report.date.replaceAll(':', '')}-${report.commit.replace('+', '-changed') || 'unknown'}`;
  writeFileSync(`${base}.json`, `${JSON.stringify(report, null, 1)}\n`);
  writeFileSync(`${base}.md`, markdown);
  return base;
}
