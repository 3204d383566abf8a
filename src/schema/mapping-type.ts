import { type Raw, type ScalarType, wrongKind } from './scalar-type.ts';

/** Any mapping, whose keys somebody else knows. */
export const mapping: ScalarType<{ readonly [key: string]: Raw }> = {
  label: 'mapping',
  unit: '',
  jsonSchema: { type: 'object' },
  fromText: (text) => text,
  toRaw: (value) => value,
  parse: (raw) => {
    if (raw === null || typeof raw !== 'object' || Array.isArray(raw))
      return wrongKind(raw, 'a mapping, such as { limit: 10 }');
    return { value: raw as { readonly [key: string]: Raw } };
  },
};
