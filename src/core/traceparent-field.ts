import { type Field, FieldKind } from './field.ts';
import type { SpanId, TraceId } from './trace-id.ts';

/**
 * The `traceparent` that one attempt sends (W3C Trace Context section 3.2, version 00). It is new each time, so its text
 * is made only for who asks: the HPACK encoder writes the digits where they go (`http2/hpack/representation.ts`).
 */
export class TraceparentField implements Field {
  readonly name = 'traceparent';
  readonly sensitive = false;
  readonly kind = FieldKind.Traceparent;
  readonly repeated = false;
  readonly literal = null;
  readonly traceId: TraceId;
  readonly spanId: SpanId;
  /** `TraceFlag` bits, so one hex digit. */
  readonly flags: number;

  constructor(traceId: TraceId, spanId: SpanId, flags: number) {
    this.traceId = traceId;
    this.spanId = spanId;
    this.flags = flags;
  }

  get value(): string {
    return `00-${this.traceId}-${this.spanId}-0${this.flags}`;
  }

  get size(): number {
    return this.name.length + traceparentChars + 32;
  }
}

/** Of version 00. */
export const traceparentChars = 55;
