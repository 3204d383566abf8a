import { nearestName } from '../core/nearest.ts';
import { type ConfigProblem, listed, type Place, problemAt, shown } from './problem.ts';
import { article, type Raw, wrongKind } from './scalar-type.ts';
import type { List, Scalar, Section, Shape } from './shape.ts';
import { rawOf, type SourceEntry, type SourceNode, sourceOf } from './source.ts';

/** What a file holds as far as it is right, and everything that is wrong with it. */
export interface Reading {
  /** As in the file, without unknown keys. A key whose value is wrong is there and undefined: it gets no default. */
  readonly raw: RawMap;
  readonly problems: readonly ConfigProblem[];
  /** Paths that were complained of, or that an unknown key most likely meant: rules say nothing more of these. */
  readonly told: ReadonlySet<string>;
  /** The place of every value that was met, by its path; `''` is the whole. */
  readonly places: ReadonlyMap<string, Place>;
}
export interface RawMap {
  readonly [key: string]: Raw | undefined;
}

/**
 * Holds a source against the table. convict could check the single values, but knows neither places nor lists of mappings,
 * and would tell only the first error of a list; so files are checked here and merged there.
 */
export function readSource(section: Section, source: SourceNode): Reading {
  const reader = new Reader();
  const raw = reader.section(section, source, '') ?? {};
  return { raw: raw as RawMap, problems: reader.problems, told: reader.told, places: reader.places };
}

/** `parent.key`, with quotes around a key that is not a plain word, and cut if it is long. */
export function pathOf(parent: string, key: string): string {
  const word = /^[\w$-]{1,64}$/.test(key) ? key : shown(key);
  return parent === '' ? word : `${parent}.${word}`;
}

class Reader {
  readonly problems: ConfigProblem[] = [];
  readonly places = new Map<string, Place>();
  readonly told = new Set<string>();

  section(section: Section, node: SourceNode, path: string): Raw | undefined {
    this.places.set(path, node.place);
    if (section.orNone && node.kind === 'scalar' && node.value === 'none') return 'none';
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
    const keys = `a mapping of ${listed(Object.keys(section.keys), 'and')}`;
    const write = section.example ?? keys;
    this.problem(node.place, path, wrongKind(rawOf(node), write).error);
    return undefined;
  }

  private shape(shape: Shape, node: SourceNode, path: string): Raw | undefined {
    if (shape.kind === 'section') return this.section(shape, node, path);
    return shape.kind === 'list' ? this.list(shape, node, path) : this.scalar(shape, node, path);
  }

  private scalar(shape: Scalar, node: SourceNode, path: string): Raw | undefined {
    this.places.set(path, node.place);
    const raw = rawOf(node);
    const { error } = shape.type.parse(raw);
    if (error === undefined) return raw;
    this.problem(node.place, path, error);
    return undefined;
  }

  private list(shape: List, node: SourceNode, path: string): Raw | undefined {
    this.places.set(path, node.place);
    const written = this.itemsOf(shape, node, path);
    if (written === undefined) {
      const example = shape.item.example;
      const write = `a list of ${shape.noun}s${example === undefined ? '' : `, such as [${example}]`}`;
      this.problem(node.place, path, wrongKind(rawOf(node), write).error);
      return undefined;
    }
    if (written.length < shape.itemsMin && !this.told.has(path)) {
      this.problem(node.place, path, `is empty; write at least one ${shape.noun}`);
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
        const read = fromText(one.value);
        for (const error of read.errors) this.problem(one.place, path, error);
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
    const known = Object.keys(section.keys);
    const near = nearestName(key, known);
    if (near !== undefined) this.told.add(pathOf(path, near));
    const write = near ?? (known.length === 0 ? 'nothing here' : listed(known));
    this.problem(keyPlace, pathOf(path, key), `${shown(key)} is not a known key; write ${write}`);
  }

  private missingKeys(section: Section, seen: ReadonlyMap<string, Place>, place: Place, path: string): void {
    for (const [key, shape] of Object.entries(section.keys)) {
      if (seen.has(key)) continue;
      const childPath = pathOf(path, key);
      if (this.told.has(childPath)) continue;
      if (shape.kind === 'list') {
        if (shape.itemsMin > 0)
          this.problem(place, childPath, `is missing; write at least one ${shape.noun}`);
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
    this.told.add(path);
    this.problems.push(problemAt(place, path, message));
  }
}
