import { expect } from 'chai';
import { VirtualClock } from '../../../src/core/clock.ts';
import { WarmUp, warmUpMsMax } from '../../../src/upstream/warm-up.ts';

describe('upstream/warm-up', () => {
  it('resumes those that wait when it ends, once', () => {
    const warmUp = new WarmUp(new VirtualClock());
    let resumed = 0;
    warmUp.wait(() => resumed++);
    warmUp.end();
    warmUp.end();
    expect([resumed, warmUp.lasts]).to.deep.equal([1, false]);
  });

  it('ends once, also where a call that it resumes ends it again', () => {
    const warmUp = new WarmUp(new VirtualClock());
    let resumed = 0;
    warmUp.wait(() => {
      resumed++;
      warmUp.end();
    });
    warmUp.end();
    expect(resumed).to.equal(1);
  });

  it('does not resume who has taken it back', () => {
    const warmUp = new WarmUp(new VirtualClock());
    let resumed = 0;
    warmUp.wait(() => resumed++)();
    warmUp.end();
    expect(resumed).to.equal(0);
  });

  it('ends by itself, and leaves no timer', () => {
    const clock = new VirtualClock();
    const warmUp = new WarmUp(clock);
    let resumed = 0;
    warmUp.wait(() => resumed++);
    expect(warmUpMsMax).to.equal(5000);
    clock.advance(4999);
    expect(resumed).to.equal(0);
    clock.advance(1);
    expect([resumed, warmUp.lasts, clock.pending]).to.deep.equal([1, false, 0]);
  });
});
