import type { ResourceSet } from '../support.ts';
import { any, httpFilter, lbEndpoint, socket } from './shared.ts';

const service = {
  resourceApiVersion: 'V3',
  apiConfigSource: {},
};

/** The example of go-control-plane 0.14 (internal/example): routes from the "xds_cluster", a cluster with logical DNS. */
export const goControlPlaneSet: ResourceSet = {
  listeners: [
    {
      name: 'listener_0',
      address: { socketAddress: { protocol: 'TCP', ...(socket('0.0.0.0', 10000).socketAddress as object) } },
      filterChains: [
        {
          filters: [
            httpFilter({
              codecType: 'AUTO',
              rds: { configSource: service, routeConfigName: 'local_route' },
              httpFilters: [
                { name: 'http-router', typedConfig: any('extensions.filters.http.router.v3.Router') },
              ],
            }),
          ],
        },
      ],
    },
  ],
  routes: [
    {
      name: 'local_route',
      virtualHosts: [
        {
          name: 'local_service',
          domains: ['*'],
          routes: [
            {
              match: { prefix: '/' },
              route: { cluster: 'example_proxy_cluster', hostRewriteLiteral: 'www.envoyproxy.io' },
            },
          ],
        },
      ],
    },
  ],
  clusters: [
    {
      name: 'example_proxy_cluster',
      connectTimeout: '5s',
      type: 'LOGICAL_DNS',
      lbPolicy: 'ROUND_ROBIN',
      dnsLookupFamily: 'V4_ONLY',
      loadAssignment: {
        clusterName: 'example_proxy_cluster',
        endpoints: [{ lbEndpoints: [lbEndpoint('www.envoyproxy.io', 80)] }],
      },
    },
  ],
};
