import { expect } from 'chai';
import type { Candidate } from '../../../src/balancing/candidate.ts';
import { randomPick } from '../../../src/balancing/random.ts';
import { candidate } from './simulation.ts';

/** A balancer over a, b and c of weights 1, 2 and 4, for which these numbers are drawn in turn. */
function drawing(...numbers: number[]) {
  const values = numbers.values();
  const random = { next: () => values.next().value as number, i32: () => 0, u32: () => 0 };
  const endpoints = [candidate('a', 1), candidate('b', 2), candidate('c', 4)];
  const balancer = randomPick(endpoints, random);
  return (...excluded: string[]) => {
    const tried = new Set(endpoints.filter(({ address }) => excluded.includes(address)));
    const picked = balancer.pick(0, excluded.length === 0 ? null : tried, '');
    return picked === null ? null : String(balancer.explain(picked as Candidate, 0, ''));
  };
}

describe('random', () => {
  it('explains a pick by the weight of the endpoint and of all that it could take', () => {
    const explain = drawing(0, 0.9, 0.5);
    expect(explain()).to.equal('a was taken at random, with weight 1 of 7');
    expect(explain()).to.equal('c was taken at random, with weight 4 of 7');
    expect(explain()).to.equal('c was taken at random, with weight 4 of 7');
  });

  it('counts the weight of excluded endpoints out, and in again for the next pick', () => {
    const explain = drawing(0.5, 0.9, 0, 0.5, 0.1);
    expect(explain('b')).to.equal('a was taken at random, with weight 1 of 5');
    expect(explain('a', 'c')).to.equal('b was taken at random, with weight 2 of 2');
    expect(explain('a', 'b', 'c')).to.equal(null);
    expect(explain()).to.equal('c was taken at random, with weight 4 of 7');
  });
});
