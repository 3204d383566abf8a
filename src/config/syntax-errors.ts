import type { YAMLError } from 'yaml';
import { shown } from '../schema/problem.ts';
import { closingOf, findUnmatched, type UnmatchedMark } from './bracket-scan.ts';
import { oddLine } from './odd-text.ts';

/** An error of syntax in our words, at an offset of the text. */
export interface SyntaxProblem {
  readonly offset: number;
  readonly message: string;
}

export interface SyntaxProblems {
  /** One for each cause, as far as that can be told; never empty. */
  readonly problems: readonly SyntaxProblem[];
  /** Lines (from 1) that the parser complained of. */
  readonly lines: ReadonlySet<number>;
  /** Whether the values behind the errors were read as they were meant. */
  readonly recovered: boolean;
}

/** What the parser, which is recursive, says of a text that is nested thousands deep. */
export const stackOverflow = 'Maximum call stack size exceeded';

/** `{{ .Values.host }}`, of Helm and others. */
export const unfilledTemplate = `this is a template that no tool has filled in; render the file first, or write \${NAME} for an environment variable`;

/** Characters of a line that are searched for a cause. */
const lineCharsMax = 4096;

/** Codes of errors after which the parser continues with the next value as if nothing had happened. */
const recoverable: ReadonlySet<string> = new Set([
  'TAB_AS_INDENT',
  'BAD_SCALAR_START',
  'BAD_DQ_ESCAPE',
  'TAG_RESOLVE_FAILED',
]);

/**
 * Translates the errors of the parser. One mistake makes it report several, most of them at places that are right: of
 * errors on one line the first counts, and what follows an unmatched bracket or quote counts for nothing.
 */
export function syntaxProblems(text: string, errors: readonly YAMLError[]): SyntaxProblems {
  const lines = new TextLines(text);
  const problems: SyntaxProblem[] = [];
  const reported = new Set<number>();
  let recovered = true;
  const add = (problem: SyntaxProblem): void => {
    const line = lines.indexAt(problem.offset);
    if (!reported.has(line)) problems.push(problem);
    reported.add(line);
  };
  const unmatched = errors.some(concernsBrackets) ? findUnmatched(text) : undefined;
  for (const error of errors) {
    const isRecovered = recoverable.has(error.code) || isItemIndent(error);
    recovered &&= isRecovered;
    const special = specialCase(error, lines);
    if (special !== undefined) {
      add(special);
      if (!isRecovered) break;
    } else if (unmatched !== undefined && concernsBrackets(error)) {
      add(unmatchedProblem(unmatched, lines));
      break;
    } else add(inWords(error, lines));
    // The parser has given the document up here and goes through the rest of it word by word.
    if (error.message.includes('in YAML stream')) break;
  }
  const places = [...problems.map(({ offset }) => offset), ...errors.map(({ pos }) => pos[0])];
  return { problems, recovered, lines: new Set(places.map((offset) => lines.place(offset).line)) };
}

function concernsBrackets({ code, message }: YAMLError): boolean {
  if (code === 'MISSING_CHAR') return message.startsWith('Flow ') || message.startsWith('Missing closing');
  return (
    code === 'BLOCK_IN_FLOW' ||
    code === 'UNEXPECTED_TOKEN' ||
    (code === 'BAD_INDENT' && message.startsWith('Flow '))
  );
}

/** A key less or more indented than its neighbours, after which the parser finds its way by itself. */
function isItemIndent({ code, message }: YAMLError): boolean {
  if (code === 'MISSING_CHAR') return message.startsWith('Sequence item');
  return code === 'BAD_INDENT' && !message.startsWith('Flow ');
}

function unmatchedProblem(mark: UnmatchedMark, lines: TextLines): SyntaxProblem {
  const { offset } = mark;
  if (mark.kind === 'quote')
    return {
      offset,
      message: `the quote ${mark.mark} that begins here is never closed; write ${mark.mark} at the end of the value`,
    };
  if (mark.kind === 'open')
    return {
      offset,
      message: `the "${mark.mark}" here is never closed; write "${closingOf(mark.mark)}" where it ends`,
    };
  const { line, column } = lines.place(mark.openedAt);
  return {
    offset,
    message: `"${mark.mark}" stands where the "${mark.opened}" of line ${line}, column ${column} is still open; write "${closingOf(mark.opened)}" first`,
  };
}

/** Texts that people write in configuration files and that are not YAML, whatever the parser makes of them. */
function specialCase(error: YAMLError, lines: TextLines): SyntaxProblem | undefined {
  const index = lines.indexAt(error.pos[0]);
  const line = lines.text(index).slice(0, lineCharsMax);
  const template = /\{\{.*/.exec(line);
  if (template !== null) return { offset: lines.start(index) + template.index, message: unfilledTemplate };
  const ipv6 = /(?:^|[\s,{[])(\[[0-9A-Fa-f.]*:[0-9A-Fa-f:.]*\]:\d{1,5})/.exec(line);
  if (ipv6 !== null)
    return {
      offset: lines.start(index) + line.indexOf(ipv6[1]),
      message: `an IPv6 address requires quotes; write "${ipv6[1]}"`,
    };
  const odd = oddLine(line);
  return odd === undefined ? undefined : { offset: lines.start(index) + odd.column, message: odd.message };
}

function inWords(error: YAMLError, lines: TextLines): SyntaxProblem {
  const [offset] = error.pos;
  const { code, message } = error;
  if (isItemIndent(error)) return indentProblem(lines.indexAt(offset), lines);
  switch (code) {
    case 'BLOCK_AS_IMPLICIT_KEY':
    case 'MULTILINE_IMPLICIT_KEY':
      return keyProblem(offset, lines);
    case 'TAB_AS_INDENT':
      return { offset, message: 'a tab indents this line; use spaces' };
    case 'BAD_SCALAR_START': {
      const first = lines.charAt(offset);
      return { offset, message: `a value that begins with ${shown(first)} requires quotes` };
    }
    case 'BAD_DQ_ESCAPE':
      return {
        offset,
        message: `${shown(message.replace(/^.*sequence /, ''))} is not an escape sequence; write \\\\ for a backslash, or use single quotes`,
      };
    case 'TAG_RESOLVE_FAILED': {
      const tag = /!\S*/.exec(message)?.[0] ?? '!';
      return {
        offset,
        message: `${shown(tag)} is a tag, and tags are not supported; remove it, or put the value in quotes`,
      };
    }
    case 'MULTIPLE_DOCS':
      return { offset, message: 'there is more than one document; write one' };
    case 'BLOCK_IN_FLOW':
    case 'UNEXPECTED_TOKEN':
      return { offset, message: unexpected(message, lines.charAt(offset)) };
    case 'MISSING_CHAR':
      if (message.startsWith('Missing ,'))
        return { offset, message: 'a comma is missing before this; write one' };
  }
  return { offset, message: otherError(message) };
}

function unexpected(message: string, first: string): string {
  if (first === ']' || first === '}') return `${shown(first)} closes nothing that is open; remove it`;
  return message.endsWith('at node end')
    ? 'this follows a value that is complete; put the whole value in quotes, or write the comma that is missing before it'
    : 'this is not expected here; write the comma, quote or bracket that is missing before it';
}

/** The library's own sentence. */
export function otherError(message: string): string {
  if (message === stackOverflow) return 'this is nested too deeply';
  // The library quotes what it met, a NUL or the escape of a terminal included.
  const printable = Array.from(message, (c) => (isControl(c.charCodeAt(0)) ? escapeOf(c) : c)).join('');
  return `this is not YAML: ${printable.charAt(0).toLowerCase()}${printable.slice(1)}`;
}

function isControl(code: number): boolean {
  return code < 0x20 || (code >= 0x7f && code <= 0x9f);
}

function escapeOf(c: string): string {
  return `\\x${c.charCodeAt(0).toString(16).padStart(2, '0')}`;
}

/** A line whose indentation is that of no line above it. */
function indentProblem(index: number, lines: TextLines): SyntaxProblem {
  const indent = lines.indent(index);
  const choices = lines.columnsAbove(index);
  const deeper = Math.min(...choices.filter((column) => column > indent));
  const shallower = Math.max(...choices.filter((column) => column < indent));
  const near = [shallower, deeper].filter(Number.isFinite);
  const write = near.length === 0 ? 'indent it as the line above' : `indent it by ${near.join(' or ')}`;
  return {
    offset: lines.start(index) + indent,
    message: `this line is indented by ${spaces(indent)}, which is not the indentation of any key above; ${write}`,
  };
}

/** A key where none may be: a line without a colon, a value that holds `: `, or a line that is indented too deeply. */
function keyProblem(offset: number, lines: TextLines): SyntaxProblem {
  const index = lines.indexAt(offset);
  const line = lines.text(index);
  const rest = line.slice(offset - lines.start(index)).trimEnd();
  if (/:(\s|$)/.test(rest))
    // The text is not shown: it may be a secret.
    return { offset, message: 'this value holds ": ", which makes a key of it; put the value in quotes' };
  const isValue = /:\s+$/.test(line.slice(0, offset - lines.start(index)));
  if (!isValue) return { offset, message: missingColon(rest) };
  const next = lines.nextWritten(index);
  const indent = lines.keyColumn(index);
  return {
    offset: lines.start(next) + lines.indent(next),
    message: `this line is indented by ${spaces(lines.indent(next))}, deeper than the key above it, which has a value already; indent it by ${indent}`,
  };
}

function missingColon(rest: string): string {
  const key = /^[\w.-]{1,64}/.exec(rest)?.[0];
  if (key === undefined) return 'a key is expected here; write key: value';
  return `${shown(key)} has no colon and space between key and value; write ${key}: …`;
}

function spaces(count: number): string {
  return `${count} space${count === 1 ? '' : 's'}`;
}

/** A text by its lines, which count from 0 here. */
class TextLines {
  private readonly lines: readonly string[];
  private readonly starts: number[] = [];

  constructor(text: string) {
    this.lines = text.split('\n');
    let start = 0;
    for (const line of this.lines) {
      this.starts.push(start);
      start += line.length + 1;
    }
  }

  text(index: number): string {
    return this.lines[index] ?? '';
  }
  start(index: number): number {
    return this.starts[index] ?? 0;
  }
  charAt(offset: number): string {
    const index = this.indexAt(offset);
    return this.text(index)[offset - this.start(index)] ?? '';
  }

  /** The line that an offset is in, by halving. */
  indexAt(offset: number): number {
    let low = 0;
    let high = this.starts.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if (this.starts[middle] <= offset) low = middle;
      else high = middle - 1;
    }
    return low;
  }

  /** As messages count: from 1. */
  place(offset: number): { line: number; column: number } {
    const index = this.indexAt(offset);
    return { line: index + 1, column: offset - this.start(index) + 1 };
  }

  indent(index: number): number {
    return /^[ \t]*/.exec(this.text(index))![0].length;
  }

  /** Where the first key of a line begins, behind its dashes. */
  keyColumn(index: number): number {
    return /^[ \t]*(- +)*/.exec(this.text(index))![0].length;
  }

  /** The next line with something on it, or this one. */
  nextWritten(index: number): number {
    for (let next = index + 1; next < this.lines.length; next++) if (this.isWritten(next)) return next;
    return index;
  }

  /** Columns of the keys and dashes that enclose a line, those of the nearest lines first. */
  columnsAbove(index: number): number[] {
    const columns: number[] = [];
    let least = Number.POSITIVE_INFINITY;
    for (let above = index - 1; above >= 0 && least > 0; above--) {
      if (!this.isWritten(above)) continue;
      const [indent, column] = [this.indent(above), this.keyColumn(above)];
      if (indent >= least) continue;
      columns.push(column, indent);
      least = indent;
    }
    return columns;
  }

  private isWritten(index: number): boolean {
    return /^\s*[^\s#]/.test(this.text(index));
  }
}
