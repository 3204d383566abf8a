import type { JsonObject } from '../../../../../src/reflection/json.ts';
import type { ResourceSet } from '../support.ts';
import { any, httpFilter, lbEndpoint, socket } from './shared.ts';

const policies = 'extensions.load_balancing_policies';
const options = 'extensions.upstreams.http.v3.HttpProtocolOptions';

function cluster(name: string, policy: JsonObject, protocol: JsonObject): JsonObject {
  return {
    name,
    type: 'STATIC',
    loadBalancingPolicy: { policies: [{ typedExtensionConfig: { name: 'p', typedConfig: policy } }] },
    typedExtensionProtocolOptions: { [`envoy.${options}`]: any(options, protocol) },
    loadAssignment: { clusterName: name, endpoints: [{ lbEndpoints: [lbEndpoint('10.0.0.1', 80)] }] },
  };
}

/** Balancing policies and protocols in the form of extensions, and a listener for redirected connections. */
export const extensionSet: ResourceSet = {
  listeners: [
    {
      name: 'virtualOutbound',
      address: socket('0.0.0.0', 15001),
      useOriginalDst: true,
      filterChains: [{ filters: [] }],
    },
    {
      name: 'out',
      address: socket('127.0.0.1', 9000),
      filterChains: [
        {
          filters: [
            httpFilter({
              routeConfig: {
                name: 'r',
                virtualHosts: [
                  {
                    name: 'h',
                    domains: ['*'],
                    routes: ['maglev', 'ring', 'round', 'weighted', 'random'].map((name) => ({
                      match: { path: `/${name}` },
                      route: { cluster: name, hashPolicy: [{ header: { headerName: 'x-key' } }] },
                    })),
                  },
                ],
              },
            }),
          ],
        },
      ],
    },
  ],
  clusters: [
    cluster('maglev', any(`${policies}.maglev.v3.Maglev`, { tableSize: '101' }), {
      autoConfig: { httpProtocolOptions: {}, http2ProtocolOptions: {} },
    }),
    cluster(
      'ring',
      any(`${policies}.ring_hash.v3.RingHash`, {
        minimumRingSize: '100',
        maximumRingSize: '1000',
        hashBalanceFactor: 150,
      }),
      { useDownstreamProtocolConfig: { httpProtocolOptions: {}, http2ProtocolOptions: {} } },
    ),
    cluster(
      'round',
      any(`${policies}.round_robin.v3.RoundRobin`, { slowStartConfig: { slowStartWindow: '20s' } }),
      { explicitHttpConfig: { httpProtocolOptions: {} } },
    ),
    cluster(
      'weighted',
      any(`${policies}.client_side_weighted_round_robin.v3.ClientSideWeightedRoundRobin`, {
        enableOobLoadReport: true,
        oobReportingPeriod: '30s',
        blackoutPeriod: '0s',
        weightExpirationPeriod: '60s',
        weightUpdatePeriod: '0.01s',
        errorUtilizationPenalty: 2,
        metricNamesForComputingUtilization: ['named_metrics.queue', 'cpu_utilization'],
        slowStartConfig: { slowStartWindow: '20s', minWeightPercent: { value: 5 } },
      }),
      { explicitHttpConfig: { http2ProtocolOptions: {} } },
    ),
    cluster('random', any(`${policies}.random.v3.Random`), {}),
    { name: 'PassthroughCluster', type: 'ORIGINAL_DST', lbPolicy: 'CLUSTER_PROVIDED' },
  ],
};
