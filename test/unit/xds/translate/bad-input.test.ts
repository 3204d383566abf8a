import { expect } from 'chai';
import type { JsonObject } from '../../../../src/reflection/json.ts';
import { assemble } from '../../../../src/xds/translate/assemble.ts';
import { translateCluster } from '../../../../src/xds/translate/cluster.ts';
import { endpointsOf } from '../../../../src/xds/translate/endpoints.ts';
import { translateListener } from '../../../../src/xds/translate/listener.ts';
import { notesMax } from '../../../../src/xds/translate/notes.ts';
import { routesMax, translateRoute } from '../../../../src/xds/translate/route.ts';
import { settle } from '../../../../src/xds/translate/settle.ts';
import { ads, any, httpFilter, lbEndpoint, router, socket } from './corpus/shared.ts';
import { checkAssembly, resourceOf, settled } from './support.ts';

const listener = (name: string, port: number, more: JsonObject = {}): JsonObject => ({
  name,
  address: socket('127.0.0.1', port),
  filterChains: [
    { filters: [httpFilter({ rds: { routeConfigName: 'routes', configSource: ads }, ...more })] },
  ],
});
const routesTo = (route: JsonObject, domains = ['*']): JsonObject => ({
  name: 'routes',
  virtualHosts: [{ name: 'h', domains, routes: [{ match: { prefix: '/' }, route }] }],
});
const eds = (name: string, more: JsonObject = {}): JsonObject => ({
  name,
  type: 'EDS',
  edsClusterConfig: { edsConfig: ads },
  ...more,
});
const problemsOf = (result: { problems?: ReadonlyArray<{ path: string; message: string }> }) =>
  (result.problems ?? []).map(({ path, message }) => `${path}: ${message}`);

describe('xds/translate of bad input', () => {
  it('opens a listener whose route leads to no cluster, which answers 503 and UNAVAILABLE', () => {
    const { assembly, problems, warnings } = settled({
      listeners: [listener('l', 1000)],
      routes: [routesTo({ cluster: 'nowhere' })],
    });
    expect(problems).to.deep.equal([]);
    expect(assembly.listeners[0].routes).to.deep.equal([
      {
        name: 'h-0',
        respond: {
          status: 503,
          grpcStatus: 'unavailable',
          grpcMessage: 'the control plane has sent no cluster with endpoints for this route',
        },
      },
    ]);
    expect(warnings.map(({ message }) => message)).to.deep.equal([
      'leads to the cluster "nowhere", which has not arrived or has no endpoint',
    ]);
  });

  it('does not give the share of a cluster that has not arrived to another one', () => {
    const clusters = [
      { name: 'here', weight: 10 },
      { name: 'gone', weight: 90 },
    ];
    const { assembly, problems } = settled({
      listeners: [listener('l', 1000)],
      routes: [routesTo({ weightedClusters: { clusters } })],
      clusters: [eds('here')],
    });
    expect(problems).to.deep.equal([]);
    expect([...assembly.absent]).to.deep.equal(['gone']);
    expect(assembly.listeners[0].routes).to.have.deep.nested.property('[0].split.clusters', [
      { cluster: 'here', weight: 10 },
      { cluster: 'gone', weight: 90 },
    ]);
  });

  it('waits with a listener whose routes or secrets have not arrived', () => {
    const { assembly } = settled({ listeners: [listener('l', 1000)] });
    expect(assembly.listeners).to.deep.equal([]);
    expect(assembly.waiting).to.deep.equal([
      {
        kind: 'listener',
        name: 'l',
        path: 'filter_chains[0].filters[0].typed_config.rds',
        for: 'the routes "routes"',
      },
    ]);
  });

  it('refuses an aggregate cluster, so that there are no cycles', () => {
    const aggregate = {
      name: 'a',
      clusterType: {
        name: 'envoy.clusters.aggregate',
        typedConfig: any('extensions.clusters.aggregate.v3.ClusterConfig', { clusters: ['a'] }),
      },
    };
    expect(problemsOf(translateCluster(resourceOf('cluster', aggregate)))).to.deep.equal([
      'cluster_type: is not supported; send one cluster, with priorities for a fallback: Outrigger has no aggregate clusters',
    ]);
  });

  it('takes a static cluster without endpoints for one that is not there', () => {
    const { assembly, problems } = settled({
      listeners: [listener('l', 1000)],
      routes: [routesTo({ cluster: 'empty' })],
      clusters: [{ name: 'empty', type: 'STATIC' }],
    });
    expect(problems).to.deep.equal([]);
    expect(assembly.clusters).to.deep.equal([]);
  });

  it('refuses endpoints without an address or with a wrong one', () => {
    const lbEndpoints = [
      { endpoint: {} },
      { healthStatus: 'HEALTHY' },
      lbEndpoint('10.0.0.1', 0),
      lbEndpoint('not a host', 80),
    ];
    const result = endpointsOf(resourceOf('endpoint', { clusterName: 'c', endpoints: [{ lbEndpoints }] }));
    expect(problemsOf(result)).to.deep.equal([
      'endpoints[0].lb_endpoints[0].endpoint.address: is missing; send a socket address',
      'endpoints[0].lb_endpoints[1].endpoint: is missing; send an endpoint with an address',
      'endpoints[0].lb_endpoints[2].endpoint.address.socket_address.port_value: 0 is not a port; send a number from 1 to 65535',
      'endpoints[0].lb_endpoints[3].endpoint.address.socket_address.address: "not a host" is not an IP address or a host name',
    ]);
  });

  it('refuses a domain that two virtual hosts have', () => {
    const host = (name: string, domain: string) => ({ name, domains: [domain], routes: [] });
    const virtualHosts = [host('a', 'shop.example'), host('b', 'SHOP.example')];
    expect(problemsOf(translateRoute(resourceOf('route', { name: 'r', virtualHosts })))).to.deep.equal([
      'virtual_hosts[1].domains[0]: "SHOP.example" is in the route configuration twice; send it once',
    ]);
  });

  it('refuses the second listener for an address, and opens the first', () => {
    const { assembly, problems } = settled({
      listeners: [listener('a', 1000), listener('b', 1000)],
      routes: [routesTo({ cluster: 'c' })],
      clusters: [eds('c')],
    });
    expect(assembly.listeners.map(({ name }) => name)).to.deep.equal(['a']);
    expect(problems.map(({ kind, name, message }) => [kind, name, message])).to.deep.equal([
      ['listener', 'b', 'listen "127.0.0.1:1000" is taken by listeners[0].listen; write another port'],
    ]);
  });

  it('refuses filters that may close something, and leaves out those that are optional', () => {
    const rbac = { name: 'rbac', typedConfig: any('extensions.filters.http.rbac.v3.RBAC') };
    const required = listener('l', 1000, { httpFilters: [rbac, router] });
    const optional = listener('l', 1000, { httpFilters: [{ ...rbac, isOptional: true }, router] });
    expect(problemsOf(translateListener(resourceOf('listener', required)))).to.deep.equal([
      'filter_chains[0].filters[0].typed_config.http_filters[0]: the filter "rbac" is not supported; remove it from the listener, or set is_optional',
    ]);
    expect(problemsOf(translateListener(resourceOf('listener', optional)))).to.deep.equal([]);
  });

  it('keeps the last good version of a resource that the configuration refuses', () => {
    const good = translateCluster(resourceOf('cluster', eds('c')));
    const bad = translateCluster(
      resourceOf('cluster', eds('c', { lbPolicy: 'MAGLEV', maglevLbConfig: { tableSize: 100 } })),
    );
    const route = translateRoute(
      resourceOf('route', routesTo({ cluster: 'c', hashPolicy: [{ header: { headerName: 'x' } }] })),
    );
    const open = translateListener(resourceOf('listener', listener('l', 1000)));
    if (!good.value || !bad.value || !route.value || !open.value) throw new Error('refused');
    const { assembly, problems } = settle(
      {
        listeners: new Map([['l', open.value]]),
        routes: new Map([['routes', route.value]]),
        clusters: new Map([['c', bad.value]]),
        secrets: new Map(),
        addresses: new Map(),
        storePem: () => '',
      },
      checkAssembly,
      { clusters: new Map([['c', good.value]]) },
    );
    expect(problems.map(({ name, message }) => [name, message])).to.deep.equal([
      ['c', 'balancer.tableSize 100 is not a prime; write 101'],
    ]);
    expect(assembly.clusters[0].balancer).to.deep.equal({ policy: 'round_robin' });
  });

  it('bounds problems, and the routes of a route configuration', () => {
    const endpoints = [{ lbEndpoints: Array.from({ length: 1000 }, () => ({})) }];
    expect(endpointsOf(resourceOf('endpoint', { clusterName: 'c', endpoints })).problems).to.have.length(
      notesMax,
    );
    const routes = Array.from({ length: routesMax + 1 }, () => ({
      match: { prefix: '/' },
      route: { cluster: 'c' },
    }));
    const many = { name: 'r', virtualHosts: [{ name: 'h', domains: ['*'], routes }] };
    expect(problemsOf(translateRoute(resourceOf('route', many)))).to.deep.equal([
      `virtual_hosts: has ${routesMax + 1} routes, of ${routesMax} at most; split the configuration`,
    ]);
  }).timeout(20_000);

  it('refuses a listener whose domains multiply its routes beyond the limit', () => {
    const routes = Array.from({ length: 5000 }, (_, i) => ({
      match: { path: `/${i}` },
      route: { cluster: 'c' },
    }));
    const domains = Array.from({ length: 5 }, (_, i) => `d${i}.example`);
    const { assembly, problems } = settled({
      listeners: [listener('l', 1000)],
      routes: [{ name: 'routes', virtualHosts: [{ name: 'h', domains, routes }] }],
    });
    expect(assembly.listeners).to.deep.equal([]);
    expect(problems.map(({ kind, name }) => [kind, name])).to.deep.equal([['route', 'routes']]);
  }).timeout(20_000);

  it('assembles nothing from nothing', () => {
    const none = new Map();
    const { listeners, clusters } = assemble({
      listeners: none,
      routes: none,
      clusters: none,
      secrets: none,
      addresses: none,
      storePem: () => '',
    });
    expect([listeners, clusters]).to.deep.equal([[], []]);
  });
});
