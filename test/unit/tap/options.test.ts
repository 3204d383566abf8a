import { expect } from 'chai';
import fc from 'fast-check';
import { parseTapOptions, tapParameters } from '../../../src/tap/options.ts';

function errorOf(query: string): string {
  const { error } = parseTapOptions(new URLSearchParams(query));
  return error ?? '';
}

describe('tap: options', () => {
  it('have defaults with limits', () => {
    const { value } = parseTapOptions(new URLSearchParams());
    expect(value).to.include({ sample: 1, rate: 100, limit: Number.POSITIVE_INFINITY, durationMs: 600_000 });
    expect(value).to.include({ messages: false, live: false, messagesMax: 10, messageBytesMax: 16_384 });
    expect(value?.filter).to.deep.include({ methods: [], headers: [], durationMinMs: 0 });
  });

  it('read lists, repeated or with commas', () => {
    const { value } = parseTapOptions(
      new URLSearchParams('method=a,b&method=c&sample=5%25&min-latency=1.5s'),
    );
    expect(value?.filter.methods).to.deep.equal(['a', 'b', 'c']);
    expect(value?.filter.durationMinMs).to.equal(1500);
    expect(value?.sample).to.equal(0.05);
  });

  it('keep commas in the value of a header', () => {
    const { value } = parseTapOptions(new URLSearchParams('header=X-Tags=a,b&header=x-user'));
    expect(value?.filter.headers).to.deep.equal([
      { name: 'x-tags', value: 'a,b' },
      { name: 'x-user', value: null },
    ]);
  });

  for (const [query, error] of [
    ['metod=x', 'there is no parameter "metod"; did you mean method?'],
    ['qqqqqqqqq=1', `there is no parameter "qqqqqqqqq"; use ${tapParameters.join(', ')}`],
    ['status=UNAVAILBLE', 'status "UNAVAILBLE" is no status; did you mean UNAVAILABLE?'],
    ['status=99', 'status "99" is no status; write ok, error, client-error, a gRPC status'],
    ['rate=1001', 'rate "1001" is not a whole number from 1 to 1000'],
    ['rate=1e2', 'rate "1e2" is not a whole number from 1 to 1000'],
    ['limit=0', 'limit "0" is not a whole number from 1 to 1000000'],
    ['sample=0', 'sample "0" is not a fraction'],
    ['sample=101%25', 'sample "101%" is not a fraction'],
    ['min-latency=5', 'min-latency: "5" has no unit; write 5s or 5ms'],
    ['duration=2h', 'duration "2h" is longer than 60 minutes, the maximum'],
    ['duration=0s', 'duration "0s" ends the tap before it begins'],
    [
      'min-latency=2s&max-latency=1s',
      'min-latency is longer than max-latency, so no call matches; swap them',
    ],
    ['header=a b', 'header "a b" is no header; write NAME or NAME=VALUE, such as x-user=42'],
    ['header=authorization=Bearer*', 'compares credentials; write authorization alone'],
    ['method=', 'method has an empty value'],
    ['method=a,,b', 'method has an empty value'],
    [`method=${'x'.repeat(513)}`, 'method has a value of 513 characters; write at most 512'],
    [`method=${'x,'.repeat(17)}x`, 'method has 18 values; write at most 16'],
    ['messages=yes', 'messages "yes" is neither true nor false'],
    ['rate=1&rate=2', 'rate stands there 2 times; write it once'],
    ['live=true&status=ok', 'live shows calls before they end'],
  ] as const)
    it(`refuse ${query.slice(0, 40)}`, () => expect(errorOf(query)).to.contain(error));

  it('are options or an error, whatever is written', () => {
    const name = fc.oneof(fc.constantFrom(...tapParameters), fc.string({ maxLength: 12 }));
    const value = fc.oneof(
      fc.string(),
      fc.constantFrom('1', '10%', '5s', 'ok', 'a=b', '*', 'true', '-1', 'NaN'),
    );
    fc.assert(
      fc.property(fc.array(fc.tuple(name, value), { maxLength: 6 }), (pairs) => {
        const { value: options, error } = parseTapOptions(new URLSearchParams(pairs));
        if (options === undefined) {
          expect(error).to.match(/\S/);
          return;
        }
        expect(options.rate).to.be.within(1, 1000);
        expect(options.durationMs).to.be.within(0.000001, 3_600_000);
        expect(options.sample).to.be.above(0).and.at.most(1);
        expect(options.messagesMax).to.be.within(1, 100);
      }),
    );
  });
});
