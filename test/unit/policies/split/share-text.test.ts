import { expect } from 'chai';
import { shareText } from '../../../../src/policies/split/share-text.ts';

describe('policies/split/share-text', () => {
  it('has the share of the requests, their number and the share by weight, with one decimal place at most', () => {
    expect(shareText(61, 1265, 0.05)).to.equal('4.8% of requests (61), 5% by weight');
    expect(shareText(1204, 1265, 2 / 3)).to.equal('95.2% of requests (1,204), 66.7% by weight');
  });

  it('says that there is no request yet', () => {
    expect(shareText(0, 0, 1)).to.equal('no request yet, 100% by weight');
  });

  it('says 0% and 100% only where they are exact', () => {
    expect(shareText(0, 5000, 0)).to.equal('0% of requests (0), 0% by weight');
    expect(shareText(5000, 5000, 0.0001)).to.equal('100% of requests (5,000), <0.1% by weight');
    expect(shareText(4999, 5000, 0.9999)).to.equal('>99.9% of requests (4,999), >99.9% by weight');
    expect(shareText(1, 5000, 0.9995)).to.equal('<0.1% of requests (1), >99.9% by weight');
  });
});
