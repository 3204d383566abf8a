import { expect } from 'chai';
import { compileSafeRegex } from '../../../src/routing/safe-regex.ts';
import { StateBudget } from '../../../src/routing/state-budget.ts';

describe('routing/state-budget', () => {
  const holder = () => {
    const made = { drops: 0, dropStates: () => void made.drops++ };
    return made;
  };

  it('asks every holder to forget when it is used up, and begins again', () => {
    const budget = new StateBudget(100);
    const [one, two] = [holder(), holder()];
    for (let round = 1; round <= 3; round++) {
      budget.take(one, 60);
      if (round === 1) expect(one.drops).to.equal(0);
      budget.take(two, 40);
      budget.take(two, 1);
      expect(one.drops + two.drops).to.be.greaterThan(round - 1);
      expect(budget.bytes).to.be.within(1, 100);
    }
  });

  it('takes back what a holder gives, and nothing of one that was made to forget', () => {
    const budget = new StateBudget(100);
    const [one, two] = [holder(), holder()];
    budget.take(one, 60);
    budget.give(one, 60);
    expect(budget.bytes).to.equal(0);
    budget.take(one, 60);
    budget.take(two, 60);
    expect(one.drops).to.equal(1);
    budget.give(one, 60);
    expect(budget.bytes).to.equal(60);
  });

  it('bounds what many patterns keep together, and no verdict changes when they forget', () => {
    const budget = new StateBudget(30_000);
    const patterns = Array.from({ length: 50 }, (_, i) => `/(a|b)*${i}(a|b)?`);
    const regexes = patterns.map((pattern) => compileSafeRegex(pattern, budget).value);
    for (let round = 0; round < 12; round++) {
      patterns.forEach((pattern, i) => {
        for (const text of [`/abab${i}`, `/${i}b`, `/ba${i}ab`]) {
          expect(regexes[i]?.matches(text)).to.equal(new RegExp(`^(?:${pattern})$`).test(text));
          expect(budget.bytes).to.be.within(0, 30_000);
        }
      });
    }
    expect(budget.bytes).to.be.greaterThan(0);
  });

  it('has the memory of a pattern back when that begins with no states', () => {
    const budget = new StateBudget();
    const regex = compileSafeRegex('(a|b)*a(a|b){9}', budget).value;
    let most = 0;
    for (let n = 0; n < 4096; n++) {
      regex?.matches([...n.toString(2).padStart(14, '0')].map((bit) => 'ab'[Number(bit)]).join(''));
      most = Math.max(most, budget.bytes);
    }
    // Up to 128 sets of this pattern, however often it began again.
    expect(most).to.be.within(10_000, 129 * 400);
  });
});
