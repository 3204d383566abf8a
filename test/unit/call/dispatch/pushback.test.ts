import { expect } from 'chai';
import fc from 'fast-check';
import { parsePushback, pushbackMsMax } from '../../../../src/call/dispatch/pushback.ts';
import { HeaderBlock } from '../../../../src/core/header-block.ts';

describe('call/dispatch/pushback', () => {
  const of = (...values: string[]) =>
    parsePushback(HeaderBlock.of(...values.map((value) => ['grpc-retry-pushback-ms', value] as const)), null);

  it('reads a number of milliseconds', () => {
    expect([of(), of('0'), of('1500'), of(String(pushbackMsMax))]).to.deep.equal([
      null,
      0,
      1500,
      pushbackMsMax,
    ]);
  });

  it('waits for a minute at the most', () => {
    expect([of('60000'), of('60001')]).to.deep.equal([60_000, -1]);
  });

  it('takes all else for no, whatever it is', () => {
    for (const value of ['-1', '', '1.5', '1e3', ' 5', String(pushbackMsMax + 1)])
      expect(of(value)).to.equal(-1);
    expect(of('1', '2')).to.equal(-1);
    fc.assert(
      fc.property(fc.string(), (text) => {
        const ms = of(text);
        return ms === -1 || (ms !== null && ms >= 0 && ms <= pushbackMsMax);
      }),
    );
  });
});
