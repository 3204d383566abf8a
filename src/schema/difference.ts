import { isDeepStrictEqual } from 'node:util';
import { propertyName, type ReloadEffect, type Section, type Shape } from './shape.ts';

/** A key whose typed value differs between two configurations. */
export interface Difference {
  /** From the shape that was compared: `limits.maxRequests`. A list is one value. */
  readonly path: string;
  readonly effect: ReloadEffect;
}

/**
 * Compares two typed values of a shape, key by key. What a change of each key asks of a reload is written in the schema;
 * `effect` holds where nothing is written.
 */
export function differences(
  shape: Shape,
  before: unknown,
  after: unknown,
  effect: ReloadEffect,
  path = '',
): Difference[] {
  const own = shape.reload ?? effect;
  if (shape.kind === 'section' && isMapping(before) && isMapping(after))
    return keyDifferences(shape, before ?? {}, after ?? {}, own, path);
  return isDeepStrictEqual(before, after) ? [] : [{ path, effect: own }];
}

type Mapping = Readonly<Record<string, unknown>>;

/** A section that is not there counts as one whose keys are not there. */
function isMapping(value: unknown): value is Mapping | undefined {
  return value === undefined || (typeof value === 'object' && value !== null);
}

function keyDifferences(
  section: Section,
  before: Mapping,
  after: Mapping,
  effect: ReloadEffect,
  path: string,
): Difference[] {
  return Object.entries(section.keys).flatMap(([key, shape]) => {
    const name = propertyName(key, shape);
    const at = path === '' ? key : `${path}.${key}`;
    return differences(shape, before[name], after[name], effect, at);
  });
}
