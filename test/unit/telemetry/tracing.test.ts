import { expect } from 'chai';
import { Field } from '../../../src/core/field.ts';
import { HeaderBlock } from '../../../src/core/header-block.ts';
import { SeededRandom } from '../../../src/core/random.ts';
import { type SpanId, TraceId } from '../../../src/core/trace-id.ts';
import type { CallRecord } from '../../../src/telemetry/call-record.ts';
import {
  isSamplerName,
  makeSampler,
  type SamplerName,
  sampledByRatio,
} from '../../../src/telemetry/sampler.ts';
import { parseTraceparent } from '../../../src/telemetry/trace-context.ts';
import {
  type CallTrace,
  contextTracing,
  offTracing,
  relayTracing,
  type SampledTrace,
  type SpanSink,
} from '../../../src/telemetry/tracing.ts';
import { attemptRecord, callRecord } from './records.ts';

const parentTrace = '4bf92f3577b34da6a3ce929d0e0e4736';
const parentSpan = '00f067aa0ba902b7';
const sampledParent = `00-${parentTrace}-${parentSpan}-01`;
const unsampledParent = `00-${parentTrace}-${parentSpan}-00`;

function keepingSink(): SpanSink & { readonly kept: Array<[CallRecord, SampledTrace]> } {
  const kept: Array<[CallRecord, SampledTrace]> = [];
  return { kept, record: (record, trace) => void kept.push([record, trace]) };
}

function tracingWith(name: SamplerName, ratio = 0, propagate = true) {
  const sink = keepingSink();
  const tracing = contextTracing({
    sampler: makeSampler(name, ratio),
    random: new SeededRandom(5),
    sink,
    propagate,
  });
  return { tracing, sink };
}

/** The text of the `traceparent` that an attempt sends, '' for none. */
const sentBy = (trace: CallTrace, attempt = attemptRecord()): string => trace.attempt(attempt)?.value ?? '';
/** Ids as text. */
const traceIdOf = ({ traceId }: { readonly traceId: TraceId }): string => traceId.toString();
const spanIdOf = (holder: { readonly spanId: SpanId } | undefined): string => String(holder?.spanId);

const head = (...pairs: Array<[string, string]>): HeaderBlock =>
  HeaderBlock.of([':method', 'POST'], ...pairs);

describe('telemetry/tracing', () => {
  it('off: makes no context and leaves heads alone', () => {
    const record = callRecord();
    const attempt = attemptRecord();
    const trace = offTracing.begin(head(['traceparent', sampledParent]), record);
    expect(sentBy(trace, attempt)).to.equal('');
    expect([trace.traceId, trace.sampled, record.traceId, attempt.spanId].map(String)).to.deep.equal([
      '',
      'false',
      '',
      '',
    ]);
    expect(offTracing.rewritesHead).to.equal(false);
  });

  it('relay: hands a caller context on as it came', () => {
    const record = callRecord();
    const trace = relayTracing(new SeededRandom(1)).begin(
      head(['traceparent', sampledParent], ['tracestate', 'a=1']),
      record,
    );
    expect(sentBy(trace)).to.equal(sampledParent);
    expect([traceIdOf(record), record.sampled, trace.tracestate]).to.deep.equal([parentTrace, false, 'a=1']);
  });

  it('relay: begins an unsampled trace where none came, or a malformed one', () => {
    for (const fields of [[], [['traceparent', 'nonsense']]] as Array<Array<[string, string]>>) {
      const record = callRecord();
      const attempt = attemptRecord();
      const trace = relayTracing(new SeededRandom(1)).begin(head(...fields), record);
      expect(parseTraceparent(sentBy(trace, attempt))).to.deep.equal({
        traceId: record.traceId,
        spanId: attempt.spanId,
        flags: 0,
      });
    }
  });

  it('continues the trace of a caller with a new span id for each attempt', () => {
    const { tracing } = tracingWith('parentbased_always_off');
    const record = callRecord();
    const trace = tracing.begin(head(['traceparent', sampledParent], ['tracestate', 'a=1']), record);
    const attempts = [attemptRecord(), attemptRecord({ number: 2 })];
    const contexts = attempts.map((attempt) => parseTraceparent(sentBy(trace, attempt)));
    expect([traceIdOf(record), record.sampled]).to.deep.equal([parentTrace, true]);
    expect(trace.tracestate).to.equal('a=1');
    expect(contexts.map((context) => String(context?.traceId))).to.deep.equal([parentTrace, parentTrace]);
    expect(contexts.map(spanIdOf)).to.deep.equal(attempts.map(spanIdOf));
    expect(new Set([parentSpan, ...attempts.map(spanIdOf)]).size).to.equal(3);
  });

  it('sends the context of an unsampled call on, flag 00, and gives the sink nothing', () => {
    const { tracing, sink } = tracingWith('parentbased_always_on');
    const record = callRecord();
    const trace = tracing.begin(head(['traceparent', unsampledParent], ['tracestate', 'a=1']), record);
    const sent = sentBy(trace);
    tracing.ended(record, trace);
    expect(sent).to.match(new RegExp(`^00-${parentTrace}-[0-9a-f]{16}-00$`));
    expect(sent).not.to.include(parentSpan);
    expect([trace.tracestate, record.sampled, sink.kept]).to.deep.equal(['a=1', false, []]);
  });

  it('gives the sink a sampled call once, with its remote parent', () => {
    const { tracing, sink } = tracingWith('always_on');
    const record = callRecord();
    const trace = tracing.begin(head(['traceparent', unsampledParent]), record);
    tracing.ended(record, trace);
    expect(sink.kept).to.have.lengthOf(1);
    const [, sampled] = sink.kept[0];
    expect([traceIdOf(sampled), String(sampled.parentSpanId), sampled.flags]).to.deep.equal([
      parentTrace,
      parentSpan,
      1,
    ]);
    expect(String(sampled.serverSpanId)).to.match(/^[0-9a-f]{16}$/);
  });

  it('gives a span id to an attempt that never sent its context', () => {
    const { tracing } = tracingWith('always_on');
    const record = callRecord();
    tracing.ended(record, tracing.begin(head(), record));
    expect(spanIdOf(record.attempts[0])).to.match(/^[0-9a-f]{16}$/);
  });

  it('passes on what a caller says of the randomness of its trace id', () => {
    const { tracing } = tracingWith('parentbased_always_on');
    const sent = tracing.begin(head(['traceparent', sampledParent.replace(/01$/, '03')]), callRecord());
    expect(sentBy(sent)).to.match(/-03$/);
  });

  for (const [why, headers] of [
    ['there is none', []],
    [
      'it is malformed',
      [
        ['traceparent', `00-${'0'.repeat(32)}-${parentSpan}-01`],
        ['tracestate', 'a=1'],
      ],
    ],
    [
      'there are two',
      [
        ['traceparent', sampledParent],
        ['traceparent', sampledParent],
        ['tracestate', 'a=1'],
      ],
    ],
  ] as Array<[string, Array<[string, string]>]>) {
    it(`begins a trace, without tracestate, where ${why}`, () => {
      const { tracing } = tracingWith('always_on');
      const record = callRecord();
      const trace = tracing.begin(head(...headers), record);
      expect(traceIdOf(record))
        .to.match(/^[0-9a-f]{32}$/)
        .and.not.equal(parentTrace);
      expect(trace.tracestate).to.equal('');
      expect(parseTraceparent(sentBy(trace))).to.deep.include({ traceId: record.traceId, flags: 1 });
    });
  }

  it('reads fields of the base before those of the block that stands on it', () => {
    const base = head(['tracestate', 'a=1']);
    const block = new HeaderBlock(
      [new Field('traceparent', sampledParent), new Field('tracestate', 'b=2')],
      base,
    );
    const { tracing } = tracingWith('parentbased_always_on');
    expect(tracing.begin(block, callRecord()).tracestate).to.equal('a=1,b=2');
  });

  it('without the tracecontext propagator neither reads nor writes heads', () => {
    const { tracing, sink } = tracingWith('always_on', 0, false);
    const record = callRecord();
    const attempt = attemptRecord();
    const trace = tracing.begin(head(['traceparent', unsampledParent]), record);
    expect(sentBy(trace, attempt)).to.equal('');
    tracing.ended(record, trace);
    expect(tracing.rewritesHead).to.equal(false);
    expect(traceIdOf(record)).not.to.equal(parentTrace);
    expect(spanIdOf(attempt)).to.match(/^[0-9a-f]{16}$/);
    expect(sink.kept).to.have.lengthOf(1);
  });
});

describe('telemetry/sampler', () => {
  const decisions = (name: SamplerName, ...headers: Array<[string, string]>): boolean =>
    tracingWith(name, 0.5).tracing.begin(head(...headers), callRecord()).sampled;

  it('knows the six samplers of OTEL_TRACES_SAMPLER', () => {
    const parents: Array<[string, string][]> = [
      [],
      [['traceparent', sampledParent]],
      [['traceparent', unsampledParent]],
    ];
    const table = (name: SamplerName): boolean[] => parents.map((headers) => decisions(name, ...headers));
    expect(table('always_on')).to.deep.equal([true, true, true]);
    expect(table('always_off')).to.deep.equal([false, false, false]);
    expect(table('parentbased_always_on')).to.deep.equal([true, true, false]);
    expect(table('parentbased_always_off')).to.deep.equal([false, true, false]);
    expect(table('parentbased_traceidratio').slice(1)).to.deep.equal([true, false]);
    const byId = TraceId.read(parentTrace).c >>> 1 < 0x4000_0000;
    expect(table('traceidratio').slice(1)).to.deep.equal([byId, byId]);
    expect(isSamplerName('xray')).to.equal(false);
  });

  it('samples its ratio of new traces, within four standard deviations', () => {
    const seed = 11;
    const random = new SeededRandom(seed);
    const calls = 100_000;
    for (const ratio of [0, 0.01, 0.5, 1]) {
      const sampler = makeSampler('traceidratio', ratio);
      let sampled = 0;
      for (let i = 0; i < calls; i++) if (sampledByRatio(sampler, random.u32())) sampled++;
      const tolerance = 4 * Math.sqrt(calls * ratio * (1 - ratio));
      expect(sampled, `seed ${seed} ratio ${ratio}`).to.be.closeTo(calls * ratio, tolerance);
    }
  });

  it('decides alike wherever the same trace id is seen', () => {
    const { tracing } = tracingWith('traceidratio', 0.5);
    for (let i = 0; i < 200; i++) {
      const first = tracing.begin(head(), callRecord());
      const second = tracing.begin(head(['traceparent', sentBy(first)]), callRecord());
      expect(second.sampled).to.equal(first.sampled);
    }
  });
});
