import { safeJson, safeText } from '../core/safe-text.ts';
import { maskUrls } from '../core/secret-keys.ts';

/** Where a value was written: a file with a place in it, or a flag or variable, whose line is 0. */
export interface Place {
  /** A path as the user gave it, or the name of a flag (`--to`) or variable (`OUTRIGGER_TO`). */
  readonly file: string;
  /** Counts from 1; 0 where there is no place to point at. */
  readonly line: number;
  readonly column: number;
}

/** Something wrong with the configuration, as it is shown to the user. */
export interface ConfigProblem extends Place {
  /** `clusters[0].endpoints[1].address`; '' where a flag or the file as a whole is meant. */
  readonly path: string;
  /** `"value" what is wrong; write what`. */
  readonly message: string;
}

/** More than these are counted, not listed: nobody reads them, and a hostile file could make millions. */
export const problemsMax = 100;

/** A flag or a variable as a place. */
export function placeOfName(name: string): Place {
  return { file: name, line: 0, column: 0 };
}

/** A problem at a place. A flag is its own path: `clusters[0].endpoints[1]` means nothing to somebody who wrote `--to`. */
export function problemAt(place: Place, path: string, message: string): ConfigProblem {
  return { ...place, path: place.line === 0 ? '' : path, message };
}

/** `outrigger.yaml:14:9 clusters[0].name: "…" what is wrong; write what`. */
export function formatProblem(problem: ConfigProblem): string {
  const { file, line, column, path, message } = problem;
  const where = line === 0 ? file : `${file}:${line}:${column}`;
  return safeText(path === '' ? `${where}: ${message}` : `${where} ${path}: ${message}`);
}

/** Problems in the order in which a reader meets them in the file; those of flags and variables first. */
export function sortProblems(problems: readonly ConfigProblem[]): ConfigProblem[] {
  return [...problems].sort((a, b) => a.line - b.line || a.column - b.column);
}

/** A value as a sentence shows it: in quotes where it is text, escaped, and truncated where it is long. */
export function shown(value: unknown): string {
  if (typeof value === 'string') return safeJson(JSON.stringify(truncate(maskUrls(value))));
  if (typeof value === 'number' || typeof value === 'bigint') return String(value);
  return truncate(safeJson(maskUrls(JSON.stringify(value) ?? 'nothing')));
}
const shownCharsMax = 80;

function truncate(text: string): string {
  return text.length > shownCharsMax ? `${text.slice(0, shownCharsMax - 1)}…` : text;
}

/** `a`, `a or b`, `a, b or c`. */
export function listed(names: readonly string[], last = 'or'): string {
  return names.length < 2
    ? names.join('')
    : `${names.slice(0, -1).join(', ')} ${last} ${names[names.length - 1]}`;
}
