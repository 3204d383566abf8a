import { keysOf, type PolicyList } from '../../policies/compile.ts';
import { match } from '../../routing/match-schema.ts';
import { address } from '../../schema/address-type.ts';
import { choice, duration, name, number, size, text, toggle } from '../../schema/scalar-type.ts';
import { key, list, optionalSection, section } from '../../schema/shape.ts';
import { socket } from './socket.ts';

function makeRoute<const L extends PolicyList>(policies: L) {
  return section(
    { doc: 'Where the calls go that match.', example: '{ name: all, cluster: greeter }' },
    {
      name: key(name, { required: true, doc: 'What logs, metrics and traces call it.' }),
      match,
      cluster: key(name, {
        doc: 'Name of the cluster that gets the call. Required, unless a policy of the route chooses one or answers.',
      }),
      ...keysOf(policies),
    },
  );
}

const tls = optionalSection(
  {
    doc: 'TLS 1.2 or 1.3 towards the clients. Without it, plain text. Renegotiation and TLS compression are refused. An HTTP/2 connection whose TLS 1.2 cipher has no forward secrecy or no authenticated encryption ends with INADEQUATE_SECURITY (RFC 9113, section 9.2.2).',
    example: '{ cert: server.pem, key: server.key }',
  },
  {
    cert: key(text({ label: 'file' }), { required: true, doc: 'Certificate chain, PEM file.' }),
    key: key(text({ label: 'file' }), { required: true, doc: 'Private key, PEM file.' }),
    clientCa: key(text({ label: 'file' }), {
      doc: 'Authorities that client certificates are checked against, PEM file.',
    }),
    requireClientCert: key(toggle, {
      default: false,
      doc: 'Refuses clients without a certificate of `clientCa` (mutual TLS).',
    }),
  },
);

const limits = section(
  { doc: 'What one listener may be made to hold, whatever its clients do.' },
  {
    maxConnections: key(number({ min: 1, max: 1_000_000 }), {
      default: 10_000,
      doc: 'Connections at once; more are closed as they come.',
    }),
    maxConcurrentStreams: key(number({ min: 1, max: 1_000_000 }), {
      default: 1024,
      doc: 'Calls at once on one HTTP/2 connection; more are refused, and clients wait or retry.',
    }),
    headerListBytes: key(size({ min: '1KiB', max: '1MiB' }), {
      default: '60KiB',
      doc: 'Header section of one message, decoded, with 32 bytes for each header (RFC 9113, 6.5.2).',
    }),
    headerCount: key(number({ min: 10, max: 10_000 }), {
      default: 100,
      doc: 'Headers of one message, cookie crumbs included.',
    }),
    streamWindowBytes: key(size({ min: '16KiB', max: '16MiB' }), {
      default: '64KiB',
      doc: 'First flow-control window of a stream. It grows while the data is taken promptly.',
    }),
    connectionWindowBytes: key(size({ min: '64KiB', max: '64MiB' }), {
      default: '1MiB',
      doc: 'Flow-control window of a connection, over all its streams.',
    }),
    bufferedBytes: key(size({ min: '64KiB', max: '1GiB' }), {
      default: '16MiB',
      doc: 'Received bytes of one connection that could not be passed on yet; above it nothing more is taken.',
    }),
    maxGlitches: key(number({ min: 10, max: 1_000_000 }), {
      default: 2000,
      doc: 'Points that needless PINGs, empty frames, malformed requests and the like cost a connection before it is closed; 500 a second are forgiven.',
    }),
    maxControlFrames: key(number({ min: 10, max: 1_000_000 }), {
      default: 1000,
      doc: 'PINGs, WINDOW_UPDATEs, RST_STREAMs and other frames that carry no message, beyond ten for each frame that does; each more is a point.',
    }),
    maxEarlyResets: key(number({ min: 10, max: 1_000_000 }), {
      default: 250,
      doc: 'Calls of one connection that its client takes back within a second and before their reply, beyond as many that it does not, before it is closed; 100 a second are forgiven.',
    }),
    maxContinuations: key(number({ min: 4, max: 10_000 }), {
      default: 16,
      doc: 'CONTINUATION frames of one header section.',
    }),
    maxCallsPerTurn: key(number({ min: 1, max: 100_000 }), {
      default: 128,
      doc: 'Calls begun on one connection before the other connections have their turn; 16 frames or 256 bytes of a header section count as much as one.',
    }),
    handshakeTimeout: key(duration({ min: '10ms', max: '10m' }), {
      default: '10s',
      doc: 'How long a new connection may take over its TLS handshake and its first request, and any over a single frame or header section.',
    }),
    stallTimeout: key(duration({ min: '100ms' }), {
      default: '5m',
      doc: 'How long the client of a call may take next to nothing of its reply while there is some; 15 seconds at the most while memory (`limits.bufferedBytes`) is short.',
    }),
    halfCloseTimeout: key(duration({ min: '0s', max: '1h' }), {
      default: '2s',
      doc: 'HTTP/1.1: how long a client that has closed its sending side may wait for the first bytes of its reply. It may still read the reply, or have cancelled the request: Outrigger cannot distinguish the two.',
    }),
    maxConnectionAge: key(duration({ min: '1s' }), {
      otherwise: 'none',
      doc: 'After this, give or take 10%, the client of an HTTP/2 connection is asked to make its next calls on another (GOAWAY); those it has finish.',
    }),
    idleTimeout: key(duration({ min: '1s' }), {
      default: '1h',
      doc: 'How long a connection may be without any call before it is closed.',
    }),
  },
);

const requestTarget = section(
  {
    doc: 'Which request targets are served, and in which form they are matched and forwarded; the same for HTTP/1.1 and HTTP/2.',
    reload: 'live',
    example: '{ mergeSlashes: true, escapedSlashes: reject }',
  },
  {
    characters: key(choice(['browsers', 'rfc3986']), {
      default: 'browsers',
      doc: '`rfc3986`: requests with any character that RFC 3986 does not allow get 400. `browsers`: the same, but what browsers do not encode is served: `[ ] ^ |` in the path, and in the query these, `\\`, `` ` ``, `{`, `}` and a lone `%`.',
    }),
    normalizePath: key(toggle, {
      default: true,
      doc: 'Matches and forwards the normal form of the path (RFC 3986, 6.2.2): `/x/../a` and `/%61` are `/a`.',
    }),
    mergeSlashes: key(toggle, {
      default: false,
      doc: 'Matches and forwards `//` in the path as `/`.',
    }),
    escapedSlashes: key(choice(['keep', 'reject', 'unescape']), {
      default: 'keep',
      doc: 'What becomes of `%2F` and `%5C` in the path. `keep`: they differ from a slash. `reject`: such requests get 400. `unescape`: they are matched and forwarded as `/`.',
    }),
  },
);

/** One place where calls come in, and where they go from there. Its routes have the keys of these policies. */
export function makeListener<const L extends PolicyList>(policies: L) {
  return section(
    {
      doc: 'One place where calls come in, and where they go from there.',
      reload: 'rebuild',
      example: '{ name: outbound, listen: 127.0.0.1:15001, routes: [{ name: all, cluster: greeter }] }',
    },
    {
      name: key(name, { required: true, doc: 'What logs, metrics and traces call it.' }),
      listen: key(address('listen'), {
        required: true,
        doc: '`host:port`, `[::1]:port` or `unix:/path`. Port 0 takes a free one. A socket file that nobody listens on any more is replaced.',
      }),
      socket,
      direction: key(choice(['outbound', 'inbound']), {
        default: 'outbound',
        doc: '`outbound`: the service calls others through it. `inbound`: others call the service through it.',
      }),
      protocol: key(choice(['auto', 'tcp']), {
        default: 'auto',
        doc: '`auto`: HTTP/1.1 and HTTP/2 on one port. `tcp`: bytes are passed on as they are; needs `cluster` instead of `routes`.',
      }),
      tls,
      limits,
      requestTarget,
      routes: list(
        {
          noun: 'route',
          unique: 'name',
          reload: 'live',
          doc: 'Checked in order; the first that matches takes the call. With none: `no_route`.',
        },
        makeRoute(policies),
      ),
      cluster: key(name, {
        doc: 'For `protocol: tcp`: name of the cluster that gets the connections.',
        reload: 'live',
      }),
    },
  );
}
