import { Field } from '../core/field.ts';
import type { HeaderBlock } from '../core/header-block.ts';
import { SpanId, TraceId } from '../core/trace-id.ts';
import { type ContextFormat, paddedId, type RemoteParent } from './context-format.ts';
import { TraceFlag } from './trace-context.ts';

/**
 * B3, the trace context of Zipkin (openzipkin/b3-propagation), in one header or in several. Both forms are read, the single
 * header first; what is sent is the form that was configured (OpenTelemetry "Propagators API", "B3 Requirements").
 *
 * By hand and not with `@opentelemetry/propagator-b3`: that one makes contexts, span contexts and texts of ids that this
 * process holds as words, and would load the OpenTelemetry API for processes that export nothing.
 */

const single = 'b3';
const traceIdName = 'x-b3-traceid';
const spanIdName = 'x-b3-spanid';
const sampledName = 'x-b3-sampled';
const flagsName = 'x-b3-flags';
/** Of the sender's parent, which nobody may pass on. */
const parentName = 'x-b3-parentspanid';
const names = [single, traceIdName, spanIdName, sampledName, flagsName, parentName];

export const b3Single: ContextFormat = {
  names,
  extract,
  inject: (traceId, spanId, sampled, debug) => [
    new Field(single, `${traceId}-${spanId}-${debug ? 'd' : sampled ? '1' : '0'}`),
  ],
};

export const b3Multi: ContextFormat = {
  names,
  extract,
  inject: (traceId, spanId, sampled, debug) => [
    new Field(traceIdName, traceId.toString()),
    new Field(spanIdName, spanId.toString()),
    debug ? new Field(flagsName, '1') : new Field(sampledName, sampled ? '1' : '0'),
  ],
};

function extract(head: HeaderBlock): RemoteParent | undefined {
  return singleParent(head.get(single)) ?? multiParent(head);
}

/** `{trace id}-{span id}[-{sampling state}[-{parent span id}]]`. */
function singleParent(text: string | undefined): RemoteParent | undefined {
  // The longest is 32 + 1 + 16 + 1 + 1 + 1 + 16 characters.
  if (text === undefined || text.length > 68) return undefined;
  const [traceId, spanId, state, parent, ...more] = text.split('-');
  if (spanId === undefined || more.length > 0) return undefined;
  if (parent !== undefined && paddedId(parent, 16) === undefined) return undefined;
  return parentOf(traceId, spanId, state);
}

function multiParent(head: HeaderBlock): RemoteParent | undefined {
  const state = head.get(flagsName) === '1' ? 'd' : head.get(sampledName);
  return parentOf(head.get(traceIdName) ?? '', head.get(spanIdName) ?? '', state);
}

function parentOf(trace: string, span: string, state: string | undefined): RemoteParent | undefined {
  // Trace ids of 64 bits are in use; nothing between them and 128 bits is.
  if ((trace.length !== 16 && trace.length !== 32) || span.length !== 16) return undefined;
  const traceId = paddedId(trace, 32);
  const spanId = paddedId(span, 16);
  if (traceId === undefined || spanId === undefined) return undefined;
  const decision = state === undefined ? undefined : decisions.get(state.toLowerCase());
  if (state !== undefined && decision === undefined) return undefined;
  return {
    traceId: TraceId.read(traceId),
    spanId: SpanId.read(spanId),
    flags: decision === true ? TraceFlag.sampled : 0,
    decided: decision !== undefined,
    debug: state === 'd',
  };
}

/** `true` and `false` are of old libraries; `d` is debug, which implies the decision to sample. */
const decisions: ReadonlyMap<string, boolean> = new Map([
  ['1', true],
  ['d', true],
  ['true', true],
  ['0', false],
  ['false', false],
]);
