import { FieldKind } from '../core/field.ts';
import type { HeaderBlock } from '../core/header-block.ts';
import type { Random } from '../core/random.ts';
import type { AttemptRecord, CallRecord } from './call-record.ts';
import { type Sampler, sampledByRatio } from './sampler.ts';
import {
  cleanTracestate,
  formatTraceparent,
  hex32,
  newSpanId,
  parseTraceparent,
  TraceFlag,
  wordOfHex,
} from './trace-context.ts';

/** The trace context of one call. */
export interface CallTrace {
  /** 32 hex digits, '' where tracing is off. */
  readonly traceId: string;
  readonly sampled: boolean;
  /** `tracestate` to send upstream with every attempt; '' for none. */
  readonly tracestate: string;
  /** Gives the attempt its CLIENT span id and answers with the `traceparent` to send; '' where tracing is off. */
  attempt(attempt: AttemptRecord): string;
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
  /** Span id of the SERVER span. */
  readonly serverSpanId: string;
  /** Span id of the remote parent, '' for the root of a trace. */
  readonly parentSpanId: string;
  /** `TraceFlag` bits of every context of this call. */
  readonly flags: number;
}

/** Where the spans of sampled calls go. */
export interface SpanSink {
  record(record: CallRecord, trace: SampledTrace): void;
}

const noTrace: CallTrace = { traceId: '', sampled: false, tracestate: '', attempt: () => '' };

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
      const parent = incoming === undefined ? undefined : parseTraceparent(incoming.traceparent);
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
  readonly traceId: string;
  readonly sampled = false;
  readonly tracestate: string;
  private readonly traceparent: string;
  constructor(traceId: string, incoming: IncomingContext) {
    this.traceId = traceId;
    this.traceparent = incoming.traceparent;
    this.tracestate = incoming.tracestates === null ? '' : cleanTracestate(incoming.tracestates);
  }
  attempt(): string {
    return this.traceparent;
  }
}

class NewContext implements CallTrace {
  readonly traceId: string;
  readonly sampled = false;
  readonly tracestate = '';
  private readonly random: Random;
  constructor(random: Random) {
    this.random = random;
    this.traceId = newTraceId(random);
  }
  attempt(attempt: AttemptRecord): string {
    attempt.spanId = newSpanId(this.random);
    return formatTraceparent(this.traceId, attempt.spanId, 0);
  }
}

/** 32 hex digits, not all zero. */
function newTraceId(random: Random): string {
  return hex32(random.u32() || 1) + hex32(random.u32()) + hex32(random.u32()) + hex32(random.u32());
}

export interface ContextTracingOptions {
  readonly sampler: Sampler;
  readonly random: Random;
  readonly sink: SpanSink;
  /** False where `propagators` leaves out `tracecontext`: every call begins a trace, and heads are not touched. */
  readonly propagate: boolean;
}

/** Context on every call, spans on sampled ones. An unsampled call costs an object and a few strings. */
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
      for (const attempt of record.attempts) if (attempt.spanId === '') attempt.spanId = newSpanId(random);
      sink.record(record, trace);
    },
  };
}

class ContextTrace implements SampledTrace {
  traceId = '';
  sampled = false;
  tracestate = '';
  parentSpanId = '';
  serverSpanId = '';
  flags = 0;
  private readonly random: Random;
  private readonly propagate: boolean;

  constructor(random: Random, propagate: boolean) {
    this.random = random;
    this.propagate = propagate;
  }

  start(head: HeaderBlock | null, sampler: Sampler): void {
    const incoming = head === null ? undefined : incomingContext(head);
    const parent = incoming === undefined ? undefined : parseTraceparent(incoming.traceparent);
    if (parent !== undefined) {
      this.traceId = parent.traceId;
      this.parentSpanId = parent.spanId;
      const states = (incoming as IncomingContext).tracestates;
      if (states !== null) this.tracestate = cleanTracestate(states);
      this.sampled = sampler.parentBased
        ? (parent.flags & TraceFlag.sampled) !== 0
        : sampledByRatio(sampler, wordOfHex(parent.traceId, 16));
      // Level 2: who did not make the trace id passes on what is said of its randomness.
      this.flags = (parent.flags & TraceFlag.random) | (this.sampled ? TraceFlag.sampled : 0);
    } else {
      const random = this.random;
      const word = random.u32();
      this.traceId = hex32(random.u32() || 1) + hex32(random.u32()) + hex32(word) + hex32(random.u32());
      this.sampled = sampledByRatio(sampler, word);
      this.flags = this.sampled ? TraceFlag.sampled : 0;
    }
    if (this.sampled) this.serverSpanId = newSpanId(this.random);
  }

  attempt(attempt: AttemptRecord): string {
    const spanId = newSpanId(this.random);
    attempt.spanId = spanId;
    return this.propagate ? formatTraceparent(this.traceId, spanId, this.flags) : '';
  }
}

interface IncomingContext {
  readonly traceparent: string;
  readonly tracestates: string[] | null;
}

/** The context fields of a head, or undefined where there is not exactly one `traceparent` (section 4.2). */
function incomingContext(head: HeaderBlock): IncomingContext | undefined {
  let traceparent: string | undefined;
  let tracestates: string[] | null = null;
  for (let block: HeaderBlock | null = head; block !== null; block = block.base) {
    const fields = block.fields;
    let ofBlock: string[] | null = null;
    for (let i = 0; i < fields.length; i++) {
      const { kind, value } = fields[i];
      if (kind === FieldKind.Traceparent) {
        if (traceparent !== undefined) return undefined;
        traceparent = value;
      } else if (kind === FieldKind.Tracestate) {
        if (ofBlock === null) ofBlock = [value];
        else ofBlock.push(value);
      }
    }
    // A base holds the earlier fields, and their order is the order of the list.
    if (ofBlock !== null) tracestates = tracestates === null ? ofBlock : [...ofBlock, ...tracestates];
  }
  return traceparent === undefined ? undefined : { traceparent, tracestates };
}
