import type { Field } from '../core/field.ts';
import type { HeaderBlock } from '../core/header-block.ts';
import type { SpanId, TraceId } from '../core/trace-id.ts';

/** The trace context that a request brought. */
export interface RemoteParent {
  readonly traceId: TraceId;
  /** The span of the sender. */
  readonly spanId: SpanId;
  /** `TraceFlag` bits. */
  readonly flags: number;
  /** False where the sender leaves the sampling decision to the receiver (B3 "Deferred"). */
  readonly decided: boolean;
  /** The sender asks every service to record the call, and to pass that wish on (B3 and Jaeger). */
  readonly debug: boolean;
}

/** A set of headers, other than those of W3C Trace Context, that carries a trace context. */
export interface ContextFormat {
  /** Its header names in lower case: those of a request are replaced. */
  readonly names: readonly string[];
  /** Returns the context of a request, or undefined where there is none or it is malformed. Never throws. */
  extract(head: HeaderBlock): RemoteParent | undefined;
  /** Returns the headers of one attempt. */
  inject(traceId: TraceId, spanId: SpanId, sampled: boolean, debug: boolean): Field[];
}

const hexId = /^[0-9a-f]+$/i;

/** Reads hexadecimal digits as an id of `digits` digits, padded with zeros on the left; undefined where it is none or zero. */
export function paddedId(text: string, digits: 16 | 32): string | undefined {
  if (text.length === 0 || text.length > digits || !hexId.test(text)) return undefined;
  const padded = text.toLowerCase().padStart(digits, '0');
  return /^0+$/.test(padded) ? undefined : padded;
}
