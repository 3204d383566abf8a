import { emptyObject, isJsonObject, type Json, type JsonObject } from './json.ts';

/**
 * The types of google.protobuf that have a form of their own in JSON (ProtoJSON format, protobuf.dev). Each is changed after
 * a message is decoded by its definition, and before one is encoded by it.
 */
export interface WellKnownType {
  /** Returns the form in JSON of a message that was decoded by its definition. */
  show(message: JsonObject): Json;
  /** Returns the message that a value in JSON stands for, or undefined where it is not a valid one. */
  read(value: Json): JsonObject | undefined;
  /** What a value looks like, for errors. */
  readonly form: string;
  /** Whether `null` is a value of the type, and does not mean that it is absent. */
  readonly takesNull?: boolean;
}

const nanosPerSecond = 1_000_000_000n;
/** 0001-01-01T00:00:00Z to 9999-12-31T23:59:59Z, which is what a Timestamp may be. */
const timestampSecondsMin = -62_135_596_800;
const timestampSecondsMax = 253_402_300_799;
const durationSecondsMax = 315_576_000_000n;

const timestamp: WellKnownType = {
  form: 'a time such as "2026-01-31T12:00:00Z"',
  show({ seconds = '0', nanos = 0 }) {
    const whole = Number(seconds);
    if (!(whole >= timestampSecondsMin && whole <= timestampSecondsMax)) return { seconds, nanos };
    return `${new Date(whole * 1000).toISOString().slice(0, 19)}${fraction(Number(nanos))}Z`;
  },
  read(value) {
    if (typeof value !== 'string') return undefined;
    const match = /^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?(Z|[+-]\d\d:\d\d)$/i.exec(value);
    const ms = match === null ? Number.NaN : new Date(`${match[1]}${match[3]}`.toUpperCase()).getTime();
    if (match === null || Number.isNaN(ms)) return undefined;
    return { seconds: String(Math.floor(ms / 1000)), nanos: nanosOf(match[2]) };
  },
};

const duration: WellKnownType = {
  form: 'seconds such as "1.5s"',
  show({ seconds = '0', nanos = 0 }) {
    const all = BigInt(String(seconds)) * nanosPerSecond + BigInt(Number(nanos));
    const size = all < 0n ? -all : all;
    return `${all < 0n ? '-' : ''}${size / nanosPerSecond}${fraction(Number(size % nanosPerSecond))}s`;
  },
  read(value) {
    const match = typeof value === 'string' ? /^(-?)(\d{1,12})(?:\.(\d{1,9}))?s$/.exec(value) : null;
    if (match === null || BigInt(match[2]) > durationSecondsMax) return undefined;
    const [, sign, seconds, part] = match;
    return { seconds: `${sign}${seconds}`, nanos: sign === '' ? nanosOf(part) : 0 - nanosOf(part) };
  },
};

const fieldMask: WellKnownType = {
  form: 'names separated by commas, such as "user.displayName,photo"',
  show: ({ paths = [] }) =>
    (paths as readonly Json[])
      .map((path) => String(path).replace(/_([a-z])/g, (_all, c) => c.toUpperCase()))
      .join(','),
  read: (value) =>
    typeof value === 'string'
      ? {
          paths:
            value === ''
              ? []
              : value.split(',').map((path) => path.replace(/[A-Z]/g, (c) => `_${c.toLowerCase()}`)),
        }
      : undefined,
};

const struct: WellKnownType = {
  form: 'a JSON object',
  show: ({ fields = emptyObject() }) => fields,
  read: (value) => (isJsonObject(value) ? { fields: value } : undefined),
};

const listValue: WellKnownType = {
  form: 'a JSON array',
  show: ({ values = [] }) => values,
  read: (value) => (Array.isArray(value) ? { values: value as readonly Json[] } : undefined),
};

const anyValue: WellKnownType = {
  form: 'any JSON value',
  takesNull: true,
  show: (message) => Object.values(message)[0] ?? null,
  read(value): JsonObject {
    if (value === null) return { nullValue: 0 };
    if (typeof value === 'boolean') return { boolValue: value };
    if (typeof value === 'number') return { numberValue: value };
    if (typeof value === 'string') return { stringValue: value };
    return Array.isArray(value) ? { listValue: value as readonly Json[] } : { structValue: value };
  },
};

/** A scalar in a message of its own, so that it can be absent. In JSON it is the scalar. */
function wrapper(otherwise: Json): WellKnownType {
  return {
    form: 'a single value',
    show: ({ value = otherwise }) => value,
    read: (value) => (isJsonObject(value) || Array.isArray(value) ? undefined : { value }),
  };
}

export const wellKnownTypes: ReadonlyMap<string, WellKnownType> = new Map([
  ['google.protobuf.Timestamp', timestamp],
  ['google.protobuf.Duration', duration],
  ['google.protobuf.FieldMask', fieldMask],
  ['google.protobuf.Struct', struct],
  ['google.protobuf.ListValue', listValue],
  ['google.protobuf.Value', anyValue],
  ['google.protobuf.DoubleValue', wrapper(0)],
  ['google.protobuf.FloatValue', wrapper(0)],
  ['google.protobuf.Int64Value', wrapper('0')],
  ['google.protobuf.UInt64Value', wrapper('0')],
  ['google.protobuf.Int32Value', wrapper(0)],
  ['google.protobuf.UInt32Value', wrapper(0)],
  ['google.protobuf.BoolValue', wrapper(false)],
  ['google.protobuf.StringValue', wrapper('')],
  ['google.protobuf.BytesValue', wrapper('')],
]);

export const anyName = 'google.protobuf.Any';
export const nullValueName = 'google.protobuf.NullValue';

/** Nanoseconds behind a point, in 3, 6 or 9 digits; '' for none. */
function fraction(nanos: number): string {
  if (nanos <= 0) return '';
  const digits = String(nanos).padStart(9, '0');
  return `.${digits.replace(/(?:000){1,2}$/, '')}`;
}

function nanosOf(digits: string | undefined): number {
  return Number((digits ?? '').padEnd(9, '0'));
}
