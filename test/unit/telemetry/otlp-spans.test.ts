import { createTraceState } from '@opentelemetry/api';
import { ProtobufTraceSerializer } from '@opentelemetry/otlp-transformer';
import { resourceFromAttributes } from '@opentelemetry/resources';
import { expect } from 'chai';
import fc from 'fast-check';
import { noSpanId, SpanId, TraceId } from '../../../src/core/trace-id.ts';
import { AttributeMemo, keptCharsMax } from '../../../src/telemetry/attribute-memo.ts';
import { otlpSpanSerializer } from '../../../src/telemetry/otlp-spans.ts';
import { type RecordSpan, type SpanScope, spansOf } from '../../../src/telemetry/spans.ts';
import type { SampledTrace } from '../../../src/telemetry/tracing.ts';
import { attemptRecord, callRecord } from './records.ts';

const scope: SpanScope = {
  resource: resourceFromAttributes({
    'service.name': 'greeter-sidecar',
    'process.pid': 7,
    'process.args': ['a', 'b'],
  }),
  instrumentationScope: { name: 'outrigger', version: '1.2.3' },
  traceState: createTraceState,
};
const schemas: SpanScope = {
  ...scope,
  resource: resourceFromAttributes(
    { 'host.name': 'h'.repeat(300) },
    { schemaUrl: 'https://schema.example/1' },
  ),
  instrumentationScope: { name: 'outrigger', schemaUrl: 'https://schema.example/2' },
};

/** What ours makes of them, and the library's. */
function both(spans: RecordSpan[], serializer = otlpSpanSerializer()): [string, string] {
  const [ours, theirs] = [serializer, ProtobufTraceSerializer].map((one) =>
    Buffer.from(one.serializeRequest(spans) ?? []).toString('hex'),
  );
  return [ours, theirs];
}

// Empty, of header bytes, beyond those, and past the 127 bytes whose length takes one.
const text = fc.oneof(
  fc.string({ maxLength: 40 }),
  fc.string({ unit: 'grapheme', maxLength: 70 }),
  fc.string({ minLength: 100, maxLength: 300 }),
  fc.constantFrom('', 'a', 'é'.repeat(64), 'x'.repeat(127), 'x'.repeat(128), '\ud800'),
);
const word = fc.integer();
const count = fc.oneof(fc.nat(300), fc.nat(2 ** 31 - 1), fc.maxSafeInteger().map(Math.abs));
const ms = fc.double({ min: 0, max: 1e6, noNaN: true });
const port = fc.constantFrom(0, 1, 127, 128, 16_384, 65_535);
const grpcStatus = fc.integer({ min: -1, max: 17 });
const httpStatus = fc.constantFrom(0, 200, 404, 503);
const error = fc.constantFrom('', 'no_endpoint', 'upstream_closed', 'deadline_exceeded', 'per_try_timeout');

const attempt = fc
  .record({
    number: fc.constantFrom(1, 2, 300),
    peerHost: text,
    peerPort: port,
    pick: text,
    startedMs: ms,
    endedMs: ms,
    grpcStatus,
    httpStatus,
    error,
    kind: fc.constantFrom('first' as const, 'retry' as const, 'hedge' as const),
    message: text,
    verdict: text,
    spanId: fc.tuple(word, word).map(([a, b]) => new SpanId(a, b || 1)),
  })
  .map(attemptRecord);
const record = fc
  .record({
    id: count,
    listener: text,
    route: text,
    cluster: text,
    grpc: fc.boolean(),
    httpMethod: fc.constantFrom('GET', 'POST', 'BREW'),
    authority: fc.oneof(text, fc.constantFrom('greeter:50051', '[::1]:80', '[::1]', ':1', 'a:99999')),
    path: fc.oneof(text, fc.constantFrom('/pkg.Svc/Method', '/a?b=c')),
    clientAddress: fc.constantFrom('', '127.0.0.1', '::1'),
    clientPort: port,
    startedWallMs: fc.oneof(ms, fc.double({ min: 1.6e12, max: 4.2e12, noNaN: true })),
    startedMs: ms,
    endedMs: ms,
    grpcStatus,
    httpStatus,
    error,
    detail: text,
    endedBy: fc.constantFrom('client' as const, 'upstream' as const),
    requestMessages: count,
    responseMessages: count,
    attempts: fc.array(attempt, { maxLength: 3 }),
  })
  .map(callRecord);
const trace = fc
  .record({
    ids: fc.tuple(word, word, word, word, word, word),
    parent: fc.option(fc.tuple(word, word)),
    flags: fc.constantFrom(1, 3),
    tracestate: fc.constantFrom('', 'rojo=00f067aa0ba902b7', 'a=1, b=2'),
  })
  .map(
    ({ ids: [a, b, c, d, e, f], parent, flags, tracestate }): SampledTrace => ({
      traceId: new TraceId(a || 1, b, c, d),
      serverSpanId: new SpanId(e, f || 1),
      parentSpanId: parent === null ? noSpanId : new SpanId(parent[0], parent[1] || 1),
      sampled: true,
      others: null,
      context: () => [],
      flags,
      tracestate,
      attempt: () => null,
    }),
  );

describe('telemetry/otlp-spans', () => {
  it('writes any spans byte for byte as the library does', () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(record, trace), { minLength: 1, maxLength: 4 }),
        fc.boolean(),
        (calls, plain) => {
          const serializer = otlpSpanSerializer();
          // More batches, for what is kept of those before: bytes from the second time on, copied from the third on.
          for (let batch = 0; batch < 3; batch++) {
            const spans = calls.flatMap(([call, context]) => spansOf(plain ? scope : schemas, call, context));
            const [ours, theirs] = both(spans, serializer);
            expect(ours).to.equal(theirs);
          }
        },
      ),
      { numRuns: 300 },
    );
  });

  it('copies bytes of earlier spans where all values are the same, and only there', () => {
    // Of one length, and alike where the memo looks: they share an entry.
    const alike = fc.constantFrom('/akg.Svc/Get', '/bkg.Svc/Get', '/ckg.Svc/Get');
    const few = fc
      .record({
        listener: alike,
        route: alike,
        cluster: alike,
        path: alike,
        authority: fc.constantFrom('a:1', 'b:1', 'é:1'),
        clientAddress: fc.constantFrom('', '127.0.0.1', '127.0.1.1'),
        clientPort: fc.constantFrom(0, 1, 65_535),
        grpcStatus: fc.constantFrom(0, 5, 14),
        requestMessages: fc.constantFrom(0, 1, 255, 256),
        responseMessages: fc.constantFrom(0, 1, 255, 256),
        attempts: fc.array(
          fc
            .record({
              number: fc.constantFrom(1, 2, 300),
              peerHost: fc.constantFrom('127.0.0.1', '127.0.1.1'),
              peerPort: fc.constantFrom(0, 1, 65_535),
              spanId: fc.constant(new SpanId(1, 2)),
            })
            .map(attemptRecord),
          { maxLength: 2 },
        ),
      })
      .map(callRecord);
    fc.assert(
      fc.property(fc.array(few, { minLength: 50, maxLength: 100 }), trace, (calls, context) => {
        const [ours, theirs] = both(calls.flatMap((call) => spansOf(scope, call, context)));
        expect(ours).to.equal(theirs);
      }),
      { numRuns: 20, endOnFailure: true },
    );
  });

  it('keeps the bytes of 64 sets of values of a group, and nothing of long ones', () => {
    const memo = new AttributeMemo(1);
    const path = (i: number) => `/pkg.Svc/Method${i}`;
    let kept = 0;
    for (let i = 0; i < 10_000; i++) {
      expect(memo.find(0, path(i), '', '', 0)).to.equal(null);
      const entry = memo.find(0, path(i), '', '', 0);
      expect(entry?.bytes).to.equal(null);
      if (entry) entry.bytes = Uint8Array.of(1);
    }
    for (let i = 0; i < 10_000; i++) if (memo.find(0, path(i), '', '', 0)?.bytes) kept++;
    expect(kept).to.be.within(1, 64);
    for (let i = 0; i < 10_000; i++) expect(memo.find(0, 'same', '', '', i)).to.equal(null);
    const long = 'x'.repeat(keptCharsMax + 1);
    for (let i = 0; i < 3; i++) expect(memo.find(0, long, '', '', 0)).to.equal(null);
  });

  it('writes a batch beyond its first memory, and a span beyond 16 KiB', () => {
    fc.assert(
      fc.property(record, trace, (call, context) => {
        const long = spansOf(
          scope,
          { ...call, listener: 'l'.repeat(20_000), detail: 'd'.repeat(70_000) },
          context,
        );
        const many = Array.from({ length: 20 }, () => [...long, ...spansOf(scope, call, context)]).flat();
        const [ours, theirs] = both(many);
        expect(ours).to.equal(theirs);
      }),
      { numRuns: 10 },
    );
  });

  it('keeps bytes that were handed out', () => {
    const serializer = otlpSpanSerializer();
    const context = fc.sample(trace, { numRuns: 1, seed: 1 })[0];
    const first = serializer.serializeRequest(spansOf(scope, callRecord(), context)) as Uint8Array;
    const before = Buffer.from(first);
    serializer.serializeRequest(spansOf(scope, callRecord({ id: 99, route: 'other' }), context));
    expect(Buffer.from(first)).to.deep.equal(before);
  });

  it('takes the memory of a batch for another once that was taken, and not before', () => {
    const serializer = otlpSpanSerializer();
    const context = fc.sample(trace, { numRuns: 1, seed: 1 })[0];
    const batch = () => spansOf(scope, callRecord(), context);
    const memoryOf = (spans: RecordSpan[]) => serializer.serializeRequest(spans)?.buffer;
    memoryOf(batch()); // tells how much the next will need
    const [first, second, third] = [batch(), batch(), batch()];
    const memory = memoryOf(first);
    expect(memoryOf(second)).not.to.equal(memory);
    serializer.taken(first);
    serializer.taken(first);
    serializer.taken(batch());
    expect(memoryOf(third)).to.equal(memory);
    expect(memoryOf(batch())).not.to.equal(memory);
  });

  it('makes nothing of nothing, and reads replies as the library does', () => {
    const serializer = otlpSpanSerializer();
    expect(serializer.serializeRequest([])).to.equal(undefined);
    const reply = Uint8Array.of(0x0a, 2, 0x08, 5);
    expect(serializer.deserializeResponse(reply)).to.deep.equal({ partialSuccess: { rejectedSpans: 5 } });
  });
});
