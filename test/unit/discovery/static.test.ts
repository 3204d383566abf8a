import { expect } from 'chai';
import { formatAddress, parseAddress } from '../../../src/core/address.ts';
import { VirtualClock } from '../../../src/core/clock.ts';
import type { EndpointSpec } from '../../../src/core/endpoint-spec.ts';
import { staticSource } from '../../../src/discovery/static.ts';
import { discoveryContract } from '../../contract/discovery.ts';

function spec(text: string, weight = 1): EndpointSpec {
  const { value } = parseAddress(text);
  if (!value) throw new Error(text);
  return { address: value, weight, zone: '', priority: 0 };
}

discoveryContract({
  name: 'a static list',
  make() {
    const clock = new VirtualClock();
    const list = [spec('10.0.0.2:80'), spec('10.0.0.1:80'), spec('unix:/run/a'), spec('10.0.0.2:80', 3)];
    return {
      clock,
      source: staticSource(list, () => clock.now()),
      first: ['10.0.0.1:80', '10.0.0.2:80', 'unix:/run/a'],
      settle: async () => clock.advance(60_000),
    };
  },
});

describe('staticSource', () => {
  it('publishes before start returns, in the order of the configuration; a repeated address counts once', () => {
    let published: readonly EndpointSpec[] = [];
    const list = [spec('10.0.0.2:80', 2), spec('10.0.0.1:80'), spec('10.0.0.2:80', 3)];
    staticSource(list, () => 0).start((endpoints) => {
      published = endpoints;
    });
    expect(published.map((e) => [formatAddress(e.address), e.weight])).to.deep.equal([
      ['10.0.0.2:80', 2],
      ['10.0.0.1:80', 1],
    ]);
  });
});
