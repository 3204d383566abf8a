import { expect } from 'chai';
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
});
