import type { ResourceSet } from '../support.ts';
import { ads, any, httpFilter, lbEndpoint, manager, router, socket } from './shared.ts';

const tls = 'extensions.transport_sockets.tls.v3';
const percent = (numerator: number) => ({ defaultValue: { numerator } });

/** What a control plane of Envoy sidecars may send, with as much of it as Outrigger honours. */
export const envoySet: ResourceSet = {
  listeners: [
    {
      name: 'outbound',
      address: socket('127.0.0.1', 15001),
      trafficDirection: 'OUTBOUND',
      listenerFilters: [
        {
          name: 'tls_inspector',
          typedConfig: any('extensions.filters.listener.tls_inspector.v3.TlsInspector'),
        },
      ],
      filterChains: [
        {
          name: 'http',
          filterChainMatch: { transportProtocol: 'raw_buffer', applicationProtocols: ['http/1.1', 'h2c'] },
          filters: [
            httpFilter({
              rds: { routeConfigName: 'routes', configSource: ads },
              normalizePath: true,
              mergeSlashes: true,
              pathWithEscapedSlashesAction: 'REJECT_REQUEST',
              maxRequestHeadersKb: 96,
              commonHttpProtocolOptions: {
                idleTimeout: '300s',
                maxConnectionDuration: '900s',
                maxHeadersCount: 200,
              },
              http2ProtocolOptions: { maxConcurrentStreams: 256 },
              httpFilters: [
                {
                  name: 'fault',
                  typedConfig: any('extensions.filters.http.fault.v3.HTTPFault', {
                    delay: {
                      fixedDelay: '0.2s',
                      percentage: { numerator: 500, denominator: 'TEN_THOUSAND' },
                    },
                    abort: { grpcStatus: 14, percentage: { numerator: 1 } },
                  }),
                },
                {
                  name: 'limit',
                  typedConfig: any('extensions.filters.http.local_ratelimit.v3.LocalRateLimit', {
                    statPrefix: 'limit',
                    tokenBucket: { maxTokens: 200, tokensPerFill: 100, fillInterval: '1s' },
                    filterEnabled: percent(100),
                    filterEnforced: percent(100),
                  }),
                },
                { name: 'unknown', isOptional: true, typedConfig: any('extensions.filters.http.own.v3.Own') },
                { name: 'off', disabled: true, typedConfig: any('extensions.filters.http.rbac.v3.RBAC') },
                router,
              ],
            }),
          ],
        },
      ],
    },
    {
      name: 'inbound',
      address: socket('0.0.0.0', 15006),
      trafficDirection: 'INBOUND',
      deprecatedV1: { bindToPort: true },
      filterChains: [
        {
          transportSocket: {
            name: 'tls',
            typedConfig: any(`${tls}.DownstreamTlsContext`, {
              requireClientCertificate: true,
              commonTlsContext: {
                tlsCertificateSdsSecretConfigs: [{ name: 'server', sdsConfig: ads }],
                combinedValidationContext: {
                  defaultValidationContext: {},
                  validationContextSdsSecretConfig: { name: 'ca', sdsConfig: ads },
                },
                alpnProtocols: ['h2', 'http/1.1'],
              },
            }),
          },
          filters: [
            httpFilter({
              routeConfig: {
                name: 'inbound',
                virtualHosts: [
                  {
                    name: 'local',
                    domains: ['*'],
                    routes: [
                      { name: 'app', match: { prefix: '/' }, route: { cluster: 'app', timeout: '0s' } },
                    ],
                  },
                ],
              },
            }),
          ],
        },
      ],
    },
    {
      name: 'database',
      address: socket('127.0.0.1', 5432),
      filterChains: [
        {
          filters: [
            {
              name: 'tcp',
              typedConfig: any('extensions.filters.network.tcp_proxy.v3.TcpProxy', {
                statPrefix: 'db',
                cluster: 'database',
              }),
            },
          ],
        },
      ],
    },
    {
      name: 'cache',
      address: { pipe: { path: '/tmp/cache.sock' } },
      filterChains: [
        {
          filters: [
            {
              name: 'tcp',
              typedConfig: any('extensions.filters.network.tcp_proxy.v3.TcpProxy', {
                weightedClusters: { clusters: [{ name: 'database', weight: 1 }] },
              }),
            },
          ],
        },
      ],
    },
    {
      name: 'grpc',
      apiListener: {
        apiListener: manager({ rds: { routeConfigName: 'routes', configSource: { self: {} } } }),
      },
    },
  ],
  addresses: { grpc: '127.0.0.1:8080' },
  routes: [
    {
      name: 'routes',
      requestHeadersToAdd: [
        { header: { key: 'x-mesh', value: 'all' }, appendAction: 'OVERWRITE_IF_EXISTS_OR_ADD' },
      ],
      responseHeadersToRemove: ['server-timing'],
      requestMirrorPolicies: [{ cluster: 'shadow', runtimeFraction: percent(1) }],
      typedPerFilterConfig: {
        limit: any('config.route.v3.FilterConfig', { disabled: true, isOptional: true }),
      },
      mostSpecificHeaderMutationsWins: true,
      virtualHosts: [
        {
          name: 'shop',
          domains: ['shop.example', 'shop.example:8080', '*.shop.example'],
          retryPolicy: { retryOn: '5xx', numRetries: 1 },
          requestHeadersToAdd: [{ header: { key: 'x-host', rawValue: 'c2hvcA==' }, append: false }],
          requestHeadersToRemove: ['x-internal'],
          responseHeadersToAdd: [{ header: { key: 'x-served-by', value: '%UPSTREAM_HOST%' } }],
          responseHeadersToRemove: ['x-powered-by'],
          requestMirrorPolicies: [{ cluster: 'shadow', runtimeFraction: percent(10) }],
          typedPerFilterConfig: {
            limit: any('config.route.v3.FilterConfig', {
              config: any('extensions.filters.http.local_ratelimit.v3.LocalRateLimit', {
                tokenBucket: { maxTokens: 5, fillInterval: '1s' },
                filterEnabled: percent(100),
                filterEnforced: percent(100),
              }),
            }),
          },
          routes: [
            {
              name: 'canary',
              match: {
                path: '/shop.Orders/Get',
                grpc: {},
                headers: [
                  { name: 'x-user', stringMatch: { exact: 'ann', ignoreCase: true } },
                  { name: 'x-old', exactMatch: 'a' },
                  { name: 'x-pre', prefixMatch: 'a' },
                  { name: 'x-suf', suffixMatch: '.b' },
                  { name: 'x-con', containsMatch: 'c+' },
                  { name: 'x-re', safeRegexMatch: { googleRe2: {}, regex: '[a-z]+' } },
                  { name: 'x-there', presentMatch: true, invertMatch: true },
                  { name: ':method', stringMatch: { exact: 'POST' } },
                  { name: 'x-s', stringMatch: { suffix: 's' } },
                  { name: 'x-c', stringMatch: { contains: 'c' } },
                  { name: 'x-p', stringMatch: { prefix: 'p' } },
                  { name: 'x-r', stringMatch: { safeRegex: { regex: 'r|s' } } },
                ],
                queryParameters: [
                  { name: 'v', stringMatch: { exact: '2' } },
                  { name: 'debug', presentMatch: true },
                ],
                runtimeFraction: percent(100),
              },
              route: {
                weightedClusters: {
                  clusters: [
                    { name: 'orders', weight: 90 },
                    { name: 'orders-v2', weight: 10 },
                  ],
                },
                timeout: '3s',
                hostRewriteLiteral: 'orders.internal',
                retryPolicy: {
                  retryOn: 'unavailable,connect-failure,refused-stream,retriable-status-codes,retriable-4xx',
                  numRetries: 2,
                  perTryTimeout: '1s',
                  retriableStatusCodes: [503],
                  retryBackOff: { baseInterval: '0.1s', maxInterval: '1s' },
                },
                hashPolicy: [
                  { header: { headerName: 'x-session' }, terminal: true },
                  { cookie: { name: 'session' } },
                  { connectionProperties: { sourceIp: true } },
                ],
                maxStreamDuration: { maxStreamDuration: '60s', grpcTimeoutHeaderMax: '30s' },
                requestMirrorPolicies: [{ cluster: 'shadow', runtimeFraction: percent(50) }],
              },
              requestHeadersToAdd: [
                { header: { key: 'x-client', value: '%DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT% 100%% {a}' } },
              ],
              requestHeadersToRemove: ['x-debug'],
              responseHeadersToAdd: [{ header: { key: 'x-canary', value: '1' }, append: true }],
              responseHeadersToRemove: ['via'],
              typedPerFilterConfig: {
                fault: any('extensions.filters.http.fault.v3.HTTPFault', {
                  abort: { httpStatus: 503, percentage: { numerator: 10 } },
                }),
              },
            },
            { match: { prefix: '/never', runtimeFraction: percent(0) }, route: { cluster: 'orders' } },
            {
              match: { prefix: '/old' },
              redirect: { httpsRedirect: true, portRedirect: 8443, responseCode: 'FOUND' },
            },
            {
              match: { prefix: '/moved/' },
              redirect: {
                hostRedirect: 'new.example',
                schemeRedirect: 'https',
                prefixRewrite: '/here/',
                stripQuery: true,
              },
            },
            { match: { path: '/one' }, redirect: { pathRedirect: '/two' } },
            {
              match: { safeRegex: { regex: '/v[0-9]+/.*' } },
              redirect: { regexRewrite: { pattern: { regex: '^/v([0-9]+)' }, substitution: '/api/\\1' } },
            },
            { match: { path: '/ping' }, directResponse: { status: 200, body: { inlineString: 'pong' } } },
            { match: { path: '/gone' }, directResponse: { status: 410, body: { inlineBytes: 'Z29uZQ==' } } },
            {
              match: { prefix: '/api', caseSensitive: false },
              route: { cluster: 'web', prefixRewrite: '/', autoHostRewrite: true },
            },
            {
              match: { pathSeparatedPrefix: '/users' },
              route: {
                cluster: 'web',
                regexRewrite: { pattern: { regex: '^/users/([^/]+)$' }, substitution: '/accounts/\\1' },
              },
            },
            {
              match: { prefix: '/', headers: [{ name: 'x-tenant', presentMatch: true }] },
              route: { cluster: 'web' },
            },
          ],
        },
        {
          name: 'rest',
          domains: ['*'],
          routes: [
            {
              match: { prefix: '' },
              route: { cluster: 'web', requestMirrorPolicies: [{ cluster: 'nowhere' }] },
            },
          ],
        },
      ],
    },
  ],
  clusters: [
    {
      name: 'orders',
      type: 'EDS',
      edsClusterConfig: { edsConfig: ads, serviceName: 'orders-endpoints' },
      connectTimeout: '0.25s',
      lbPolicy: 'RING_HASH',
      ringHashLbConfig: { minimumRingSize: 2048, maximumRingSize: 8192 },
      commonLbConfig: { healthyPanicThreshold: { value: 40 }, localityWeightedLbConfig: {} },
      typedExtensionProtocolOptions: {
        'envoy.extensions.upstreams.http.v3.HttpProtocolOptions': any(
          'extensions.upstreams.http.v3.HttpProtocolOptions',
          {
            commonHttpProtocolOptions: { idleTimeout: '600s', maxConnectionDuration: '3600s' },
            explicitHttpConfig: {
              http2ProtocolOptions: { connectionKeepalive: { interval: '30s', timeout: '5s' } },
            },
          },
        ),
      },
      outlierDetection: {
        consecutive5xx: 3,
        interval: '5s',
        baseEjectionTime: '10s',
        maxEjectionTime: '60s',
        maxEjectionPercent: 30,
        enforcingConsecutive5xx: 100,
        enforcingSuccessRate: 100,
        successRateMinimumHosts: 3,
        successRateRequestVolume: 50,
        successRateStdevFactor: 2000,
        consecutiveGatewayFailure: 4,
        enforcingConsecutiveGatewayFailure: 100,
        enforcingFailurePercentage: 100,
        failurePercentageThreshold: 50,
        failurePercentageMinimumHosts: 3,
        failurePercentageRequestVolume: 20,
      },
      circuitBreakers: {
        thresholds: [
          { priority: 'HIGH', maxRequests: 1 },
          { maxConnections: 100, maxPendingRequests: 50, maxRequests: 4294967295, maxRetries: 10 },
        ],
        perHostThresholds: [{ maxConnections: 10 }],
      },
      healthChecks: [
        {
          timeout: '1s',
          interval: '10s',
          noTrafficInterval: '30s',
          unhealthyThreshold: 2,
          healthyThreshold: 2,
          grpcHealthCheck: { serviceName: 'shop.Orders', authority: 'orders' },
        },
      ],
      transportSocket: {
        name: 'tls',
        typedConfig: any(`${tls}.UpstreamTlsContext`, {
          sni: 'orders.internal',
          commonTlsContext: {
            tlsCertificates: [
              { certificateChain: { filename: '/etc/cert.pem' }, privateKey: { inlineString: 'KEY' } },
            ],
            validationContext: {
              trustedCa: { inlineBytes: 'Q0E=' },
              matchTypedSubjectAltNames: [{ sanType: 'DNS', matcher: { exact: 'orders.internal' } }],
            },
          },
        }),
      },
    },
    {
      name: 'orders-v2',
      type: 'STATIC',
      lbPolicy: 'MAGLEV',
      maglevLbConfig: { tableSize: 65537 },
      http2ProtocolOptions: {},
      loadAssignment: {
        clusterName: 'orders-v2',
        endpoints: [{ lbEndpoints: [lbEndpoint('10.0.0.1', 50051, { loadBalancingWeight: 3 })] }],
      },
    },
    {
      name: 'web',
      type: 'STRICT_DNS',
      dnsLookupFamily: 'V4_ONLY',
      lbPolicy: 'LEAST_REQUEST',
      leastRequestLbConfig: {
        choiceCount: 3,
        activeRequestBias: { defaultValue: 1.5 },
        slowStartConfig: { slowStartWindow: '60s', aggression: { defaultValue: 1.2 } },
      },
      loadAssignment: { clusterName: 'web', endpoints: [{ lbEndpoints: [lbEndpoint('web.example', 80)] }] },
      healthChecks: [
        {
          timeout: '1s',
          interval: '10s',
          unhealthyThreshold: 3,
          healthyThreshold: 1,
          httpHealthCheck: { host: 'web', path: '/ready', expectedStatuses: [{ start: 200, end: 202 }] },
        },
      ],
    },
    {
      name: 'shadow',
      type: 'LOGICAL_DNS',
      roundRobinLbConfig: { slowStartConfig: { slowStartWindow: '10s' } },
      commonHttpProtocolOptions: { idleTimeout: '60s' },
      loadAssignment: {
        clusterName: 'shadow',
        endpoints: [{ lbEndpoints: [lbEndpoint('shadow.example', 80)] }],
      },
    },
    {
      name: 'app',
      type: 'STATIC',
      loadBalancingPolicy: {
        policies: [
          { typedExtensionConfig: { name: 'own', typedConfig: any('extensions.own.v3.Own') } },
          {
            typedExtensionConfig: {
              name: 'wrr',
              typedConfig: any('extensions.load_balancing_policies.wrr_locality.v3.WrrLocality', {
                endpointPickingPolicy: {
                  policies: [
                    {
                      typedExtensionConfig: {
                        name: 'least',
                        typedConfig: any('extensions.load_balancing_policies.least_request.v3.LeastRequest', {
                          choiceCount: 2,
                          activeRequestBias: { defaultValue: 1 },
                          slowStartConfig: { slowStartWindow: '5s', aggression: { defaultValue: 1 } },
                        }),
                      },
                    },
                  ],
                },
              }),
            },
          },
        ],
      },
      loadAssignment: {
        clusterName: 'app',
        endpoints: [{ lbEndpoints: [{ endpoint: { address: { pipe: { path: '/tmp/app.sock' } } } }] }],
      },
    },
    {
      name: 'database',
      type: 'STATIC',
      lbPolicy: 'RANDOM',
      healthChecks: [
        { timeout: '1s', interval: '5s', unhealthyThreshold: 1, healthyThreshold: 1, tcpHealthCheck: {} },
      ],
      loadAssignment: {
        clusterName: 'database',
        endpoints: [{ lbEndpoints: [lbEndpoint('10.0.0.9', 5432)] }],
      },
    },
  ],
  secrets: [
    {
      name: 'server',
      tlsCertificate: {
        certificateChain: { inlineString: 'CERT' },
        privateKey: { filename: '/etc/key.pem' },
      },
    },
    { name: 'ca', validationContext: { trustedCa: { filename: '/etc/ca.pem' } } },
  ],
};
