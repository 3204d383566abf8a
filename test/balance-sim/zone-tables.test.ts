import { expect } from 'chai';
import { otherZones } from './report.ts';
import { networkMsBetween, scenario } from './scenario.ts';
import { tellSeed, testSeed } from './seed.ts';
import { cell } from './tables.ts';
import { unevenZones, zoneTables } from './zone-tables.ts';

describe('zones in the balancing simulator', () => {
  tellSeed();

  it('are further from each other than what is in them', () => {
    const one = scenario({ sidecars: 10, zones: unevenZones(10) });
    // Eight sidecars are in zone 0, replicas alternate.
    expect([0, 1].map((replica) => networkMsBetween(one, 0, replica))).to.deep.equal([0.1, 1]);
    expect([0, 1].map((replica) => networkMsBetween(one, 9, replica))).to.deep.equal([1, 0.1]);
    expect(networkMsBetween(scenario({}), 0, 1)).to.equal(0.1);
  });

  it('show that a zone with too many callers is overloaded unless they know of the load of the other', () => {
    const table = zoneTables(40_000)[0];
    const column = table.columns.find(({ name }) => name === 'load 0.7')!;
    const [alone, learning] = ['least_request, own counts', 'own zone + 4'].map((name) =>
      cell(column, table.policies.find((policy) => policy.name === name)!, [testSeed]),
    );
    expect(alone.otherZoneShare).to.equal(0);
    expect(alone.p99Ms).to.be.above(100);
    expect(learning.p99Ms).to.be.below(12);
    expect(learning.otherZoneShare).to.be.within(0.08, 0.25);
    const filled = {
      table: { ...table, columns: [column], policies: table.policies.slice(0, 1) },
      cells: [[learning]],
    };
    expect(otherZones(filled)).to.match(/\| +\d+\.\d \|$/);
  });
});
