import { expect } from 'chai';
import fc from 'fast-check';
import { SeededRandom } from '../../../src/core/random.ts';
import { noSpanId, noTraceId, SpanId, TraceId } from '../../../src/core/trace-id.ts';

const digits = (length: number) => fc.stringMatching(new RegExp(`^[0-9a-f]{${length}}$`));

describe('core/trace-id', () => {
  it('ids are the text that they were read from, in JSON too', () => {
    fc.assert(
      fc.property(digits(32), digits(16), (trace, span) => {
        fc.pre(!/^0+$/.test(trace) && !/^0+$/.test(span));
        const ids = { trace: TraceId.read(`-${trace}`, 1), span: SpanId.read(`-${span}`, 1) };
        expect([`${ids.trace}`, `${ids.span}`]).to.deep.equal([trace, span]);
        expect(JSON.parse(JSON.stringify(ids))).to.deep.equal({ trace, span });
      }),
    );
  });

  it('no id is no text', () => {
    expect([noTraceId.none, noSpanId.none]).to.deep.equal([true, true]);
    expect(JSON.stringify([noTraceId, noSpanId])).to.equal('["",""]');
    expect(TraceId.read('00000000000000000000000000000001').none).to.equal(false);
    expect(SpanId.read('8000000000000000').none).to.equal(false);
  });

  it('a random span id is never all zero', () => {
    expect(String(SpanId.random({ u32: () => 0, i32: () => 0, next: () => 0 }))).to.equal('0000000100000000');
    expect(String(SpanId.random(new SeededRandom(1)))).to.match(/^[0-9a-f]{16}$/);
  });
});
