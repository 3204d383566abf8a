import { shown } from './problem.ts';
import { type Raw, type ScalarType, wrongKind } from './scalar-type.ts';

export interface NameListOptions {
  /** For the reference page: `list of parameter names`. */
  readonly label: string;
  readonly itemsMax: number;
  readonly charsMax: number;
  /** What each name must match, with the words to write. */
  readonly pattern: RegExp;
  readonly write: string;
}

/** A list of names, none of them twice; in a variable separated by commas. It may be empty. */
export function nameList(options: NameListOptions): ScalarType<readonly string[]> {
  const { label, itemsMax, charsMax, pattern, write } = options;
  const wrongName = (item: Raw): string | undefined => {
    if (typeof item !== 'string') return wrongKind(item, write).error;
    if (item.length > charsMax)
      return `${shown(item)} has ${item.length} characters; write at most ${charsMax}`;
    return pattern.test(item) ? undefined : `${shown(item)} is not a name; write ${write}`;
  };
  return {
    label,
    unit: '',
    jsonSchema: {
      type: 'array',
      maxItems: itemsMax,
      uniqueItems: true,
      items: { type: 'string', maxLength: charsMax, pattern: pattern.source },
    },
    fromText: (value) => [...new Set(value.split(',').map((name) => name.trim()))],
    toRaw: (value) => value,
    parse: (raw) => {
      if (!Array.isArray(raw)) return wrongKind(raw, 'a list, such as [token, "*_key"]');
      const items = raw as readonly Raw[];
      if (items.length > itemsMax) return { error: `has ${items.length} names; write at most ${itemsMax}` };
      for (const [i, item] of items.entries()) {
        const error = wrongName(item);
        if (error !== undefined) return { error };
        if (items.indexOf(item) < i) return { error: `${shown(item)} is in the list twice; write it once` };
      }
      return { value: items as readonly string[] };
    },
  };
}
