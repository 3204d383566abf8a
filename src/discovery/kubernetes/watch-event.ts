import type { Result } from '../../core/result.ts';
import { nameOf, parseSlice, recordOf, type Slice } from './slice.ts';

/** One line of a watch. `version` is the resource version to go on from. */
export type WatchEvent =
  | { readonly kind: 'put'; readonly slice: Slice; readonly version: string }
  | { readonly kind: 'delete'; readonly name: string; readonly version: string }
  /** Nothing changed; `isListed` ends the initial events of a watch list. */
  | { readonly kind: 'bookmark'; readonly version: string; readonly isListed: boolean }
  | ({ readonly kind: 'malformed'; readonly version: string } & MalformedSlice)
  /** The watch is over. */
  | { readonly kind: 'error'; readonly status: number; readonly body: string; readonly retryAfter: string };

/** A slice that cannot be read. */
export interface MalformedSlice {
  readonly name: string;
  readonly error: string;
}

/** Marks the bookmark behind the initial events (KEP-3157). */
const listedAnnotation = 'k8s.io/initial-events-end';
const versionCharsMax = 256;

/** Reads one line of a watch; an error where the line is not an event. Never throws. */
export function parseWatchEvent(line: string): Result<WatchEvent> {
  const parsed = parseJson(line);
  if (parsed.error !== undefined) return parsed;
  const { type, object } = recordOf(parsed.value);
  if (type === 'ERROR') return { value: errorEvent(object) };
  const version = versionOf(object);
  if (version === '') return { error: 'an event without a resource version' };
  switch (type) {
    case 'ADDED':
    case 'MODIFIED': {
      const { value, error } = parseSlice(object);
      if (value !== undefined) return { value: { kind: 'put', slice: value, version } };
      return { value: { kind: 'malformed', name: nameOf(object), error, version } };
    }
    case 'DELETED':
      return { value: { kind: 'delete', name: nameOf(object), version } };
    case 'BOOKMARK': {
      const annotations = recordOf(recordOf(recordOf(object).metadata).annotations);
      return { value: { kind: 'bookmark', version, isListed: annotations[listedAnnotation] === 'true' } };
    }
    default:
      return { error: 'an event of an unknown type' };
  }
}

function errorEvent(object: unknown): WatchEvent {
  const { code, details } = recordOf(object);
  const { retryAfterSeconds } = recordOf(details);
  return {
    kind: 'error',
    status: typeof code === 'number' ? code : 500,
    body: JSON.stringify(object ?? null),
    retryAfter: typeof retryAfterSeconds === 'number' ? String(retryAfterSeconds) : '',
  };
}

/** A page of a list. */
export interface ListPage {
  readonly slices: readonly Slice[];
  readonly version: string;
  /** '' behind the last page. */
  readonly next: string;
  readonly malformed: readonly MalformedSlice[];
}

/** Reads a page of a list. Never throws. */
export function parseListPage(text: string): Result<ListPage> {
  const parsed = parseJson(text);
  if (parsed.error !== undefined) return parsed;
  const { items, metadata, kind } = recordOf(parsed.value);
  const version = versionOf(parsed.value);
  if (
    kind !== 'EndpointSliceList' ||
    version === '' ||
    !(Array.isArray(items) || items === null || items === undefined)
  )
    return { error: 'an answer that is no EndpointSliceList' };
  const slices = ((items as readonly unknown[] | null) ?? []).map((item) => ({ item, ...parseSlice(item) }));
  const { continue: next } = recordOf(metadata);
  return {
    value: {
      slices: slices.flatMap(({ value }) => value ?? []),
      version,
      next: typeof next === 'string' ? next : '',
      malformed: slices.flatMap(({ item, error }) =>
        error === undefined ? [] : { name: nameOf(item), error },
      ),
    },
  };
}

function versionOf(object: unknown): string {
  const version = recordOf(recordOf(object).metadata).resourceVersion;
  return typeof version === 'string' && version.length <= versionCharsMax ? version : '';
}

function parseJson(text: string): Result<unknown> {
  try {
    return { value: JSON.parse(text) as unknown };
  } catch {
    return { error: 'an answer that is no JSON' };
  }
}
