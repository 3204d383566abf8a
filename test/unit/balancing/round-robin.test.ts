import { expect } from 'chai';
import type { Candidate } from '../../../src/balancing/candidate.ts';
import { roundRobin } from '../../../src/balancing/round-robin.ts';
import { SeededRandom } from '../../../src/core/random.ts';
import { candidate } from './simulation.ts';

describe('round_robin', () => {
  it('visits equal endpoints in turn', () => {
    const balancer = roundRobin(
      ['a', 'b', 'c'].map((address) => candidate(address)),
      new SeededRandom(1),
    );
    const turn = Array.from({ length: 3 }, () => balancer.pick(0, null, '')?.address);
    expect(new Set(turn).size).to.equal(3);
    for (let i = 0; i < 30; i++) expect(balancer.pick(0, null, '')?.address).to.equal(turn[i % 3]);
  });

  it('is exact over a cycle and sends no bursts', () => {
    for (let seed = 0; seed < 50; seed++) {
      const weights = [5, 1, 1];
      const endpoints = weights.map((weight, i) => candidate(`${i}`, weight));
      const balancer = roundRobin(endpoints, new SeededRandom(seed));
      const order = Array.from({ length: 70 }, () => Number(balancer.pick(0, null, '')?.address));
      for (const [i, weight] of weights.entries()) {
        expect(order.filter((picked) => picked === i).length, `seed ${seed}`).to.be.closeTo(weight * 10, 1);
      }
      // Five of seven: never more than four in a row, wherever the cycle begins.
      expect(order.join(''), `seed ${seed}`).not.to.match(/0{5}/);
    }
  });

  it('begins anywhere, so rebuilt balancers do not all begin with the same endpoint', () => {
    const firsts = new Set<string | undefined>();
    for (let seed = 0; seed < 50; seed++) {
      const balancer = roundRobin(
        ['a', 'b', 'c'].map((address) => candidate(address)),
        new SeededRandom(seed),
      );
      firsts.add(balancer.pick(0, null, '')?.address);
    }
    expect(firsts.size).to.equal(3);
  });

  it('gives no burst to an endpoint that was excluded for a while', () => {
    const endpoints = ['a', 'b', 'c'].map((address) => candidate(address));
    const balancer = roundRobin(endpoints, new SeededRandom(1));
    for (let i = 0; i < 100; i++) balancer.pick(0, new Set([endpoints[0]]), '');
    const after = Array.from({ length: 6 }, () => balancer.pick(0, null, '')?.address);
    expect(after.filter((address) => address === 'a').length).to.be.at.most(3);
  });

  it('begins with no more credit than an endpoint of its weight may have', () => {
    for (let seed = 0; seed < 20; seed++) {
      const endpoints = [0.5, 0.1, 0.1].map((weight, i) => candidate(`${i}`, weight));
      const balancer = roundRobin(endpoints, new SeededRandom(seed));
      const order = Array.from({ length: 14 }, () => balancer.pick(0, null, '')?.address).join('');
      expect(order, `seed ${seed}`).not.to.match(/0{5}|1{2}|2{2}/);
    }
    // Two heavy endpoints: the first one depends on chance, though the weights differ.
    const firsts = Array.from({ length: 50 }, (_, seed) => {
      const endpoints = [candidate('a', 100), candidate('b', 99)];
      return roundRobin(endpoints, new SeededRandom(seed)).pick(0, null, '')?.address;
    });
    expect(new Set(firsts).size).to.equal(2);
  });

  describe('explains a pick', () => {
    /** Endpoints a, b and c of weight 1 that begin with these credits. */
    const beginning = (...credits: number[]) => {
      const values = credits.values();
      const random = { next: () => values.next().value as number, i32: () => 0, u32: () => 0 };
      const endpoints = ['a', 'b', 'c'].map((address) => candidate(address));
      const balancer = roundRobin(endpoints, random);
      return (...excluded: string[]) => {
        const tried = new Set(endpoints.filter(({ address }) => excluded.includes(address)));
        const picked = balancer.pick(0, tried, '') as Candidate;
        return String(balancer.explain(picked, 0, ''));
      };
    };
    const had = (most: string, credit: number, other: string, second: number) =>
      `${most} had the most credit in the weighted round robin (${credit} with weight 1, next best ${second} with weight 1 at ${other})`;

    it('by the credits of the picked endpoint and the next best, in whatever order they stand', () => {
      const orders = [
        [0.1, 0.5, 0.9],
        [0.1, 0.9, 0.5],
        [0.5, 0.1, 0.9],
        [0.5, 0.9, 0.1],
        [0.9, 0.1, 0.5],
        [0.9, 0.5, 0.1],
      ];
      for (const credits of orders) {
        const nameOf = (credit: number) => 'abc'[credits.indexOf(credit)];
        expect(beginning(...credits)()).to.equal(had(nameOf(0.9), 1.9, nameOf(0.5), 1.5));
      }
    });

    it('by what each paid for the picks before', () => {
      const explain = beginning(0.9, 0.5, 0.1);
      expect(explain()).to.equal(had('a', 1.9, 'b', 1.5));
      expect(explain()).to.equal(had('b', 2.5, 'c', 2.1));
      expect(explain()).to.equal(had('c', 3.1, 'a', 0.9));
    });

    it('as the only choice where the others are excluded', () => {
      const explain = beginning(0.9, 0.5, 0.1);
      expect(explain('a', 'c')).to.equal('b was the only choice of the round robin (weight 1)');
      expect(explain('b')).to.equal(had('a', 1.9, 'c', 1.1));
    });
  });
});
