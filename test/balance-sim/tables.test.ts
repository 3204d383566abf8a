import { expect } from 'chai';
import { referenceP99 } from './reference.ts';
import { run } from './run.ts';
import { scenario } from './scenario.ts';
import { tellSeed, testSeed } from './seed.ts';
import { cell, tables } from './tables.ts';

const all = tables(300_000);
const tableOf = (name: string) => all.find((table) => table.name === name)!;
const policyOf = (table: string, name: string) =>
  tableOf(table).policies.find((policy) => policy.name === name)!;

/** A p99 of one seed strays by 3% where it was tried; the reference has its own noise. */
const tolerance = 0.06;

describe('the tables of the balancing simulator', () => {
  tellSeed();

  for (const policy of ['P2C with replacement', 'least_request', 'JSQ']) {
    it(`have the p99 of another simulator within 6%: ${policy}`, () => {
      for (const [i, column] of tableOf('exponential').columns.slice(0, 4).entries()) {
        const { p99Ms } = cell(column, policyOf('exponential', policy), [testSeed]);
        const reference = referenceP99.exponential[policy][i];
        expect(p99Ms, column.name).to.be.closeTo(reference, tolerance * reference);
      }
    });
  }

  it('show the trap that the penalty closes: a fast-failing replica of ten gets 31% of the calls without it', () => {
    const column = tableOf('failing').columns.find(({ name }) => name === '1, 10')!;
    const without = cell(column, policyOf('failing', 'least_request, no penalty'), [testSeed]);
    expect(without.errorShare).to.be.closeTo(0.31, 0.02);
    const two = cell(column, policyOf('failing', 'choices 2, no penalty'), [testSeed]);
    expect(two.errorShare).to.be.closeTo(0.18, 0.02);
  });
});

describe('a simulated run', () => {
  tellSeed();

  it('is the same again for a seed, call for call', () => {
    const one = scenario({ sidecars: 3, replicas: 5, calls: 5000, errorShare: 0.1 });
    const policy = policyOf('exponential', 'least_request');
    const [first, again, other] = [testSeed, testSeed, testSeed + 1].map((seed) => run(one, policy, seed));
    expect(again.latencyMs).to.deep.equal(first.latencyMs);
    expect(again.replicaOf).to.deep.equal(first.replicaOf);
    expect(other.latencyMs).not.to.deep.equal(first.latencyMs);
  });

  it('has the same arrivals and the same luck for every policy', () => {
    const one = scenario({ sidecars: 3, replicas: 5, calls: 5000, errorShare: 0.1 });
    const [a, b] = ['random', 'JSQ'].map((name) => run(one, policyOf('exponential', name), testSeed));
    expect(a.arrivedMs).to.deep.equal(b.arrivedMs);
    expect(a.failed).to.deep.equal(b.failed);
    expect(a.replicaOf).not.to.deep.equal(b.replicaOf);
  });
});
