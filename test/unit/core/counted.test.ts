import { expect } from 'chai';
import { counted } from '../../../src/core/counted.ts';

describe('core/counted', () => {
  it('has the noun in the number that the count needs', () => {
    expect([0, 1, 2].map((count) => counted(count, 'call'))).to.deep.equal(['0 calls', '1 call', '2 calls']);
  });
});
