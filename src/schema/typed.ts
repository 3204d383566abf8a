import type { Raw, RawMap } from './scalar-type.ts';
import { propertyName, type Section, type Shape } from './shape.ts';

/**
 * A typed value of which anything may be missing: what rules read, so that they can name the right parts of a file
 * whose other parts are wrong.
 */
export type Draft<T> = T extends readonly (infer I)[]
  ? readonly Draft<I>[]
  : T extends { readonly kind: string } // an address and the like: whole or not there
    ? T | undefined
    : T extends object
      ? { readonly [K in keyof T]?: Draft<T[K]> }
      : T | undefined;

/**
 * The typed value of what a file, convict and the defaults say: the one place where `2s` becomes 2000 and where the
 * defaults inside lists are filled in. What is required and missing, or there and undefined because it was wrong, is undefined.
 */
export function typedOf(shape: Shape, raw: Raw | undefined): unknown {
  switch (shape.kind) {
    case 'scalar':
      return raw === undefined ? undefined : shape.type.parse(raw).value;
    case 'list':
      return Array.isArray(raw) ? raw.map((item: Raw) => typedOf(shape.item, item)) : undefined;
    case 'section': {
      if (shape.orNone && raw === 'none') return 'none';
      return raw === undefined ? undefined : sectionOf(shape, raw as RawMap);
    }
  }
}

function sectionOf(section: Section, raw: RawMap): object {
  const typed: Record<string, unknown> = {};
  for (const [key, shape] of Object.entries(section.keys)) {
    typed[propertyName(key, shape)] = typedOf(shape, Object.hasOwn(raw, key) ? raw[key] : absent(shape));
  }
  return typed;
}

/** What a key is taken for that is not written. */
function absent(shape: Shape): Raw | undefined {
  if (shape.kind === 'scalar') return shape.default;
  if (shape.kind === 'list') return [];
  return shape.presence === 'optional' || shape.required ? undefined : shape.whenAbsent;
}

/** The other way: what a file would hold for a typed value, defaults written out. Reading it gives the same value. */
export function rawOfTyped(shape: Shape, typed: unknown): Raw {
  if (shape.kind === 'scalar') return withEscapes(shape.type.toRaw(typed));
  if (shape.kind === 'list') return (typed as readonly unknown[]).map((item) => rawOfTyped(shape.item, item));
  if (typed === 'none') return 'none';
  const raw: { [key: string]: Raw } = {};
  for (const [key, child] of Object.entries(shape.keys)) {
    const value = (typed as Readonly<Record<string, unknown>>)[propertyName(key, child)];
    if (value !== undefined) raw[key] = rawOfTyped(child, value);
  }
  return raw;
}

/** A text that would be read as a reference to a variable, written so that it is not. */
function withEscapes(raw: Raw): Raw {
  if (typeof raw === 'string') return raw.replaceAll('${', () => '$${');
  if (typeof raw !== 'object' || raw === null) return raw;
  if (Array.isArray(raw)) return raw.map(withEscapes);
  return Object.fromEntries(Object.entries(raw).map(([key, value]) => [key, withEscapes(value)]));
}

/** Freezes a value and everything in it. */
export function deepFreeze<T>(value: T): T {
  if (typeof value === 'object' && value !== null && !Object.isFrozen(value)) {
    Object.freeze(value);
    for (const child of Object.values(value)) deepFreeze(child);
  }
  return value;
}
