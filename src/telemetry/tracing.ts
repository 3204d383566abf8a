import { type Field, FieldKind } from '../core/field.ts';
import type { HeaderBlock } from '../core/header-block.ts';
import type { Random } from '../core/random.ts';
import { noSpanId, noTraceId, SpanId, TraceId } from '../core/trace-id.ts';
import { TraceparentField } from '../core/traceparent-field.ts';
import type { AttemptRecord, CallRecord } from './call-record.ts';
import { type Sampler, sampledByRatio } from './sampler.ts';
import { cleanTracestate, parseTraceparent, TraceFlag } from './trace-context.ts';

/** The trace context of one call. */
export interface CallTrace {
  /** `noTraceId` where tracing is off. */
  readonly traceId: TraceId;
  readonly sampled: boolean;
  /** `tracestate` to send upstream with every attempt; '' for none. */
  readonly tracestate: string;
  /** Gives the attempt its CLIENT span id and answers with the `traceparent` to send; null where heads are not touched. */
  attempt(attempt: AttemptRecord): Field | null;
}

/** What the call path needs of tracing: one call at its begin, one per attempt, one at its end. */
export interface Tracing {
  /**
   * True: the fields `traceparent` and `tracestate` of a request are ours, so the proxy leaves out those that came
   * and sends what the call's trace says. False: they are forwarded untouched, as any other header.
   */
  readonly rewritesHead: boolean;
  /** Reads the context of a request or begins one, decides on sampling, fills `traceId` and `sampled` of the record. */
  begin(head: HeaderBlock, record: CallRecord): CallTrace;
  /** The call is settled and its record final. Spans are made here, of sampled calls only. Never throws, never waits. */
  ended(record: CallRecord, trace: CallTrace): void;
}

/** What a sampled call needs for its spans besides the record. */
export interface SampledTrace extends CallTrace {
  /** Of the SERVER span. */
  readonly serverSpanId: SpanId;
  /** Of the remote parent, `noSpanId` for the root of a trace. */
  readonly parentSpanId: SpanId;
  /** `TraceFlag` bits of every context of this call. */
  readonly flags: number;
}

/** Where the spans of sampled calls go. */
export interface SpanSink {
  record(record: CallRecord, trace: SampledTrace): void;
}

export const noTrace: CallTrace = { traceId: noTraceId, sampled: false, tracestate: '', attempt: () => null };

/** No context is made and none is touched: who sends a `traceparent` stays the parent of whoever gets it. */
export const offTracing: Tracing = {
  rewritesHead: false,
  begin: () => noTrace,
  ended() {},
};

/**
 * Context without an exporter. Who sends a context stays the parent of whoever gets it: a span id of ours that nobody can
 * find would only break their trace. Who sends none gets a new, unsampled one, so that the logs of both ends and ours
 * can be told to be of one call.
 */
export function relayTracing(random: Random): Tracing {
  return {
    // A context that is malformed is replaced, so all are taken out and put in again.
    rewritesHead: true,
    begin(head, record) {
      const incoming = incomingContext(head);
      const parent = incoming === undefined ? undefined : parseTraceparent(incoming.traceparent.value);
      const trace =
        parent === undefined
          ? new NewContext(random)
          : new RelayedContext(parent.traceId, incoming as IncomingContext);
      record.traceId = trace.traceId;
      return trace;
    },
    ended() {},
  };
}

class RelayedContext implements CallTrace {
  readonly traceId: TraceId;
  readonly sampled = false;
  readonly tracestate: string;
  private readonly traceparent: Field;
  constructor(traceId: TraceId, incoming: IncomingContext) {
    this.traceId = traceId;
    this.traceparent = incoming.traceparent;
    this.tracestate = incoming.tracestates === null ? '' : cleanTracestate(incoming.tracestates);
  }
  attempt(): Field {
    return this.traceparent;
  }
}

class NewContext implements CallTrace {
  readonly traceId: TraceId;
  readonly sampled = false;
  readonly tracestate = '';
  private readonly random: Random;
  constructor(random: Random) {
    this.random = random;
    this.traceId = newTraceId(random, random.i32());
  }
  attempt(attempt: AttemptRecord): Field {
    attempt.spanId = SpanId.random(this.random);
    return new TraceparentField(this.traceId, attempt.spanId, 0);
  }
}

/** `sampledWord` is octets 8 to 11, by which samplers decide. */
function newTraceId(random: Random, sampledWord: number): TraceId {
  return new TraceId(random.i32() || 1, random.i32(), sampledWord, random.i32());
}

export interface ContextTracingOptions {
  readonly sampler: Sampler;
  readonly random: Random;
  readonly sink: SpanSink;
  /** False where `propagators` leaves out `tracecontext`: every call begins a trace, and heads are not touched. */
  readonly propagate: boolean;
}

/** Context on every call, spans on sampled ones. An unsampled call costs a few small objects and no string. */
export function contextTracing(options: ContextTracingOptions): Tracing {
  const { sampler, random, sink, propagate } = options;
  return {
    rewritesHead: propagate,
    begin(head, record) {
      const trace = new ContextTrace(random, propagate);
      trace.start(propagate ? head : null, sampler);
      record.traceId = trace.traceId;
      record.sampled = trace.sampled;
      return trace;
    },
    ended(record, trace) {
      if (!trace.sampled || !(trace instanceof ContextTrace)) return;
      // An attempt that found no connection sent no context, but it has its span all the same.
      for (const attempt of record.attempts) if (attempt.spanId.none) attempt.spanId = SpanId.random(random);
      sink.record(record, trace);
    },
  };
}

class ContextTrace implements SampledTrace {
  traceId = noTraceId;
  sampled = false;
  tracestate = '';
  parentSpanId = noSpanId;
  serverSpanId = noSpanId;
  flags = 0;
  private readonly random: Random;
  private readonly propagate: boolean;

  constructor(random: Random, propagate: boolean) {
    this.random = random;
    this.propagate = propagate;
  }

  start(head: HeaderBlock | null, sampler: Sampler): void {
    const incoming = head === null ? undefined : incomingContext(head);
    const parent = incoming === undefined ? undefined : parseTraceparent(incoming.traceparent.value);
    if (parent !== undefined) {
      this.traceId = parent.traceId;
      this.parentSpanId = parent.spanId;
      const states = (incoming as IncomingContext).tracestates;
      if (states !== null) this.tracestate = cleanTracestate(states);
      this.sampled = sampler.parentBased
        ? (parent.flags & TraceFlag.sampled) !== 0
        : sampledByRatio(sampler, parent.traceId.c);
      // Level 2: who did not make the trace id passes on what is said of its randomness.
      this.flags = (parent.flags & TraceFlag.random) | (this.sampled ? TraceFlag.sampled : 0);
    } else {
      const word = this.random.i32();
      this.traceId = newTraceId(this.random, word);
      this.sampled = sampledByRatio(sampler, word);
      this.flags = this.sampled ? TraceFlag.sampled : 0;
    }
    if (this.sampled) this.serverSpanId = SpanId.random(this.random);
  }

  attempt(attempt: AttemptRecord): Field | null {
    attempt.spanId = SpanId.random(this.random);
    return this.propagate ? new TraceparentField(this.traceId, attempt.spanId, this.flags) : null;
  }
}

interface IncomingContext {
  readonly traceparent: Field;
  readonly tracestates: string[] | null;
}

/** The context fields of a head, or undefined where there is not exactly one `traceparent` (section 4.2). */
function incomingContext(head: HeaderBlock): IncomingContext | undefined {
  if (!head.hasAny(1 << FieldKind.Traceparent)) return undefined;
  let traceparent: Field | undefined;
  let tracestates: string[] | null = null;
  for (let block: HeaderBlock | null = head; block !== null; block = block.base) {
    const fields = block.fields;
    let ofBlock: string[] | null = null;
    for (let i = 0; i < fields.length; i++) {
      const field = fields[i];
      if (field.kind === FieldKind.Traceparent) {
        if (traceparent !== undefined) return undefined;
        traceparent = field;
      } else if (field.kind === FieldKind.Tracestate) {
        if (ofBlock === null) ofBlock = [field.value];
        else ofBlock.push(field.value);
      }
    }
    // A base holds the earlier fields, and their order is the order of the list.
    if (ofBlock !== null) tracestates = tracestates === null ? ofBlock : [...ofBlock, ...tracestates];
  }
  return traceparent === undefined ? undefined : { traceparent, tracestates };
}
