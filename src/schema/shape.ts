import type { Raw, ScalarType, Unit } from './scalar-type.ts';

/**
 * The words in which the configuration table is written. A table of these is data: the types below infer the typed
 * configuration from it, and reader, convict schema, JSON Schema and reference page walk it. There is no second list.
 */

/** `filled`: always there, by a default or because it must be written. `optional`: undefined where not written. */
export type Presence = 'filled' | 'optional';

/**
 * `true`: no error, log, page or dump shows the value. `byName`: so where the key `name` beside it names a header that holds
 * credentials, and in a mapping of header names to values where the name does.
 */
export type Secrecy = boolean | 'byName';

/**
 * What a reload does with a change of a key. `live`: applies it in place. `rebuild`: rebuilds the cluster, or what the listener
 * accepts connections with. `restart`: refuses it. The effect that is written nearest to a key counts, from the key upwards.
 */
export type ReloadEffect = 'live' | 'rebuild' | 'restart';

/** A key with a single value. */
export interface Scalar<T = unknown, U extends Unit = Unit, P extends Presence = Presence> {
  readonly kind: 'scalar';
  readonly type: ScalarType<T, U>;
  readonly presence: P;
  readonly required: boolean;
  readonly doc: string;
  /** As a file would have it. */
  readonly default: Raw | undefined;
  /** What happens without it, where that is no plain default: `1s for loopback, else 5s`. */
  readonly otherwise: string | undefined;
  /** Flag of `run` and `validate`, without the dashes. */
  readonly flag: string | undefined;
  /** What help says of the flag. */
  readonly flagDoc: string | undefined;
  /** Variable, where it is not made from the path. */
  readonly variable: string | undefined;
  /** A variable of the OpenTelemetry specification that stands in for ours. A wrong value there is only warned of. */
  readonly standardVariable: string | undefined;
  /** Whether the value is a secret; see `Secrecy`. */
  readonly secret: Secrecy;
  readonly reload: ReloadEffect | undefined;
}

/** A mapping with known keys; with `None`, the word `none` may stand in its place. */
export interface Section<
  K extends Keys = Keys,
  P extends Presence = Presence,
  None extends boolean = boolean,
> {
  readonly kind: 'section';
  readonly keys: K;
  readonly presence: P;
  readonly required: boolean;
  readonly orNone: None;
  readonly doc: string;
  /** What holds without an optional one, where that is not that it is off. */
  readonly otherwise: string | undefined;
  /** What to write for one, where somebody wrote plain text instead. */
  readonly example: string | undefined;
  /** What is read where the section is not written at all; its keys' own defaults hold where it is. */
  readonly whenAbsent: { readonly [key: string]: Raw };
  readonly reload: ReloadEffect | undefined;
}

/** A list of mappings. */
export interface List<I extends Section = Section> {
  readonly kind: 'list';
  readonly item: I;
  readonly doc: string;
  /** One of it, for the sentence that says it is missing: `listener`. */
  readonly noun: string;
  readonly itemsMin: number;
  /** The key that distinguishes items; no two may have the same. */
  readonly unique: string | undefined;
  /** Reads a text that stands for the list, or for some of its items. */
  readonly fromText: ItemsOfText | undefined;
  readonly reload: ReloadEffect | undefined;
}

/** The items that a text holds, as a file would hold them, and every mistake in it, each a sentence. */
export type ItemsOfText = (text: string) => { items: readonly Raw[]; errors: readonly string[] };

export type Shape = Scalar | Section | List;
export type Keys = { readonly [key: string]: Shape };

interface ScalarOptions {
  readonly doc: string;
  readonly default?: Raw;
  readonly required?: true;
  readonly otherwise?: string;
  readonly flag?: string;
  readonly flagDoc?: string;
  readonly variable?: string;
  readonly standardVariable?: string;
  readonly secret?: Secrecy;
  readonly reload?: ReloadEffect;
}
type PresenceOf<O> = O extends { readonly default: Raw } | { readonly required: true }
  ? 'filled'
  : 'optional';

export function key<T, U extends Unit, const O extends ScalarOptions>(
  type: ScalarType<T, U>,
  options: O,
): Scalar<T, U, PresenceOf<O>> {
  const presence = options.default !== undefined || options.required === true ? 'filled' : 'optional';
  return {
    kind: 'scalar',
    type,
    presence: presence as PresenceOf<O>,
    required: options.required === true,
    doc: options.doc,
    default: options.default,
    otherwise: options.otherwise,
    flag: options.flag,
    flagDoc: options.flagDoc,
    variable: options.variable,
    standardVariable: options.standardVariable,
    secret: options.secret ?? false,
    reload: options.reload,
  };
}

interface SectionOptions {
  readonly doc: string;
  readonly otherwise?: string;
  readonly example?: string;
  readonly whenAbsent?: { readonly [key: string]: Raw };
  readonly reload?: ReloadEffect;
}

/** A mapping that is filled with its keys' defaults where it is not written. */
export function section<const K extends Keys>(options: SectionOptions, keys: K): Section<K, 'filled', false> {
  return make(options, keys, 'filled', false, false);
}

/** A mapping that is undefined where it is not written: what is optional is off. */
export function optionalSection<const K extends Keys>(
  options: SectionOptions,
  keys: K,
): Section<K, 'optional', false> {
  return make(options, keys, 'optional', false, false);
}

/** A mapping that is on with its defaults where it is not written, and off where `none` is. */
export function sectionOrNone<const K extends Keys>(
  options: SectionOptions,
  keys: K,
): Section<K, 'filled', true> {
  return make(options, keys, 'filled', false, true);
}

/** A mapping, or `none`, that is undefined where it is not written: it changes a setting that lies elsewhere. */
export function optionalSectionOrNone<const K extends Keys>(
  options: SectionOptions & { readonly otherwise: string },
  keys: K,
): Section<K, 'optional', true> {
  return make(options, keys, 'optional', false, true);
}

function make<K extends Keys, P extends Presence, N extends boolean>(
  { doc, otherwise, example, whenAbsent = {}, reload }: SectionOptions,
  keys: K,
  presence: P,
  required: boolean,
  orNone: N,
): Section<K, P, N> {
  return { kind: 'section', keys, presence, required, orNone, doc, otherwise, example, whenAbsent, reload };
}

interface ListOptions {
  readonly doc: string;
  readonly noun: string;
  readonly itemsMin?: number;
  readonly unique?: string;
  readonly fromText?: ItemsOfText;
  readonly reload?: ReloadEffect;
}

export function list<I extends Section>(options: ListOptions, item: I): List<I> {
  const { doc, noun, itemsMin = 0, unique, fromText, reload } = options;
  return { kind: 'list', item, doc, noun, itemsMin, unique, fromText, reload };
}

/** The typed value of a shape, every default filled in. */
export type Value<S> =
  S extends Scalar<infer T, infer _, infer P>
    ? T | Absent<P>
    : S extends List<infer I>
      ? readonly Value<I>[]
      : S extends Section<infer K, infer P, infer N>
        ? Fields<K> | Absent<P> | (N extends true ? 'none' : never)
        : never;

type Absent<P> = P extends 'optional' ? undefined : never;
type Fields<K extends Keys> = { readonly [N in keyof K & string as PropertyName<N, K[N]>]: Value<K[N]> };
type PropertyName<N extends string, S> = S extends Scalar<infer _, infer U> ? `${N}${U}` : N;

/** The name in code of a key of the file: units last. */
export function propertyName(key: string, shape: Shape): string {
  return shape.kind === 'scalar' ? `${key}${shape.type.unit}` : key;
}
