import { nearestName } from '../core/nearest.ts';
import { conditionOf, grpcConditions, httpConditions, type RetryCondition } from '../core/retry-condition.ts';
import { listed, shown } from './problem.ts';
import { type Raw, type ScalarType, wrongKind } from './scalar-type.ts';

const known: readonly string[] = [...grpcConditions, ...httpConditions];
const example = 'a list of conditions, such as [unavailable] or [502, 503]';
const conditionsMax = 50;

/** What an attempt may be repeated for: gRPC statuses, HTTP statuses, and words of Envoy's for groups of them. */
export const retryConditions: ScalarType<readonly RetryCondition[]> = {
  label: `list of gRPC statuses (\`unavailable\`), HTTP statuses from 400 to 599, and ${listed(
    httpConditions.map((name) => `\`${name}\``),
    'and',
  )}`,
  unit: '',
  jsonSchema: {
    type: 'array',
    items: { anyOf: [{ enum: known }, { type: 'integer', minimum: 400, maximum: 599 }] },
    minItems: 1,
    maxItems: conditionsMax,
  },
  fromText: (text) => text.split(',').map((part) => part.trim()),
  toRaw: (value) => value,
  parse: (raw) => {
    if (!Array.isArray(raw)) return wrongKind(raw, example);
    const items = raw as readonly Raw[];
    if (items.length === 0) return { error: `is empty; write ${example}` };
    if (items.length > conditionsMax)
      return { error: `has ${items.length} items; write at most ${conditionsMax}` };
    const conditions: RetryCondition[] = [];
    for (const item of items) {
      const parsed = parseCondition(item);
      if (typeof parsed === 'object') return parsed;
      if (!conditions.includes(parsed)) conditions.push(parsed);
    }
    return { value: conditions };
  },
};

/** One gRPC status that is a failure. */
export const grpcFailure: ScalarType<string> = {
  label: 'gRPC status',
  unit: '',
  jsonSchema: { enum: [...grpcConditions] },
  fromText: (text) => text,
  toRaw: (value) => value,
  parse: (raw) => {
    if (typeof raw !== 'string') return wrongKind(raw, 'a gRPC status, such as unavailable');
    const name = conditionOf(raw);
    return grpcConditions.includes(name)
      ? { value: name }
      : unknownStatus(raw, grpcConditions, 'a gRPC status');
  },
};

function parseCondition(item: Raw): RetryCondition | { error: string } {
  if (typeof item === 'number') {
    const isFailure = Number.isInteger(item) && item >= 400 && item <= 599;
    return isFailure
      ? item
      : { error: `${item} is no HTTP status of a failure; write numbers from 400 to 599` };
  }
  if (typeof item !== 'string')
    return { error: `${shown(item)} is not a condition; write names or numbers, such as [unavailable, 503]` };
  const name = conditionOf(item);
  if (name === 'ok') return { error: `${shown(item)} is no failure; leave it out` };
  return known.includes(name) ? name : unknownStatus(item, known, 'a gRPC status or another condition');
}

function unknownStatus(text: string, names: readonly string[], what: string): { error: string } {
  const near = nearestName(conditionOf(text), names) ?? listed(names);
  return { error: `${shown(text)} is not ${what}; write ${near}` };
}
