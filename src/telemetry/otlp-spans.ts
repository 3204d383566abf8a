import {
  type IExportTraceServiceResponse,
  type ISerializer,
  ProtobufTraceSerializer,
} from '@opentelemetry/otlp-transformer';
import type { ReadableSpan } from '@opentelemetry/sdk-trace';
import { blockPool } from '../core/block-pool.ts';
import type { SpanId } from '../core/trace-id.ts';
import { AttributeMemo, keptBytesMax } from './attribute-memo.ts';
import { rpcMethod } from './call-status.ts';
import { ProtobufWriter, utf8Length, varintSize } from './protobuf-writer.ts';
import { AttributeGroup, type AttributeKey, type AttributeSink, attributeGroups } from './span-attributes.ts';
import type { SpanEvent } from './span-events.ts';
import { nanosBeyond, type RecordSpan, wholeSeconds } from './spans.ts';

/**
 * Spans of `spans.ts` to OTLP, byte for byte as `ProtobufTraceSerializer` writes them. That one takes 17 times as long: it goes
 * through every span twice, has all its objects made each time, and reads ids out of text. This one reads the record, and copies what
 * earlier spans had alike. All else (resource, batches, transport, configuration) is the library's.
 */
export function otlpSpanSerializer(): SpanSerializer {
  let envelope: Envelope | null = null;
  let bytesBefore = firstBytes;
  const memo = new AttributeMemo(attributeGroups + 1);
  const blocks = new WeakMap<ReadableSpan[], Buffer>();
  return {
    serializeRequest(spans) {
      if (spans.length === 0) return undefined;
      envelope ??= new Envelope(ProtobufTraceSerializer.serializeRequest([spans[0]]) as Uint8Array);
      const writer = new SpanWriter(bytesBefore, memo);
      writer.length = envelope.headBytesMax;
      // Nothing else is handed to the processor that this exports for.
      for (const span of spans as RecordSpan[]) writer.span(span);
      const request = envelope.around(writer);
      bytesBefore = writer.length;
      blocks.set(spans, writer.bytes);
      return request;
    },
    deserializeResponse: (data) => ProtobufTraceSerializer.deserializeResponse(data),
    taken(spans) {
      const block = blocks.get(spans);
      if (block !== undefined) blockPool.release(block);
      blocks.delete(spans);
    },
  };
}

export interface SpanSerializer extends ISerializer<ReadableSpan[], IExportTraceServiceResponse> {
  /**
   * A collector has said that it took these, so nobody will read their bytes again, and the next batch can have the
   * memory: rebuilt for each it is 280 KB, which cost more than the writing, in pages and in the collector's full runs.
   */
  taken(spans: ReadableSpan[]): void;
}

const firstBytes = 65_536;

/** Attributes may be long; all else of a span takes less. */
const spanBytesMax = 256;

/** Field numbers and wire types of `Span` (opentelemetry/proto/trace/v1/trace.proto), as the bytes before each field. */
const traceIdTag = Uint8Array.of(0x0a, 16);
const spanIdTag = Uint8Array.of(0x12, 8);
const traceStateTag = 0x1a;
const parentSpanIdTag = Uint8Array.of(0x22, 8);
const nameTag = 0x2a;
const kindTag = 0x30;
const startTag = 0x39;
const endTag = 0x41;
const attributeTag = 0x4a;
/** No dropped attributes; no dropped events and links. */
const noAttributesDropped = Uint8Array.of(0x50, 0);
const eventTag = 0x5a;
const noEventsOrLinksDropped = Uint8Array.of(0x60, 0, 0x70, 0);
/** Of `Span.Event`. */
const eventTimeTag = 0x09;
const eventNameTag = 0x12;
const eventAttributeTag = 0x1a;
const eventNoneDropped = Uint8Array.of(0x20, 0);
const statusTag = 0x7a;
const flagsTag = Uint8Array.of(0x85, 1);
/** Of `Status`. */
const messageTag = 0x12;
const codeTag = 0x18;
/** Of `KeyValue`, whose key is 1, and of `AnyValue`. */
const valueTag = 0x12;
const textTag = 0x0a;
const intTag = 0x18;
/** Of `Span.flags`: whether the parent is remote is known, and it is. */
const hasRemoteFlag = 0x100;
const remoteFlag = 0x200;

/** The name of a span of a gRPC call, its method. */
const grpcName = new AttributeGroup<SpanWriter>(attributeGroups, (writer, path) =>
  writer.name(rpcMethod(path)),
);

class SpanWriter extends ProtobufWriter implements AttributeSink {
  /** The field that `attribute` writes: of a span, or of an event. */
  private attributeTag = attributeTag;
  private readonly memo: AttributeMemo;

  constructor(initialBytes: number, memo: AttributeMemo) {
    super(initialBytes);
    this.memo = memo;
  }

  span(span: RecordSpan): void {
    const { trace, parentSpanId, status, record } = span;
    const { traceId } = trace;
    const traceState = span.traceState?.serialize() ?? '';
    const traceStateBytes = utf8Length(traceState);
    this.reserve(spanBytesMax + traceStateBytes);
    this.byte(spansTag);
    const start = this.length;
    this.length += 2;
    this.raw(traceIdTag);
    this.word(traceId.a);
    this.word(traceId.b);
    this.word(traceId.c);
    this.word(traceId.d);
    this.spanId(spanIdTag, span.spanId);
    if (traceState !== '') {
      this.byte(traceStateTag);
      this.text(traceState, traceStateBytes);
    }
    if (!parentSpanId.none) this.spanId(parentSpanIdTag, parentSpanId);
    if (record.grpc) this.group(grpcName, record.path, '', '', 0);
    else this.name(span.name);
    this.reserve(spanBytesMax);
    this.byte(kindTag);
    this.byte(span.kind + 1);
    this.times(span.startMs, span.durationMs);
    this.attributeTag = attributeTag;
    span.writeAttributes(this);
    this.reserve(spanBytesMax);
    this.raw(noAttributesDropped);
    const events = span.recordEvents;
    for (let i = 0; i < events.length; i++) this.event(events[i], span);
    const message = status.message ?? '';
    const messageBytes = utf8Length(message);
    this.reserve(spanBytesMax + messageBytes);
    this.raw(noEventsOrLinksDropped);
    this.byte(statusTag);
    this.varint(2 + (message === '' ? 0 : 1 + varintSize(messageBytes) + messageBytes));
    if (message !== '') {
      this.byte(messageTag);
      this.text(message, messageBytes);
    }
    this.byte(codeTag);
    this.byte(status.code);
    this.raw(flagsTag);
    this.fixed32(trace.flags | hasRemoteFlag | (span.parentRemote ? remoteFlag : 0));
    this.endMessage(start);
  }

  private event({ name, atMs, attributes }: SpanEvent, span: RecordSpan): void {
    this.reserve(spanBytesMax);
    this.byte(eventTag);
    const start = this.length;
    this.length += 2;
    this.byte(eventTimeTag);
    const wallMs = span.wallMs(atMs);
    const seconds = wholeSeconds(wallMs);
    this.nanoseconds(seconds, nanosBeyond(seconds, wallMs));
    this.byte(eventNameTag);
    this.text(name, name.length);
    this.attributeTag = eventAttributeTag;
    for (const [key, value] of attributes) this.attribute(key, value);
    this.reserve(spanBytesMax);
    this.raw(eventNoneDropped);
    this.endMessage(start);
  }

  name(name: string): void {
    const bytes = utf8Length(name);
    this.reserve(spanBytesMax + bytes);
    this.byte(nameTag);
    this.text(name, bytes);
  }

  group(group: AttributeGroup<SpanWriter>, a: string, b: string, c: string, number: number): void {
    const entry = this.memo.find(group.index, a, b, c, number);
    if (entry?.bytes) {
      const { length } = entry.bytes;
      this.reserve(length);
      this.bytes.set(entry.bytes, this.length);
      this.length += length;
      return;
    }
    const start = this.length;
    group.write(this, a, b, c, number);
    if (entry !== null && this.length - start <= keptBytesMax)
      entry.bytes = Uint8Array.prototype.slice.call(this.bytes, start, this.length);
  }

  attribute(key: AttributeKey, value: string | number): void {
    if (typeof value === 'string') {
      if (!this.shortText(key.bytes, value) && !this.asciiText(key.bytes, value))
        this.anyText(key.bytes, value);
      return;
    }
    const valueBytes = 1 + varintSize(value);
    this.reserve(key.bytes.length + valueBytes + 16);
    this.byte(this.attributeTag);
    this.byte(key.bytes.length + 2 + valueBytes);
    this.raw(key.bytes);
    this.byte(valueTag);
    this.byte(valueBytes);
    this.byte(intTag);
    this.varint(value);
  }

  /** Whatever is in the text. */
  private anyText(key: Uint8Array, value: string): void {
    const bytes = utf8Length(value);
    this.reserve(attributeBytesMax(key, bytes));
    this.textHead(key, bytes);
    this.text(value, bytes);
  }

  /** A longer one is written by one native call, which is quicker than a loop, and says whether it was ASCII; false where not. */
  private asciiText(key: Uint8Array, value: string): boolean {
    const { length } = value;
    this.reserve(attributeBytesMax(key, length * 3));
    const start = this.length;
    this.textHead(key, length);
    this.varint(length);
    if (this.bytes.write(value, this.length) === length) {
      this.length += length;
      return true;
    }
    this.length = start;
    return false;
  }

  /** All of an attribute that comes before the length of its text. */
  private textHead(key: Uint8Array, textBytes: number): void {
    const valueBytes = 1 + varintSize(textBytes) + textBytes;
    this.byte(this.attributeTag);
    this.varint(key.length + 1 + varintSize(valueBytes) + valueBytes);
    this.raw(key);
    this.byte(valueTag);
    this.varint(valueBytes);
    this.byte(textTag);
  }

  /** Nearly all are short ASCII, whose lengths take one byte each and are known: one pass, and false where it was not so. */
  private shortText(key: Uint8Array, value: string): boolean {
    const length = value.length;
    const pairBytes = key.length + 4 + length;
    if (pairBytes > 127) return false;
    this.reserve(2 + pairBytes);
    const { bytes } = this;
    let at = this.length;
    bytes[at++] = this.attributeTag;
    bytes[at++] = pairBytes;
    for (let i = 0; i < key.length; i++) bytes[at++] = key[i];
    bytes[at++] = valueTag;
    bytes[at++] = length + 2;
    bytes[at++] = textTag;
    bytes[at++] = length;
    let all = 0;
    for (let i = 0; i < length; i++) {
      const code = value.charCodeAt(i);
      all |= code;
      bytes[at++] = code;
    }
    if (all > 127) return false;
    this.length = at;
    return true;
  }

  private spanId(tag: Uint8Array, id: SpanId): void {
    this.raw(tag);
    this.word(id.a);
    this.word(id.b);
  }

  /** Start and end, as `hrTime` and `endTime` of `spans.ts` have them, but no pairs of numbers are made. */
  private times(startMs: number, durationMs: number): void {
    const startSeconds = wholeSeconds(startMs);
    const startNanos = nanosBeyond(startSeconds, startMs);
    const forSeconds = wholeSeconds(durationMs);
    const nanos = startNanos + nanosBeyond(forSeconds, durationMs);
    const carry = nanos < 1e9 ? 0 : 1;
    this.byte(startTag);
    this.nanoseconds(startSeconds, startNanos);
    this.byte(endTag);
    this.nanoseconds(startSeconds + forSeconds + carry, nanos - carry * 1e9);
  }

  /** Seconds and nanoseconds as 64 bits of nanoseconds, which a number cannot hold: the seconds are taken in two parts. */
  private nanoseconds(seconds: number, nanos: number): void {
    const high = (seconds >>> 16) * 1e9; // times 2^16
    const low = (high & 0xffff) * 0x1_0000 + (seconds & 0xffff) * 1e9 + nanos;
    this.fixed32(low);
    this.fixed32(Math.floor(high / 0x1_0000) + Math.floor(low / 0x1_0000_0000));
  }
}

function attributeBytesMax(key: Uint8Array, textBytes: number): number {
  return key.length + textBytes + 32;
}

const resourceSpansTag = 0x0a;
const scopeSpansTag = 0x12;
const spansTag = 0x12;

/**
 * What stands around the spans, the same in every export: the resource before the scope before the spans, then the
 * schemas of both. It is cut out of what the library makes of one span.
 */
class Envelope {
  /** Bytes that what comes before the spans takes at most. */
  readonly headBytesMax: number;
  private readonly resource: Uint8Array;
  private readonly scope: Uint8Array;
  private readonly scopeSchema: Uint8Array;
  private readonly resourceSchema: Uint8Array;

  constructor(request: Uint8Array) {
    const [resourceSpans] = fieldsOf(request);
    const [resource, scopeSpans, ...resourceSchema] = fieldsOf(resourceSpans.content);
    const [scope, , ...scopeSchema] = fieldsOf(scopeSpans.content);
    this.resource = resource.bytes;
    this.scope = scope.bytes;
    this.scopeSchema = Buffer.concat(scopeSchema.map(({ bytes }) => bytes));
    this.resourceSchema = Buffer.concat(resourceSchema.map(({ bytes }) => bytes));
    this.headBytesMax = 32 + this.resource.length + this.scope.length;
  }

  /** The whole request; its spans were written from `headBytesMax` on. */
  around(spans: ProtobufWriter): Uint8Array {
    spans.reserve(this.scopeSchema.length + this.resourceSchema.length);
    spans.raw(this.scopeSchema);
    const scopeBytes = this.scope.length + (spans.length - this.headBytesMax);
    spans.raw(this.resourceSchema);
    const head = new ProtobufWriter(this.headBytesMax);
    const scopeHeadBytes = 1 + varintSize(scopeBytes);
    head.byte(resourceSpansTag);
    head.varint(this.resource.length + scopeHeadBytes + scopeBytes + this.resourceSchema.length);
    head.raw(this.resource);
    head.byte(scopeSpansTag);
    head.varint(scopeBytes);
    head.raw(this.scope);
    const start = this.headBytesMax - head.length;
    head.bytes.copy(spans.bytes, start, 0, head.length);
    blockPool.release(head.bytes);
    return spans.bytes.subarray(start, spans.length);
  }
}

/** The fields of a message all of whose fields have a length: each with its tag, and what is in it. */
function fieldsOf(message: Uint8Array): Array<{ bytes: Uint8Array; content: Uint8Array }> {
  const fields = [];
  for (let at = 0; at < message.length; ) {
    let length = 0;
    let content = at + 1;
    for (let shift = 0; ; shift += 7) {
      const byte = message[content++];
      length |= (byte & 127) << shift;
      if (byte < 128) break;
    }
    const end = content + length;
    fields.push({ bytes: message.subarray(at, end), content: message.subarray(content, end) });
    at = end;
  }
  return fields;
}
