import { Field } from '../core/field.ts';
import { SpanId, TraceId } from '../core/trace-id.ts';
import { type ContextFormat, paddedId } from './context-format.ts';
import { TraceFlag } from './trace-context.ts';

const name = 'uber-trace-id';
const sampledBit = 1;
const debugBit = 2;

/**
 * Jaeger's trace context: `uber-trace-id: {trace id}:{span id}:{parent span id}:{flags}`, hexadecimal, with leading zeros
 * left out or not, and percent-encoded by some clients ("Jaeger client libraries", "Propagation Format"). Its baggage,
 * `uberctx-…`, passes through a call as any other header does.
 */
export const jaegerContext: ContextFormat = {
  names: [name],
  extract(head) {
    const value = head.get(name);
    if (value === undefined || value.length > 96) return undefined;
    const [trace, span, , flagsText, ...more] = value.replace(/%3a/gi, ':').split(':');
    if (flagsText === undefined || more.length > 0 || !/^[0-9a-f]{1,2}$/i.test(flagsText)) return undefined;
    const traceId = paddedId(trace, 32);
    const spanId = paddedId(span, 16);
    if (traceId === undefined || spanId === undefined) return undefined;
    const bits = Number.parseInt(flagsText, 16);
    // Debug counts only beside the decision to sample.
    const sampled = (bits & sampledBit) !== 0;
    return {
      traceId: TraceId.read(traceId),
      spanId: SpanId.read(spanId),
      flags: sampled ? TraceFlag.sampled : 0,
      decided: true,
      debug: sampled && (bits & debugBit) !== 0,
    };
  },
  // The parent's id is deprecated: 0 stands for it.
  inject: (traceId, spanId, sampled, debug) => [
    new Field(name, `${traceId}:${spanId}:0:${debug ? sampledBit | debugBit : sampled ? sampledBit : 0}`),
  ],
};
