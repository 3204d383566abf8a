import { createHash } from 'node:crypto';
import type { Node } from 'typescript/unstable/ast';
import { isStatement } from 'typescript/unstable/ast/is';
import type { CheckedFile } from '../check/program.ts';
import { type Mutation, mutationsOf } from './mutations.ts';
import { isSealed, isSkipped } from './skipped.ts';
import { switchName } from './switch.ts';

/** One small change of one source file. */
export interface Mutant {
  /** The same as long as the line and the change are: a hash of the file, the line's text and the change. */
  readonly id: string;
  /** Its number in this run, from 1: what the instrumented source asks for. */
  readonly number: number;
  readonly file: string;
  /** Both from 1. */
  readonly line: number;
  readonly column: number;
  readonly kind: string;
  readonly original: string;
  readonly replacement: string;
  /** The line in which it begins, trimmed. */
  readonly within: string;
}

export interface Instrumented {
  readonly path: string;
  /** The source with every mutant in it, each asleep until the switch names its number. */
  readonly source: string;
  readonly mutants: readonly Mutant[];
}

/**
 * Puts all mutants of a file into one copy of it: an expression becomes `($mutant(7) ? (a <= b) : (a < b))`, a statement
 * `{if (!$mutant(8)) {…}}`. `firstNumber` is the number of the first. No line moves.
 */
export function instrument(file: CheckedFile, firstNumber: number): Instrumented {
  const { text, ast } = file;
  const textOf = (node: Node): string => text.slice(node.getStart(ast), node.end);
  const mutations = new Map<string, Mutation[]>();
  collect(ast);
  const mutants: Mutant[] = [];
  const seen = new Map<string, number>();
  const source = emit(ast, false);
  // A module may begin with the line that names its interpreter.
  const [interpreter] = /^(?:#!.*\n)?/.exec(source)!;
  const instrumented = `${interpreter}const ${switchName}=globalThis.${switchName};${source.slice(interpreter.length)}`;
  return { path: file.path, source: instrumented, mutants };

  function collect(node: Node): void {
    if (isSkipped(node, textOf)) return;
    for (const mutation of mutationsOf(node, textOf)) {
      if (isSkipped(mutation.node, textOf)) continue;
      const key = keyOf(mutation.node);
      const known = mutations.get(key);
      if (known === undefined) mutations.set(key, [mutation]);
      else if (!known.some(({ replacement }) => replacement === mutation.replacement)) known.push(mutation);
    }
    if (isSealed(node)) return;
    node.forEachChild((child) => {
      collect(child);
      return undefined;
    });
  }

  function emit(node: Node, isBelow: boolean): string {
    if (isSkipped(node, textOf)) return textOf(node);
    // Numbers go from the outside in, so that they follow the order of the file.
    const own = (mutations.get(keyOf(node)) ?? []).map(register);
    let at = isBelow ? node.getStart(ast) : 0;
    let out = '';
    node.forEachChild((child) => {
      const start = child.getStart(ast);
      if (start < at) throw new Error(`${file.path}: a syntax tree out of order at ${start}`);
      out += text.slice(at, start) + emit(child, true);
      at = child.end;
      return undefined;
    });
    out += text.slice(at, node.end);
    if (own.length === 0) return out;
    if (isStatement(node)) return `{if(!${switchName}(${own[0]!.number})){${out}}}`;
    const choices = own.map(({ number, replacement }) => `${switchName}(${number})?(${replacement}):`);
    return `(${choices.join('')}(${out}))`;
  }

  function register(mutation: Mutation): Mutant {
    const original = textOf(mutation.node);
    const start = mutation.node.getStart(ast);
    const { line, character } = ast.getLineAndCharacterOfPosition(start);
    const lineStart = text.lastIndexOf('\n', start - 1) + 1;
    const lineEnd = text.indexOf('\n', start);
    const within = text.slice(lineStart, lineEnd < 0 ? undefined : lineEnd).trim();
    const identity = [file.path, within, original, mutation.replacement].join('\n');
    const times = (seen.get(identity) ?? 0) + 1;
    seen.set(identity, times);
    const mutant: Mutant = {
      id: createHash('sha256').update(`${identity}\n${times}`).digest('hex').slice(0, 8),
      number: firstNumber + mutants.length,
      file: file.path,
      line: line + 1,
      column: character + 1,
      kind: mutation.kind,
      original,
      replacement: mutation.replacement,
      within,
    };
    mutants.push(mutant);
    return mutant;
  }
}

function keyOf(node: Node): string {
  return `${node.pos}:${node.end}:${node.kind}`;
}
