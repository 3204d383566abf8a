import { Field, FieldKind } from '../core/field.ts';
import type { HeaderBlock } from '../core/header-block.ts';
import type { Random } from '../core/random.ts';
import { noSpanId, noTraceId, SpanId, TraceId } from '../core/trace-id.ts';
import { TraceparentField } from '../core/traceparent-field.ts';
import type { AttemptRecord, CallRecord } from './call-record.ts';
import {
  extractLast,
  injectAll,
  nothingReplaced,
  type Propagation,
  type ReplacedHeaders,
} from './propagation.ts';
import { type Sampler, sampledByRatio, withShare } from './sampler.ts';
import { cleanTracestate, parseTraceparent, TraceFlag, type TraceParent } from './trace-context.ts';

/** The trace context of one call. */
export interface CallTrace {
  /** `noTraceId` where tracing is off. */
  readonly traceId: TraceId;
  readonly sampled: boolean;
  /** `tracestate` to send upstream with every attempt; '' for none. */
  readonly tracestate: string;
  /** Gives the attempt its CLIENT span id and returns the `traceparent` to send; null where none is sent. */
  attempt(attempt: AttemptRecord): Field | null;
  /** Returns the headers of the other formats to send with an attempt; null where there is none, which is the rule. */
  readonly others: ((attempt: AttemptRecord) => Field[]) | null;
  /**
   * Returns the trace headers of a message that is sent because of this call and is no attempt of it: a child of the SERVER
   * span. None where Outrigger sends no context.
   */
  context(): Field[];
}

/** What the call path needs of tracing: one call at its begin, one per attempt, one at its end. */
export interface Tracing {
  /** Which trace headers of a request the proxy leaves out, because it sends what the call's trace says. */
  readonly replaced: ReplacedHeaders;
  /**
   * Reads the context of a request or begins one, decides on sampling, fills `traceId` and `sampled` of the record. `ratio` is
   * the share of traces that the request's route records in place of the sampler's.
   */
  begin(head: HeaderBlock, record: CallRecord, ratio?: number): CallTrace;
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

export const noTrace: CallTrace = {
  traceId: noTraceId,
  sampled: false,
  tracestate: '',
  attempt: () => null,
  others: null,
  context: () => [],
};

/**
 * Nothing is exported, so no header is added, changed or taken out: a span id of ours that nobody can find would break the
 * trace of whoever sent a context, and an unsampled context of ours would have the services behind it record nothing. The
 * client's trace id, where it sent a valid one, is noted for the access log and `/explain`.
 */
export function offTracing({ traceparent, traceparentWins, formats }: Propagation): Tracing {
  const traceIdOf = (head: HeaderBlock): TraceId => {
    const incoming = traceparent ? incomingTraceparent(head) : undefined;
    if (formats.length === 0 || (traceparentWins && incoming !== undefined))
      return incoming?.traceId ?? noTraceId;
    return (extractLast(formats, head) ?? incoming)?.traceId ?? noTraceId;
  };
  return {
    replaced: nothingReplaced,
    begin(head, record) {
      record.traceId = traceIdOf(head);
      return noTrace;
    },
    ended() {},
  };
}

/** `sampledWord` is bytes 8 to 11, by which samplers decide. */
function newTraceId(random: Random, sampledWord: number): TraceId {
  return new TraceId(random.i32() || 1, random.i32(), sampledWord, random.i32());
}

export interface ContextTracingOptions {
  readonly sampler: Sampler;
  readonly random: Random;
  readonly sink: SpanSink;
  readonly propagation: Propagation;
}

/** Context on every call, spans on sampled ones. An unsampled call costs a few small objects and no string. */
export function contextTracing({ sampler, random, sink, propagation }: ContextTracingOptions): Tracing {
  const { traceparent, formats } = propagation;
  return {
    replaced: propagation.replaced,
    begin(head, record, ratio) {
      const trace = new ContextTrace(random, traceparent);
      const own = ratio === undefined ? sampler : withShare(sampler, ratio);
      if (formats.length > 0) trace.startFrom(head, own, propagation);
      else trace.start(traceparent ? incomingContext(head) : undefined, own);
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
  others: CallTrace['others'] = null;
  private inject: ((spanId: SpanId) => Field[]) | null = null;
  private readonly random: Random;
  private readonly traceparent: boolean;

  constructor(random: Random, traceparent: boolean) {
    this.random = random;
    this.traceparent = traceparent;
  }

  /** Continues the trace that came in `traceparent`, or begins one. */
  start(incoming: IncomingContext | undefined, sampler: Sampler): void {
    const parent = incoming === undefined ? undefined : parseTraceparent(incoming.traceparent.value);
    if (parent !== undefined) {
      const states = (incoming as IncomingContext).tracestates;
      if (states !== null) this.tracestate = cleanTracestate(states);
      this.follow(parent, sampler, sampler.parentBased);
    } else {
      const word = this.random.i32();
      this.traceId = newTraceId(this.random, word);
      this.sampled = sampledByRatio(sampler, word);
      this.flags = this.sampled ? TraceFlag.sampled : 0;
    }
    if (this.sampled) this.serverSpanId = SpanId.random(this.random);
  }

  /** As `start`, where other headers may hold the context too. */
  startFrom(head: HeaderBlock, sampler: Sampler, propagation: Propagation): void {
    const { traceparent, traceparentWins, formats } = propagation;
    const hasIncoming = traceparent && incomingTraceparent(head) !== undefined;
    const other = traceparentWins && hasIncoming ? undefined : extractLast(formats, head);
    if (other === undefined) this.start(hasIncoming ? incomingContext(head) : undefined, sampler);
    else {
      this.follow(other, sampler, sampler.parentBased && other.decided);
      if (this.sampled) this.serverSpanId = SpanId.random(this.random);
    }
    const debug = other?.debug === true;
    const inject = (spanId: SpanId) => injectAll(formats, this.traceId, spanId, this.sampled, debug);
    this.inject = inject;
    this.others = ({ spanId }) => inject(spanId);
  }

  private follow(parent: TraceParent, sampler: Sampler, parentDecides: boolean): void {
    this.traceId = parent.traceId;
    this.parentSpanId = parent.spanId;
    this.sampled = parentDecides
      ? (parent.flags & TraceFlag.sampled) !== 0
      : sampledByRatio(sampler, parent.traceId.c);
    // Level 2: who did not make the trace id passes on what is said of its randomness.
    this.flags = (parent.flags & TraceFlag.random) | (this.sampled ? TraceFlag.sampled : 0);
  }

  attempt(attempt: AttemptRecord): Field | null {
    attempt.spanId = SpanId.random(this.random);
    return this.traceparent ? new TraceparentField(this.traceId, attempt.spanId, this.flags) : null;
  }

  context(): Field[] {
    const spanId = this.serverSpanId.none ? SpanId.random(this.random) : this.serverSpanId;
    const fields = this.inject?.(spanId) ?? [];
    if (!this.traceparent) return fields;
    fields.push(new TraceparentField(this.traceId, spanId, this.flags));
    if (this.tracestate !== '') fields.push(new Field('tracestate', this.tracestate));
    return fields;
  }
}

function incomingTraceparent(head: HeaderBlock): TraceParent | undefined {
  const incoming = incomingContext(head);
  return incoming === undefined ? undefined : parseTraceparent(incoming.traceparent.value);
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
