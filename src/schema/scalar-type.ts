import { nearestName } from '../core/nearest.ts';
import type { Result } from '../core/result.ts';
import { formatDuration, formatSize, parseDuration, parseSize } from '../core/units.ts';
import { listed, shown } from './problem.ts';

/** What stands in a file: the values of JSON. */
export type Raw = string | number | boolean | null | readonly Raw[] | { readonly [key: string]: Raw };

/** A mapping of a file. A key whose value is wrong is there and undefined. */
export interface RawMap {
  readonly [key: string]: Raw | undefined;
}

/** Whether a key's typed name says its unit: `timeout: 2s` in the file is `timeoutMs` in code. */
export type Unit = '' | 'Ms';

/**
 * A kind of single value: how it is read, written and described. Everything that knows a value's form (the reader,
 * convict, the JSON Schema, the reference page) asks here.
 */
export interface ScalarType<T, U extends Unit = ''> {
  /** For the reference page: `duration`. */
  readonly label: string;
  readonly unit: U;
  /** JSON Schema (2020-12) of what a file may hold. */
  readonly jsonSchema: Readonly<Record<string, unknown>>;
  /** The typed value of what a file holds, or a sentence. Never throws. */
  parse(raw: Raw): Result<T>;
  /** What a file would hold, from the text of a flag or variable; a text that makes no sense stays as it is. */
  fromText(text: string): Raw;
  /** What a file would hold for this value. */
  toRaw(value: T): Raw;
}

const asText = (text: string): Raw => text;

/** `"x" is text; write a number`: for a value of the wrong JSON type. */
export function wrongKind(raw: Raw, write: string): { error: string } {
  if (raw === null) return { error: `has no value; write ${write}` };
  if (Array.isArray(raw)) return { error: `is a list; write ${write}` };
  if (typeof raw === 'object') return { error: `is a mapping; write ${write}` };
  const kind = { string: 'text', number: 'a number', boolean: 'true or false' }[typeof raw as string];
  return { error: `${shown(raw)} is ${kind}; write ${write}` };
}

export interface TextOptions {
  readonly label?: string;
  readonly charsMax?: number;
  /** What every text must match, with the words to write. */
  readonly pattern?: RegExp;
  readonly write?: string;
  readonly emptyAllowed?: boolean;
}

/** Any text, or what a pattern allows. Numbers are refused, so that nobody depends on how YAML reads `1.10`. */
export function text(options: TextOptions = {}): ScalarType<string> {
  const { label = 'text', charsMax = 1024, pattern, write = 'text', emptyAllowed = false } = options;
  return {
    label,
    unit: '',
    jsonSchema: {
      type: 'string',
      ...(emptyAllowed ? {} : { minLength: 1 }),
      maxLength: charsMax,
      ...(pattern === undefined ? {} : { pattern: pattern.source }),
    },
    fromText: asText,
    toRaw: (value) => value,
    parse: (raw) => {
      if (typeof raw === 'number' || typeof raw === 'boolean')
        return { error: `${shown(raw)} is not text; write it in quotes, "${raw}"` };
      if (typeof raw !== 'string') return wrongKind(raw, write);
      if (raw === '' && !emptyAllowed) return { error: `"" is empty; write ${write}` };
      if (raw.length > charsMax)
        return { error: `${shown(raw)} has ${raw.length} characters; write at most ${charsMax}` };
      return pattern === undefined || pattern.test(raw)
        ? { value: raw }
        : {
            error: `${shown(raw)} is not ${label === 'text' ? 'allowed here' : article(label)}; write ${write}`,
          };
    },
  };
}

/** What listeners, routes and clusters are called: in logs, metric labels and references. */
export const name = text({
  label: 'name',
  charsMax: 64,
  pattern: /^[A-Za-z0-9_][A-Za-z0-9_.-]*$/,
  write: 'letters, digits, "-", "_" and ".", beginning with a letter or digit',
});

/** `true` or `false`. */
export const toggle: ScalarType<boolean> = {
  label: 'true or false',
  unit: '',
  jsonSchema: { type: 'boolean' },
  fromText: (value) => (value === 'true' ? true : value === 'false' ? false : value),
  toRaw: (value) => value,
  parse: (raw) => (typeof raw === 'boolean' ? { value: raw } : { error: notToggle(raw) }),
};

function notToggle(raw: Raw): string {
  // YAML 1.1 read yes, no, on and off as booleans; 1.2 does not, and people still write them.
  return typeof raw === 'string'
    ? `${shown(raw)} is neither true nor false; write true or false`
    : (wrongKind(raw, 'true or false').error as string);
}

export interface NumberOptions {
  readonly min: number;
  readonly max: number;
  readonly whole?: boolean;
}

/** A number within limits; a whole one unless stated otherwise. */
export function number({ min, max, whole = true }: NumberOptions): ScalarType<number> {
  const write = `a ${whole ? 'whole ' : ''}number from ${min} to ${max}`;
  return {
    label: `${whole ? 'whole number' : 'number'}, ${min} to ${max}`,
    unit: '',
    jsonSchema: { type: whole ? 'integer' : 'number', minimum: min, maximum: max },
    // Number('') and Number(' 1') are numbers too: only what a file could hold as one counts.
    fromText: (value) => (/^-?\d{1,15}(\.\d{1,15})?(e\d{1,2})?$/i.test(value) ? Number(value) : value),
    toRaw: (value) => value,
    parse: (raw) => {
      if (typeof raw === 'string') return { error: notNumber(raw, write) };
      if (typeof raw !== 'number') return wrongKind(raw, write);
      if (!Number.isFinite(raw)) return { error: `${raw} is not a number here; write ${write}` };
      if (whole && !Number.isInteger(raw)) return { error: `${raw} is not a whole number; write ${write}` };
      if (!(raw >= min)) return { error: `${raw} is below ${min}; write ${write}` };
      return raw <= max ? { value: raw } : { error: `${raw} is above ${max}; write ${write}` };
    },
  };
}

function notNumber(raw: string, write: string): string {
  return /^-?\d+(\.\d+)?$/.test(raw)
    ? `${shown(raw)} is text; write ${raw} without quotes`
    : `${shown(raw)} is not a number; write ${write}`;
}

/** Above this many words to choose from, a mistyped one is answered with the nearest. */
const manyWords = 4;

/** One of a few words. */
export function choice<const W extends string>(words: readonly W[]): ScalarType<W> {
  const write = listed(words);
  return {
    label: words.map((word) => `\`${word}\``).join(', '),
    unit: '',
    jsonSchema: { enum: [...words] },
    fromText: asText,
    toRaw: (value) => value,
    parse: (raw) => {
      if (typeof raw !== 'string') return wrongKind(raw, write);
      const word = words.find((candidate) => candidate === raw);
      if (word !== undefined) return { value: word };
      // Of a few words the right one is seen at a glance; of many it is named first.
      const near = words.length > manyWords ? nearestName(raw, words) : undefined;
      const guess = near === undefined ? '' : `did you mean ${near}? `;
      return { error: `${shown(raw)} is not known; ${guess}write ${write}` };
    },
  };
}

/** Several of a few words, each at most once; in a variable separated by commas. */
export function choices<const W extends string>(words: readonly W[]): ScalarType<readonly W[]> {
  const one = choice(words);
  return {
    label: `list of ${one.label}s`,
    unit: '',
    jsonSchema: { type: 'array', items: one.jsonSchema, uniqueItems: true },
    // A variable may repeat a word (OpenTelemetry says so of OTEL_PROPAGATORS); a file that does is mistaken.
    fromText: (value) => [...new Set(value.split(',').map((word) => word.trim()))],
    toRaw: (value) => value,
    parse: (raw) => {
      if (!Array.isArray(raw)) return wrongKind(raw, `a list of ${listed(words, 'and')}`);
      const value: W[] = [];
      for (const item of raw as readonly Raw[]) {
        const parsed = one.parse(item);
        if (parsed.error !== undefined) return { error: parsed.error };
        if (value.includes(parsed.value))
          return { error: `${shown(item)} is in the list twice; write it once` };
        value.push(parsed.value);
      }
      return { value };
    },
  };
}

export interface ListOptions {
  readonly itemsMax: number;
}

/** Several values of one type; in a variable separated by commas. */
export function listOf<T>(one: ScalarType<T>, { itemsMax }: ListOptions): ScalarType<readonly T[]> {
  return {
    label: `list of ${one.label}s`,
    unit: '',
    jsonSchema: { type: 'array', items: one.jsonSchema, maxItems: itemsMax },
    fromText: (value) =>
      value
        .split(',')
        .map((item) => item.trim())
        .filter((item) => item !== '')
        .map((item) => one.fromText(item)),
    toRaw: (values) => values.map((value) => one.toRaw(value)),
    parse: (raw) => {
      if (!Array.isArray(raw)) return wrongKind(raw, `a list, [${shown(raw)}]`);
      if (raw.length > itemsMax) return { error: `has ${raw.length} items; write at most ${itemsMax}` };
      const values: T[] = [];
      for (const item of raw as readonly Raw[]) {
        const parsed = one.parse(item);
        if (parsed.error !== undefined) return { error: parsed.error };
        values.push(parsed.value);
      }
      return { value: values };
    },
  };
}

/** A word, or else a value of another type: `auto` or a number. */
export function wordOr<const W extends string, T>(word: W, other: ScalarType<T>): ScalarType<W | T> {
  return {
    label: `\`${word}\` or ${other.label}`,
    unit: '',
    jsonSchema: { anyOf: [{ const: word }, other.jsonSchema] },
    fromText: (value) => (value === word ? word : other.fromText(value)),
    toRaw: (value) => (value === word ? word : other.toRaw(value as T)),
    parse: (raw) => {
      if (raw === word) return { value: word };
      const parsed = other.parse(raw);
      return parsed.error === undefined
        ? parsed
        : { error: parsed.error.replace('; write ', `; write ${word} or `) };
    },
  };
}

export interface DurationOptions {
  /** Texts, `1ms`. */
  readonly min?: string;
  readonly max?: string;
}

/** `250ms`, `1.5s`, `2m`, `1h`; milliseconds in code. */
export function duration({ min = '0s', max = '24h' }: DurationOptions = {}): ScalarType<number, 'Ms'> {
  const minMs = parseDuration(min).value ?? 0;
  const maxMs = parseDuration(max).value ?? Number.POSITIVE_INFINITY;
  return {
    label: 'duration',
    unit: 'Ms',
    jsonSchema: { type: 'string', pattern: String.raw`^\d+(\.\d+)?(ms|s|m|h)$` },
    fromText: asText,
    toRaw: formatDuration,
    parse: (raw) => {
      if (typeof raw === 'number') return { error: `${raw} has no unit; write ${raw}s or ${raw}ms` };
      if (typeof raw !== 'string') return wrongKind(raw, 'a duration, such as 250ms, 1.5s, 2m or 1h');
      const parsed = parseDuration(raw);
      if (parsed.value === undefined) return parsed;
      if (parsed.value < minMs) return { error: `${shown(raw)} is too short; write ${min} or more` };
      return parsed.value <= maxMs ? parsed : { error: `${shown(raw)} is too long; write ${max} or less` };
    },
  };
}

export interface SizeOptions {
  /** Texts, `16KiB`. */
  readonly min: string;
  readonly max: string;
}

/** `512B`, `64KiB`, `1MiB`; bytes in code, and the keys end in `Bytes`. */
export function size({ min, max }: SizeOptions): ScalarType<number> {
  const minBytes = parseSize(min).value ?? 0;
  const maxBytes = parseSize(max).value ?? Number.POSITIVE_INFINITY;
  return {
    label: 'size',
    unit: '',
    jsonSchema: { type: 'string', pattern: String.raw`^\d+(\.\d+)?(B|KiB|MiB|GiB)$` },
    fromText: asText,
    toRaw: formatSize,
    parse: (raw) => {
      if (typeof raw === 'number')
        return { error: `${raw} has no unit; write ${raw}B, ${raw}KiB or ${raw}MiB` };
      if (typeof raw !== 'string') return wrongKind(raw, 'a size, such as 512B, 64KiB or 1MiB');
      const parsed = parseSize(raw);
      if (parsed.value === undefined) return parsed;
      if (parsed.value < minBytes) return { error: `${shown(raw)} is too small; write ${min} or more` };
      return parsed.value <= maxBytes
        ? parsed
        : { error: `${shown(raw)} is too large; write ${max} or less` };
    },
  };
}

/** `a size`, `an address`, `a URL`. */
export function article(noun: string): string {
  return `${/^(?!ur|us)[aeiou]/i.test(noun) ? 'an' : 'a'} ${noun}`;
}
