import { expect } from 'chai';
import { ownGoals } from './goals.ts';
import { reportGoals } from './report-goals.ts';
import { honestReports } from './scenario.ts';
import { tellSeed, testSeed } from './seed.ts';
import { holds, type Verdict } from './verdict.ts';

/** In a bounded form: fewer cases, one seed. `make balance-sim` has them all. */
const extent = { seeds: [testSeed], calls: 150_000, reports: honestReports, short: true };
const goals = [...ownGoals, ...reportGoals];

const told = ({ goal, figure, limit, unit }: Verdict): string =>
  `${goal} ${figure.toFixed(3)}, limit ${limit} ${unit}`;

describe('the goals of balancing, simulated', () => {
  tellSeed();

  const facts = [
    'with one sidecar the p99 is that of the shortest queue',
    'a replica that fails at once gets next to no calls, and is back soon after',
    'errors everywhere cost nothing',
    'a slow replica of ten hardly shows, and is back soon after',
    'a cold replica of ten is not swamped with slow start',
    'a slow replica of three shows no more than behind HAProxy or Envoy',
    'with reports a hundred sidecars are nearly one, and a slow replica does not show',
    'with reports nobody has to configure which replica is slow',
    'reports that are late, false or missing do no harm',
  ];
  for (const [i, fact] of facts.entries()) {
    it(fact, () => {
      const missed = goals[i](extent).filter((verdict) => !holds(verdict));
      expect(missed.map(told)).to.deep.equal([]);
    });
  }

  it('leave out none', () => {
    expect(facts.length).to.equal(goals.length);
  });
});
