import { expect } from 'chai';
import { simulate } from './simulation.ts';

/** `make sim` runs as many as there is time for; these are for every change. */
const seeds = Number(process.env.SIM_SEEDS ?? 300);
const seedsPerTest = 50;
/** SIM_SEED begins elsewhere. */
const first = Number(process.env.SIM_SEED ?? 1);

describe('the simulation', function () {
  this.timeout(120_000);

  for (let from = first; from < first + seeds; from += seedsPerTest) {
    const to = Math.min(from + seedsPerTest, first + seeds) - 1;
    it(`keeps what it promises with seeds ${from} to ${to}`, () => {
      for (let seed = from; seed <= to; seed++) {
        const { violations, trace } = simulate(seed);
        const told = `seed ${seed} (node test/sim/main.ts --seed ${seed} --trace):\n${violations.join('\n')}`;
        if (violations.length > 0) expect.fail(`${told}\nthe last that happened:\n${trace.join('\n')}`);
      }
    });
  }

  it('is the same each time for a seed', () => {
    for (const seed of [first, first + 1, first + 2]) {
      const { hash, steps } = simulate(seed);
      const again = simulate(seed);
      expect({ hash: again.hash, steps: again.steps }, `seed ${seed}`).to.deep.equal({ hash, steps });
    }
  });

  it('differs from seed to seed', () => {
    expect(simulate(first).hash).not.to.equal(simulate(first + 1).hash);
  });
});
