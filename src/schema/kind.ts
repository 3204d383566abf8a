import type { Result } from '../core/result.ts';
import { listed } from './problem.ts';
import type { Section, Value } from './shape.ts';
import type { Draft } from './typed.ts';

/**
 * One of several ways to do the same thing: a discovery source, a probe. A kind brings its key, the schema of its
 * configuration, the checks that a schema cannot express, and its constructor, and is registered by a line in the list of its
 * folder. A section that offers kinds has one key for each; one of them is written.
 */
export interface Kind<N extends string = string, S extends Section = Section, Deps = never, T = unknown> {
  /** The key in the section that offers the kinds. */
  readonly name: N;
  readonly schema: S;
  /** Reports what the schema alone cannot see. Any part of `config` may be missing because it was wrong. */
  check?(config: NonNullable<Draft<Value<S>>>, context: KindContext): void;
  create(config: NonNullable<Value<S>>, deps: Deps): T;
}

/** What the checks of a kind may read, and where they report. */
export interface KindContext {
  /** What the endpoints of the cluster speak, where that is known. */
  readonly protocol: string | undefined;
  /** A file that the configuration names, or why it cannot be read. */
  readFile(path: string): Result<Buffer>;
  /** `path` is within the configuration of the kind: `.port`, '' for all of it. */
  problem(path: string, message: string): void;
  warning(path: string, message: string): void;
}

/** Infers the types of a kind from its parts. */
export function kindOf<Deps, T>() {
  return <const N extends string, S extends Section>(kind: Kind<N, S, Deps, T>): Kind<N, S, Deps, T> => kind;
}

type KindList<Deps, T> = ReadonlyArray<Kind<string, Section, Deps, T>>;
type KeysOf<L extends KindList<never, unknown>> = { readonly [K in L[number] as K['name']]: K['schema'] };

/** The keys of the kinds, for the section that offers them. */
export function kindKeys<const L extends KindList<never, unknown>>(kinds: L): KeysOf<L> {
  return Object.fromEntries(kinds.map(({ name, schema }) => [name, schema])) as KeysOf<L>;
}

type KindValues = Readonly<Record<string, NonNullable<unknown> | undefined>>;

/** The kind that a section names, with its configuration; null where it names none. Checks see to it that there is one at most. */
export function chosenKind<Deps, T>(
  kinds: KindList<Deps, T>,
  section: object,
): { create(deps: Deps): T } | null {
  const values = section as KindValues;
  const kind = kinds.find(({ name }) => values[name] !== undefined);
  if (kind === undefined) return null;
  return { create: (deps) => kind.create(values[kind.name]! as never, deps) };
}

/** Reports what is wrong with the kinds that a section names: two of them, or what a kind itself finds. */
export function checkKinds(
  kinds: KindList<never, unknown>,
  section: object,
  context: KindContext,
): { readonly named: number } {
  const values = section as KindValues;
  const named = kinds.filter(({ name }) => values[name] !== undefined);
  const names = named.map(({ name }) => name);
  if (named.length > 1)
    context.problem(`.${names[1]}`, `${listed(names, 'and')} exclude each other; write one of them`);
  for (const { name, check } of named)
    check?.(values[name]! as never, {
      ...context,
      problem: (path, message) => context.problem(`.${name}${path}`, message),
      warning: (path, message) => context.warning(`.${name}${path}`, message),
    });
  return { named: named.length };
}
