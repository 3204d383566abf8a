import { balancer } from '../../balancing/section.ts';
import { adaptiveConcurrency } from '../../concurrency/section.ts';
import { discoverySources } from '../../discovery/list.ts';
import { probeKinds } from '../../health/probe-kinds.ts';
import { kindKeys } from '../../schema/kind.ts';
import { hostName } from '../../schema/names.ts';
import { choice, duration, name, number, size, text, toggle } from '../../schema/scalar-type.ts';
import { key, list, optionalSection, section, sectionOrNone } from '../../schema/shape.ts';
import { subsetting } from '../../subsetting/section.ts';
import { readEndpointList } from '../endpoint-list.ts';
import { endpointShape } from './endpoint.ts';

const health = sectionOrNone(
  {
    doc: 'Active health checks of every endpoint, or `none`. Set one of `grpc`, `http` and `tcp`; if none is set, Outrigger uses `grpc` for `protocol: http2` and `tcp` for `http1` and `tcp`. Endpoints of `protocol: udp` are not checked unless `tcp`, `http` or `grpc` is set.',
    example: 'none, or { grpc: { service: "" }, interval: 5s }',
    whenAbsent: { inconclusive: 'alive' },
  },
  {
    ...kindKeys(probeKinds),
    interval: key(duration({ min: '10ms', max: '1h' }), {
      default: '5s',
      doc: 'Time from one probe to the next, ±10%.',
    }),
    timeout: key(duration({ min: '1ms', max: '1h' }), { default: '1s', doc: 'Maximum time for one probe.' }),
    unhealthyThreshold: key(number({ min: 1, max: 100 }), {
      default: 3,
      doc: 'Number of consecutive failed probes after which an endpoint is unhealthy. A server that reports NOT_SERVING is unhealthy immediately.',
    }),
    healthyThreshold: key(number({ min: 1, max: 100 }), {
      default: 1,
      doc: 'Number of consecutive successful probes after which an endpoint is healthy again. For a new endpoint, the first probe decides.',
    }),
    noTrafficInterval: key(duration({ min: '10ms', max: '1h' }), {
      otherwise: 'same as `interval`',
      doc: 'Time from one probe to the next while an endpoint is healthy and gets no requests. Cannot be shorter than `interval`.',
    }),
    initialState: key(choice(['unhealthy', 'healthy']), {
      default: 'unhealthy',
      doc: 'State of the endpoints until the first probe of the cluster has a result.',
    }),
    inconclusive: key(choice(['alive', 'unhealthy']), {
      default: 'unhealthy',
      doc: 'How Outrigger treats an answer to a gRPC health check that does not report health, such as UNAUTHENTICATED, HTTP 403 or an HTML page. `alive`: the endpoint gets requests, and its health is shown as unknown. `unhealthy`: the probe has failed. If the whole `health` section is missing, the default is `alive`.',
    }),
  },
);

const comparison = (minCalls: number) => ({
  minEndpoints: key(number({ min: 1, max: 10_000 }), {
    default: 5,
    doc: 'Minimum number of endpoints that have `minCalls`. With fewer, this check ejects no endpoint.',
  }),
  minCalls: key(number({ min: 1, max: 1_000_000 }), {
    default: minCalls,
    doc: 'Minimum number of requests to an endpoint in one interval. With fewer, this check ignores the endpoint.',
  }),
});

const outlier = sectionOrNone(
  {
    doc: 'Outlier detection: Outrigger ejects endpoints that fail real requests. `none` turns it off. Failures that the client causes do not count; see replicas.md, "What counts against an endpoint".',
    example: 'none, or { consecutiveErrors: 5 }',
  },
  {
    consecutiveErrors: key(number({ min: 0, max: 10_000 }), {
      default: 5,
      doc: 'Number of consecutive failures after which an endpoint is ejected. 0 turns this check off.',
    }),
    successRate: optionalSection(
      {
        doc: 'Ejects endpoints whose success rate is much lower than that of the others. An endpoint with fewer than 5 failures in an interval is never ejected.',
        example: '{}',
      },
      {
        stdevFactor: key(number({ min: 0.1, max: 100, whole: false }), {
          default: 1.9,
          doc: 'An endpoint is ejected if its success rate is more than this many standard deviations below the mean.',
        }),
        ...comparison(100),
      },
    ),
    failurePercentage: optionalSection(
      {
        doc: 'Ejects endpoints that fail a high percentage of their requests. An endpoint with fewer than 5 failures in an interval is never ejected.',
        example: '{ threshold: 85 }',
      },
      {
        threshold: key(number({ min: 1, max: 100 }), {
          default: 85,
          doc: 'Percentage of failed requests in one interval at which an endpoint is ejected.',
        }),
        ...comparison(50),
      },
    ),
    interval: key(duration({ min: '10ms', max: '1h' }), {
      default: '10s',
      doc: 'Period over which `successRate` and `failurePercentage` evaluate requests. Each interval without an ejection also lowers the ejection count of the endpoint, which multiplies `baseEjection`, by one.',
    }),
    baseEjection: key(duration({ min: '10ms', max: '1h' }), {
      default: '30s',
      doc: 'Duration of the first ejection. Outrigger multiplies it by the ejection count of the endpoint.',
    }),
    maxEjection: key(duration({ min: '10ms' }), {
      default: '5m',
      doc: 'Maximum duration of an ejection.',
    }),
    maxEjectedPercent: key(number({ min: 0, max: 100 }), {
      default: 50,
      doc: 'Maximum percentage of endpoints that can be ejected at the same time.',
    }),
  },
);

const limits = section(
  {
    doc: 'Limits of one cluster (circuit breakers). A request that exceeds a limit on requests or connections fails immediately with `overloaded`.',
  },
  {
    maxConnections: key(number({ min: 1, max: 1_000_000 }), {
      default: 1024,
      doc: 'Maximum number of connections to all endpoints together. Each endpoint can always have one connection, even above this limit.',
    }),
    maxPending: key(number({ min: 1, max: 1_000_000 }), {
      default: 1024,
      doc: 'Maximum number of requests that wait for a connection, over all endpoints.',
    }),
    maxRequests: key(number({ min: 1, max: 10_000_000 }), {
      default: 65_536,
      reload: 'live',
      doc: 'Maximum number of requests in flight, including streaming calls.',
    }),
    maxRetries: key(number({ min: 0, max: 10_000_000 }), {
      default: 1024,
      reload: 'live',
      doc: 'Maximum number of `retry` and `hedge` attempts in flight, over all routes. Above it, Outrigger makes no further attempt and returns the failure of the last one.',
    }),
    headerListBytes: key(size({ min: '1KiB', max: '1MiB' }), {
      default: '60KiB',
      doc: 'Maximum size of the headers or the trailers of one reply, decoded, plus 32 bytes for each header. If a reply is larger, the request fails with `upstream_reset`.',
    }),
    headerCount: key(number({ min: 10, max: 10_000 }), {
      default: 100,
      doc: 'HTTP/2: maximum number of headers, or of trailers, in one reply.',
    }),
    maxContinuations: key(number({ min: 4, max: 10_000 }), {
      default: 16,
      doc: 'HTTP/2: maximum number of CONTINUATION frames in one header section.',
    }),
    maxGlitches: key(number({ min: 10, max: 1_000_000 }), {
      default: 2000,
      doc: 'HTTP/2: maximum number of glitches on a connection to an endpoint (unnecessary PINGs, empty frames, malformed replies and similar) before Outrigger closes it. The count falls by 500 per second.',
    }),
    maxControlFrames: key(number({ min: 10, max: 1_000_000 }), {
      default: 1000,
      doc: 'HTTP/2: maximum number of control frames (PING, WINDOW_UPDATE, RST_STREAM and others without a message), in addition to ten for each frame that carries a message. Each further control frame counts as a glitch.',
    }),
    perEndpoint: section(
      { doc: 'Limits for each endpoint.' },
      {
        maxRequests: key(number({ min: 1, max: 10_000_000 }), {
          otherwise: 'only the limit of the cluster',
          reload: 'live',
          doc: 'Maximum number of requests in flight to one endpoint. Further requests go to other endpoints; if all endpoints are at their limit, they fail.',
        }),
        maxConnections: key(number({ min: 1, max: 1_000_000 }), {
          otherwise: 'only the limit of the cluster',
          doc: 'Maximum number of connections to one endpoint.',
        }),
        maxPending: key(number({ min: 1, max: 1_000_000 }), {
          otherwise: 'only the limit of the cluster',
          doc: 'Maximum number of requests that wait for a connection to one endpoint.',
        }),
      },
    ),
  },
);

const connections = section(
  { doc: 'Lifetime of the connections to endpoints. `maxAge` and `keepalive` apply to HTTP/2 only.' },
  {
    idleTimeout: key(duration({ min: '100ms' }), {
      default: '1h',
      doc: 'Time without a request after which Outrigger closes a connection.',
    }),
    surplusIdleTimeout: key(duration({ min: '100ms' }), {
      default: '1m',
      doc: 'The same for surplus connections: those that Outrigger opened for a burst of requests and no longer needs. For HTTP/1.1, the shortest of the two timeouts and the `keep-alive: timeout=` of the endpoint applies.',
    }),
    maxAge: key(duration({ min: '1s' }), {
      otherwise: 'none',
      doc: 'Maximum age of a connection, ±10%. Outrigger then sends no new requests on it and closes it when the requests in flight are over. Use this if the address of an endpoint is a load balancer that distributes connections.',
    }),
    keepalive: optionalSection(
      {
        doc: 'Sends PINGs to detect dead connections. If a server closes the connection because of too many PINGs ("too_many_pings"), Outrigger doubles the interval.',
        example: '{ interval: 30s }',
      },
      {
        interval: key(duration({ min: '10s' }), {
          default: '30s',
          doc: 'Time without data from the endpoint after which Outrigger sends a PING. By default, gRPC servers allow one PING every 5m.',
        }),
        timeout: key(duration({ min: '100ms', max: '10m' }), {
          default: '20s',
          doc: 'Time to wait for the answer to a PING before Outrigger closes the connection.',
        }),
        withoutCalls: key(toggle, {
          default: false,
          doc: 'Sends PINGs also on connections without requests in flight.',
        }),
      },
    ),
  },
);

const tls = optionalSection(
  {
    doc: 'TLS 1.2 or 1.3 for connections to the endpoints. An empty mapping (`tls: {}`) uses the CA certificates of the system. Without this section, Outrigger uses plain text. Outrigger refuses renegotiation, and HTTP/2 endpoints that choose a TLS 1.2 cipher without forward secrecy or authenticated encryption.',
    example: '{} for the authorities of the system, or { ca: ca.pem }',
  },
  {
    ca: key(text({ label: 'file' }), {
      otherwise: 'the CA certificates of the system',
      doc: 'PEM file with the CA certificates that Outrigger verifies the certificates of the endpoints against.',
    }),
    cert: key(text({ label: 'file' }), {
      doc: 'PEM file with the client certificate that Outrigger presents (mutual TLS).',
    }),
    key: key(text({ label: 'file' }), { doc: 'PEM file with the private key of `cert`.' }),
    serverName: key(hostName, {
      otherwise: 'the host of the endpoint; with `discovery.dns`, its `host`',
      doc: 'Name that Outrigger sends as SNI and verifies the certificate against. Outrigger compares an IP address with the IP addresses in the certificate and does not send it as SNI.',
    }),
  },
);

const loadReports = section(
  {
    doc: 'Load reports (ORCA) of the endpoints, in their replies or streamed: whether Outrigger believes them, and whether clients see them. See load-reports.md.',
    reload: 'live',
    example: '{ accept: true }',
  },
  {
    accept: key(toggle, {
      otherwise:
        'true if `balancer.policy` uses load reports (`weighted_round_robin`), `balancer.zoneSpill` is true or `outOfBand` is set, else false',
      doc: 'Reads load reports from replies. Set `false` for endpoints that you do not trust. `least_request` uses the requests in flight that they report, `weighted_round_robin` the utilization; with any other policy, Outrigger only shows the reports.',
    }),
    forward: key(toggle, {
      default: false,
      doc: 'Passes accepted load reports on to clients. By default, Outrigger removes them. A client that balances by itself would take a report for that of the sidecar.',
    }),
    outOfBand: optionalSection(
      {
        doc: 'Asks each endpoint to stream load reports (`xds.service.orca.v3.OpenRcaService`), for gRPC servers that report out-of-band. While an endpoint does, Outrigger ignores the reports in its replies. For `protocol: http2`.',
        example: '{ period: 10s }',
      },
      {
        period: key(duration({ min: '100ms', max: '1h' }), {
          default: '10s',
          doc: 'Interval at which Outrigger requests a report. A server may have a longer minimum: 30s by default in Go and Java.',
        }),
      },
    ),
  },
);

/** A service by its replicas. */
export const cluster = section(
  {
    doc: 'Each cluster is one service: its endpoints, and how Outrigger balances, checks and connects to them.',
    reload: 'rebuild',
    example: '{ name: greeter, endpoints: [{ address: 127.0.0.1:50051 }] }',
  },
  {
    name: key(name, { required: true, doc: 'Name in routes, logs and metrics.' }),
    protocol: key(choice(['http2', 'http1', 'tcp', 'udp']), {
      default: 'http2',
      doc: 'Protocol of the endpoints: `http2` (gRPC, HTTP/2 and WebSockets over it), `http1` (HTTP/1.1 and WebSockets over it), `tcp` (for a `tcp` listener) or `udp` (for a `udp` listener).',
    }),
    endpoints: list(
      {
        noun: 'endpoint',
        doc: 'List of endpoints, or a comma-separated string. Set either `endpoints` or `discovery`.',
        reload: 'live',
        fromText: readEndpointList,
      },
      endpointShape,
    ),
    discovery: optionalSection(
      {
        doc: 'How Outrigger discovers the endpoints. Set either `discovery` or `endpoints`.',
        reload: 'live',
        example: '{ dns: { host: orders, port: 50051 } }',
      },
      kindKeys(discoverySources),
    ),
    subsetting,
    balancer,
    health,
    outlier,
    limits,
    loadReports,
    adaptiveConcurrency,
    connections,
    connectTimeout: key(duration({ min: '1ms', max: '10m' }), {
      otherwise: '1s for loopback addresses, 5s for others',
      doc: 'Maximum time to open a connection to an endpoint, including the TLS handshake.',
    }),
    tls,
  },
);
