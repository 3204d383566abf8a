import { expect } from 'chai';
import { type Deadline, deadlineWithin } from '../../../src/call/deadline.ts';
import { VirtualClock } from '../../../src/core/clock.ts';

/** A deadline `withinMs` from now, on a clock whose first timer fires `earlyMs` early. */
function setUp(withinMs: number, earlyMs = 0) {
  const clock = new VirtualClock();
  clock.advance(500);
  const after = clock.after.bind(clock);
  clock.after = (ms, callback) => {
    clock.after = after;
    return after(ms - earlyMs, callback);
  };
  const passed: number[] = [];
  const deadline = deadlineWithin(clock, clock.now(), withinMs, () => void passed.push(clock.now()));
  return { clock, passed, deadline: deadline as Deadline };
}

describe('call/deadline', () => {
  it('passes once, when its time is over', () => {
    const { clock, passed } = setUp(100);
    clock.advance(99);
    expect(passed).to.deep.equal([]);
    clock.advance(1000);
    expect(passed).to.deep.equal([600]);
  });

  it('believes a timer that fires up to 2 ms early, and waits on after one that fires earlier', () => {
    const slack = setUp(100, 2);
    slack.clock.advance(1000);
    expect(slack.passed).to.deep.equal([598]);
    const early = setUp(100, 3);
    early.clock.advance(1000);
    expect(early.passed).to.deep.equal([600]);
  });

  it('is near enough for the timer of a server 2 ms before it passes', () => {
    const { deadline } = setUp(100);
    expect([597, 598, 600, 700].map((nowMs) => deadline.isAt(nowMs))).to.deep.equal([
      false,
      true,
      true,
      true,
    ]);
  });

  it('that is cancelled does not pass, and one that is infinite is none', () => {
    const { clock, passed, deadline } = setUp(100);
    deadline.cancel();
    clock.advance(1000);
    expect(passed).to.deep.equal([]);
    expect(setUp(Number.POSITIVE_INFINITY).deadline).to.equal(null);
  });
});
