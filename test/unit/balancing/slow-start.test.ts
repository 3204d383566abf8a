import { expect } from 'chai';
import { slowStartFactor, slowStartStepMs } from '../../../src/balancing/slow-start.ts';

describe('slowStartFactor', () => {
  const linear = { windowMs: 10_000, aggression: 1 };

  it('grows in a straight line, from a tenth', () => {
    expect([0, 500, 1000, 2500, 5000, 9999].map((ms) => slowStartFactor(linear, ms))).to.deep.equal([
      0.1, 0.1, 0.1, 0.25, 0.5, 0.9999,
    ]);
    expect(slowStartFactor(linear, 10_000)).to.equal(1);
    expect(slowStartFactor(linear, 1e9)).to.equal(1);
  });

  it('grows faster at first with an aggression above 1, slower below', () => {
    expect(slowStartFactor({ ...linear, aggression: 2 }, 2500)).to.equal(0.5);
    expect(slowStartFactor({ ...linear, aggression: 0.5 }, 5000)).to.equal(0.25);
  });

  it('takes fifty steps, of 50 ms or more', () => {
    expect(slowStartStepMs(linear)).to.equal(200);
    expect(slowStartStepMs({ ...linear, windowMs: 100 })).to.equal(50);
  });
});
