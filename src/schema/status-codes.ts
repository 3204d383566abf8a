import { shown } from './problem.ts';
import { type Raw, type ScalarType, wrongKind } from './scalar-type.ts';

/** HTTP statuses: `[200, 204]`. */
export const statusCodes: ScalarType<readonly number[]> = {
  label: 'list of HTTP statuses',
  unit: '',
  jsonSchema: {
    type: 'array',
    items: { type: 'integer', minimum: 100, maximum: 599 },
    minItems: 1,
    maxItems: 500,
  },
  fromText: (text) => text.split(',').map((part) => (/^\d{3}$/.test(part.trim()) ? Number(part) : part)),
  toRaw: (value) => value,
  parse: (raw) => {
    if (!Array.isArray(raw)) return wrongKind(raw, 'a list of statuses, such as [200, 204]');
    const items = raw as readonly Raw[];
    if (items.length === 0) return { error: 'is empty; write a list of statuses, such as [200, 204]' };
    if (items.length > 500) return { error: `has ${items.length} items; write at most 500` };
    const wrong = items.find((item) => !isStatus(item));
    return wrong === undefined
      ? { value: items as readonly number[] }
      : { error: `${shown(wrong)} is not an HTTP status; write numbers from 100 to 599` };
  },
};

function isStatus(item: Raw): boolean {
  return typeof item === 'number' && Number.isInteger(item) && item >= 100 && item <= 599;
}
