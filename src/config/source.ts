import {
  type Document,
  isAlias,
  isMap,
  isScalar,
  isSeq,
  LineCounter,
  type Node,
  type Pair,
  parseDocument,
} from 'yaml';
import { type ConfigProblem, type Place, problemsMax, shown } from '../schema/problem.ts';
import type { Raw } from '../schema/scalar-type.ts';
import { oddFile } from './odd-text.ts';
import { otherError, type SyntaxProblems, stackOverflow, syntaxProblems } from './syntax-errors.ts';
import { shield } from './variables.ts';

/** A value of the configuration with the place it was written at: what the reader walks. */
export type SourceNode =
  | { readonly kind: 'scalar'; readonly value: string | number | boolean | null; readonly place: Place }
  | { readonly kind: 'list'; readonly items: readonly SourceNode[]; readonly place: Place }
  | { readonly kind: 'map'; readonly entries: readonly SourceEntry[]; readonly place: Place };

export interface SourceEntry {
  readonly key: string;
  readonly keyPlace: Place;
  readonly value: SourceNode;
}

/** A larger file is refused unread. */
export const configFileBytesMax = 1_048_576;
/** Values in a file once its aliases are written out: what an alias bomb (`&a [*b, *b, …]`) runs into. */
export const sourceNodesMax = 100_000;
/** The table is seven levels deep; what lies deeper is a mistake or an attack. */
export const sourceDepthMax = 32;

/** What a file holds. With errors of syntax there may be a value too: what could be read in spite of them. */
export interface SourceResult {
  readonly value?: SourceNode;
  readonly problems: readonly ConfigProblem[];
  /** Whether a value at a place was read as it was meant, as far as the errors of syntax let one judge. */
  readonly isSound: (place: Place) => boolean;
}

const allSound = (): boolean => true;
const nothingSound = (): boolean => false;

/** Reads YAML 1.2 (so JSON too) with the place of every value. Every syntax error at once; never throws. */
export function parseSource(file: string, content: string): SourceResult {
  const lines = new LineCounter();
  const placeAt = (offset: number): Place => {
    const { line, col } = lines.linePos(offset);
    return { file, line, column: col };
  };
  const problemAt = (offset: number, message: string): ConfigProblem => ({
    ...placeAt(offset),
    path: '',
    message,
  });
  const { text, restore } = shield(content);
  let document: Document.Parsed;
  try {
    // `uniqueKeys` compares every key with every other: the reader finds duplicates itself, in linear time, and has
    // the path to name them by.
    document = parseDocument(text, { lineCounter: lines, uniqueKeys: false, prettyErrors: false });
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    return { problems: [problemAt(0, otherError(message))], isSound: nothingSound };
  }
  // One missing bracket makes the rest of a file wrong too, and a hostile file a million errors.
  const errors = [...document.errors, ...document.warnings].slice(0, problemsMax);
  const deep = errors.find((error) => error.message === stackOverflow);
  if (deep !== undefined)
    return { problems: [problemAt(deep.pos[0], otherError(deep.message))], isSound: nothingSound };
  const walk = new Walk(placeAt, restore);
  const value = walk.node(document.contents, 0, 0);
  const odd = errors.length > 0 || value.kind === 'scalar' ? oddFile(content) : undefined;
  if (odd !== undefined) return { problems: [problemAt(odd.offset, odd.message)], isSound: nothingSound };
  if (errors.length > 0) {
    const syntax = syntaxProblems(content, errors);
    const reported = syntax.problems.map(({ offset, message }) => problemAt(offset, message));
    if (walk.refused !== undefined) return { problems: reported, isSound: nothingSound };
    return { value, problems: reported, isSound: soundBeside(syntax) };
  }
  if (walk.refused !== undefined)
    return { problems: [problemAt(walk.refused.offset, walk.refused.message)], isSound: nothingSound };
  return { value, problems: [], isSound: allSound };
}

/** Before the first error everything is sound; after it only where the parser found its way again. */
function soundBeside({ lines, recovered }: SyntaxProblems): (place: Place) => boolean {
  const first = Math.min(...lines);
  return ({ line }) => line < first || (recovered && !lines.has(line));
}

/** From the library's nodes to ours, aliases written out, within bounds. */
class Walk {
  refused: { readonly offset: number; readonly message: string } | undefined;
  private readonly placeAt: (offset: number) => Place;
  private readonly anchors = new Map<string, Node>();
  private readonly restore: (value: string) => string;
  private count = 0;

  constructor(placeAt: (offset: number) => Place, restore: (value: string) => string) {
    this.placeAt = placeAt;
    this.restore = restore;
  }

  node(node: Node | null | undefined, fallbackOffset: number, depth: number): SourceNode {
    const offset = node?.range?.[0] ?? fallbackOffset;
    const place = this.placeAt(offset);
    if (++this.count > sourceNodesMax)
      return this.refuse(
        offset,
        place,
        `there are more than ${sourceNodesMax} values, aliases counted; write fewer`,
      );
    if (depth > sourceDepthMax)
      return this.refuse(offset, place, 'this is nested too deeply, or refers to itself');
    if (node === null || node === undefined) return { kind: 'scalar', value: null, place };
    if (isAlias(node)) {
      // The library's own `resolve` looks through the whole document for each alias.
      const target = this.anchors.get(node.source);
      if (target === undefined)
        return this.refuse(
          offset,
          place,
          `${shown(`*${node.source}`)} is an alias, and no anchor before it has its name; for a text that begins with "*" write quotes`,
        );
      return this.node(target, offset, depth + 1);
    }
    if (node.anchor !== undefined) this.anchors.set(node.anchor, node);
    if (isSeq<Node>(node)) {
      const items = node.items.map((item) => this.next(item, offset, depth));
      return { kind: 'list', items, place };
    }
    if (isMap<Node, Node | null>(node)) {
      return { kind: 'map', entries: node.items.map((pair) => this.entry(pair, offset, depth)), place };
    }
    const value = isScalar(node) ? plainValue(node.value) : null;
    return { kind: 'scalar', value: typeof value === 'string' ? this.restore(value) : value, place };
  }

  private entry(pair: Pair<Node, Node | null>, offset: number, depth: number): SourceEntry {
    const keyOffset = pair.key?.range?.[0] ?? offset;
    const text = isScalar(pair.key) ? this.restore(String(pair.key.value)) : '?';
    return { key: text, keyPlace: this.placeAt(keyOffset), value: this.next(pair.value, keyOffset, depth) };
  }

  /** A child, unless the walk was given up: then nothing below is read any more. */
  private next(node: Node | null, offset: number, depth: number): SourceNode {
    if (this.refused !== undefined) return { kind: 'scalar', value: null, place: this.placeAt(offset) };
    return this.node(node, offset, depth + 1);
  }

  private refuse(offset: number, place: Place, message: string): SourceNode {
    this.refused ??= { offset, message };
    return { kind: 'scalar', value: null, place };
  }
}

function plainValue(value: unknown): string | number | boolean | null {
  return typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean' ? value : null;
}

/** Plain values with one place for all: what flags and variables build. */
export function sourceOf(raw: Raw, place: Place): SourceNode {
  if (Array.isArray(raw))
    return { kind: 'list', items: raw.map((item: Raw) => sourceOf(item, place)), place };
  if (typeof raw === 'object' && raw !== null) {
    const entries = Object.entries(raw).map(([key, value]) => ({
      key,
      keyPlace: place,
      value: sourceOf(value, place),
    }));
    return { kind: 'map', entries, place };
  }
  return { kind: 'scalar', value: raw as string | number | boolean | null, place };
}

/** The plain value of a node; a key that comes twice counts the first time. */
export function rawOf(node: SourceNode): Raw {
  if (node.kind === 'scalar') return node.value;
  if (node.kind === 'list') return node.items.map(rawOf);
  // A null prototype: `__proto__` is a key like any other here.
  const raw: { [key: string]: Raw } = Object.create(null);
  for (const { key, value } of node.entries) if (!(key in raw)) raw[key] = rawOf(value);
  return raw;
}
