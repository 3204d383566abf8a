import { idOfReference, isCallReference } from '../../core/call-reference.ts';
import { TraceId } from '../../core/trace-id.ts';

/** What names a call. */
export type CallKey =
  | { readonly kind: 'id'; readonly id: number }
  | { readonly kind: 'trace'; readonly traceId: TraceId }
  /** An id from an error reply of another process. */
  | { readonly kind: 'foreign' }
  | { readonly kind: 'malformed' };

/** Reads an id from `/traces`, an id from an error reply, or a trace id. */
export function parseCallKey(text: string): CallKey {
  if (/^\d{1,15}$/.test(text)) return { kind: 'id', id: Number(text) };
  if (isCallReference(text)) {
    const id = idOfReference(text);
    return id === null ? { kind: 'foreign' } : { kind: 'id', id };
  }
  if (/^[0-9a-f]{32}$/i.test(text)) return { kind: 'trace', traceId: TraceId.read(text.toLowerCase()) };
  return { kind: 'malformed' };
}
