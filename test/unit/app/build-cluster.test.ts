import { expect } from 'chai';
import { clusterTls, connectTimeoutOf } from '../../../src/app/build-cluster.ts';
import { configOf } from '../../../src/cli/run.ts';
import type { ClusterConfig } from '../../../src/config/table.ts';
import { parseAddress } from '../../../src/core/address.ts';
import { Endpoint } from '../../../src/upstream/endpoint.ts';

function clusterConfig(more: object = {}): ClusterConfig {
  const endpoints = [{ address: '127.0.0.1:1' }];
  return configOf({
    listeners: [{ name: 'in', listen: '127.0.0.1:0', routes: [{ name: 'all', cluster: 'c' }] }],
    clusters: [{ name: 'c', endpoints, ...more }],
  }).clusters[0];
}
const endpoint = (address: string): Endpoint =>
  new Endpoint({ address: parseAddress(address).value!, weight: 1, zone: '', priority: 0 }, 0);

describe('a cluster as configured', () => {
  it('gives a connection 1 s on loopback and 5 s elsewhere, unless told otherwise', () => {
    const usual = clusterConfig();
    expect(connectTimeoutOf(usual, endpoint('127.0.0.1:1'))).to.equal(1000);
    expect(connectTimeoutOf(usual, endpoint('unix:/x'))).to.equal(1000);
    expect(connectTimeoutOf(usual, endpoint('10.0.0.1:1'))).to.equal(5000);
    expect(connectTimeoutOf(clusterConfig({ connectTimeout: '250ms' }), endpoint('10.0.0.1:1'))).to.equal(
      250,
    );
  });

  it('speaks cleartext unless it has a tls section; an empty one means the authorities of the system', () => {
    expect(clusterTls(clusterConfig())).to.equal(null);
    expect(clusterTls(clusterConfig({ tls: {} }))).to.deep.equal({ minVersion: 'TLSv1.2' });
    expect(clusterTls(clusterConfig({ tls: { serverName: 'orders.example' } }))?.servername).to.equal(
      'orders.example',
    );
  });
});
