import { keysOf, type PolicyList } from '../../policies/compile.ts';
import { match } from '../../routing/match-schema.ts';
import { address } from '../../schema/address-type.ts';
import { choice, duration, name, number, size, text, toggle } from '../../schema/scalar-type.ts';
import { key, list, optionalSection, section } from '../../schema/shape.ts';
import { socket } from './socket.ts';

function makeRoute<const L extends PolicyList>(policies: L) {
  return section(
    {
      doc: 'Each route matches requests and sends them to a cluster.',
      example: '{ name: all, cluster: greeter }',
    },
    {
      name: key(name, { required: true, doc: 'Name in logs, metrics and traces.' }),
      match,
      cluster: key(name, {
        doc: 'Name of the cluster that gets the requests. Required, unless a policy of the route (`split`, `redirect`, `respond`) replaces it.',
      }),
      ...keysOf(policies),
    },
  );
}

const tls = optionalSection(
  {
    doc: 'TLS 1.2 or 1.3 for connections from clients. Without this section, the listener uses plain text. Outrigger refuses renegotiation and TLS compression. It closes an HTTP/2 connection with INADEQUATE_SECURITY if the TLS 1.2 cipher lacks forward secrecy or authenticated encryption (RFC 9113, section 9.2.2).',
    example: '{ cert: server.pem, key: server.key }',
  },
  {
    cert: key(text({ label: 'file' }), { required: true, doc: 'PEM file with the certificate chain.' }),
    key: key(text({ label: 'file' }), { required: true, doc: 'PEM file with the private key.' }),
    clientCa: key(text({ label: 'file' }), {
      doc: 'PEM file with the CA certificates that Outrigger verifies client certificates against.',
    }),
    requireClientCert: key(toggle, {
      default: false,
      doc: 'Refuses clients without a certificate that `clientCa` signed (mutual TLS).',
    }),
  },
);

const limits = section(
  { doc: 'Limits that protect one listener against its clients.' },
  {
    maxConnections: key(number({ min: 1, max: 1_000_000 }), {
      default: 10_000,
      doc: 'Maximum number of open connections. Outrigger closes further connections as soon as it accepts them.',
    }),
    maxConcurrentStreams: key(number({ min: 1, max: 1_000_000 }), {
      default: 1024,
      doc: 'Maximum number of concurrent requests on one HTTP/2 connection. Outrigger refuses further requests; clients wait or retry.',
    }),
    headerListBytes: key(size({ min: '1KiB', max: '1MiB' }), {
      default: '60KiB',
      doc: 'Maximum size of one header section, decoded, plus 32 bytes for each header (RFC 9113, section 6.5.2).',
    }),
    headerCount: key(number({ min: 10, max: 10_000 }), {
      default: 100,
      doc: 'Maximum number of headers in one header section, the same for HTTP/1.1 and HTTP/2. HTTP/2 may split `cookie` into several headers; each of them counts.',
    }),
    streamWindowBytes: key(size({ min: '16KiB', max: '16MiB' }), {
      default: '64KiB',
      doc: 'Initial flow-control window of a stream. The window grows while the receiver reads the data promptly.',
    }),
    connectionWindowBytes: key(size({ min: '64KiB', max: '64MiB' }), {
      default: '1MiB',
      doc: 'Flow-control window of a connection, for all its streams together.',
    }),
    bufferedBytes: key(size({ min: '64KiB', max: '1GiB' }), {
      default: '16MiB',
      doc: 'Maximum number of bytes that Outrigger has received on one connection and not yet forwarded. Above it, Outrigger stops reading from the connection.',
    }),
    maxGlitches: key(number({ min: 10, max: 1_000_000 }), {
      default: 2000,
      doc: 'Maximum number of glitches on one connection (unnecessary PINGs, empty frames, malformed requests and similar) before Outrigger closes it. The count falls by 500 per second.',
    }),
    maxControlFrames: key(number({ min: 10, max: 1_000_000 }), {
      default: 1000,
      doc: 'Maximum number of control frames (PING, WINDOW_UPDATE, RST_STREAM and others without a message), in addition to ten for each frame that carries a message. Each further control frame counts as a glitch.',
    }),
    maxEarlyResets: key(number({ min: 10, max: 1_000_000 }), {
      default: 250,
      doc: 'Maximum number of requests that a client may reset within a second and before their reply, in excess of the requests that it does not reset. Above it, Outrigger closes the connection. The count falls by 100 per second.',
    }),
    maxContinuations: key(number({ min: 4, max: 10_000 }), {
      default: 16,
      doc: 'Maximum number of CONTINUATION frames in one header section.',
    }),
    maxCallsPerTurn: key(number({ min: 1, max: 100_000 }), {
      default: 128,
      doc: 'Maximum number of requests that Outrigger starts on one connection before it serves the other connections. 16 frames, or 256 bytes of a header section, count as one request.',
    }),
    handshakeTimeout: key(duration({ min: '10ms', max: '10m' }), {
      default: '10s',
      doc: 'Maximum time for the TLS handshake and the first request of a new connection, and for a single frame or header section on every connection.',
    }),
    stallTimeout: key(duration({ min: '100ms' }), {
      default: '5m',
      doc: 'Maximum time in which a client reads almost nothing of a reply although reply data is waiting. While the process is short of buffer memory (`limits.bufferedBytes`), 15 seconds at most.',
    }),
    uploadStallTimeout: key(duration({ min: '100ms' }), {
      default: '1m',
      doc: 'Maximum time in which a client sends almost nothing of the body of a request, while Outrigger waits for it and the reply has not begun. HTTP/1.1 clients then get 408, HTTP/2 clients a reset stream. It does not apply to gRPC, whose streams may be silent for long.',
    }),
    halfCloseTimeout: key(duration({ min: '0s', max: '1h' }), {
      default: '2s',
      doc: 'HTTP/1.1: maximum time that Outrigger waits for the first bytes of a reply after the client has closed its sending side. Outrigger cannot know whether such a client still reads the reply or has cancelled the request.',
    }),
    maxConnectionAge: key(duration({ min: '1s' }), {
      otherwise: 'none',
      doc: 'Maximum age of a connection, ±10%. HTTP/2: Outrigger then sends GOAWAY, the requests in flight finish, and the client opens a new connection for the next ones. HTTP/1.1: the next reply contains `connection: close`.',
    }),
    idleTimeout: key(duration({ min: '1s' }), {
      default: '1h',
      doc: 'Time without a request after which Outrigger closes a connection.',
    }),
  },
);

const udp = section(
  {
    doc: 'Sessions of a listener with `protocol: udp`. Datagrams from one client address and port are one session, and go to one endpoint.',
    reload: 'live',
    example: '{ idleTimeout: 30s, responses: 1 }',
  },
  {
    idleTimeout: key(duration({ min: '10ms', max: '24h' }), {
      default: '1m',
      doc: 'Time without a datagram in either direction after which a session ends.',
    }),
    maxSessions: key(number({ min: 1, max: 1_000_000 }), {
      default: 10_000,
      doc: 'Maximum number of sessions. Outrigger drops datagrams of further clients. Each session uses a file descriptor and a local port.',
    }),
    responses: key(number({ min: 1, max: 1_000_000 }), {
      otherwise: 'not known: sessions end after `idleTimeout`',
      doc: 'Number of datagrams that an endpoint sends for each datagram of a client. A session ends as soon as all of them have arrived. Set 1 for DNS.',
    }),
  },
);

const requestTarget = section(
  {
    doc: 'How Outrigger validates and normalizes request targets before it matches and forwards them. HTTP/1.1 and HTTP/2 follow the same rules.',
    reload: 'live',
    example: '{ mergeSlashes: true, escapedSlashes: reject }',
  },
  {
    characters: key(choice(['browsers', 'rfc3986']), {
      default: 'browsers',
      doc: '`rfc3986`: a request with a character that RFC 3986 does not allow gets 400. `browsers`: also allows the characters that browsers do not encode: `[ ] ^ |` in the path, and in the query these, `\\`, `` ` ``, `{`, `}` and a lone `%`.',
    }),
    normalizePath: key(toggle, {
      default: true,
      doc: 'Normalizes the path (RFC 3986, section 6.2.2) before Outrigger matches and forwards it: `/x/../a` and `/%61` become `/a`.',
    }),
    mergeSlashes: key(toggle, {
      default: false,
      doc: 'Replaces `//` in the path with `/` before Outrigger matches and forwards it.',
    }),
    escapedSlashes: key(choice(['keep', 'reject', 'unescape']), {
      default: 'keep',
      doc: 'What Outrigger does with `%2F` and `%5C` in the path. `keep`: leaves them as they are; they do not match a slash. `reject`: answers with 400. `unescape`: replaces them with `/` before it matches and forwards the path.',
    }),
  },
);

/** One place where calls come in, and where they go from there. Its routes have the keys of these policies. */
export function makeListener<const L extends PolicyList>(policies: L) {
  return section(
    {
      doc: 'Each listener accepts connections on one address and routes their requests.',
      reload: 'rebuild',
      example: '{ name: outbound, listen: 127.0.0.1:15001, routes: [{ name: all, cluster: greeter }] }',
    },
    {
      name: key(name, { required: true, doc: 'Name in logs, metrics and traces.' }),
      listen: key(address('listen'), {
        required: true,
        doc: '`host:port`, `[::1]:port` or `unix:/path`. With port 0, the system chooses a free port. Outrigger replaces a stale socket file that no process listens on.',
      }),
      socket,
      direction: key(choice(['outbound', 'inbound']), {
        default: 'outbound',
        doc: '`outbound`: for requests that the local service sends to others. `inbound`: for requests that others send to the local service.',
      }),
      protocol: key(choice(['auto', 'tcp', 'udp']), {
        default: 'auto',
        doc: '`auto`: HTTP/1.1 and HTTP/2 (gRPC) on the same port. `tcp`: forwards bytes unchanged. `udp`: forwards datagrams unchanged. Both require `cluster` instead of `routes`.',
      }),
      reportLoad: key(toggle, {
        default: false,
        doc: 'For `direction: inbound`: adds an ORCA load report to the replies of the local service, at most 200 per second on one connection, and 16 at once after a pause: its requests in flight, latency, limit, and requests and errors per second. gRPC replies carry it as the trailer `endpoint-load-metrics-bin`, other replies as the header `endpoint-load-metrics`.',
        reload: 'live',
      }),
      tls,
      limits,
      udp,
      requestTarget,
      routes: list(
        {
          noun: 'route',
          unique: 'name',
          reload: 'live',
          doc: 'Outrigger checks the routes in order and uses the first one that matches. A request that matches no route fails with `no_route`.',
        },
        makeRoute(policies),
      ),
      cluster: key(name, {
        doc: 'For `protocol: tcp` and `udp`: name of the cluster that gets the connections or datagrams.',
        reload: 'live',
      }),
    },
  );
}
