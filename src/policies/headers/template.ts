import { nearestName } from '../../core/nearest.ts';
import type { Result } from '../../core/result.ts';
import { shown } from '../../schema/problem.ts';
import { type Variable, type VariableSource, variables } from './variables.ts';

/** Characters that one variable adds to a value. */
const variableCharsMax = 1024;
/** Characters of a whole value. */
export const valueCharsMax = 8192;

/** `{name}`, `{{` for a brace, or a brace with whatever follows it up to the next one. */
const bracePattern = /\{(?:(\{)|([^{}]*)(\})?)/g;

/**
 * The value of a header with its variables: `{client.address}` is replaced, `{{` is the text `{`, and `}` outside of a variable
 * is itself. Environment variables, `${NAME}`, were filled in when the file was loaded.
 */
export class Template {
  /** Text and variables, in turn. */
  private readonly parts: ReadonlyArray<string | Variable>;

  constructor(parts: ReadonlyArray<string | Variable>) {
    this.parts = parts;
  }

  /** The value, where it is the same for every message; else null. */
  get constant(): string | null {
    return this.parts.some((part) => typeof part !== 'string') ? null : this.parts.join('');
  }

  /** Whether the value is final only when an attempt begins. */
  get late(): boolean {
    return this.parts.some((part) => typeof part !== 'string' && part.late);
  }

  uses(name: keyof typeof variables): boolean {
    return this.parts.includes(variables[name]);
  }

  /**
   * The value for one message: printable ASCII without spaces at its ends, and never longer than `valueCharsMax`. '' where no
   * variable has a value and there is no other text.
   */
  expand(source: VariableSource): string {
    let value = '';
    for (const part of this.parts) value += typeof part === 'string' ? part : printable(part.of(source));
    return value.slice(0, valueCharsMax).trim();
  }
}

/** Reads the value of a header; the error is a sentence that shows no more than the variable. */
export function parseTemplate(text: string): Result<Template> {
  const parts: Array<string | Variable> = [];
  let from = 0;
  for (const match of text.matchAll(bracePattern)) {
    const [written, escaped, name, closed] = match;
    parts.push(text.slice(from, match.index));
    from = match.index + written.length;
    if (escaped !== undefined) parts.push('{');
    else if (closed === undefined || !/^[\w.-]{1,40}$/.test(name)) return { error: noVariable };
    else if (Object.hasOwn(variables, name)) parts.push(variables[name as keyof typeof variables]);
    else return { error: unknownVariable(written, name) };
  }
  parts.push(text.slice(from));
  return { value: new Template(parts.filter((part) => part !== '')) };
}

/** Without the text, which may be part of a credential. */
const noVariable = 'a value has a "{" that begins no variable; write {NAME}, or "{{" for the text "{"';

function unknownVariable(written: string, name: string): string {
  const names = Object.keys(variables);
  const nearest = nearestName(name, names);
  return nearest === undefined
    ? `${shown(written)} is not a variable; write one of ${names.map((known) => `{${known}}`).join(', ')}, or "{{" for the text "{"`
    : `${shown(written)} is not a variable; did you mean {${nearest}}?`;
}

/**
 * What comes from outside as a header may hold it: every byte that is not printable ASCII is percent-encoded (RFC 3986 section
 * 2.1), so that no line end gets into a value. Longer values are truncated.
 */
function printable(text: string): string {
  const bounded = text.slice(0, variableCharsMax);
  if (/^[\x20-\x7e]*$/.test(bounded)) return bounded;
  return bounded.replace(/[^\x20-\x7e]/gu, percentEncoded).slice(0, variableCharsMax);
}

/** What came from the wire is one character for each byte; what came from a certificate or a file is Unicode. */
function percentEncoded(character: string): string {
  const bytes = Buffer.from(character, character.charCodeAt(0) <= 0xff ? 'latin1' : 'utf8');
  let encoded = '';
  for (const byte of bytes) encoded += `%${byte.toString(16).toUpperCase().padStart(2, '0')}`;
  return encoded;
}
