import type { Address } from '../core/address.ts';
import type { Clock } from '../core/clock.ts';
import { kindOf } from '../schema/kind.ts';
import { grpcMetadata, httpHeaders } from '../schema/metadata-type.ts';
import { authority } from '../schema/names.ts';
import { choice, text } from '../schema/scalar-type.ts';
import { key, optionalSection } from '../schema/shape.ts';
import { statusCodes } from '../schema/status-codes.ts';
import { grpcProbe } from './grpc-probe.ts';
import { httpProbe } from './http-probe.ts';
import type { Probe } from './probe.ts';
import type { ProbeTls } from './probe-socket.ts';
import { tcpProbe } from './tcp-probe.ts';

/** The endpoint that a probe is for, and how it is reached. */
export interface ProbeDeps {
  readonly address: Address;
  readonly clock: Clock;
  /** Undefined for cleartext. */
  readonly tls: ProbeTls;
  /** What probes name as their authority, where they are not configured to name another: a probe has no client whose authority it could send. */
  readonly authority: string;
  /** What the endpoint speaks. */
  readonly protocol: 'http2' | 'http1' | 'tcp' | 'udp';
}

const probeKind = kindOf<ProbeDeps, Probe>();

/** `health.grpc`: the gRPC health-checking protocol. */
export const grpcHealth = probeKind({
  name: 'grpc',
  schema: optionalSection(
    {
      doc: 'Calls `grpc.health.v1.Health/Check`. A server without that service counts as healthy while its connection is open.',
      example: '{ service: "" }',
    },
    {
      service: key(text({ emptyAllowed: true }), {
        default: '',
        doc: 'Name of the service to check. An empty name checks the server as a whole.',
      }),
      mode: key(choice(['check', 'watch']), {
        default: 'check',
        doc: '`watch`: also calls `Health/Watch`, so that the server can report a change immediately. If the server does not implement Watch, `watch` works like `check`.',
      }),
      authority: key(authority, {
        otherwise: '`tls.serverName`, otherwise the host name of the endpoint, with the port',
        doc: '`:authority` of the health check. Does not change SNI or the name that TLS verifies.',
      }),
      metadata: key(grpcMetadata, {
        otherwise: 'none',
        doc: 'Metadata of each health check, such as `authorization`. Write the values of names that end in `-bin` in base64. At most 32 names.',
        secret: true,
      }),
    },
  ),
  check(_config, { protocol, problem }) {
    if (protocol === 'http1')
      problem('', 'needs HTTP/2, and this cluster is http1; write http: { path: … } or tcp: {}');
  },
  create: (config, { address, clock, tls, authority }) =>
    grpcProbe(address, clock, { ...config, authority: config.authority ?? authority, tls }),
});

/** `health.http`: a GET over HTTP/1.1. */
export const httpHealth = probeKind({
  name: 'http',
  schema: optionalSection(
    { doc: 'Sends a GET request over HTTP/1.1.', example: '{ path: /healthz }' },
    {
      path: key(
        text({
          label: 'path',
          charsMax: 4096,
          pattern: /^\/[\x21-\x7e]*$/,
          write: 'a path that begins with "/"',
        }),
        { required: true, doc: 'Path of the request, with a query if needed.' },
      ),
      statuses: key(statusCodes, { default: [200], doc: 'HTTP statuses that count as healthy.' }),
      host: key(authority, {
        otherwise: '`tls.serverName`, otherwise the host name of the endpoint, with the port',
        doc: '`Host` of the health check. Does not change SNI or the name that TLS verifies.',
      }),
      headers: key(httpHeaders, {
        otherwise: 'none',
        doc: 'Headers of each health check, such as `authorization`. At most 32 names.',
        secret: true,
      }),
    },
  ),
  check(_config, { protocol, problem }) {
    if (protocol === 'http2')
      problem('', 'asks over HTTP/1.1, and this cluster is http2; write grpc: {} or tcp: {}');
  },
  create: ({ path, statuses, host, headers }, { address, clock, tls, authority }) =>
    httpProbe(address, clock, {
      path,
      expectedStatuses: statuses,
      host: host ?? authority,
      headers,
      tls,
    }),
});

/** `health.tcp`: a connection that is accepted, with its TLS handshake where the cluster has TLS. */
export const tcpHealth = probeKind({
  name: 'tcp',
  schema: optionalSection(
    { doc: 'Opens a connection. An endpoint that accepts it is healthy.', example: '{}' },
    {},
  ),
  create: (_config, { address, clock, tls, protocol }) =>
    tcpProbe(address, clock, { tls, alpn: protocol === 'http2' ? 'h2' : 'http/1.1' }),
});

/** Every probe that a cluster may name under `health`, in the order of the reference page. */
export const probeKinds = [grpcHealth, httpHealth, tcpHealth] as const;
