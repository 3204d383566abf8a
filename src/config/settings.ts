import { type Scalar, type Section, section } from '../schema/shape.ts';
import { pathOf } from './reader.ts';
import { processSections } from './table/process-sections.ts';

/** A single value outside any list: what a flag or a variable can set. */
export interface Setting {
  /** `drain.grace`. */
  readonly path: string;
  readonly shape: Scalar;
  /** `OUTRIGGER_DRAIN_GRACE`, or what the table names instead. */
  readonly variable: string;
}

/** Every setting of the table, in its order. */
export const settings: readonly Setting[] = settingsOf(section({ doc: 'The process.' }, processSections), '');

/** Variables that choose what is run, beside those of the settings. */
export const sourceVariables = {
  config: 'OUTRIGGER_CONFIG',
  from: 'OUTRIGGER_FROM',
  to: 'OUTRIGGER_TO',
} as const;

function settingsOf({ keys }: Section, parent: string): Setting[] {
  return Object.entries(keys).flatMap(([key, shape]) => {
    const path = pathOf(parent, key);
    if (shape.kind === 'section') return settingsOf(shape, path);
    return shape.kind === 'scalar' ? [{ path, shape, variable: shape.variable ?? variableOf(path) }] : [];
  });
}

/** `drain.goawayDelay` → `OUTRIGGER_DRAIN_GOAWAY_DELAY`. */
function variableOf(path: string): string {
  const words = path.replaceAll('.', '_').replaceAll(/([a-z0-9])([A-Z])/g, '$1_$2');
  return `OUTRIGGER_${words.toUpperCase()}`;
}
