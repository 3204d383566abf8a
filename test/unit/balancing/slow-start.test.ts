import { expect } from 'chai';
import fc from 'fast-check';
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

  it('has the least weight that is configured', () => {
    expect(slowStartFactor({ ...linear, minWeightPercent: 25 }, 1)).to.equal(0.25);
    expect(slowStartFactor({ ...linear, minWeightPercent: 1 }, 1)).to.equal(0.01);
    expect(slowStartFactor({ ...linear, minWeightPercent: 100 }, 1)).to.equal(1);
  });

  /** gRFC A100, "Example Implementation", in seconds. */
  const byGrfc = (sinceReady: number, window: number, aggression: number, minPercent: number): number => {
    if (sinceReady >= window) return 1;
    const timeFactor = Math.max(sinceReady, 1) / window;
    return Math.max(minPercent / 100, timeFactor ** (1 / aggression));
  };

  it('is the scale of gRFC A100 from the first second on, and no more than that before', () => {
    const settings = fc.record({
      windowMs: fc.integer({ min: 1000, max: 3_600_000 }),
      aggression: fc.double({ min: 0.1, max: 100, noNaN: true }),
      minWeightPercent: fc.double({ min: 1, max: 100, noNaN: true }),
    });
    fc.assert(
      fc.property(settings, fc.integer({ min: 0, max: 4_000_000 }), (one, forMs) => {
        const { windowMs, aggression, minWeightPercent } = one;
        const scale = byGrfc(forMs / 1000, windowMs / 1000, aggression, minWeightPercent);
        if (forMs >= 1000) expect(slowStartFactor(one, forMs)).to.be.closeTo(scale, 1e-9);
        else expect(slowStartFactor(one, forMs)).to.be.at.most(scale);
      }),
    );
  });

  it('takes fifty steps, of 50 ms or more', () => {
    expect(slowStartStepMs(linear)).to.equal(200);
    expect(slowStartStepMs({ ...linear, windowMs: 100 })).to.equal(50);
  });
});
