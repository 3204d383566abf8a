import type { Field } from '../core/field.ts';
import { FieldKind } from '../core/field.ts';
import type { HeaderBlock } from '../core/header-block.ts';
import type { SpanId, TraceId } from '../core/trace-id.ts';
import { b3Multi, b3Single } from './b3.ts';
import type { ContextFormat, RemoteParent } from './context-format.ts';
import { jaegerContext } from './jaeger-context.ts';

/** The propagators of `OTEL_PROPAGATORS` that Outrigger knows. `baggage` passes through a sidecar whether named or not. */
export const propagatorNames = ['tracecontext', 'baggage', 'b3', 'b3multi', 'jaeger', 'none'] as const;
export type PropagatorName = (typeof propagatorNames)[number];

/** Headers of a request that are not forwarded, because the call's trace says what is sent in their place. */
export interface ReplacedHeaders {
  /** A bit for each `FieldKind`. */
  readonly kinds: number;
  /** Names in lower case; null for none. */
  readonly names: ReadonlySet<string> | null;
}

/** Every header is forwarded as it came. */
export const nothingReplaced: ReplacedHeaders = { kinds: 0, names: null };

/** Which headers carry a trace context, made ready once. */
export interface Propagation {
  /** `traceparent` and `tracestate`, which have a way of their own because every call may have them. */
  readonly traceparent: boolean;
  /** Whether `traceparent` is listed after all others, so that it wins where a request has several contexts. */
  readonly traceparentWins: boolean;
  /** The others, in order. */
  readonly formats: readonly ContextFormat[];
  readonly replaced: ReplacedHeaders;
}

const formatOfName: Partial<Record<PropagatorName, ContextFormat>> = {
  b3: b3Single,
  b3multi: b3Multi,
  jaeger: jaegerContext,
};

const traceContextKinds = (1 << FieldKind.Traceparent) | (1 << FieldKind.Tracestate);

/** `none` switches all of them off, whatever else is listed. */
export function makePropagation(listed: readonly PropagatorName[]): Propagation {
  const names = listed.includes('none') ? [] : listed;
  const traceparent = names.includes('tracecontext');
  const formats = names.flatMap((name) => formatOfName[name] ?? []);
  const last = names.findLast((name) => name !== 'baggage');
  return {
    traceparent,
    traceparentWins: last === 'tracecontext',
    formats,
    replaced: {
      kinds: traceparent ? traceContextKinds : 0,
      names: formats.length === 0 ? null : new Set(formats.flatMap((format) => format.names)),
    },
  };
}

/** The context of the last format that has one: propagators run in order, and each replaces what the one before found. */
export function extractLast(formats: readonly ContextFormat[], head: HeaderBlock): RemoteParent | undefined {
  for (let i = formats.length - 1; i >= 0; i--) {
    const parent = formats[i].extract(head);
    if (parent !== undefined) return parent;
  }
  return undefined;
}

/** What all formats send with one attempt. */
export function injectAll(
  formats: readonly ContextFormat[],
  traceId: TraceId,
  spanId: SpanId,
  sampled: boolean,
  debug: boolean,
): Field[] {
  return formats.flatMap((format) => format.inject(traceId, spanId, sampled, debug));
}
