import { type ConfigProblem, type Place, problemAt, shown } from '../schema/problem.ts';
import { article, type Raw, type RawMap } from '../schema/scalar-type.ts';
import type { List, Scalar, Section, Shape } from '../schema/shape.ts';
import { oddValue } from './odd-text.ts';
import { rawOf, type SourceEntry, type SourceNode, sourceOf } from './source.ts';
import { unfilledTemplate } from './syntax-errors.ts';
import { unknownKey } from './unknown-key.ts';
import { errorOfFilled, type Filled, VariableFiller, type Variables } from './variables.ts';
import { atLeastOne, notList, notMapping } from './wrong-shape.ts';

/** What a file holds as far as it is right, and everything that is wrong with it. */
export interface Reading {
  /** As in the file, without unknown keys. A key whose value is wrong is there and undefined: it gets no default. */
  readonly raw: RawMap;
  readonly problems: readonly ConfigProblem[];
  /** Paths that were complained of, or that an unknown key most likely meant: rules say nothing more of these. */
  readonly reported: ReadonlySet<string>;
  /** Paths of mappings that could not be read at all: rules say nothing of what would stand in them. */
  readonly lost: ReadonlySet<string>;
  /** The place of every value that was met, by its path; `''` is the whole. */
  readonly places: ReadonlyMap<string, Place>;
}
export interface ReadOptions {
  /** What `${NAME}` is filled in from; where it is undefined, it is a mistake. */
  readonly variables?: Variables;
  /** Whether parts of the source are missing because of errors of syntax: then nothing is said of what is not there. */
  readonly partial?: boolean;
  /** Whether lists may be empty that otherwise have at least one item: a control plane sends the items. */
  readonly mayLackItems?: boolean;
}

/**
 * Holds a source against the table. convict could check the single values, but knows neither places nor lists of mappings,
 * and would tell only the first error of a list; so files are checked here and merged there.
 */
export function readSource(section: Section, source: SourceNode, options: ReadOptions = {}): Reading {
  const reader = new Reader(section, options);
  const raw = reader.section(section, source, '') ?? {};
  return {
    raw: raw as RawMap,
    problems: reader.problems,
    reported: reader.reported,
    lost: reader.lost,
    places: reader.places,
  };
}

/** `parent.key`, with quotes around a key that is not a plain word, and truncated if it is long. */
export function pathOf(parent: string, key: string): string {
  const word = /^[\w$-]{1,64}$/.test(key) ? key : shown(key);
  return parent === '' ? word : `${parent}.${word}`;
}

/** `{{ .Values.host }}`, which YAML takes for a mapping whose key is a mapping. */
function isTemplate(node: SourceNode): boolean {
  return node.kind === 'map' && node.entries[0]?.key === '?';
}

type RawTexts = { readonly [key: string]: Raw };

/** A copy of a mapping whose texts, at any depth, are others. Its prototype is null, as that of the original: `__proto__` is a key. */
function mapTexts(map: RawTexts, change: (text: string) => Raw): Raw {
  const copy: { [key: string]: Raw } = Object.create(null);
  for (const [key, value] of Object.entries(map)) copy[key] = withTexts(value, change);
  return copy;
}

function withTexts(value: Raw, change: (text: string) => Raw): Raw {
  if (typeof value === 'string') return change(value);
  if (typeof value !== 'object' || value === null) return value;
  if (!Array.isArray(value)) return mapTexts(value as RawTexts, change);
  return value.map((item: Raw) => withTexts(item, change));
}

class Reader {
  readonly problems: ConfigProblem[] = [];
  readonly places = new Map<string, Place>();
  readonly reported = new Set<string>();
  readonly lost = new Set<string>();
  private readonly root: Section;
  private readonly partial: boolean;
  private readonly mayLackItems: boolean;
  private readonly filler: VariableFiller;

  constructor(root: Section, { variables, partial = false, mayLackItems = false }: ReadOptions) {
    this.root = root;
    this.partial = partial;
    this.mayLackItems = mayLackItems;
    this.filler = new VariableFiller(variables);
  }

  section(section: Section, node: SourceNode, path: string): Raw | undefined {
    this.places.set(path, node.place);
    if (section.orNone && this.isNone(node, path)) return 'none';
    const entries = this.entriesOf(section, node, path);
    if (entries === undefined) return undefined;
    const raw: { [key: string]: Raw | undefined } = {};
    const seen = new Map<string, Place>();
    for (const entry of entries) {
      const { key, keyPlace } = entry;
      const childPath = pathOf(path, key);
      const shape = Object.hasOwn(section.keys, key) ? section.keys[key] : undefined;
      const first = seen.get(key);
      if (first !== undefined) {
        this.problem(
          keyPlace,
          childPath,
          `${shown(key)} is written twice, first in line ${first.line}; write it once`,
        );
        continue;
      }
      seen.set(key, keyPlace);
      if (shape === undefined) this.unknownKey(section, entry, path);
      else raw[key] = this.shape(shape, entry.value, childPath);
    }
    this.missingKeys(section, seen, node.place, path);
    return raw as Raw;
  }

  /** The entries of a mapping; none for an empty value, which YAML reads as null: `tcp:` is as good as `tcp: {}`. */
  private entriesOf(section: Section, node: SourceNode, path: string): readonly SourceEntry[] | undefined {
    if (node.kind === 'map') return node.entries;
    if (node.kind === 'scalar' && node.value === null) return [];
    this.lost.add(path);
    this.problem(node.place, path, notMapping(section, rawOf(node)));
    return undefined;
  }

  private isNone(node: SourceNode, path: string): boolean {
    if (node.kind !== 'scalar' || typeof node.value !== 'string') return false;
    return node.value === 'none' || this.filled(node.value, node.place, path)?.text === 'none';
  }

  /** A text with its variables filled in; undefined, and a problem, where that is not possible. */
  private filled(text: string, place: Place, path: string): Filled | undefined {
    const { value, error } = this.filler.fill(text);
    if (error !== undefined) this.problem(place, path, error);
    return value;
  }

  private shape(shape: Shape, node: SourceNode, path: string): Raw | undefined {
    if (shape.kind === 'section') return this.section(shape, node, path);
    return shape.kind === 'list' ? this.list(shape, node, path) : this.scalar(shape, node, path);
  }

  private scalar(shape: Scalar, node: SourceNode, path: string): Raw | undefined {
    this.places.set(path, node.place);
    if (isTemplate(node)) {
      this.problem(node.place, path, unfilledTemplate);
      return undefined;
    }
    const { raw, filled, failed } = this.valueOf(shape, node, path);
    if (failed) return undefined;
    const { error } = shape.type.parse(raw);
    if (error === undefined) return raw;
    const odd =
      typeof raw === 'string' && filled.length === 0 && shape.secret === false ? oddValue(raw) : undefined;
    this.problem(node.place, path, odd ?? errorOfFilled(error, filled));
    return undefined;
  }

  /**
   * The value of a scalar, of a list of words, or of a mapping of names to text, with variables filled in and, but for a mapping,
   * converted as the table has it.
   */
  private valueOf(
    shape: Scalar,
    node: SourceNode,
    path: string,
  ): { raw: Raw; filled: readonly Filled[]; failed: boolean } {
    const filled: Filled[] = [];
    let failed = false;
    const textOf = (text: string, place: Place, convert: (text: string) => Raw): Raw => {
      const value = this.filled(text, place, path);
      if (value === undefined) failed = true;
      if (value === undefined || value.names.length === 0) return value?.text ?? '';
      filled.push(value);
      return convert(value.text);
    };
    const rawOfNode = (one: SourceNode): Raw => {
      if (one.kind === 'map')
        return mapTexts(rawOf(one) as RawTexts, (text) => textOf(text, one.place, String));
      if (one.kind !== 'scalar' || typeof one.value !== 'string') return rawOf(one);
      return textOf(one.value, one.place, shape.type.fromText);
    };
    const raw = node.kind === 'list' ? node.items.flatMap(rawOfNode) : rawOfNode(node);
    return { raw, filled, failed };
  }

  private list(shape: List, node: SourceNode, path: string): Raw | undefined {
    this.places.set(path, node.place);
    const written = this.itemsOf(shape, node, path);
    if (written === undefined) {
      this.problem(node.place, path, notList(shape, rawOf(node)));
      return undefined;
    }
    if (written.length < shape.itemsMin && !this.mayLackItems) {
      if (!this.partial && !this.reported.has(path))
        this.problem(node.place, path, `is empty; ${atLeastOne(shape)}`);
      return undefined;
    }
    const items = written.map((item, i) => this.section(shape.item, item, `${path}[${i}]`) ?? {});
    if (shape.unique !== undefined) this.duplicates(items, shape.unique, path);
    return items;
  }

  /** The items of a list, those that stand in a text included; undefined where the value is no list. */
  private itemsOf(shape: List, node: SourceNode, path: string): readonly SourceNode[] | undefined {
    const { fromText } = shape;
    if (fromText === undefined) return node.kind === 'list' ? node.items : undefined;
    const nodes = node.kind === 'list' ? node.items : [node];
    const items: SourceNode[] = [];
    for (const one of nodes) {
      if (one.kind !== 'scalar' || typeof one.value !== 'string') items.push(one);
      else {
        const filled = this.filled(one.value, one.place, path);
        if (filled === undefined) continue;
        const read = fromText(filled.text);
        for (const error of read.errors) this.problem(one.place, path, errorOfFilled(error, [filled]));
        for (const item of read.items) items.push(sourceOf(item, one.place));
      }
    }
    return node.kind === 'list' || (node.kind === 'scalar' && typeof node.value === 'string')
      ? items
      : undefined;
  }

  private duplicates(items: readonly Raw[], key: string, path: string): void {
    const first = new Map<Raw, number>();
    items.forEach((item, i) => {
      const value = (item as RawMap)[key];
      if (value === undefined) return;
      const before = first.get(value);
      if (before === undefined) first.set(value, i);
      else {
        const at = `${path}[${i}].${key}`;
        this.problem(
          this.placeOf(at),
          at,
          `${shown(value)} is the ${key} of ${path}[${before}] already; write another`,
        );
      }
    });
  }

  private unknownKey(section: Section, { key, keyPlace }: SourceEntry, path: string): void {
    const { message, meant } = unknownKey(this.root, section, path, key);
    for (const name of meant) this.reported.add(pathOf(path, name));
    this.problem(keyPlace, pathOf(path, key), message);
  }

  private missingKeys(section: Section, seen: ReadonlyMap<string, Place>, place: Place, path: string): void {
    if (this.partial) return;
    for (const [key, shape] of Object.entries(section.keys)) {
      if (seen.has(key)) continue;
      const childPath = pathOf(path, key);
      if (this.reported.has(childPath)) continue;
      if (shape.kind === 'list') {
        if (shape.itemsMin > 0 && !this.mayLackItems)
          this.problem(place, childPath, `is missing; ${atLeastOne(shape)}`);
      } else if (shape.required) {
        const write = shape.kind === 'section' ? `${key}: ${shape.example}` : article(shape.type.label);
        this.problem(place, childPath, `is missing; write ${write}`);
      }
    }
  }

  private placeOf(path: string): Place {
    return this.places.get(path) ?? (this.places.get('') as Place);
  }

  private problem(place: Place, path: string, message: string): void {
    this.reported.add(path);
    this.problems.push(problemAt(place, path, message));
  }
}
