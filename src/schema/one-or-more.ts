import { shown } from './problem.ts';
import { type Raw, type ScalarType, wrongKind } from './scalar-type.ts';

/** One value, or a list of several that differ: `GET` or `[GET, HEAD]`. In a variable separated by commas. */
export function oneOrMore<T>(one: ScalarType<T>, itemsMax: number): ScalarType<readonly T[]> {
  return {
    label: `${one.label}, or a list of them`,
    unit: '',
    jsonSchema: {
      anyOf: [one.jsonSchema, { type: 'array', items: one.jsonSchema, minItems: 1, maxItems: itemsMax }],
    },
    fromText: (text) => text.split(',').map((item) => one.fromText(item.trim())),
    toRaw: (values) => (values.length === 1 ? one.toRaw(values[0]) : values.map((value) => one.toRaw(value))),
    parse: (raw) => {
      const items = Array.isArray(raw) ? (raw as readonly Raw[]) : [raw];
      if (items.length === 0) return wrongKind(raw, 'one value or more');
      if (items.length > itemsMax) return { error: `has ${items.length} items; write at most ${itemsMax}` };
      const values: T[] = [];
      for (const [i, item] of items.entries()) {
        const parsed = one.parse(item);
        if (parsed.error !== undefined) return { error: parsed.error };
        if (items.indexOf(item) < i) return { error: `${shown(item)} is in the list twice; write it once` };
        values.push(parsed.value);
      }
      return { value: values };
    },
  };
}
