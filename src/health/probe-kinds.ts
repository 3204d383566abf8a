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
  readonly protocol: 'http2' | 'http1' | 'tcp';
}

const probeKind = kindOf<ProbeDeps, Probe>();

/** `health.grpc`: the gRPC health-checking protocol. */
export const grpcHealth = probeKind({
  name: 'grpc',
  schema: optionalSection(
    {
      doc: '`grpc.health.v1.Health/Check`. A server without that service counts as healthy while its connection lives.',
      example: '{ service: "" }',
    },
    {
      service: key(text({ emptyAllowed: true }), {
        default: '',
        doc: 'Name of the service whose health is checked; empty for the server as a whole.',
      }),
      mode: key(choice(['check', 'watch']), {
        default: 'check',
        doc: '`watch`: by `Health/Watch` besides, so that the server can report a change at once; where it has no Watch, as `check`.',
      }),
      authority: key(authority, {
        otherwise: '`tls.serverName`, else the host that led to the endpoint, with its port',
        doc: '`:authority` of the health check. It changes neither the name that TLS verifies nor SNI.',
      }),
      metadata: key(grpcMetadata, {
        otherwise: 'none',
        doc: 'Metadata that each health check carries, such as `authorization`; a value of a name that ends in `-bin` is base64. At most 32 names.',
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
    { doc: 'A GET over HTTP/1.1.', example: '{ path: /healthz }' },
    {
      path: key(
        text({
          label: 'path',
          charsMax: 4096,
          pattern: /^\/[\x21-\x7e]*$/,
          write: 'a path that begins with "/"',
        }),
        { required: true, doc: 'Path, with a query if one is needed.' },
      ),
      statuses: key(statusCodes, { default: [200], doc: 'Statuses that count as healthy.' }),
      host: key(authority, {
        otherwise: '`tls.serverName`, else the host that led to the endpoint, with its port',
        doc: '`Host` of the health check. It changes neither the name that TLS verifies nor SNI.',
      }),
      headers: key(httpHeaders, {
        otherwise: 'none',
        doc: 'Headers that each health check carries, such as `authorization`. At most 32 names.',
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
  schema: optionalSection({ doc: 'A connection that is accepted.', example: '{}' }, {}),
  create: (_config, { address, clock, tls, protocol }) =>
    tcpProbe(address, clock, { tls, alpn: protocol === 'http2' ? 'h2' : 'http/1.1' }),
});

/** Every probe that a cluster may name under `health`, in the order of the reference page. */
export const probeKinds = [grpcHealth, httpHealth, tcpHealth] as const;
