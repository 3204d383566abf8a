import type { List, Scalar, Section, Shape } from '../schema/shape.ts';
import { table } from './table.ts';

export type JsonSchema = { readonly [key: string]: unknown };

/**
 * The JSON Schema (draft 2020-12) of a configuration file, from the table: an editor completes and checks the file with
 * it. It is a little more lenient than the loader, which also knows how values belong together.
 */
export function jsonSchema(of: Section = table): JsonSchema {
  return {
    $schema: 'https://json-schema.org/draft/2020-12/schema',
    title: 'Outrigger configuration',
    ...schemaOf(of),
  };
}

function schemaOf(shape: Shape): JsonSchema {
  switch (shape.kind) {
    case 'scalar':
      return scalarSchema(shape);
    case 'list':
      return listSchema(shape);
    case 'section':
      return sectionSchema(shape);
  }
}

/** A text that an environment variable is a part of: what it becomes only the loader can say. */
const withVariable: JsonSchema = { type: 'string', pattern: String.raw`\$\{` };

function scalarSchema(shape: Scalar): JsonSchema {
  return {
    description: plain(shape.doc),
    anyOf: [shape.type.jsonSchema, withVariable],
    ...(shape.default === undefined ? {} : { default: shape.default }),
    // Tools show such a value as they show a password.
    ...(shape.secret === true ? { writeOnly: true } : {}),
  };
}

function listSchema(shape: List): JsonSchema {
  const items = schemaOf(shape.item);
  const text = { type: 'string', minLength: 1 };
  const array = {
    type: 'array',
    ...(shape.itemsMin > 0 ? { minItems: shape.itemsMin } : {}),
    items: shape.fromText === undefined ? items : { anyOf: [text, items] },
  };
  const description = plain(shape.doc);
  return shape.fromText === undefined ? { description, ...array } : { description, anyOf: [text, array] };
}

function sectionSchema(section: Section): JsonSchema {
  const entries = Object.entries(section.keys);
  const required = entries.filter(([, shape]) => isRequired(shape)).map(([key]) => key);
  const mapping = {
    type: 'object',
    properties: Object.fromEntries(entries.map(([key, shape]) => [key, schemaOf(shape)])),
    ...(required.length > 0 ? { required } : {}),
    additionalProperties: false,
  };
  const description = plain(section.doc);
  // Nothing at all is as good as an empty mapping (`tcp:`), but an editor had better not suggest it.
  return section.orNone ? { description, anyOf: [{ const: 'none' }, mapping] } : { description, ...mapping };
}

function isRequired(shape: Shape): boolean {
  return shape.kind === 'list' ? shape.itemsMin > 0 : shape.required;
}

/** Docs are Markdown; editors show plain text. */
function plain(doc: string): string {
  return doc.replaceAll('`', '');
}
