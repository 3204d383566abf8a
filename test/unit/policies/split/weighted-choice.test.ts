import { expect } from 'chai';
import { SeededRandom } from '../../../../src/core/random.ts';
import { WeightedChoice } from '../../../../src/policies/split/weighted-choice.ts';

const choiceOf = (weights: Readonly<Record<string, number>>) =>
  new WeightedChoice(Object.entries(weights).map(([name, weight]) => ({ name, weight })));

const keys = Array.from({ length: 20_000 }, (_, i) => `user-${i}`);

/** How many keys each name gets. */
function sharesOf(names: readonly string[]): Record<string, number> {
  const shares: Record<string, number> = {};
  for (const name of names) shares[name] = (shares[name] ?? 0) + 1 / names.length;
  return shares;
}

const byKey = (weights: Readonly<Record<string, number>>): string[] => {
  const choice = choiceOf(weights);
  return keys.map((key) => choice.byKey(key).name);
};

describe('a choice by weight', () => {
  it('at random gives each its share, and nothing to a weight of 0', () => {
    const choice = choiceOf({ none: 0, a: 70, b: 25, c: 5, last: 0 });
    const random = new SeededRandom(7);
    const shares = sharesOf(keys.map(() => choice.atRandom(random).name));
    expect(Object.keys(shares).sort()).to.deep.equal(['a', 'b', 'c']);
    // Six standard deviations of 20,000 draws.
    expect(shares.a).to.be.closeTo(0.7, 0.02);
    expect(shares.b).to.be.closeTo(0.25, 0.02);
    expect(shares.c).to.be.closeTo(0.05, 0.01);
  });

  it('by key gives each its share of the keys, and nothing to a weight of 0', () => {
    const shares = sharesOf(byKey({ none: 0, a: 70, b: 25, c: 5 }));
    expect(Object.keys(shares).sort()).to.deep.equal(['a', 'b', 'c']);
    expect(shares.a).to.be.closeTo(0.7, 0.02);
    expect(shares.b).to.be.closeTo(0.25, 0.02);
    expect(shares.c).to.be.closeTo(0.05, 0.01);
  });

  it('by key does not depend on the order, nor on the scale of the weights', () => {
    expect(byKey({ b: 5, a: 95 })).to.deep.equal(byKey({ a: 95, b: 5 }));
    expect(byKey({ a: 190, b: 10 })).to.deep.equal(byKey({ a: 95, b: 5 }));
  });

  it('moves keys to a cluster whose weight grows and no others, as many as its share grows', () => {
    const before = byKey({ a: 60, b: 35, c: 5 });
    const after = byKey({ a: 60, b: 35, c: 15 });
    const moved = keys.map((_, i) => [before[i], after[i]]).filter(([from, to]) => from !== to);
    expect(moved.every(([, to]) => to === 'c')).to.equal(true);
    expect(moved.length / keys.length).to.be.closeTo(15 / 110 - 5 / 100, 0.01);
  });

  it('moves 5% of the keys from 95:5 to 90:10, all in one direction', () => {
    const before = byKey({ stable: 95, canary: 5 });
    const after = byKey({ stable: 90, canary: 10 });
    const moved = keys.map((_, i) => [before[i], after[i]]).filter(([from, to]) => from !== to);
    expect(moved.every(([from]) => from === 'stable')).to.equal(true);
    expect(moved.length / keys.length).to.be.closeTo(0.05, 0.01);
  });

  it('by key is one where there is only one', () => {
    expect(new Set(byKey({ a: 1 }))).to.deep.equal(new Set(['a']));
  });
});
