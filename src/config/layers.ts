import convict from 'convict';
import { type ConfigProblem, type Place, placeOfName } from '../schema/problem.ts';
import type { Raw, RawMap } from '../schema/scalar-type.ts';
import type { Scalar, Section, Shape } from '../schema/shape.ts';
import type { EnvironmentReading } from './environment.ts';
import { errorOf } from './secrets.ts';
import { type Setting, settings } from './settings.ts';
import { table } from './table.ts';

/** Values of flags by the flag's name, as text. */
export type FlagValues = Readonly<Record<string, string>>;

export interface Layers {
  /** What the file holds, already checked by the reader. */
  readonly file: RawMap;
  readonly environment: EnvironmentReading;
  readonly flags: FlagValues;
}

/**
 * Lays defaults, file, environment and flags over each other with convict, which also converts and checks what came from
 * the environment and the flags (the file was checked before, with places).
 *
 * Two things are not left to convict. Its argument parser reads numbers out of texts (a service called `0x10` becomes
 * 16), so flags are parsed by node:util and handed over by `set`. And it joins all errors into one text: each
 * property reports its own instead, and the joined one is dropped.
 */
export function mergeLayers({ file, environment, flags }: Layers): {
  raw: RawMap;
  problems: ConfigProblem[];
  /** The flag or variable that set a path, if one did. */
  originOf: (path: string) => Place | undefined;
} {
  const problems: ConfigProblem[] = [];
  const origin = originOf(environment, flags);
  const report = (path: string, message: string): void => {
    problems.push({
      ...(origin(path) ?? placeOfName('configuration')),
      path: origin(path) ? '' : path,
      message,
    });
  };
  for (const setting of settings) convict.addFormat(formatOf(setting.path, setting.shape));
  convict.addFormat({ name: listFormat, validate: () => undefined, coerce: (text: string) => text });
  const merged = convict<unknown>(convictSchema(table, '', report) as convict.Schema<unknown>, {
    env: environment.values,
    args: [],
  });
  const { rest, mappings } = withoutMappings(file);
  merged.load(withoutGaps(rest));
  for (const { path, shape } of settings) {
    if (shape.flag !== undefined && flags[shape.flag] !== undefined) merged.set(path, flags[shape.flag]);
  }
  sampleAllByDefault(merged, environment, origin, file);
  try {
    merged.validate({ allowed: 'strict' });
  } catch (error) {
    // Every wrong value has reported itself; anything else convict could object to would be our own mistake.
    if (problems.length === 0) report('', error instanceof Error ? error.message : String(error));
  }
  const raw = withoutEmpty(table, withoutGaps(merged.getProperties()) as RawMap);
  for (const [path, value] of mappings) if (origin(path) === undefined) setAt(raw, path, value);
  return { raw, problems, originOf: origin };
}

/** Takes out the values that are mappings with keys of their own: convict would look for these keys in the table. */
function withoutMappings(file: RawMap): { rest: RawMap; mappings: Array<[path: string, value: Raw]> } {
  const mappings: Array<[string, Raw]> = [];
  let rest = file;
  for (const { path } of settings) {
    let value: unknown = file;
    for (const key of path.split('.')) value = (value as RawMap | null | undefined)?.[key];
    if (typeof value !== 'object' || value === null || Array.isArray(value)) continue;
    mappings.push([path, value as Raw]);
    rest = without(rest, path.split('.'));
  }
  return { rest, mappings };
}

/** A copy without the value at a path, all parts of which are there. */
function without(map: RawMap, [key, ...more]: readonly string[]): RawMap {
  const { [key]: value, ...others } = map;
  return more.length === 0 ? others : { ...others, [key]: without(value as RawMap, more) as Raw };
}

function setAt(raw: RawMap, path: string, value: Raw): void {
  const keys = path.split('.');
  const last = keys.pop() as string;
  let at = raw as Record<string, Raw | undefined>;
  for (const key of keys) {
    at[key] ??= {};
    at = at[key] as Record<string, Raw | undefined>;
  }
  at[last] = value;
}

/**
 * A sampler that `OTEL_TRACES_SAMPLER` chose has the ratio of that specification, 1, where nothing else sets one: the default
 * of ours belongs to our own default sampler.
 */
function sampleAllByDefault(
  merged: convict.Config<unknown>,
  { standard }: EnvironmentReading,
  origin: (path: string) => Place | undefined,
  file: RawMap,
): void {
  const ratio = 'telemetry.traces.ratio';
  if (!standard.has('telemetry.traces.sampler') || origin(ratio) !== undefined) return;
  let inFile: unknown = file;
  for (const key of ratio.split('.')) inFile = (inFile as RawMap | undefined)?.[key];
  if (inFile === undefined) merged.set(ratio, 1);
}

/** The flag or variable that set a path, if one did. */
function originOf(environment: EnvironmentReading, flags: FlagValues): (path: string) => Place | undefined {
  const byPath = new Map<string, Setting>(settings.map((setting) => [setting.path, setting]));
  return (path) => {
    const setting = byPath.get(path);
    if (setting === undefined) return undefined;
    const { flag } = setting.shape;
    if (flag !== undefined && flags[flag] !== undefined) return placeOfName(`--${flag}`);
    if (environment.values[setting.variable] === undefined) return undefined;
    return placeOfName(environment.standard.get(path) ?? setting.variable);
  };
}

const listFormat = 'outrigger-list';

type Report = (path: string, message: string) => void;

/** A format of convict for each setting, since each has its own limits. Formats are global in convict; names are ours. */
function formatOf(path: string, shape: Scalar): convict.Format {
  return {
    name: `outrigger:${path}`,
    coerce: (text: string) => shape.type.fromText(text),
    validate: (raw: Raw, property: convict.SchemaObj) => {
      const error = errorOf(shape, raw);
      if (error === undefined) return;
      (property.report as Report)(path, error);
      throw new Error(error);
    },
  };
}

/** The table in convict's own form. */
export function convictSchema(shape: Shape, path: string, report: Report): object {
  if (shape.kind === 'list') return { doc: shape.doc, format: listFormat, default: [] };
  if (shape.kind === 'section') return sectionSchema(shape, path, report);
  const setting = settings.find((candidate) => candidate.path === path);
  return {
    doc: shape.doc,
    format: `outrigger:${path}`,
    default: shape.default ?? null,
    nullable: shape.default === undefined,
    env: setting?.variable,
    arg: shape.flag,
    report,
  };
}

function sectionSchema(section: Section, parent: string, report: Report): object {
  const schema: Record<string, object> = {};
  for (const [key, shape] of Object.entries(section.keys)) {
    schema[key] = convictSchema(shape, parent === '' ? key : `${parent}.${key}`, report);
  }
  return schema;
}

/**
 * convict requires null for what has no default; to us it is not there. And what was wrong in the file is undefined, which
 * convict would take for a value.
 */
function withoutGaps(value: unknown): unknown {
  if (Array.isArray(value) || typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .filter(([, child]) => child !== null && child !== undefined)
      .map(([key, child]) => [key, withoutGaps(child)]),
  );
}

/** convict has a mapping for each section; to us an optional one of which nothing was written is not there. */
function withoutEmpty(section: Section, raw: RawMap): RawMap {
  const entries = Object.entries(raw).flatMap(([key, value]): Array<[string, RawMap[string]]> => {
    const shape = Object.hasOwn(section.keys, key) ? section.keys[key] : undefined;
    if (shape?.kind !== 'section' || typeof value !== 'object' || value === null) return [[key, value]];
    const inner = withoutEmpty(shape, value as RawMap);
    return shape.presence === 'optional' && Object.keys(inner).length === 0 ? [] : [[key, inner as Raw]];
  });
  return Object.fromEntries(entries);
}
