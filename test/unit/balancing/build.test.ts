import { expect } from 'chai';
import { buildBalancer, defaultBalancerSettings, policyNames } from '../../../src/balancing/build.ts';
import { SeededRandom } from '../../../src/core/random.ts';
import { balancerContract } from '../../contract/balancer.ts';
import { candidate } from './simulation.ts';

for (const policy of policyNames) {
  balancerContract({
    name: policy,
    build: (endpoints, random) => buildBalancer(endpoints, { ...defaultBalancerSettings, policy }, random),
    sharesWhen: policy === 'peak_ewma' ? 'busy' : 'idle',
  });
}
for (const choices of [1, 2, 3, 5]) {
  balancerContract({
    name: `least_request with ${choices} choices`,
    build: (endpoints, random) => buildBalancer(endpoints, { ...defaultBalancerSettings, choices }, random),
  });
}

balancerContract({
  name: 'least_request with a bias of 2',
  build: (endpoints, random) => buildBalancer(endpoints, { ...defaultBalancerSettings, bias: 2 }, random),
  sharesWhen: 'idle',
});
balancerContract({
  name: 'least_request with the slow guard',
  build: (endpoints, random) =>
    buildBalancer(endpoints, { ...defaultBalancerSettings, slowGuard: true }, random),
});

describe('buildBalancer', () => {
  for (const policy of policyNames) {
    it(`${policy} uses the lowest-numbered priority that has usable endpoints, and no other`, () => {
      const settings = { ...defaultBalancerSettings, policy };
      const endpoints = [candidate('spare', 1, 2), candidate('a', 1, 1), candidate('b', 1, 1)];
      const balancer = buildBalancer(endpoints, settings, new SeededRandom(1));
      expect(balancer.endpoints.map((e) => e.address)).to.deep.equal(['a', 'b']);
      const excluded = new Set([endpoints[1], endpoints[2]]);
      expect(balancer.pick(0, excluded, '')).to.equal(null);
    });
  }
});
