import { expect } from 'chai';
import { measure } from './measure.ts';
import { tellSeed, testSeed } from './seed.ts';
import { erlangC, textbookCases } from './textbook.ts';

/** At so many calls; `make balance-sim` runs ten times as many and allows 1%. */
const calls = 600_000;
const tolerance = 0.05;

describe('the balancing simulator agrees with what can be computed, within 5%', () => {
  tellSeed();

  for (const { name, scenario, policy, figures } of textbookCases(calls)) {
    it(`${name}: ${figures.map((figure) => figure.name).join(' and ')}`, () => {
      const summary = measure(scenario, policy, [testSeed]);
      for (const { expectedMs, of } of figures)
        expect(of(summary)).to.be.closeTo(expectedMs, tolerance * expectedMs);
    });
  }

  it('where the probability to wait is that of the tables: 2 workers at 0.5 a third, 10 workers at 0.8 41%', () => {
    expect(erlangC(1, 0.7)).to.be.closeTo(0.7, 1e-12);
    expect(erlangC(2, 1)).to.be.closeTo(1 / 3, 1e-12);
    expect(erlangC(10, 8)).to.be.closeTo(0.4092, 1e-4);
  });
});
