import type { Place } from '../schema/problem.ts';
import type { Raw, RawMap } from '../schema/scalar-type.ts';
import type { Section, Shape } from '../schema/shape.ts';
import { shownFileOfConfig } from './load.ts';
import { pathOf } from './reader.ts';
import { type Config, table } from './table.ts';

/** One setting of a configuration, as a file would have it. */
export interface SettingValue {
  /** `clusters[0].balancer.policy`. */
  readonly path: string;
  /** '' where there is none. */
  readonly value: string;
  /** What holds where nobody sets it; '' for a key that must be written. */
  readonly default: string;
  /** `outrigger.yaml:14`, `--admin`, `OUTRIGGER_ADMIN`; `default` where nothing sets it. */
  readonly origin: string;
}

/** A configuration may name thousands of endpoints; a reader needs no more than this. */
export const settingValuesMax = 5_000;
const valueCharsMax = 200;

/** Returns where the value at a path was written; undefined where nothing sets it. */
export type OriginOf = (path: string) => Place | undefined;

/**
 * Lists every setting of a configuration with its default and the origin of its value, secrets masked; at most
 * `settingValuesMax`.
 */
export function settingValues(config: Config, originOf: OriginOf, of: Section = table): SettingValue[] {
  const values: SettingValue[] = [];
  collect(of, shownFileOfConfig(config, of) as Raw, '');
  return values;

  function collect(shape: Shape, raw: Raw | undefined, path: string): void {
    if (values.length >= settingValuesMax) return;
    if (shape.kind === 'list') {
      const items = Array.isArray(raw) ? (raw as readonly Raw[]) : [];
      for (const [i, item] of items.entries()) collect(shape.item, item, `${path}[${i}]`);
    } else if (shape.kind === 'section' && typeof raw === 'object' && raw !== null && !Array.isArray(raw)) {
      for (const [key, child] of Object.entries(shape.keys))
        collect(child, Object.hasOwn(raw, key) ? (raw as RawMap)[key] : undefined, pathOf(path, key));
    } else {
      values.push({
        path,
        value: valueText(raw),
        default: defaultText(shape),
        origin: originText(originOf(path)),
      });
    }
  }
}

function defaultText(shape: Shape): string {
  if (shape.kind === 'list') return '';
  if (shape.kind === 'scalar' && shape.default !== undefined) return valueText(shape.default);
  return shape.otherwise ?? (shape.required ? '' : 'none');
}

/** As in a file, on one line: texts without quotes. */
function valueText(raw: Raw | undefined): string {
  if (raw === undefined) return '';
  const text = typeof raw === 'string' ? raw : JSON.stringify(raw);
  return text.length <= valueCharsMax ? text : `${text.slice(0, valueCharsMax - 1)}…`;
}

function originText(place: Place | undefined): string {
  if (place === undefined) return 'default';
  return place.line === 0 ? place.file : `${place.file}:${place.line}`;
}
