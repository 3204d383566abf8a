import type { JsonObject } from '../../../../../src/reflection/json.ts';
import type { ResourceSet } from '../support.ts';
import { ads, any, httpFilter, manager, router, socket } from './shared.ts';

const host = 'greeter.default.svc.cluster.local';
const subset = (name: string) => `outbound|50051|${name}|${host}`;
const unlimited = {
  thresholds: [
    {
      maxConnections: 4294967295,
      maxPendingRequests: 4294967295,
      maxRequests: 4294967295,
      maxRetries: 4294967295,
      trackRemaining: true,
    },
  ],
};
const retry = {
  retryOn: 'connect-failure,refused-stream,unavailable,cancelled,retriable-status-codes',
  numRetries: 2,
  retryHostPredicate: [{}],
  hostSelectionRetryMaxAttempts: '5',
  retriableStatusCodes: [503],
};
const split = (more: JsonObject) => ({
  weightedClusters: {
    clusters: [
      { name: subset('v1'), weight: 90 },
      { name: subset('v2'), weight: 10 },
    ],
    totalWeight: 100,
  },
  ...more,
});

/** What Istio sends to a client with `GENERATOR=grpc`: API listeners by name, clusters of subsets. */
export const istioGrpcSet: ResourceSet = {
  listeners: [
    {
      name: `${host}:50051`,
      apiListener: {
        apiListener: manager({
          rds: { configSource: ads, routeConfigName: `outbound|50051||${host}` },
          httpFilters: [
            {
              name: 'envoy.filters.http.fault',
              typedConfig: any('extensions.filters.http.fault.v3.HTTPFault'),
            },
            router,
          ],
        }),
      },
    },
  ],
  addresses: { [`${host}:50051`]: '127.0.0.1:8080' },
  routes: [
    {
      name: `outbound|50051||${host}`,
      validateClusters: false,
      virtualHosts: [
        {
          name: `${host}:50051`,
          domains: [`${host}`, `${host}:50051`, 'greeter', 'greeter:50051', '10.96.0.7', '10.96.0.7:50051'],
          routes: [
            {
              name: 'greeter',
              match: { prefix: '/' },
              route: split({
                timeout: '2s',
                maxStreamDuration: { maxStreamDuration: '2s', grpcTimeoutHeaderMax: '2s' },
                retryPolicy: retry,
              }),
              decorator: {},
              metadata: {},
            },
          ],
          includeRequestAttemptCount: true,
        },
      ],
    },
  ],
  clusters: ['v1', 'v2'].map(
    (name): JsonObject => ({
      name: subset(name),
      type: 'EDS',
      edsClusterConfig: { edsConfig: ads, serviceName: subset(name) },
      connectTimeout: '10s',
      lbPolicy: 'ROUND_ROBIN',
      circuitBreakers: unlimited,
      metadata: {},
    }),
  ),
};

/** What Istio sends to a sidecar whose `Sidecar` resource binds a port, beside the listeners for redirected connections. */
export const istioSidecarSet: ResourceSet = {
  listeners: [
    {
      name: '127.0.0.1_50051',
      address: socket('127.0.0.1', 50051),
      trafficDirection: 'OUTBOUND',
      listenerFilters: [
        {
          name: 'envoy.filters.listener.tls_inspector',
          typedConfig: any('extensions.filters.listener.tls_inspector.v3.TlsInspector'),
        },
        {
          name: 'envoy.filters.listener.http_inspector',
          typedConfig: any('extensions.filters.listener.http_inspector.v3.HttpInspector'),
        },
      ],
      listenerFiltersTimeout: '0s',
      continueOnListenerFiltersTimeout: true,
      filterChains: [
        {
          filterChainMatch: {
            transportProtocol: 'raw_buffer',
            applicationProtocols: ['http/1.0', 'http/1.1', 'h2c'],
          },
          filters: [
            {
              name: 'istio.metadata_exchange',
              typedConfig: {
                '@type': 'type.googleapis.com/udpa.type.v1.TypedStruct',
              },
            },
            httpFilter({
              statPrefix: 'outbound_127.0.0.1_50051;',
              rds: { configSource: { ...ads, initialFetchTimeout: '0s' }, routeConfigName: '50051' },
              httpFilters: [
                {
                  name: 'istio.metadata_exchange',
                  typedConfig: { '@type': 'type.googleapis.com/udpa.type.v1.TypedStruct' },
                },
                {
                  name: 'envoy.filters.http.grpc_stats',
                  typedConfig: any('extensions.filters.http.grpc_stats.v3.FilterConfig'),
                },
                {
                  name: 'istio.alpn',
                  typedConfig: {
                    '@type': 'type.googleapis.com/istio.envoy.config.filter.http.alpn.v2alpha1.FilterConfig',
                  },
                },
                {
                  name: 'envoy.filters.http.fault',
                  typedConfig: any('extensions.filters.http.fault.v3.HTTPFault'),
                },
                {
                  name: 'envoy.filters.http.cors',
                  typedConfig: any('extensions.filters.http.cors.v3.Cors'),
                },
                { name: 'istio.stats', typedConfig: { '@type': 'type.googleapis.com/stats.PluginConfig' } },
                router,
              ],
              tracing: {},
              serverName: 'istio-envoy',
              streamIdleTimeout: '0s',
              useRemoteAddress: false,
              upgradeConfigs: [{}],
              normalizePath: true,
              requestIdExtension: {},
              pathWithEscapedSlashesAction: 'KEEP_UNCHANGED',
            }),
          ],
        },
      ],
      defaultFilterChain: {
        filterChainMatch: {},
        filters: [
          {
            name: 'envoy.filters.network.tcp_proxy',
            typedConfig: any('extensions.filters.network.tcp_proxy.v3.TcpProxy', {
              statPrefix: 'PassthroughCluster',
              cluster: 'PassthroughCluster',
            }),
          },
        ],
        name: 'PassthroughFilterChain',
      },
    },
    {
      name: '10.96.0.7_50051',
      address: socket('10.96.0.7', 50051),
      bindToPort: false,
      trafficDirection: 'OUTBOUND',
      filterChains: [{ filters: [httpFilter({ rds: { configSource: ads, routeConfigName: '50051' } })] }],
    },
  ],
  routes: [
    {
      name: '50051',
      validateClusters: false,
      maxDirectResponseBodySizeBytes: 1048576,
      ignorePortInHostMatching: true,
      virtualHosts: [
        {
          name: `${host}:50051`,
          domains: [host, 'greeter', 'greeter.default.svc', 'greeter.default', '10.96.0.7'],
          routes: [
            {
              match: { prefix: '/' },
              route: split({ timeout: '0s', maxGrpcTimeout: '0s', retryPolicy: retry }),
              decorator: {},
            },
          ],
          includeRequestAttemptCount: true,
        },
        {
          name: 'allow_any',
          domains: ['*'],
          routes: [
            {
              name: 'allow_any',
              match: { prefix: '/' },
              route: { cluster: 'PassthroughCluster', timeout: '0s', maxGrpcTimeout: '0s' },
            },
          ],
          includeRequestAttemptCount: true,
        },
      ],
    },
  ],
  clusters: ['v1', 'v2'].map(
    (name): JsonObject => ({
      name: subset(name),
      type: 'EDS',
      edsClusterConfig: {
        edsConfig: { ads: {}, initialFetchTimeout: '0s', resourceApiVersion: 'V3' },
        serviceName: subset(name),
      },
      connectTimeout: '10s',
      lbPolicy: 'LEAST_REQUEST',
      commonLbConfig: { healthyPanicThreshold: {} },
      outlierDetection: {
        consecutive5xx: 5,
        enforcingConsecutive5xx: 100,
        enforcingSuccessRate: 0,
      },
      circuitBreakers: unlimited,
      filters: [],
      typedExtensionProtocolOptions: {
        'envoy.extensions.upstreams.http.v3.HttpProtocolOptions': any(
          'extensions.upstreams.http.v3.HttpProtocolOptions',
          { explicitHttpConfig: { http2ProtocolOptions: {} } },
        ),
      },
      transportSocketMatches: [
        {
          name: 'tlsMode-istio',
          match: { tlsMode: 'istio' },
          transportSocket: {
            name: 'envoy.transport_sockets.tls',
            typedConfig: any('extensions.transport_sockets.tls.v3.UpstreamTlsContext', {
              commonTlsContext: {
                tlsCertificateSdsSecretConfigs: [
                  { name: 'default', sdsConfig: { apiConfigSource: {}, resourceApiVersion: 'V3' } },
                ],
                combinedValidationContext: {
                  defaultValidationContext: {
                    matchTypedSubjectAltNames: [
                      { sanType: 'URI', matcher: { exact: 'spiffe://cluster.local/ns/default/sa/default' } },
                    ],
                  },
                },
                alpnProtocols: ['istio-peer-exchange', 'istio', 'h2'],
              },
              sni: `outbound_.50051_.${name}_.${host}`,
            }),
          },
        },
        {
          name: 'tlsMode-disabled',
          match: {},
          transportSocket: {
            name: 'envoy.transport_sockets.raw_buffer',
            typedConfig: any('extensions.transport_sockets.raw_buffer.v3.RawBuffer'),
          },
        },
      ],
    }),
  ),
};
