import { expect } from 'chai';
import { SeededRandom } from '../../../../src/core/random.ts';
import { ReconnectDelay, reconnectMsMax, stableMs } from '../../../../src/xds/client/reconnect-delay.ts';

describe('the wait before the next stream', () => {
  const highest = { next: () => 0.999_999, u32: () => 0, i32: () => 0 };

  it('has a bound that doubles from a second to half a minute', () => {
    const delay = new ReconnectDelay(highest);
    const waits = Array.from({ length: 8 }, () => Math.round(delay.next(0)));
    expect(waits).to.deep.equal([1000, 2000, 4000, 8000, 16_000, 30_000, 30_000, 30_000]);
  });

  it('begins anew after a stream that was stable, and not after a short one', () => {
    const delay = new ReconnectDelay(highest);
    for (let i = 0; i < 10; i++) delay.next(0);
    expect(Math.round(delay.next(stableMs - 1))).to.equal(reconnectMsMax);
    expect(Math.round(delay.next(stableMs))).to.equal(1000);
  });

  it('spreads a fleet over the whole of its bound', () => {
    const waits = Array.from({ length: 1000 }, (_, seed) =>
      new ReconnectDelay(new SeededRandom(seed)).next(0),
    );
    for (let tenth = 0; tenth < 10; tenth++) {
      const inTenth = waits.filter((ms) => Math.floor(ms / 100) === tenth).length;
      // 100 expected, with a standard deviation of 9.5.
      expect(inTenth, `between ${tenth * 100} and ${tenth * 100 + 100} ms`).to.be.within(60, 140);
    }
  });
});
