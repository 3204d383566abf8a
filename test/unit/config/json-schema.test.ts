import { readdirSync, readFileSync } from 'node:fs';
import { expect } from 'chai';
import { parse } from 'yaml';
import { jsonSchema } from '../../../src/config/json-schema.ts';
import { fileOfConfig } from '../../../src/config/load.ts';
import { configOf, minimal, problemsOf } from './support.ts';

type Schema = Record<string, unknown>;

/** As much of JSON Schema as ours uses: where a value breaks it, in paths; nothing where it fits. */
function breaks(schema: Schema, value: unknown, path = '$'): string[] {
  const found: string[] = [];
  const demand = (fits: boolean, keyword: string): void => {
    if (!fits) found.push(`${path}: ${keyword}`);
  };
  if (schema.anyOf)
    demand(
      (schema.anyOf as Schema[]).some((one) => breaks(one, value).length === 0),
      'anyOf',
    );
  if ('const' in schema) demand(value === schema.const, 'const');
  if (schema.enum) demand((schema.enum as unknown[]).includes(value), 'enum');
  if (schema.type) demand(typeOf(value, schema.type as string), 'type');
  if (typeof value === 'string') {
    if (schema.pattern) demand(new RegExp(schema.pattern as string, 'u').test(value), 'pattern');
    demand(value.length >= ((schema.minLength as number) ?? 0), 'minLength');
    demand(value.length <= ((schema.maxLength as number) ?? Number.POSITIVE_INFINITY), 'maxLength');
  }
  if (typeof value === 'number') {
    demand(value >= ((schema.minimum as number) ?? Number.NEGATIVE_INFINITY), 'minimum');
    demand(value <= ((schema.maximum as number) ?? Number.POSITIVE_INFINITY), 'maximum');
  }
  if (Array.isArray(value)) {
    demand(value.length >= ((schema.minItems as number) ?? 0), 'minItems');
    value.forEach((item, i) => {
      if (schema.items) found.push(...breaks(schema.items as Schema, item, `${path}[${i}]`));
    });
  } else if (typeof value === 'object' && value !== null && schema.properties) {
    const properties = schema.properties as Record<string, Schema>;
    for (const key of (schema.required as string[]) ?? [])
      demand(Object.hasOwn(value, key), `required ${key}`);
    for (const [key, child] of Object.entries(value)) {
      if (Object.hasOwn(properties, key)) found.push(...breaks(properties[key], child, `${path}.${key}`));
      else demand(schema.additionalProperties !== false, `additional ${key}`);
    }
  }
  return found;
}

function typeOf(value: unknown, type: string): boolean {
  if (type === 'array') return Array.isArray(value);
  if (type === 'integer') return Number.isInteger(value);
  if (type === 'object') return typeof value === 'object' && value !== null && !Array.isArray(value);
  return typeof value === type;
}

const schema = jsonSchema() as Schema;

describe('config/json-schema', () => {
  it('is of draft 2020-12, and every key is described', () => {
    expect(schema.$schema).to.equal('https://json-schema.org/draft/2020-12/schema');
    const undescribed: string[] = [];
    const walk = (node: Schema, path: string): void => {
      for (const [key, child] of Object.entries((node.properties ?? {}) as Record<string, Schema>)) {
        if (typeof child.description !== 'string') undescribed.push(`${path}.${key}`);
        walk(child, `${path}.${key}`);
        for (const one of (child.anyOf ?? []) as Schema[]) walk(one, `${path}.${key}`);
        if (child.items) walk(child.items as Schema, `${path}.${key}[]`);
      }
    };
    walk(schema, '$');
    expect(undescribed).to.deep.equal([]);
  });

  it('holds every default, each of which is valid by its own schema', () => {
    const wrong: string[] = [];
    const walk = (node: Schema, path: string): void => {
      if ('default' in node) wrong.push(...breaks(node, node.default, path));
      for (const [key, child] of Object.entries((node.properties ?? {}) as Record<string, Schema>))
        walk(child, `${path}.${key}`);
      for (const one of (node.anyOf ?? []) as Schema[]) walk(one, path);
      if (node.items) walk(node.items as Schema, `${path}[]`);
    };
    walk(schema, '$');
    expect(wrong).to.deep.equal([]);
  });

  it('accepts a file with everything in it that the loader writes', () => {
    expect(breaks(schema, fileOfConfig(configOf(minimal())))).to.deep.equal([]);
  });

  // That the loader accepts them without a warning is in test/e2e/examples.test.ts, where their certificates are.
  it('accepts every example', () => {
    const folder = new URL('../../../examples/', import.meta.url);
    const examples = readdirSync(folder).filter((file) => file.endsWith('.yaml'));
    expect(examples).to.include('outrigger.yaml');
    for (const example of examples) {
      const text = readFileSync(new URL(example, folder), 'utf8');
      expect(breaks(schema, parse(text)), example).to.deep.equal([]);
    }
  });

  it('accepts a variable in the place of any value', () => {
    const variable = (content: string): string => `$\{${content}}`;
    const text = minimal({
      route: `, timeout: "${variable('T:-2s')}"`,
      more: `telemetry: { metrics: { otlp: "${variable('O:-true')}" } }`,
    });
    expect(problemsOf(text)).to.deep.equal([]);
    expect(breaks(schema, parse(text))).to.deep.equal([]);
  });

  it('rejects what the loader refuses at a single value', () => {
    const lines = [
      'log: { level: loud }',
      'drain: { grace: 10 }',
      'drian: {}',
      'admin: { listen: localhost }',
    ];
    for (const line of lines)
      expect(breaks(schema, parse(minimal({ more: line }))), line).to.not.deep.equal([]);
  });
});
