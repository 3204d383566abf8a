import { expect } from 'chai';
import { multiples, shares } from './report.ts';
import { faultTables, healthyTables } from './report-tables.ts';
import { tellSeed, testSeed } from './seed.ts';
import { type Cell, cell, type Table } from './tables.ts';

function cellOf(table: Table, columnName: string, policyName: string): Cell {
  const column = table.columns.find(({ name }) => name === columnName)!;
  return cell(column, table.policies.find(({ name }) => name === policyName)!, [testSeed]);
}

describe('the tables of reported load', () => {
  tellSeed();

  it('show what reports bring a hundred sidecars, used once', () => {
    const table = healthyTables(60_000).find(({ name }) => name === 'exponential-0.85')!;
    const [once, own, best] = ['used once', 'least_request, own counts', 'JSQ'].map(
      (policy) => cellOf(table, '100, 10', policy).p99Ms,
    );
    expect(once / best).to.be.below(1.2);
    expect(own / best).to.be.above(1.3);
  });

  it('show why that does not do: a replica that says 0 makes it several times worse than no reports', () => {
    const table = faultTables().find(({ name }) => name === 'faults-100-10')!;
    const [once, own] = ['used once', 'least_request, own counts'].map((policy) =>
      cellOf(table, 'one says 0', policy),
    );
    expect(once.p99Ms).to.be.above(3 * own.p99Ms);
    expect(once.troubledShare).to.be.above(1.1);
    expect(own.troubledShare).to.be.closeTo(1, 0.02);
  });

  it('have multiples of the policy that they name, and shares of the first replica', () => {
    const table = { ...faultTables()[0], relativeTo: 'b' };
    const filled = {
      table: {
        ...table,
        columns: table.columns.slice(0, 1),
        policies: ['a', 'b'].map((name) => ({ name, build: () => [] })),
      },
      cells: [[{ p99Ms: 3, troubledShare: 0.5 } as Cell], [{ p99Ms: 2, troubledShare: 1 } as Cell]],
    };
    expect(multiples(filled)).to.match(/\| a +\| +1\.500 \|\n\| b +\| +1\.000 \|$/);
    expect(shares(filled)).to.match(/\| a +\| +0\.500 \|\n\| b +\| +1\.000 \|$/);
  });
});
