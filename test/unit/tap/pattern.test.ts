import { expect } from 'chai';
import fc from 'fast-check';
import { matchesGlob, matchesMethod } from '../../../src/tap/pattern.ts';

describe('tap: patterns', () => {
  it('match any characters where they have a *', () => {
    expect(matchesGlob('10.0.*', '10.0.3.4:80')).to.equal(true);
    expect(matchesGlob('*:80', '10.0.3.4:80')).to.equal(true);
    expect(matchesGlob('10.*.4:*', '10.0.3.4:80')).to.equal(true);
    expect(matchesGlob('10.0', '10.0.3.4:80')).to.equal(false);
    expect(matchesGlob('ab*ba', 'aba'), 'the ends do not overlap').to.equal(false);
    expect(matchesGlob('*ab*ab', 'xab'), 'nor does a part with the end').to.equal(false);
  });

  it('match as the regular expression that they stand for', () => {
    const part = fc.constantFrom('a', 'b', 'ab', '.', '');
    fc.assert(
      fc.property(fc.array(part), fc.array(part), (parts, text) => {
        const pattern = parts.join('*');
        const expected = new RegExp(`^${parts.map((p) => p.replaceAll('.', '\\.')).join('.*')}$`).test(
          text.join(''),
        );
        expect(matchesGlob(pattern, text.join(''))).to.equal(
          parts.length === 0 ? text.join('') === '' : expected,
        );
      }),
    );
  });

  it('name a method, a service or a path', () => {
    const path = '/shop.v1.Orders/Get';
    for (const pattern of [
      path,
      'shop.v1.Orders/Get',
      'Orders/Get',
      'Get',
      'shop.v1.Orders',
      'Orders',
      '*Orders/*',
      'shop.*',
    ])
      expect(matchesMethod(pattern, path), pattern).to.equal(true);
    for (const pattern of ['ders', 'shop.v1', 'Ge', '/Get', 'rs/Get', 'v1.Orders/Ge', '/shop.v1.Orders', ''])
      expect(matchesMethod(pattern, path), pattern).to.equal(false);
  });

  it('do not see the query of a path', () => {
    expect(matchesMethod('/v1/carts', '/v1/carts?user=1')).to.equal(true);
    expect(matchesMethod('/v1/*', '/v1/carts?user=1')).to.equal(true);
  });
});
