import { expect } from 'chai';
import fc from 'fast-check';
import { SpanId, TraceId } from '../../../src/core/trace-id.ts';
import { TraceparentField } from '../../../src/core/traceparent-field.ts';
import {
  cleanTracestate,
  parseTraceparent,
  tracestateCharsMax,
  tracestateMembersMax,
} from '../../../src/telemetry/trace-context.ts';

const traceId = '4bf92f3577b34da6a3ce929d0e0e4736';
const spanId = '00f067aa0ba902b7';

describe('telemetry/trace-context', () => {
  describe('parseTraceparent', () => {
    it('reads version 00', () => {
      expect(parseTraceparent(`00-${traceId}-${spanId}-01`)).to.deep.equal({
        traceId: TraceId.read(traceId),
        spanId: SpanId.read(spanId),
        flags: 1,
      });
    });

    it('keeps the flags of level 2 and no undefined ones', () => {
      expect(parseTraceparent(`00-${traceId}-${spanId}-03`)?.flags).to.equal(3);
      expect(parseTraceparent(`00-${traceId}-${spanId}-ff`)?.flags).to.equal(3);
      expect(parseTraceparent(`00-${traceId}-${spanId}-08`)?.flags).to.equal(0);
    });

    it('reads the known part of a future version', () => {
      expect(String(parseTraceparent(`cc-${traceId}-${spanId}-01-what-the-future`)?.traceId)).to.equal(
        traceId,
      );
      expect(parseTraceparent(`cc-${traceId}-${spanId}-01`)?.flags).to.equal(1);
    });

    for (const [why, text] of [
      ['version ff', `ff-${traceId}-${spanId}-01`],
      ['an all-zero trace id', `00-${'0'.repeat(32)}-${spanId}-01`],
      ['an all-zero span id', `00-${traceId}-${'0'.repeat(16)}-01`],
      ['upper case', `00-${traceId.toUpperCase()}-${spanId}-01`],
      ['upper case in the version', `0A-${traceId}-${spanId}-01`],
      ['more than 55 characters in version 00', `00-${traceId}-${spanId}-01-more`],
      ['a future version that goes on without a dash', `cc-${traceId}-${spanId}-01.more`],
      ['a short trace id', `00-${traceId.slice(1)}-${spanId}-01`],
      ['flags that are no hex', `00-${traceId}-${spanId}-0x`],
      ['a wide character', `00-${traceId.slice(1)}ā-${spanId}-01`],
      ['underscores for dashes', `00_${traceId}_${spanId}_01`],
      ['nothing', ''],
    ]) {
      it(`refuses ${why}`, () => expect(parseTraceparent(text)).to.equal(undefined));
    }

    it('never throws, and reads back what it accepts', () => {
      fc.assert(
        fc.property(fc.oneof(fc.string(), fc.stringMatching(/^[0-9a-f-]{50,60}$/)), (text) => {
          const parsed = parseTraceparent(text);
          if (parsed)
            expect(
              parseTraceparent(new TraceparentField(parsed.traceId, parsed.spanId, parsed.flags).value),
            ).to.deep.equal(parsed);
        }),
      );
    });
  });

  describe('cleanTracestate', () => {
    const fine = 'rojo=00f067aa0ba902b7,congo=t61rcWkgMzE,fw529a3039@dt=FfAnFb==x'.replace('==x', '');

    it('passes a well-formed list through as it is', () => {
      expect(cleanTracestate([fine])).to.equal(fine);
      expect(cleanTracestate(['a=1 , b=2'])).to.equal('a=1 , b=2');
      expect(cleanTracestate(['a=1,,b=2'])).to.equal('a=1,,b=2');
    });

    it('joins several headers in order', () =>
      expect(cleanTracestate(['a=1,b=2', 'c=3'])).to.equal('a=1,b=2,c=3'));

    it('drops malformed members and keeps the others', () => {
      expect(cleanTracestate(['a=1,B=2,c,=4,d=5=6,e=\u00e9,f=7'])).to.equal('a=1,f=7');
      expect(cleanTracestate(['nonsense'])).to.equal('');
      expect(cleanTracestate([])).to.equal('');
      expect(cleanTracestate([',, ,'])).to.equal('');
    });

    it('keeps the first of members with the same key', () =>
      expect(cleanTracestate(['a=1,b=2,a=3'])).to.equal('a=1,b=2'));

    it('keeps 32 members at most', () => {
      const many = Array.from({ length: 40 }, (_, i) => `k${i}=v`);
      expect(cleanTracestate([many.join(',')])).to.equal(many.slice(0, tracestateMembersMax).join(','));
      const full = many.slice(0, 32).join(',');
      expect(cleanTracestate([full])).to.equal(full);
    });

    it('drops long members first, then from the right, to stay within 512 characters', () => {
      const long = `long=${'x'.repeat(200)}`;
      const short = Array.from({ length: 20 }, (_, i) => `k${i}=${'y'.repeat(20)}`);
      expect(cleanTracestate([[long, ...short].join(',')])).to.equal(short.join(','));
      const wide = Array.from({ length: 30 }, (_, i) => `k${i}=${'y'.repeat(30)}`);
      const cut = cleanTracestate([wide.join(',')]);
      expect(cut.length).to.be.within(tracestateCharsMax - 40, tracestateCharsMax);
      expect(wide.join(',').startsWith(cut)).to.equal(true);
    });

    it('is bounded and stable under anything', () => {
      fc.assert(
        fc.property(
          fc.array(fc.oneof(fc.string(), fc.stringMatching(/^[a-z=,@ ]{0,600}$/)), { maxLength: 5 }),
          (values) => {
            const once = cleanTracestate(values);
            expect(once.length).to.be.at.most(tracestateCharsMax);
            expect(cleanTracestate([once])).to.equal(once);
          },
        ),
      );
    });
  });
});
