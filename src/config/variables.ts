import type { Result } from '../core/result.ts';
import { isSecretKey } from '../core/secret-keys.ts';
import { shown } from '../schema/problem.ts';

/** The environment, from which references are filled in. */
export type Variables = Readonly<Record<string, string | undefined>>;

/** A value whose references are filled in. */
export interface Expanded {
  readonly text: string;
  /** Variables that are part of it, by name, those that a default stands in for included. */
  readonly names: readonly string[];
}

/** Characters of one value with its variables filled in. */
export const expandedCharsMax = 65_536;
/** The same for all values of a file together. */
export const expandedCharsTotalMax = 1_048_576;

/** `${`, with a `$` before it where it is escaped, and what may follow it. */
const reference = /\$?\$\{(?:([^}]*)(\})?)/g;
const nameAndDefault = /^([A-Za-z_][A-Za-z0-9_]{0,127})(?::-(.*))?$/s;

/** Whether a text has anything to fill in, or to take an escape out of. */
export function hasReference(text: string): boolean {
  return text.includes('${');
}

/**
 * Fills in `${NAME}` and `${NAME:-default}` (the default counts where the variable is empty too, as in a shell);
 * `$${NAME}` is the text `${NAME}`. What a variable holds is not expanded again. Never throws.
 */
export function expand(text: string, variables: Variables): Result<Expanded> {
  const names: string[] = [];
  let error: string | undefined;
  const expanded = text.replaceAll(reference, (written: string, content: string, end: string | undefined) => {
    if (written.startsWith('$$')) return written.slice(1);
    const parts = nameAndDefault.exec(content);
    if (end === undefined || parts === null || parts[2]?.includes('${')) {
      error ??= mistake(written, content, end !== undefined);
      return '';
    }
    const [, name, otherwise] = parts;
    const value = variables[name];
    names.push(name);
    if (otherwise !== undefined && (value === undefined || value === '')) return otherwise;
    if (value === undefined)
      error ??= `${shown(text)}: the environment variable ${name} is not set; set it, or write \${${name}:-DEFAULT}`;
    return value ?? '';
  });
  if (error !== undefined) return { error };
  if (expanded.length > expandedCharsMax)
    return {
      error: `${shown(text)} has more than ${expandedCharsMax} characters once its variables are filled in`,
    };
  return { value: { text: expanded, names } };
}

function mistake(written: string, content: string, closed: boolean): string {
  if (!closed) return `${shown(written)} has no "}"; write \${NAME}, or $\${ for the text "\${"`;
  if (content.includes('${'))
    return `${shown(written)}: a default holds no variable; write plain text after ":-"`;
  const other = /^[A-Za-z_][A-Za-z0-9_]*([:?+=#%/-].*)$/s.exec(content);
  if (other !== null)
    return `${shown(written)}: ${shown(other[1])} is not supported; write \${NAME} or \${NAME:-default}`;
  return `${shown(written)} names no environment variable; write \${NAME}, or $\${ for the text "\${"`;
}

/** Names of variables that most likely hold a secret, beside those that are keys of secrets: what they hold is not shown. */
const secretName = /(PASS|AUTH|KEY)$/i;

export function isSecretName(name: string): boolean {
  return secretName.test(name) || isSecretKey(name);
}

/** A value as it was written, and with its variables filled in. */
export interface Filled extends Expanded {
  readonly written: string;
}

/** Fills in the variables of one file, within bounds for all of its values together. */
export class VariableFiller {
  private readonly variables: Variables | undefined;
  private chars = 0;

  constructor(variables: Variables | undefined) {
    this.variables = variables;
  }

  fill(written: string): Result<Filled> {
    if (!hasReference(written)) return { value: { written, text: written, names: [] } };
    if (this.variables === undefined)
      return { error: `${shown(written)}: variables are not filled in here; write the value` };
    const { value, error } = expand(written, this.variables);
    if (value === undefined) return { error };
    this.chars += value.text.length;
    return this.chars > expandedCharsTotalMax
      ? { error: `variables fill in more than ${expandedCharsTotalMax} characters in this file; write fewer` }
      : { value: { ...value, written } };
  }
}

/**
 * An error about a value that variables are part of: with what the file has, and without the value where a variable is a
 * secret by its name.
 */
export function errorOfFilled(error: string, filled: readonly Filled[]): string {
  const [first] = filled;
  if (first === undefined || first.names.length === 0) return error;
  if (!filled.some(({ names }) => names.some(isSecretName)))
    return `${error} (the file has ${shown(first.written)})`;
  const fix = error.lastIndexOf('; write ');
  return `${shown(first.written.replaceAll(/:-[^}]*/g, ':-…'))}: the value of ${first.names.join(' and ')} is not allowed here${fix < 0 ? '' : error.slice(fix)}`;
}

/** First of the private characters that stand for those of a reference while YAML is parsed. */
const shieldFirst = 0xe100;
const plainReference = /\$?\$\{[A-Za-z_][A-Za-z0-9_]*(?::-[^{}"'\\\n]*)?\}/g;
const shielded = /[\ue100-\ue17f]/g;

/** A text for the YAML parser, and what turns a parsed value into what was written. */
export interface Shielded {
  readonly text: string;
  readonly restore: (value: string) => string;
}

/**
 * Puts a private character in the place of each character of a reference, so that YAML takes `{ port: ${PORT} }` for a
 * mapping with a value, and not for a mapping in a mapping. Lengths stay, and so do places.
 */
export function shield(text: string): Shielded {
  // A text that holds such characters itself could not be distinguished from Outrigger's afterwards.
  if (!hasReference(text) || text.search(shielded) >= 0) return { text, restore: (value) => value };
  const hide = (c: string): string => {
    const code = c.charCodeAt(0);
    return code < 0x80 ? String.fromCharCode(code + shieldFirst) : c;
  };
  return {
    text: text.replaceAll(plainReference, (written) => written.split('').map(hide).join('')),
    restore: (value) => value.replaceAll(shielded, (c) => String.fromCharCode(c.charCodeAt(0) - shieldFirst)),
  };
}
