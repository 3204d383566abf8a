import { type Field, FieldKind } from './field.ts';
import { writeHex32 } from './hex.ts';
import type { SpanId, TraceId } from './trace-id.ts';

/**
 * The `traceparent` that one attempt sends (W3C Trace Context section 3.2, version 00). It is new each time, so its text
 * is made only for who asks: both serialisers write the digits where they go (`writeTraceparent`).
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

const dash = 0x2d;
const digitZero = 0x30;

/** Writes the value at `position`, where there is room, and returns where it ends. */
export function writeTraceparent(
  out: Uint8Array,
  position: number,
  { traceId, spanId, flags }: TraceparentField,
): number {
  out[position] = digitZero;
  out[position + 1] = digitZero;
  out[position + 2] = dash;
  let at = writeHex32(out, position + 3, traceId.a);
  at = writeHex32(out, at, traceId.b);
  at = writeHex32(out, at, traceId.c);
  at = writeHex32(out, at, traceId.d);
  out[at++] = dash;
  at = writeHex32(out, at, spanId.a);
  at = writeHex32(out, at, spanId.b);
  out[at++] = dash;
  out[at++] = digitZero;
  out[at++] = digitZero + flags;
  return at;
}
