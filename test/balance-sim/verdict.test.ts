import { expect } from 'chai';
import { meanWithInterval } from './verdict.ts';

describe('meanWithInterval', () => {
  it('gives half of the 95% interval by the distribution of Student', () => {
    const { mean, interval } = meanWithInterval([1, 2, 3]);
    expect(mean).to.equal(2);
    expect(interval).to.be.closeTo(4.303 / Math.sqrt(3), 1e-9);
    expect(meanWithInterval(Array.from({ length: 100 }, (_, i) => i % 2)).interval).to.be.closeTo(
      (1.96 * Math.sqrt(25 / 99)) / 10,
      1e-9,
    );
  });

  it('knows none of a single value', () => {
    expect(meanWithInterval([7])).to.deep.equal({ mean: 7, interval: Number.NaN });
  });
});
