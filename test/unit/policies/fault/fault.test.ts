import { expect } from 'chai';
import { SeededRandom } from '../../../../src/core/random.ts';
import { Fault } from '../../../../src/policies/fault/fault.ts';

describe('policies/fault', () => {
  const abort = (percent: number) => ({ percent, grpcStatus: null, httpStatus: null });

  it('hits the configured percentage', () => {
    const fault = new Fault({ delay: { percent: 10, ms: 50 }, abort: abort(1.5) }, new SeededRandom(3));
    let delayed = 0;
    let aborted = 0;
    for (let i = 0; i < 100_000; i++) {
      if (fault.drawDelayMs() === 50) delayed++;
      if (fault.drawAbort()) aborted++;
    }
    // Five standard deviations.
    expect(delayed).to.be.closeTo(10_000, 475);
    expect(aborted).to.be.closeTo(1500, 193);
  });

  it('0 is never and 100 always', () => {
    const random = new SeededRandom(3);
    const never = new Fault({ delay: { percent: 0, ms: 50 }, abort: abort(0) }, random);
    const always = new Fault({ delay: { percent: 100, ms: 50 }, abort: abort(100) }, random);
    const none = new Fault({ delay: null, abort: null }, random);
    for (let i = 0; i < 1000; i++) {
      expect([never.drawDelayMs(), never.drawAbort()]).to.deep.equal([0, false]);
      expect([always.drawDelayMs(), always.drawAbort()]).to.deep.equal([50, true]);
      expect([none.drawDelayMs(), none.drawAbort()]).to.deep.equal([0, false]);
    }
  });
});
