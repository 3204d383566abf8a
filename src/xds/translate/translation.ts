import type { JsonObject } from '../../reflection/json.ts';
import type { Resource } from '../resource.ts';
import type { MessageFields } from './message-fields.ts';
import { MessageReader } from './message-reader.ts';
import type { References, Translation } from './model.ts';
import { Notes } from './notes.ts';

/** A resource as translators take it; a test may collect which fields they read. */
export type TranslatedResource = Pick<Resource, 'kind' | 'name' | 'message'> & {
  readonly fieldsRead?: Set<string>;
};

/** Names of other resources, as a translator meets them. */
export class ReferenceSet implements Record<keyof References, Set<string>> {
  readonly routes = new Set<string>();
  readonly clusters = new Set<string>();
  readonly endpoints = new Set<string>();
  readonly secrets = new Set<string>();

  lists(): References {
    const { routes, clusters, endpoints, secrets } = this;
    return { routes: [...routes], clusters: [...clusters], endpoints: [...endpoints], secrets: [...secrets] };
  }
}

/** Translates a resource as a whole: with a problem there is no value. */
export function translation<T>(
  resource: TranslatedResource,
  fields: MessageFields,
  translate: (reader: MessageReader, references: ReferenceSet) => T,
): Translation<T> {
  const notes = new Notes(resource, resource.fieldsRead ?? null);
  const references = new ReferenceSet();
  const value = translate(new MessageReader(resource.message, fields, '', notes), references);
  return notes.problems.length > 0
    ? { problems: notes.problems }
    : { value, references: references.lists(), warnings: notes.warnings };
}

/** A duration as the configuration has it, within limits. */
export function durationText(
  ms: number,
  { min = 1, max = dayMs }: { min?: number; max?: number } = {},
): string {
  return `${Math.min(max, Math.max(min, Math.round(ms)))}ms`;
}

const dayMs = 86_400_000;

export function clamp(value: number, min: number, max: number): number {
  return Math.min(max, Math.max(min, value));
}

/** Without keys that are undefined, so that the result is JSON. */
export function definedKeys(keys: Readonly<Record<string, JsonObject[string] | undefined>>): JsonObject {
  return Object.fromEntries(
    Object.entries(keys).filter((entry): entry is [string, JsonObject[string]] => entry[1] !== undefined),
  );
}
