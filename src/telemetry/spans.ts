import type {
  Attributes,
  HrTime,
  Link,
  SpanContext,
  SpanKind,
  SpanStatus,
  TraceState,
} from '@opentelemetry/api';
import type { InstrumentationScope } from '@opentelemetry/core';
import type { Resource } from '@opentelemetry/resources';
import type { ReadableSpan, TimedEvent } from '@opentelemetry/sdk-trace';
import type { SpanId } from '../core/trace-id.ts';
import type { AttemptRecord, CallRecord } from './call-record.ts';
import { attemptMs, callIsError, chosenAttempt, isClientSpanError, rpcMethod } from './call-status.ts';
import { httpMethodLabel } from './metrics/http-metrics.ts';
import {
  type AttributeGroup,
  type AttributeKey,
  type AttributeSink,
  clientAttributes,
  serverAttributes,
} from './span-attributes.ts';
import { clientEvents, type SpanEvent, serverEvents } from './span-events.ts';
import type { SampledTrace } from './tracing.ts';

/**
 * The spans of a settled call, read out of its record when they are exported: the SERVER span of the call, a CLIENT
 * span of each attempt. They carry the ids that went upstream while the call ran. Going through `Tracer.startSpan`
 * instead would cost several times as much per call, and would have to be talked into those ids.
 */

/** What all spans of this process share. */
export interface SpanScope {
  readonly resource: Resource;
  readonly instrumentationScope: InstrumentationScope;
  /** `createTraceState` of the OpenTelemetry API, which only who exports has loaded. */
  traceState(text: string): TraceState;
}

// Enums of a module that is loaded only when tracing is on; their numbers are the API's contract.
const serverKind = 1 as SpanKind.SERVER;
const clientKind = 2 as SpanKind.CLIENT;
const unset: SpanStatus = { code: 0 as SpanStatus['code'] };
const errorCode = 2 as SpanStatus['code'];
const none: never[] = [];

export abstract class RecordSpan implements ReadableSpan {
  abstract get kind(): SpanKind;
  readonly trace: SampledTrace;
  protected readonly scope: SpanScope;
  readonly record: CallRecord;

  constructor(scope: SpanScope, record: CallRecord, trace: SampledTrace) {
    this.scope = scope;
    this.record = record;
    this.trace = trace;
  }

  abstract get spanId(): SpanId;
  abstract get parentSpanId(): SpanId;
  abstract get parentRemote(): boolean;
  /** Wall time, milliseconds. */
  abstract get startMs(): number;
  abstract get durationMs(): number;
  abstract get status(): SpanStatus;
  /** Writes its attributes to the sink. */
  abstract writeAttributes(sink: AttributeSink): void;
  /** `events` with the times and keys of the records. */
  abstract get recordEvents(): readonly SpanEvent[];

  // What every span has alike is no field: there are two spans to each sampled call, and they wait for their batch.
  get links(): Link[] {
    return none;
  }
  get events(): TimedEvent[] {
    const { recordEvents } = this;
    if (recordEvents.length === 0) return none;
    return recordEvents.map(({ name, atMs, attributes }) => {
      const object = new AttributesObject();
      for (const [key, value] of attributes) object.attribute(key, value);
      return { name, time: hrTime(this.wallMs(atMs)), attributes: object.values, droppedAttributesCount: 0 };
    });
  }
  /** Returns the wall time of a moment in the records, milliseconds. */
  wallMs(recordMs: number): number {
    return this.record.startedWallMs + (recordMs - this.record.startedMs);
  }
  get startTime(): HrTime {
    return hrTime(this.startMs);
  }
  get duration(): HrTime {
    return hrTime(this.durationMs);
  }
  get ended(): boolean {
    return true;
  }
  get droppedAttributesCount(): number {
    return 0;
  }
  get droppedEventsCount(): number {
    return 0;
  }
  get droppedLinksCount(): number {
    return 0;
  }
  get resource(): Resource {
    return this.scope.resource;
  }
  get instrumentationScope(): InstrumentationScope {
    return this.scope.instrumentationScope;
  }
  /** Method names are low in cardinality, paths are not (conventions, "Span name"). */
  get name(): string {
    const { record } = this;
    return record.grpc ? rpcMethod(record.path) : httpSpanName(record.httpMethod);
  }
  get endTime(): HrTime {
    const [startSeconds, startNanos] = this.startTime;
    const [seconds, nanos] = this.duration;
    const sum = startNanos + nanos;
    return sum < 1e9 ? [startSeconds + seconds, sum] : [startSeconds + seconds + 1, sum - 1e9];
  }
  get attributes(): Attributes {
    const attributes = new AttributesObject();
    this.writeAttributes(attributes);
    return attributes.values;
  }
  get traceState(): TraceState | undefined {
    const { tracestate } = this.trace;
    return tracestate === '' ? undefined : this.scope.traceState(tracestate);
  }
  spanContext(): SpanContext {
    return new RecordSpanContext(this, this.spanId, false);
  }
  get parentSpanContext(): SpanContext | undefined {
    const { parentSpanId } = this;
    return parentSpanId.none ? undefined : new RecordSpanContext(this, parentSpanId, this.parentRemote);
  }
}

/** The processor asks every span for its context, of which it reads the flags: no text is made for that. */
class RecordSpanContext implements SpanContext {
  readonly isRemote: boolean;
  private readonly span: RecordSpan;
  private readonly id: SpanId;

  constructor(span: RecordSpan, id: SpanId, isRemote: boolean) {
    this.span = span;
    this.id = id;
    this.isRemote = isRemote;
  }
  get traceId(): string {
    return this.span.trace.traceId.toString();
  }
  get spanId(): string {
    return this.id.toString();
  }
  get traceFlags(): number {
    return this.span.trace.flags;
  }
  get traceState(): TraceState | undefined {
    return this.span.traceState;
  }
}

class AttributesObject implements AttributeSink {
  readonly values: Attributes = {};

  attribute(key: AttributeKey, value: string | number): void {
    this.values[key.name] = value;
  }
  group(group: AttributeGroup, a: string, b: string, c: string, number: number): void {
    group.write(this, a, b, c, number);
  }
}

/** The call as its client sees it. */
class ServerSpan extends RecordSpan {
  get kind(): SpanKind {
    return serverKind;
  }
  get spanId(): SpanId {
    return this.trace.serverSpanId;
  }
  get parentSpanId(): SpanId {
    return this.trace.parentSpanId;
  }
  get parentRemote(): boolean {
    return !this.trace.parentSpanId.none;
  }
  get startMs(): number {
    return this.record.startedWallMs;
  }
  get durationMs(): number {
    return this.record.endedMs - this.record.startedMs;
  }
  get status(): SpanStatus {
    const { record } = this;
    if (!callIsError(record)) return unset;
    return errorStatus(record.detail || String(chosenAttempt(record)?.message ?? ''));
  }
  writeAttributes(sink: AttributeSink): void {
    serverAttributes(this.record, sink);
  }
  get recordEvents(): readonly SpanEvent[] {
    return serverEvents(this.record);
  }
}

/** One attempt at an endpoint. */
class ClientSpan extends RecordSpan {
  private readonly attempt: AttemptRecord;

  constructor(scope: SpanScope, record: CallRecord, trace: SampledTrace, attempt: AttemptRecord) {
    super(scope, record, trace);
    this.attempt = attempt;
  }

  get spanId(): SpanId {
    return this.attempt.spanId;
  }
  get kind(): SpanKind {
    return clientKind;
  }
  get parentRemote(): boolean {
    return false;
  }
  get parentSpanId(): SpanId {
    return this.trace.serverSpanId;
  }
  get startMs(): number {
    return this.wallMs(this.attempt.startedMs);
  }
  get durationMs(): number {
    return attemptMs(this.record, this.attempt);
  }
  get status(): SpanStatus {
    // For a client every status but OK is an error, and every HTTP status from 400 (conventions, "Status").
    if (!isClientSpanError(this.record, this.attempt)) return unset;
    return errorStatus(String(this.attempt.message) || this.attempt.error);
  }
  writeAttributes(sink: AttributeSink): void {
    clientAttributes(this.record, this.attempt, sink);
  }
  get recordEvents(): readonly SpanEvent[] {
    return clientEvents(this.record, this.attempt);
  }
}

/** The spans of one call, SERVER first. */
export function spansOf(scope: SpanScope, record: CallRecord, trace: SampledTrace): RecordSpan[] {
  const spans: RecordSpan[] = [new ServerSpan(scope, record, trace)];
  for (const attempt of record.attempts) spans.push(new ClientSpan(scope, record, trace, attempt));
  return spans;
}

function errorStatus(message: string): SpanStatus {
  return message === '' ? { code: errorCode } : { code: errorCode, message };
}

function httpSpanName(method: string): string {
  const label = httpMethodLabel(method);
  return label === '_OTHER' ? 'HTTP' : label;
}

/** Milliseconds as the SDK's pair of seconds and nanoseconds; a negative span of time is none. */
function hrTime(ms: number): HrTime {
  const seconds = wholeSeconds(ms);
  return [seconds, nanosBeyond(seconds, ms)];
}

/** The seconds of `hrTime`. */
export function wholeSeconds(ms: number): number {
  return Math.floor(Math.max(0, ms) / 1000);
}

/** The nanoseconds of `hrTime` beyond its seconds. */
export function nanosBeyond(seconds: number, ms: number): number {
  return Math.min(999_999_999, Math.round((Math.max(0, ms) - seconds * 1000) * 1e6));
}
