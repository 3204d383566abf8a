import { expect } from 'chai';
import type { assemble } from '../../../../src/xds/translate/assemble.ts';
import type { ClusterModel, ListenerModel } from '../../../../src/xds/translate/model.ts';
import { settle } from '../../../../src/xds/translate/settle.ts';

function tcpListener(listen: string): ListenerModel {
  return {
    name: 'in',
    kind: 'tcp',
    listen,
    keys: {},
    tls: null,
    routeName: '',
    routes: null,
    filters: [],
    cluster: 'orders',
    targetPath: '',
  };
}
const cluster: ClusterModel = {
  name: 'orders',
  service: 'orders',
  endpoints: [],
  dns: null,
  http2: false,
  keys: {},
  balancer: { policy: 'round_robin' },
  tls: null,
};
const good = tcpListener('127.0.0.1:1');
const input = {
  listeners: new Map([['in', tcpListener('127.0.0.1:2')]]),
  routes: new Map(),
  clusters: new Map([['orders', cluster]]),
  secrets: new Map(),
  addresses: new Map(),
  storePem: () => '',
};
/** Finds two things wrong with a listener at port 2. */
function check({ listeners }: ReturnType<typeof assemble>) {
  if (listeners[0]?.listen !== '127.0.0.1:2') return [];
  return ['listen', 'name'].map((key) => ({ path: `listeners[0].${key}`, message: 'is wrong' }));
}

describe('xds/translate settle', () => {
  it('goes back to the last good version of a resource with several problems', () => {
    const { assembly, problems } = settle(input, check, { listeners: new Map([['in', good]]) });
    expect(problems.map(({ name, message }) => `${name}: ${message}`)).to.deep.equal([
      'in: listen is wrong',
      'in: name is wrong',
    ]);
    expect(assembly.listeners.map(({ listen }) => listen)).to.deep.equal(['127.0.0.1:1']);
  });

  it('leaves a resource out that never had a good version', () => {
    expect(settle(input, check).assembly.listeners).to.deep.equal([]);
  });
});
