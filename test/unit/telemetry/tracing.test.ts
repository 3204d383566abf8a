import { expect } from 'chai';
import { Field } from '../../../src/core/field.ts';
import { HeaderBlock } from '../../../src/core/header-block.ts';
import { SeededRandom } from '../../../src/core/random.ts';
import { type SpanId, TraceId } from '../../../src/core/trace-id.ts';
import type { CallRecord } from '../../../src/telemetry/call-record.ts';
import { makePropagation, type PropagatorName } from '../../../src/telemetry/propagation.ts';
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

function tracingWith(
  name: SamplerName,
  ratio = 0,
  propagators: PropagatorName[] = ['tracecontext', 'baggage'],
) {
  const sink = keepingSink();
  const tracing = contextTracing({
    sampler: makeSampler(name, ratio),
    random: new SeededRandom(5),
    sink,
    propagation: makePropagation(propagators),
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
  const off = (propagators: PropagatorName[], ...fields: Array<[string, string]>) => {
    const record = callRecord();
    const attempt = attemptRecord();
    const tracing = offTracing(makePropagation(propagators));
    const trace = tracing.begin(head(...fields), record);
    expect(tracing.replaced).to.deep.equal({ kinds: 0, names: null });
    expect([sentBy(trace, attempt), trace.others, trace.tracestate, String(attempt.spanId)]).to.deep.equal([
      '',
      null,
      '',
      '',
    ]);
    expect([record.sampled, trace.sampled]).to.deep.equal([false, false]);
    return traceIdOf(record);
  };

  it('off: sends nothing, replaces nothing, and notes the trace id of a client that sent a valid one', () => {
    const w3c: PropagatorName[] = ['tracecontext', 'baggage'];
    expect(off(w3c)).to.equal('');
    expect(off(w3c, ['traceparent', sampledParent], ['tracestate', 'a=1'])).to.equal(parentTrace);
    expect(off(w3c, ['traceparent', 'nonsense'])).to.equal('');
    expect(off(w3c, ['traceparent', sampledParent], ['traceparent', sampledParent])).to.equal('');
    expect(off(w3c, ['b3', `${parentTrace}-${parentSpan}-1`])).to.equal('');
    expect(off(['b3'], ['b3', `${parentTrace}-${parentSpan}-1`])).to.equal(parentTrace);
    expect(off(['b3'], ['traceparent', sampledParent])).to.equal('');
    expect(off(['none'], ['traceparent', sampledParent])).to.equal('');
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

  it('gives a message beside the attempts the SERVER span as its parent, and the tracestate of the call', () => {
    const { tracing, sink } = tracingWith('parentbased_always_on');
    const record = callRecord();
    const trace = tracing.begin(head(['traceparent', sampledParent], ['tracestate', 'a=b']), record);
    const context = trace.context();
    expect(context.map(({ name }) => name)).to.deep.equal(['traceparent', 'tracestate']);
    tracing.ended(record, trace);
    const serverSpan = String(sink.kept[0][1].serverSpanId);
    expect(context[0].value).to.equal(`00-${parentTrace}-${serverSpan}-01`);
    expect(context[1].value).to.equal('a=b');
  });

  it('gives such a message the trace of an unsampled call, and nothing where tracing is off', () => {
    const trace = tracingWith('always_off').tracing.begin(
      head(['traceparent', unsampledParent]),
      callRecord(),
    );
    const [field, ...others] = trace.context();
    expect(others).to.deep.equal([]);
    expect(field.value).to.match(new RegExp(`^00-${parentTrace}-(?!0{16})[0-9a-f]{16}-00$`));
    const none = offTracing(makePropagation(['tracecontext'])).begin(head(), callRecord());
    expect(none.context()).to.deep.equal([]);
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
    const { tracing, sink } = tracingWith('always_on', 0, ['baggage']);
    const record = callRecord();
    const attempt = attemptRecord();
    const trace = tracing.begin(head(['traceparent', unsampledParent]), record);
    expect(sentBy(trace, attempt)).to.equal('');
    tracing.ended(record, trace);
    expect(tracing.replaced).to.deep.equal({ kinds: 0, names: null });
    expect(trace.others).to.equal(null);
    expect(traceIdOf(record)).not.to.equal(parentTrace);
    expect(spanIdOf(attempt)).to.match(/^[0-9a-f]{16}$/);
    expect(sink.kept).to.have.lengthOf(1);
  });
});

describe('telemetry/tracing with B3 and Jaeger', () => {
  const b3 = (state: string): [string, string] => ['b3', `${parentTrace}-${parentSpan}${state}`];
  const multi = (...more: Array<[string, string]>): Array<[string, string]> => [
    ['x-b3-traceid', parentTrace],
    ['x-b3-spanid', parentSpan],
    ...more,
  ];
  /** What an attempt sends, and what was decided. */
  const run = (propagators: PropagatorName[], fields: Array<[string, string]>, sampler: SamplerName) => {
    const { tracing } = tracingWith(sampler, 0, propagators);
    const attempt = attemptRecord();
    const record = callRecord();
    const trace = tracing.begin(head(...fields), record);
    const traceparent = trace.attempt(attempt);
    const others = trace.others?.(attempt) ?? [];
    const sent = Object.fromEntries(
      [...(traceparent === null ? [] : [traceparent]), ...others].map(({ name, value }) => [name, value]),
    );
    return { sent, sampled: record.sampled, trace: traceIdOf(record), span: String(attempt.spanId) };
  };

  it('continues a B3 trace in the form that is configured, whichever form came, with the span of the attempt', () => {
    for (const came of [[b3('-1')], multi(['x-b3-sampled', '1'])]) {
      const one = run(['b3'], came, 'parentbased_always_off');
      expect(one).to.include({ sampled: true, trace: parentTrace });
      expect(one.sent).to.deep.equal({ b3: `${parentTrace}-${one.span}-1` });
      const many = run(['b3multi'], came, 'parentbased_always_off');
      expect(many.sent).to.deep.equal({
        'x-b3-traceid': parentTrace,
        'x-b3-spanid': many.span,
        'x-b3-sampled': '1',
      });
      expect(many.span).to.not.equal(parentSpan);
    }
  });

  it('follows the decision of the sender, keeps debug, and decides where it was left open', () => {
    const states: Array<[string, SamplerName, boolean, string]> = [
      ['-0', 'parentbased_always_on', false, '0'],
      ['-1-00f067aa0ba902b8', 'parentbased_always_off', true, '1'],
      ['-d', 'parentbased_always_off', true, 'd'],
      ['', 'parentbased_always_on', true, '1'],
      ['', 'parentbased_always_off', false, '0'],
      ['-0', 'always_on', true, '1'],
    ];
    for (const [state, sampler, sampled, said] of states) {
      const { sent, span, sampled: was } = run(['b3'], [b3(state)], sampler);
      expect([was, sent.b3], `${state} ${sampler}`).to.deep.equal([
        sampled,
        `${parentTrace}-${span}-${said}`,
      ]);
    }
    const debug = run(['b3multi'], multi(['x-b3-flags', '1']), 'parentbased_always_off');
    expect(debug.sent).to.include({ 'x-b3-flags': '1' }).and.not.have.property('x-b3-sampled');
  });

  it('takes a trace id of 64 bits, and one of Jaeger without its leading zeros', () => {
    const short = run(['b3'], [['b3', `a3ce929d0e0e4736-${parentSpan}-1`]], 'parentbased_always_off');
    expect(short.trace).to.equal('0000000000000000a3ce929d0e0e4736');
    const jaeger = run(['jaeger'], [['uber-trace-id', 'abc:1:0:1']], 'parentbased_always_off');
    expect(jaeger.trace).to.equal(`${'0'.repeat(29)}abc`);
    expect(jaeger.sent).to.deep.equal({ 'uber-trace-id': `${jaeger.trace}:${jaeger.span}:0:1` });
    const encoded = run(['jaeger'], [['uber-trace-id', 'abc%3A1%3A0%3A3']], 'parentbased_always_off');
    expect(encoded.sent['uber-trace-id']).to.match(/:0:3$/);
  });

  it('begins a trace where a context is malformed', () => {
    const wrong: Array<[PropagatorName, string, string]> = [
      ['b3', 'b3', '0'],
      ['b3', 'b3', `${parentTrace}-${parentSpan}-2`],
      ['b3', 'b3', `${parentTrace}-${'0'.repeat(16)}-1`],
      ['b3', 'b3', `${'0'.repeat(32)}-${parentSpan}-1`],
      ['b3', 'b3', `${parentTrace}-${parentSpan}-1-xyz`],
      ['b3', 'b3', 'x'.repeat(60_000)],
      ['b3multi', 'x-b3-traceid', parentTrace],
      ['jaeger', 'uber-trace-id', 'abc:1:0'],
      ['jaeger', 'uber-trace-id', 'abc:1:0:z'],
      ['jaeger', 'uber-trace-id', `${'a'.repeat(33)}:1:0:1`],
      ['jaeger', 'uber-trace-id', '0:1:0:1'],
    ];
    for (const [propagator, name, value] of wrong) {
      const { trace, sampled } = run([propagator], [[name, value]], 'parentbased_always_on');
      expect(trace, value.slice(0, 80))
        .to.match(/^[0-9a-f]{32}$/)
        .and.not.equal(parentTrace);
      expect(sampled).to.equal(true);
    }
  });

  it('sends every format that is listed, and the last one listed that came wins', () => {
    const other = '1234567890abcdef1234567890abcdef';
    const both: Array<[string, string]> = [['traceparent', `00-${other}-${parentSpan}-01`], b3('-1')];
    const first = run(['b3', 'tracecontext'], both, 'parentbased_always_off');
    expect(first.trace).to.equal(other);
    const last = run(['tracecontext', 'b3', 'jaeger'], both, 'parentbased_always_off');
    expect(last.trace).to.equal(parentTrace);
    expect(last.sent).to.deep.equal({
      traceparent: `00-${parentTrace}-${last.span}-01`,
      b3: `${parentTrace}-${last.span}-1`,
      'uber-trace-id': `${parentTrace}:${last.span}:0:1`,
    });
    expect(run(['tracecontext', 'b3'], [both[0]], 'parentbased_always_off').trace).to.equal(other);
    expect(run(['b3', 'none'], both, 'always_on').sent).to.deep.equal({});
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

  it('has the ratio of the route in place of its own share, and a parent that decides still does', () => {
    const ofRoute = (name: SamplerName, ratio: number): boolean[] =>
      [[], [['traceparent', sampledParent]], [['traceparent', unsampledParent]]].map((headers) => {
        const { tracing } = tracingWith(name, 0.5);
        return tracing.begin(head(...(headers as [string, string][])), callRecord(), ratio).sampled;
      });
    expect(ofRoute('always_on', 0)).to.deep.equal([false, false, false]);
    expect(ofRoute('always_off', 1)).to.deep.equal([true, true, true]);
    expect(ofRoute('traceidratio', 1)).to.deep.equal([true, true, true]);
    expect(ofRoute('parentbased_always_on', 0)).to.deep.equal([false, true, false]);
    expect(ofRoute('parentbased_traceidratio', 1)).to.deep.equal([true, true, false]);
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
