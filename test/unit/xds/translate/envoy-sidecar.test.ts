import { expect } from 'chai';
import { settled } from './support.ts';

const ads = { ads: {}, resourceApiVersion: 'V3' };
const manager = (more = {}) => ({
  '@type':
    'type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager',
  statPrefix: 'http',
  httpFilters: [
    {
      name: 'envoy.filters.http.router',
      typedConfig: { '@type': 'type.googleapis.com/envoy.extensions.filters.http.router.v3.Router' },
    },
  ],
  ...more,
});
const listener = (more = {}) => ({
  name: 'listener_0',
  address: { socketAddress: { address: '127.0.0.1', portValue: 10000 } },
  filterChains: [
    {
      filters: [
        {
          name: 'http',
          typedConfig: manager({ rds: { routeConfigName: 'local_route', configSource: ads }, ...more }),
        },
      ],
    },
  ],
});
const routes = {
  name: 'local_route',
  virtualHosts: [
    {
      name: 'local_service',
      domains: ['*'],
      routes: [{ match: { prefix: '/' }, route: { cluster: 'orders' } }],
    },
  ],
};
const cluster = { name: 'orders', type: 'EDS', edsClusterConfig: { edsConfig: ads }, connectTimeout: '5s' };

describe('xds/translate of an Envoy sidecar', () => {
  it('gives a listener, its routes and an EDS cluster', () => {
    const { assembly, problems, others } = settled({
      listeners: [listener()],
      routes: [routes],
      clusters: [cluster],
    });
    expect(problems).to.deep.equal([]);
    expect(others).to.deep.equal([]);
    expect(assembly.listeners).to.deep.equal([
      {
        name: 'listener_0',
        listen: '127.0.0.1:10000',
        requestTarget: { normalizePath: false, mergeSlashes: false, escapedSlashes: 'keep' },
        routes: [{ name: 'local_service-0', timeout: '15000ms', cluster: 'orders' }],
      },
    ]);
    expect(assembly.clusters).to.deep.equal([
      {
        name: 'orders',
        protocol: 'http1',
        discovery: { xds: { service: 'orders' } },
        connectTimeout: '5000ms',
        health: 'none',
        outlier: 'none',
        balancer: { policy: 'round_robin' },
      },
    ]);
  });

  it('takes the filter chain for the port of the listener, as Istio names it for inbound listeners, and no other', () => {
    const withPort = (destinationPort: number) => {
      const own = listener();
      const [chain] = own.filterChains;
      const tls = {
        name: 'tls',
        typedConfig: {
          '@type': 'type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.DownstreamTlsContext',
          commonTlsContext: {},
        },
      };
      const filterChains = [
        { ...chain, filterChainMatch: { destinationPort, transportProtocol: 'tls' }, transportSocket: tls },
        { ...chain, filterChainMatch: { destinationPort, transportProtocol: 'raw_buffer' } },
      ];
      return settled({ listeners: [{ ...own, filterChains }], routes: [routes], clusters: [cluster] });
    };
    const { assembly, problems } = withPort(10000);
    expect(problems).to.deep.equal([]);
    expect(assembly.listeners.map(({ listen, tls }) => [listen, tls])).to.deep.equal([
      ['127.0.0.1:10000', undefined],
    ]);
    expect(withPort(10001).problems.map(({ path, message }) => `${path}: ${message}`)).to.deep.equal([
      'filter_chains[1].filter_chain_match.destination_port: 10001 is not the port of the listener; bind a listener to its own address',
    ]);
  });
});
