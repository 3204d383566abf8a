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
import { type ConfigProblem, type Place, problemsMax, shown } from './problem.ts';
import type { Raw } from './scalar-type.ts';

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
export type SourceResult =
  | { value: SourceNode; problems?: undefined }
  | { value?: undefined; problems: readonly ConfigProblem[] };

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
  let document: Document.Parsed;
  try {
    // `uniqueKeys` compares every key with every other: the reader finds duplicates itself, in linear time, and has
    // the path to name them by.
    document = parseDocument(content, { lineCounter: lines, uniqueKeys: false, prettyErrors: false });
  } catch (error) {
    return {
      problems: [problemAt(0, syntaxMessage(error instanceof Error ? error.message : String(error)))],
    };
  }
  // One missing bracket makes the rest of a file wrong too, and a hostile file a million errors.
  const wrong = [...document.errors, ...document.warnings].slice(0, problemsMax);
  const deep = wrong.find((error) => error.message === stackOverflow);
  if (wrong.length > 0)
    return {
      problems: (deep ? [deep] : wrong).map((error) => problemAt(error.pos[0], syntaxMessage(error.message))),
    };
  const walk = new Walk(placeAt);
  const value = walk.node(document.contents, 0, 0);
  if (walk.refused !== undefined) return { problems: [problemAt(walk.refused.offset, walk.refused.message)] };
  return { value };
}

/** What the parser, which is recursive, says of a text that is nested thousands deep. */
const stackOverflow = 'Maximum call stack size exceeded';

/** The library's sentences, but for those that speak of its own interface. */
function syntaxMessage(message: string): string {
  if (message === stackOverflow) return 'this is nested too deeply';
  if (message.startsWith('Source contains multiple documents'))
    return 'there is more than one document; write one';
  // The library quotes what it met, a NUL or the escape of a terminal included.
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what must not reach a terminal
  const printable = message.replace(/[\x00-\x1f\x7f]/g, (c) => JSON.stringify(c).slice(1, -1));
  return `this is not YAML: ${printable.charAt(0).toLowerCase()}${printable.slice(1)}`;
}

/** From the library's nodes to ours, aliases written out, within bounds. */
class Walk {
  refused: { readonly offset: number; readonly message: string } | undefined;
  private readonly placeAt: (offset: number) => Place;
  private readonly anchors = new Map<string, Node>();
  private count = 0;

  constructor(placeAt: (offset: number) => Place) {
    this.placeAt = placeAt;
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
        return this.refuse(offset, place, `${shown(`*${node.source}`)} is an alias of nothing before it`);
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
    return { kind: 'scalar', value: isScalar(node) ? plainValue(node.value) : null, place };
  }

  private entry(pair: Pair<Node, Node | null>, offset: number, depth: number): SourceEntry {
    const keyOffset = pair.key?.range?.[0] ?? offset;
    const text = isScalar(pair.key) ? String(pair.key.value) : '?';
    return { key: text, keyPlace: this.placeAt(keyOffset), value: this.next(pair.value, keyOffset, depth) };
  }

  /** A child, unless the walk was given up: then nothing below is looked at any more. */
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
