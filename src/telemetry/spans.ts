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
import { grpcStatusName } from '../core/grpc-status.ts';
import type { SpanId } from '../core/trace-id.ts';
import type { AttemptRecord, CallRecord } from './call-record.ts';
import { httpMethodLabel } from './metrics/http-metrics.ts';
import {
  attemptFailed,
  attemptGrpcStatus,
  attemptMs,
  callGrpcStatus,
  isServerError,
  rpcMethod,
} from './outcome.ts';
import type { SampledTrace } from './tracing.ts';

/**
 * The spans of a settled call, read out of its record when they are exported: the SERVER span of the call, a CLIENT
 * span of each attempt. They carry the ids that went upstream while the call ran. Going through `Tracer.startSpan`
 * instead would cost several times as much per call, and would have to be talked into those ids.
 *
 * Names follow the RPC and HTTP semantic conventions, 1.45.
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

abstract class RecordSpan implements ReadableSpan {
  readonly links: Link[] = none;
  readonly events: TimedEvent[] = none;
  readonly ended = true;
  readonly droppedAttributesCount = 0;
  readonly droppedEventsCount = 0;
  readonly droppedLinksCount = 0;
  abstract readonly kind: SpanKind;
  protected readonly scope: SpanScope;
  protected readonly record: CallRecord;
  protected readonly trace: SampledTrace;

  constructor(scope: SpanScope, record: CallRecord, trace: SampledTrace) {
    this.scope = scope;
    this.record = record;
    this.trace = trace;
  }

  abstract get startTime(): HrTime;
  abstract get duration(): HrTime;
  abstract get status(): SpanStatus;
  abstract get attributes(): Attributes;
  abstract get parentSpanContext(): SpanContext | undefined;
  abstract spanContext(): SpanContext;

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

  protected contextOf(spanId: SpanId, isRemote: boolean): SpanContext {
    const { traceId, flags, tracestate } = this.trace;
    const context: SpanContext = {
      traceId: traceId.toString(),
      spanId: spanId.toString(),
      traceFlags: flags,
      isRemote,
    };
    if (tracestate !== '') context.traceState = this.scope.traceState(tracestate);
    return context;
  }
}

/** The call as its client sees it. */
class ServerSpan extends RecordSpan {
  readonly kind = serverKind;

  spanContext(): SpanContext {
    return this.contextOf(this.trace.serverSpanId, false);
  }
  get parentSpanContext(): SpanContext | undefined {
    return this.trace.parentSpanId.none ? undefined : this.contextOf(this.trace.parentSpanId, true);
  }
  get startTime(): HrTime {
    return hrTime(this.record.startedWallMs);
  }
  get duration(): HrTime {
    return hrTime(this.record.endedMs - this.record.startedMs);
  }
  get status(): SpanStatus {
    const { record } = this;
    const failed = record.grpc
      ? isServerError(callGrpcStatus(record))
      : record.httpStatus >= 500 || record.httpStatus === 0;
    if (!failed) return unset;
    return record.detail === '' ? { code: errorCode } : { code: errorCode, message: record.detail };
  }
  get attributes(): Attributes {
    const { record } = this;
    const attributes: Attributes = { 'outrigger.call': record.id, 'outrigger.listener': record.listener };
    callAttributes(attributes, record);
    const status = callGrpcStatus(record);
    if (record.grpc) grpcAttributes(attributes, record, status, isServerError(status));
    else
      httpAttributes(
        attributes,
        record,
        record.httpStatus,
        record.httpStatus >= 500 || record.httpStatus === 0,
      );
    const { host, port } = splitAuthority(record.authority);
    if (host !== '') attributes['server.address'] = host;
    if (port > 0) attributes['server.port'] = port;
    if (record.clientAddress !== '') {
      attributes['client.address'] = record.clientAddress;
      attributes['network.peer.address'] = record.clientAddress;
    }
    if (record.clientPort > 0) {
      attributes['client.port'] = record.clientPort;
      attributes['network.peer.port'] = record.clientPort;
    }
    if (record.error !== '') attributes['outrigger.error'] = record.error;
    return attributes;
  }
}

/** One attempt at an endpoint. */
class ClientSpan extends RecordSpan {
  readonly kind = clientKind;
  private readonly attempt: AttemptRecord;

  constructor(scope: SpanScope, record: CallRecord, trace: SampledTrace, attempt: AttemptRecord) {
    super(scope, record, trace);
    this.attempt = attempt;
  }

  spanContext(): SpanContext {
    return this.contextOf(this.attempt.spanId, false);
  }
  get parentSpanContext(): SpanContext {
    return this.contextOf(this.trace.serverSpanId, false);
  }
  get startTime(): HrTime {
    return hrTime(this.record.startedWallMs + (this.attempt.startedMs - this.record.startedMs));
  }
  get duration(): HrTime {
    return hrTime(attemptMs(this.record, this.attempt));
  }
  get status(): SpanStatus {
    if (!this.failed) return unset;
    const { error } = this.attempt;
    return error === '' ? { code: errorCode } : { code: errorCode, message: error };
  }
  get attributes(): Attributes {
    const { record, attempt } = this;
    const attributes: Attributes = {
      'outrigger.attempt': attempt.number,
      'server.address': attempt.peerHost,
      'network.peer.address': attempt.peerHost,
    };
    if (attempt.peerPort > 0) {
      attributes['server.port'] = attempt.peerPort;
      attributes['network.peer.port'] = attempt.peerPort;
    }
    if (attempt.pick !== '') attributes['outrigger.pick'] = attempt.pick;
    if (attempt.error !== '') attributes['outrigger.error'] = attempt.error;
    if (attempt.kind !== 'first') attributes['outrigger.attempt.kind'] = attempt.kind;
    if (attempt.verdict !== '') attributes['outrigger.attempt.verdict'] = attempt.verdict;
    callAttributes(attributes, record);
    if (record.grpc) grpcAttributes(attributes, record, attemptGrpcStatus(record, attempt), this.failed);
    else {
      httpAttributes(attributes, record, attempt.httpStatus, this.failed);
      if (attempt.number > 1) attributes['http.request.resend_count'] = attempt.number - 1;
    }
    return attributes;
  }
  /** For a client every status but OK is an error, and every HTTP status from 400 (conventions, "Status"). */
  private get failed(): boolean {
    return attemptFailed(this.record, this.attempt);
  }
}

/** The spans of one call, SERVER first. */
export function spansOf(scope: SpanScope, record: CallRecord, trace: SampledTrace): ReadableSpan[] {
  const spans: ReadableSpan[] = [new ServerSpan(scope, record, trace)];
  for (const attempt of record.attempts) spans.push(new ClientSpan(scope, record, trace, attempt));
  return spans;
}

function callAttributes(attributes: Attributes, record: CallRecord): void {
  if (record.route !== '') attributes['outrigger.route'] = record.route;
  if (record.cluster !== '') attributes['outrigger.cluster'] = record.cluster;
}

function grpcAttributes(attributes: Attributes, record: CallRecord, status: number, failed: boolean): void {
  attributes['rpc.system.name'] = 'grpc';
  attributes['rpc.method'] = rpcMethod(record.path);
  const name = grpcStatusName(status);
  attributes['rpc.status_code'] = name;
  if (failed) attributes['error.type'] = name;
}

function httpAttributes(attributes: Attributes, record: CallRecord, status: number, failed: boolean): void {
  const method = httpMethodLabel(record.httpMethod);
  attributes['http.request.method'] = method;
  if (method !== record.httpMethod) attributes['http.request.method_original'] = record.httpMethod;
  const query = record.path.indexOf('?');
  attributes['url.path'] = query < 0 ? record.path : record.path.slice(0, query);
  if (status > 0) attributes['http.response.status_code'] = status;
  if (failed) attributes['error.type'] = status > 0 ? String(status) : record.error || 'no_response';
}

function httpSpanName(method: string): string {
  const label = httpMethodLabel(method);
  return label === '_OTHER' ? 'HTTP' : label;
}

/** Host and port of `:authority`; port 0 where it names none. Whatever the text, no throw. */
function splitAuthority(authority: string): { host: string; port: number } {
  const colon = authority.lastIndexOf(':');
  const number = colon < 0 || authority.length - colon > 6 ? 0 : Number(authority.slice(colon + 1));
  const port = number > 0 && Number.isInteger(number) ? number : 0;
  const host = port > 0 ? authority.slice(0, colon) : authority;
  return { host: host.startsWith('[') && host.endsWith(']') ? host.slice(1, -1) : host, port };
}

/** Milliseconds as the SDK's pair of seconds and nanoseconds; a negative span of time is none. */
function hrTime(ms: number): HrTime {
  const whole = Math.max(0, ms);
  const seconds = Math.floor(whole / 1000);
  return [seconds, Math.min(999_999_999, Math.round((whole - seconds * 1000) * 1e6))];
}
