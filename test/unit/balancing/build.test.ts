import { expect } from 'chai';
import { affinityOf, buildBalancer, clientsChoose, latencyEstimator } from '../../../src/balancing/build.ts';
import { movingAverage } from '../../../src/balancing/latency.ts';
import { policyNames } from '../../../src/balancing/list.ts';
import { defaultBalancerSettings } from '../../../src/balancing/settings.ts';
import { HeaderBlock } from '../../../src/core/header-block.ts';
import { balancerContract } from '../../contract/balancer.ts';
import { candidate } from './simulation.ts';

/** A ring's points lie by chance: five standard deviations of what the points of one endpoint cover. */
const ringError = (share: number) => (5 * share) / Math.sqrt(defaultBalancerSettings.ringSize.perEndpoint);
/** A table is exact to an entry; the keys are not. */
const tableError = () => 0.001;

for (const policy of policyNames) {
  const hashes = policy === 'ring_hash' || policy === 'maglev' || policy === 'ip_hash';
  balancerContract({
    name: policy,
    build: (endpoints, random) => buildBalancer(endpoints, { ...defaultBalancerSettings, policy }, random),
    ...(policy === 'peak_ewma' ? { sharesWith: [1000] } : {}),
    ...(hashes ? { keyed: true, shareError: policy === 'ring_hash' ? ringError : tableError } : {}),
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
  sharesWith: [0], // a bias is there to have other shares under load
});
balancerContract({
  name: 'least_request with the slow guard',
  build: (endpoints, random) =>
    buildBalancer(endpoints, { ...defaultBalancerSettings, slowGuard: true }, random),
});

describe('what a policy asks of calls', () => {
  const head = HeaderBlock.of([':method', 'GET'], [':path', '/'], ['x-user', 'ada']);

  it('is a key for those that hash, from where it is configured, and none for the others', () => {
    const keys = policyNames.map((policy) => {
      const affinity = affinityOf({ ...defaultBalancerSettings, policy, hash: [{ header: 'X-User' }] });
      return [policy, affinity?.keyOf(head, '10.0.0.9') ?? null];
    });
    expect(Object.fromEntries(keys)).to.deep.equal({
      least_request: null,
      peak_ewma: null,
      round_robin: null,
      weighted_round_robin: null,
      random: null,
      ring_hash: 'ada',
      maglev: 'ada',
      ip_hash: '10.0.0.9',
      sticky_cookie: '',
    });
  });

  it('is a key from every source that is configured, the first that has one', () => {
    const hash = [{ header: 'X-Session' }, { cookie: 'Session' }, { path: true }, { source: true }];
    const affinity = affinityOf({ ...defaultBalancerSettings, policy: 'maglev', hash });
    const keyOf = (path: string, ...fields: [string, string][]) =>
      affinity?.keyOf(HeaderBlock.of([':method', 'GET'], [':path', path], ...fields), '10.0.0.9');
    expect(keyOf('/a', ['x-session', 'ada'], ['cookie', 'Session=bob'])).to.equal('ada');
    expect(keyOf('/a', ['cookie', 'Session=bob'])).to.equal('bob');
    expect(keyOf('/a?b')).to.equal('/a');
    expect(keyOf('')).to.equal('10.0.0.9');
  });

  it('is their latency for those that learn from it', () => {
    const learns = policyNames.filter(
      (policy) => latencyEstimator({ ...defaultBalancerSettings, policy }) !== null,
    );
    expect(learns).to.deep.equal(['peak_ewma']);
    const estimator = latencyEstimator({
      ...defaultBalancerSettings,
      policy: 'peak_ewma',
      peakEwma: { decayMs: 100, initialMs: 30 },
    });
    const endpoint = candidate('a');
    estimator?.answered(endpoint, 50, 0);
    estimator?.answered(endpoint, 10, 100);
    expect(endpoint.latencyMs, 'with the configured time constant').to.be.closeTo(10 + 40 / Math.E, 1e-9);
    const guarded = policyNames.filter(
      (policy) => latencyEstimator({ ...defaultBalancerSettings, policy, slowGuard: true }) === movingAverage,
    );
    expect(guarded).to.deep.equal(['least_request']);
  });
});

describe('who chooses the endpoint', () => {
  it('is the client with a key, a cookie or turns, and not where load or chance decides', () => {
    expect(policyNames.filter((policy) => !clientsChoose(policy))).to.have.members([
      'least_request',
      'peak_ewma',
      'random',
    ]);
  });
});
