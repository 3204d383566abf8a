import { balancer } from '../../balancing/section.ts';
import { adaptiveConcurrency } from '../../concurrency/section.ts';
import { discoverySources } from '../../discovery/list.ts';
import { probeKinds } from '../../health/probe-kinds.ts';
import { kindKeys } from '../../schema/kind.ts';
import { hostName } from '../../schema/names.ts';
import { choice, duration, name, number, size, text, toggle } from '../../schema/scalar-type.ts';
import { key, list, optionalSection, section, sectionOrNone } from '../../schema/shape.ts';
import { readEndpointList } from '../endpoint-list.ts';
import { endpointShape } from './endpoint.ts';

const health = sectionOrNone(
  {
    doc: 'Probes of every endpoint, or `none`. One of `grpc`, `http` and `tcp`; without any, `grpc` for `protocol: http2` and `tcp` for the others.',
    example: 'none, or { grpc: { service: "" }, interval: 5s }',
    whenAbsent: { inconclusive: 'alive' },
  },
  {
    ...kindKeys(probeKinds),
    interval: key(duration({ min: '10ms', max: '1h' }), {
      default: '5s',
      doc: 'From one probe to the next, give or take 10%.',
    }),
    timeout: key(duration({ min: '1ms', max: '1h' }), { default: '1s', doc: 'How long one probe may take.' }),
    unhealthyThreshold: key(number({ min: 1, max: 100 }), {
      default: 3,
      doc: 'Consecutive failed probes that make an endpoint unhealthy. A server that reports NOT_SERVING is unhealthy at once.',
    }),
    healthyThreshold: key(number({ min: 1, max: 100 }), {
      default: 1,
      doc: 'Consecutive successful probes that make it healthy again. The first probe of all counts alone.',
    }),
    noTrafficInterval: key(duration({ min: '10ms', max: '1h' }), {
      otherwise: 'as `interval`',
      doc: 'From one probe to the next while an endpoint is well and gets no calls; not shorter than `interval`.',
    }),
    initialState: key(choice(['unhealthy', 'healthy']), {
      default: 'unhealthy',
      doc: 'What endpoints count as until the first one of the cluster has answered.',
    }),
    inconclusive: key(choice(['alive', 'unhealthy']), {
      default: 'unhealthy',
      doc: 'What an answer to a gRPC health check means that says nothing about health, such as UNAUTHENTICATED, HTTP 403 or an HTML page. `alive`: the endpoint gets calls, and its health is shown as unknown. `unhealthy`: it counts as a failed probe. Where `health` is not written at all, this is `alive`.',
    }),
  },
);

const comparison = (minCalls: number) => ({
  minEndpoints: key(number({ min: 1, max: 10_000 }), {
    default: 5,
    doc: 'Endpoints with enough calls, below which nobody is ejected.',
  }),
  minCalls: key(number({ min: 1, max: 1_000_000 }), {
    default: minCalls,
    doc: 'Calls of an endpoint in one interval, below which it is not judged.',
  }),
});

const outlier = sectionOrNone(
  {
    doc: 'Ejects endpoints that fail real calls, or `none`. What a client causes does not count; see replicas.md, "What counts against an endpoint".',
    example: 'none, or { consecutiveErrors: 5 }',
  },
  {
    consecutiveErrors: key(number({ min: 0, max: 10_000 }), {
      default: 5,
      doc: 'Consecutive failures that eject an endpoint; 0 for no limit.',
    }),
    successRate: optionalSection(
      {
        doc: 'Ejects endpoints that succeed much less often than the others; 5 failures in an interval at the least.',
        example: '{}',
      },
      {
        stdevFactor: key(number({ min: 0.1, max: 100, whole: false }), {
          default: 1.9,
          doc: 'How many standard deviations below the mean are too few successes.',
        }),
        ...comparison(100),
      },
    ),
    failurePercentage: optionalSection(
      {
        doc: 'Ejects endpoints that fail most of their calls, consecutive or not; 5 failures in an interval at the least.',
        example: '{ threshold: 85 }',
      },
      {
        threshold: key(number({ min: 1, max: 100 }), {
          default: 85,
          doc: 'Percent of the calls of an interval.',
        }),
        ...comparison(50),
      },
    ),
    interval: key(duration({ min: '10ms', max: '1h' }), {
      default: '10s',
      doc: 'Each such time in full use takes one off the count that makes ejections longer. `successRate` and `failurePercentage` judge the calls of one such time.',
    }),
    baseEjection: key(duration({ min: '10ms', max: '1h' }), {
      default: '30s',
      doc: 'How long it stays out the first time; as many times longer as it was ejected before.',
    }),
    maxEjection: key(duration({ min: '10ms' }), {
      default: '5m',
      doc: 'How long it stays out at the most.',
    }),
    maxEjectedPercent: key(number({ min: 0, max: 100 }), {
      default: 50,
      doc: 'Part of the endpoints that may be out at once.',
    }),
  },
);

const limits = section(
  {
    doc: 'What one cluster may be made to hold. A call over a limit of calls or connections fails at once as `overloaded`.',
  },
  {
    maxConnections: key(number({ min: 1, max: 1_000_000 }), {
      default: 1024,
      doc: 'Connections to all endpoints together. Each endpoint may have one all the same.',
    }),
    maxPending: key(number({ min: 1, max: 1_000_000 }), {
      default: 1024,
      doc: 'Calls that wait for a connection, over all endpoints.',
    }),
    maxRequests: key(number({ min: 1, max: 10_000_000 }), {
      default: 65_536,
      reload: 'live',
      doc: 'Calls in flight, streams included.',
    }),
    maxRetries: key(number({ min: 0, max: 10_000_000 }), {
      default: 1024,
      reload: 'live',
      doc: 'Retries by `retry` and attempts by `hedge` in flight, over all routes. A call over it keeps the failure it has.',
    }),
    headerListBytes: key(size({ min: '1KiB', max: '1MiB' }), {
      default: '60KiB',
      doc: 'Head of one reply, or its trailers, decoded, with 32 bytes for each header. A reply over it fails the call as `upstream_reset`.',
    }),
    headerCount: key(number({ min: 10, max: 10_000 }), {
      default: 100,
      doc: 'HTTP/2: headers of one reply, or its trailers.',
    }),
    maxContinuations: key(number({ min: 4, max: 10_000 }), {
      default: 16,
      doc: 'HTTP/2: CONTINUATION frames of one header section.',
    }),
    maxGlitches: key(number({ min: 10, max: 1_000_000 }), {
      default: 2000,
      doc: 'HTTP/2: points that needless PINGs, empty frames, malformed replies and the like cost a connection to an endpoint before it is closed; 500 a second are forgiven.',
    }),
    maxControlFrames: key(number({ min: 10, max: 1_000_000 }), {
      default: 1000,
      doc: 'HTTP/2: PINGs, WINDOW_UPDATEs, RST_STREAMs and other frames that carry no message, beyond ten for each frame that does; each more is a point.',
    }),
    perEndpoint: section(
      { doc: 'Calls and connections of each endpoint alone.' },
      {
        maxRequests: key(number({ min: 1, max: 10_000_000 }), {
          otherwise: 'only that of the cluster',
          reload: 'live',
          doc: 'Calls in flight at one endpoint; more go to others, and when all are full they fail.',
        }),
        maxConnections: key(number({ min: 1, max: 1_000_000 }), {
          otherwise: 'only that of the cluster',
          doc: 'Connections to one endpoint.',
        }),
        maxPending: key(number({ min: 1, max: 1_000_000 }), {
          otherwise: 'only that of the cluster',
          doc: 'Calls that wait for a connection to one endpoint.',
        }),
      },
    ),
  },
);

const connections = section(
  { doc: 'How long connections to the endpoints live; `maxAge` and `keepalive` are for HTTP/2.' },
  {
    idleTimeout: key(duration({ min: '100ms' }), {
      default: '1h',
      doc: 'How long one may be without any call before it is closed.',
    }),
    surplusIdleTimeout: key(duration({ min: '100ms' }), {
      default: '1m',
      doc: 'The same for one beside which another would do: those that were opened for a burst. For HTTP/1.1 the shorter of the two counts, or what the endpoint says in `keep-alive: timeout=`.',
    }),
    maxAge: key(duration({ min: '1s' }), {
      otherwise: 'none',
      doc: 'After this, give or take 10%, it takes no new calls, and closes when those it has are over. For endpoints behind an address that spreads connections.',
    }),
    keepalive: optionalSection(
      {
        doc: 'PINGs that find out whether a silent peer still lives. Servers may take many for an attack ("too_many_pings"), in which case the interval is doubled.',
        example: '{ interval: 30s }',
      },
      {
        interval: key(duration({ min: '10s' }), {
          default: '30s',
          doc: 'How long the peer may be silent before it is asked; gRPC servers allow 5m by default.',
        }),
        timeout: key(duration({ min: '100ms', max: '10m' }), {
          default: '20s',
          doc: 'How long it has to answer before the connection is given up.',
        }),
        withoutCalls: key(toggle, {
          default: false,
          doc: 'Also on connections that carry no call.',
        }),
      },
    ),
  },
);

const tls = optionalSection(
  {
    doc: 'TLS 1.2 or 1.3 towards the endpoints; an empty mapping uses the authorities of the system. Without it, plain text. Renegotiation is refused, and so is an HTTP/2 endpoint that chooses a TLS 1.2 cipher without forward secrecy or authenticated encryption.',
    example: '{} for the authorities of the system, or { ca: ca.pem }',
  },
  {
    ca: key(text({ label: 'file' }), {
      otherwise: 'the authorities of the system',
      doc: 'Authorities that the certificates of the endpoints are checked against, PEM file.',
    }),
    cert: key(text({ label: 'file' }), { doc: 'Certificate that Outrigger shows, PEM file (mutual TLS).' }),
    key: key(text({ label: 'file' }), { doc: 'Its private key, PEM file.' }),
    serverName: key(hostName, {
      otherwise: "the endpoint's host; of `discovery.dns` its `host`",
      doc: 'Name that is sent as SNI and that the certificate must be for. An IP address is verified against the IP addresses of the certificate, and not sent as SNI.',
    }),
  },
);

/** A service by its replicas. */
export const cluster = section(
  {
    doc: 'A service by its replicas, and how they are treated.',
    reload: 'rebuild',
    example: '{ name: greeter, endpoints: [{ address: 127.0.0.1:50051 }] }',
  },
  {
    name: key(name, { required: true, doc: 'What routes, logs and metrics call it.' }),
    protocol: key(choice(['http2', 'http1', 'tcp']), {
      default: 'http2',
      doc: 'What the endpoints speak: `http2` (gRPC), `http1` (HTTP/1.1 and WebSocket), `tcp` (for a `tcp` listener).',
    }),
    endpoints: list(
      {
        noun: 'endpoint',
        doc: 'The replicas, or a text that lists them. Either these or `discovery`.',
        reload: 'live',
        fromText: readEndpointList,
      },
      endpointShape,
    ),
    discovery: optionalSection(
      {
        doc: 'Where the replicas are to be found. Either this or `endpoints`.',
        reload: 'live',
        example: '{ dns: { host: orders, port: 50051 } }',
      },
      kindKeys(discoverySources),
    ),
    balancer,
    health,
    outlier,
    limits,
    adaptiveConcurrency,
    connections,
    connectTimeout: key(duration({ min: '1ms', max: '10m' }), {
      otherwise: '1s for loopback addresses, 5s for others',
      doc: 'How long a connection to an endpoint may take, TLS included.',
    }),
    tls,
  },
);
