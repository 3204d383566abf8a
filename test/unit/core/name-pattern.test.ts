import { expect } from 'chai';
import fc from 'fast-check';
import { namePattern } from '../../../src/core/name-pattern.ts';

describe('core/name-pattern', () => {
  it('matches whole names in any case, one of several patterns', () => {
    expect(namePattern('Orders')('orders')).to.equal(true);
    expect(namePattern('orders')('orders-canary')).to.equal(false);
    expect(namePattern('a, b')('b')).to.equal(true);
    expect(namePattern('')('')).to.equal(false);
  });

  it('takes * for any text, also none', () => {
    expect(namePattern('orders*')('orders')).to.equal(true);
    expect(namePattern('*.svc/*')('shop.svc/Get')).to.equal(true);
    expect(namePattern('a*a')('a')).to.equal(false);
    expect(namePattern('*')('')).to.equal(true);
    expect(namePattern('a*b*c')('a-c-b')).to.equal(false);
  });

  it('agrees with the regular expression of the same meaning', () => {
    const letters = fc.string({ unit: fc.constantFrom('a', 'b', '*'), minLength: 1, maxLength: 8 });
    fc.assert(
      fc.property(letters, fc.string({ unit: fc.constantFrom('a', 'b'), maxLength: 8 }), (pattern, name) => {
        const expected = new RegExp(`^${pattern.replaceAll('*', '.*')}$`).test(name);
        expect(namePattern(pattern)(name)).to.equal(expected);
      }),
    );
  });

  it('takes time that grows with the length only', () => {
    expect(namePattern('*a'.repeat(2000))('a'.repeat(50_000).concat('b'))).to.equal(false);
  });
});
