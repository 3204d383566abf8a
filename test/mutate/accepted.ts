import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Mutant } from './instrument.ts';

/** A mutant that may survive, because no test can tell it from the original, or none should. */
export interface Accepted {
  readonly file: string;
  /** The line in which the mutant begins, trimmed. */
  readonly line: string;
  /** `original → replacement`, as `make mutate` prints it. */
  readonly change: string;
  readonly reason: string;
}

const fields = ['file', 'line', 'change', 'reason'] as const;

/** Reads every `*.json` of a folder; throws with the file and the entry where one is not as it should be. */
export function readAccepted(folder: string): Accepted[] {
  if (!existsSync(folder)) return [];
  const entries: Accepted[] = [];
  for (const name of readdirSync(folder).sort()) {
    if (!name.endsWith('.json')) continue;
    const list = JSON.parse(readFileSync(join(folder, name), 'utf8')) as unknown[];
    for (const [index, entry] of list.entries()) {
      for (const field of fields) {
        const value = (entry as Record<string, unknown>)[field];
        if (typeof value !== 'string' || value.trim() === '')
          throw new Error(`${name}: entry ${index + 1} has no "${field}"`);
      }
      entries.push(entry as Accepted);
    }
  }
  return entries;
}

/** One line, whatever the source looks like. */
export function changeOf(mutant: Pick<Mutant, 'original' | 'replacement'>): string {
  const oneLine = (text: string): string => text.replace(/\s+/g, ' ').trim();
  return `${oneLine(mutant.original)} → ${oneLine(mutant.replacement) || '(removed)'}`;
}

/** The list of accepted mutants, and which of its entries match nothing any more. */
export class AcceptedList {
  private readonly entries: ReadonlyMap<string, Accepted>;
  private readonly used = new Set<string>();

  constructor(entries: readonly Accepted[]) {
    this.entries = new Map(entries.map((entry) => [keyOf(entry), entry]));
  }

  /** Returns why a mutant may survive, or null. */
  reasonFor(mutant: Mutant): string | null {
    const key = keyOf({ file: mutant.file, line: mutant.within, change: changeOf(mutant) });
    const entry = this.entries.get(key);
    if (entry === undefined) return null;
    this.used.add(key);
    return entry.reason;
  }

  /** The entries for one of these source files that matched no mutant: their line has changed or is gone. */
  stale(files: ReadonlySet<string>): Accepted[] {
    return [...this.entries]
      .filter(([key, { file }]) => files.has(file) && !this.used.has(key))
      .map(([, e]) => e);
  }
}

function keyOf({ file, line, change }: Pick<Accepted, 'file' | 'line' | 'change'>): string {
  return [file, line, change].join('\n');
}
