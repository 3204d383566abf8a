import { expect } from 'chai';
import type { EndpointSpec } from '../../../src/core/endpoint-spec.ts';
import { type EndpointAssignments, xdsSource } from '../../../src/discovery/xds.ts';

const one: EndpointSpec = {
  address: { kind: 'tcp', host: '10.0.0.1', port: 1 },
  weight: 1,
  zone: '',
  priority: 0,
};

/** What a control plane would say, by hand. */
function assignments() {
  const watched = new Map<string, (list: readonly EndpointSpec[]) => void>();
  const fake: EndpointAssignments & { trouble: string } = {
    trouble: '',
    watch(service, heard) {
      watched.set(service, heard);
      return () => watched.delete(service);
    },
  };
  return { fake, watched };
}

describe('discovery/xds', () => {
  it('publishes each other list once, and keeps the last one while there is trouble', () => {
    const { fake, watched } = assignments();
    const source = xdsSource('orders', fake, () => 7);
    const lists: Array<readonly EndpointSpec[]> = [];
    source.start((list) => lists.push(list));
    expect(source.status).to.include({
      answered: false,
      lastError: 'the control plane has not sent the endpoints',
    });
    watched.get('orders')!([one, one]);
    watched.get('orders')!([one]);
    expect(lists).to.deep.equal([[one]]);
    fake.trouble = 'the control plane is not connected';
    expect(source.status).to.deep.equal({
      answered: true,
      endpoints: 1,
      lastAnswerMs: 7,
      lastError: 'the control plane is not connected',
    });
  });

  it('asks no longer once it is stopped', () => {
    const { fake, watched } = assignments();
    const source = xdsSource('orders', fake, () => 0);
    source.start(() => {});
    expect([...watched.keys()]).to.deep.equal(['orders']);
    source.stop();
    expect([...watched.keys()]).to.deep.equal([]);
  });

  it('says what to write where there is no control plane', () => {
    const source = xdsSource('orders', null, () => 0);
    source.start(() => {});
    expect(source.status.lastError).to.contain('write the section xds');
  });
});
