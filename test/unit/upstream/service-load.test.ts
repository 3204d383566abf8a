import { expect } from 'chai';
import { ServiceLoad } from '../../../src/upstream/service-load.ts';

describe('upstream/service-load', () => {
  it('averages the time to begin a reply, each new one with a tenth', () => {
    const load = new ServiceLoad(0, 0);
    expect(load.latencyMs).to.equal(-1);
    load.replied(10);
    load.replied(20);
    expect(load.latencyMs).to.be.closeTo(11, 1e-9);
  });

  it('counts errors over the last ten to twenty seconds', () => {
    const load = new ServiceLoad(5, 1000);
    expect(load.errorsPerSecond(5, 1000)).to.equal(0);
    expect(load.errorsPerSecond(9, 5000), 'four in four seconds').to.equal(1);
    expect(load.errorsPerSecond(25, 11_000)).to.equal(2);
    expect(load.errorsPerSecond(25, 21_000), 'none since the second span began').to.equal(0);
    expect(load.errorsPerSecond(45, 26_000)).to.be.closeTo(20 / 15, 1e-9);
  });
});
