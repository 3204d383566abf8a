import { expect } from 'chai';
import { endpointsOf } from '../../../../src/xds/translate/endpoints.ts';
import { assignment } from './corpus/all.ts';
import { lbEndpoint } from './corpus/shared.ts';
import { resourceOf } from './support.ts';

const addressOf = (host: string) => ({ kind: 'tcp', host, port: 50051 });

describe('xds/translate/endpoints', () => {
  it('leaves out endpoints that drain or are unhealthy, and gives zones, priorities and host names', () => {
    const { value, warnings } = endpointsOf(resourceOf('endpoint', assignment)) as Extract<
      ReturnType<typeof endpointsOf>,
      { problems?: undefined }
    >;
    expect(value).to.deep.equal([
      { address: addressOf('10.0.0.1'), weight: 3, zone: 'a', priority: 0 },
      { address: addressOf('10.0.0.3'), weight: 1, zone: 'a', priority: 0 },
      { address: addressOf('::1'), hostname: 'orders.example', weight: 2, zone: 'eu', priority: 1 },
    ]);
    expect(warnings.map(({ path }) => path)).to.deep.equal(['endpoints[1].lb_endpoints']);
  });

  it('shares the weight of a locality by the weights of its endpoints', () => {
    const endpoints = [
      { loadBalancingWeight: 1, lbEndpoints: [lbEndpoint('10.0.0.1', 50051), lbEndpoint('10.0.0.2', 50051)] },
      { loadBalancingWeight: 3, lbEndpoints: [lbEndpoint('10.0.0.3', 50051, { loadBalancingWeight: 100 })] },
    ];
    const { value } = endpointsOf(resourceOf('endpoint', { clusterName: 'c', endpoints }));
    expect(value?.map(({ weight }) => weight)).to.deep.equal([1, 1, 6]);
  });

  it('is empty for an assignment without endpoints', () => {
    expect(endpointsOf(resourceOf('endpoint', { clusterName: 'c' })).value).to.deep.equal([]);
  });
});
