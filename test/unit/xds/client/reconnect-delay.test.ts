import { expect } from 'chai';
import { SeededRandom } from '../../../../src/core/random.ts';
import { ReconnectDelay, reconnectMsMax, stableMs } from '../../../../src/xds/client/reconnect-delay.ts';

describe('the wait before the next stream', () => {
  const highest = { next: () => 0.999_999, u32: () => 0, i32: () => 0 };

  it('is bounded by the time of the trouble, from a second to half a minute', () => {
    const delay = new ReconnectDelay(highest);
    const waits = Array.from({ length: 8 }, () => Math.round(delay.next(0)));
    expect(waits).to.deep.equal([1000, 1000, 2000, 4000, 8000, 16_000, 30_000, 30_000]);
    // The lives of streams that are reset every second are trouble as well, but not that of the first one.
    const reset = new ReconnectDelay(highest);
    expect([2500, 2500, 2500].map((ms) => Math.round(reset.next(ms)))).to.deep.equal([1000, 3500, 9500]);
  });

  it('ends soon after a short outage, whatever the waits were', () => {
    for (let seed = 0; seed < 1000; seed++) {
      const delay = new ReconnectDelay(new SeededRandom(seed));
      let elapsedMs = 0;
      while (elapsedMs < 5000) elapsedMs += delay.next(0);
      expect(elapsedMs, `seed ${seed}`).to.be.at.most(10_000);
    }
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
