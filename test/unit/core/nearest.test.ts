import { expect } from 'chai';
import fc from 'fast-check';
import { editDistance, nearestName } from '../../../src/core/nearest.ts';

const keys = ['name', 'listen', 'routes', 'cluster', 'timeout', 'endpoints'];

describe('core/nearest', () => {
  it('finds what was mistyped', () => {
    const found = ['nmae', 'lsiten', 'route', 'clutser', 'timeoutMs', 'Endpoint'].map((key) =>
      nearestName(key, keys),
    );
    expect(found).to.deep.equal(['name', 'listen', 'routes', 'cluster', 'timeout', 'endpoints']);
  });

  it('finds nothing where nothing is near', () => {
    for (const key of ['retry', 'x', '', 'toString', 'n'.repeat(1000)])
      expect(nearestName(key, keys)).to.equal(undefined);
  });

  it('a swap of neighbours is one step', () => {
    expect(editDistance('lsiten', 'listen')).to.equal(1);
    expect(editDistance('kitten', 'sitting')).to.equal(3);
    expect(editDistance('', 'abc')).to.equal(3);
  });

  it('distance is symmetric, and zero only for equals', () => {
    const word = fc.string({ maxLength: 12 });
    fc.assert(
      fc.property(word, word, (a, b) => {
        expect(editDistance(a, b)).to.equal(editDistance(b, a));
        expect(editDistance(a, b) === 0).to.equal(a === b);
      }),
    );
  });
});
