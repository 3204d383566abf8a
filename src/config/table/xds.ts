import { address } from '../../schema/address-type.ts';
import { text, toggle } from '../../schema/scalar-type.ts';
import { key, list, optionalSection, section } from '../../schema/shape.ts';

const serverAddress = {
  label: 'address',
  charsMax: 1024,
  pattern: /^(unix:.+|\[[0-9A-Fa-f:.%]+\]:\d{1,5}|[^\s/:[\]]+:\d{1,5})$/,
  write: 'host:port, [::1]:port or unix:/path',
};
const word = { charsMax: 256, emptyAllowed: true } as const;

/** The control plane that sends listeners, routes, clusters and endpoints. */
export const xds = section(
  {
    doc: 'Control plane that sends listeners, routes, clusters and endpoints over xDS (API version 3, one ADS stream), in addition to those of this file. On when `server` or `bootstrap` is set. Outrigger is not ready until the first configuration is applied. Without the control plane, it keeps what it has.',
    reload: 'restart',
    example: '{ server: "istiod.istio-system.svc:15010" }',
  },
  {
    server: key(text(serverAddress), {
      otherwise: 'the control plane of `bootstrap`; without both, there is none',
      doc: 'Address of the control plane: `host:port` or `unix:/path`.',
    }),
    bootstrap: key(text({ label: 'file', charsMax: 4096 }), {
      doc: 'Path of a bootstrap file of gRPC (gRFC A27), such as the one in `GRPC_XDS_BOOTSTRAP`, which names the control plane, its credentials (`insecure` or `tls`) and the node. Keys of this section override it.',
    }),
    delta: key(toggle, {
      default: false,
      doc: 'Receives changes only (delta xDS), instead of the state of the world.',
    }),
    node: section(
      { doc: 'What this sidecar is called at the control plane.' },
      {
        id: key(text(word), { default: '', doc: 'Id of the node. Empty for the host name.' }),
        cluster: key(text(word), { default: '', doc: 'Name of the service that the sidecar runs beside.' }),
        region: key(text(word), { default: '', doc: 'Region of the locality.' }),
        subZone: key(text(word), { default: '', doc: 'Part of the zone. The zone itself is `zone`.' }),
      },
    ),
    tls: optionalSection(
      {
        doc: 'TLS to the control plane. The files are read again for each connection.',
        example: '{ ca: ca.pem }',
      },
      {
        ca: key(text({ label: 'file' }), {
          otherwise: 'the CA certificates of the system',
          doc: 'PEM file with the CA certificates that the certificate of the control plane is verified against.',
        }),
        cert: key(text({ label: 'file' }), { doc: 'PEM file with the client certificate (mutual TLS).' }),
        key: key(text({ label: 'file' }), { doc: 'PEM file with the private key of `cert`.' }),
        serverName: key(text({ label: 'host name', charsMax: 253 }), {
          otherwise: 'the host of `server`',
          doc: 'Name in the certificate of the control plane.',
        }),
      },
    ),
    listeners: list(
      {
        noun: 'listener',
        unique: 'name',
        doc: 'Listeners that Outrigger subscribes to by name, as clients of proxyless gRPC do. Without any, it subscribes to all listeners, as a sidecar does.',
      },
      section(
        { doc: 'A listener that the control plane knows by name, and that has no address of its own.' },
        {
          name: key(text({ charsMax: 1024 }), {
            required: true,
            doc: 'Name of the listener: what clients of gRPC write behind `xds:///`.',
          }),
          listen: key(address('listen'), {
            required: true,
            doc: 'Address on which Outrigger accepts its connections.',
          }),
        },
      ),
    ),
  },
);
