import { expect } from 'chai';
import { pluralize } from '../../../src/core/pluralize.ts';

describe('core/pluralize', () => {
  it('has the noun in the number that the count needs', () => {
    expect([0, 1, 2].map((count) => pluralize(count, 'call'))).to.deep.equal([
      '0 calls',
      '1 call',
      '2 calls',
    ]);
  });
});
