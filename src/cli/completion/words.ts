import type { Command, FlagSpec } from '../command.ts';

/** What may stand at one place of a command line. */
export type Candidates =
  | { readonly kind: 'words'; readonly words: readonly string[] }
  | { readonly kind: 'files' }
  /** Only the user knows: an address, a number. */
  | { readonly kind: 'unknown' };

/** Placeholders in help that stand for a file or a folder. */
const filePlaceholders: ReadonlySet<string> = new Set(['FILE', 'DIR', 'PATH']);

/** The flag that every command has. */
export const helpFlag: FlagSpec = { name: 'help', short: 'h', doc: 'show this help' };

export function flagsOf(command: Command): readonly FlagSpec[] {
  return [...command.flags, helpFlag];
}

/** Returns what the value of a flag may be; null for a flag without a value. */
export function valuesOf({ value, words }: FlagSpec): Candidates | null {
  if (value === undefined) return null;
  if (words !== undefined) return { kind: 'words', words };
  return candidatesOf(value);
}

/** Returns what an argument without a flag may be; null for a command that takes none. */
export function argumentsOf(command: Command, commands: readonly Command[]): Candidates | null {
  const { positional, positionalWords } = command;
  if (positional === undefined) return null;
  if (positionalWords !== undefined) return { kind: 'words', words: positionalWords };
  if (positional === 'COMMAND') return { kind: 'words', words: commands.map(({ name }) => name) };
  return candidatesOf(positional);
}

function candidatesOf(placeholder: string): Candidates {
  if (filePlaceholders.has(placeholder)) return { kind: 'files' };
  // `debug|info|warn|error`, as the configuration table writes the values of a setting.
  const words = placeholder.split('|');
  if (words.length > 1 && words.every((word) => /^[a-z0-9_-]+$/.test(word))) return { kind: 'words', words };
  return { kind: 'unknown' };
}
