import { address } from '../../schema/address-type.ts';
import { mapping } from '../../schema/mapping-type.ts';
import { type Raw, type ScalarType, text, toggle } from '../../schema/scalar-type.ts';
import { key, list, optionalSection, section } from '../../schema/shape.ts';

type JsonMapping = { readonly [key: string]: Raw };

const serverAddress = {
  label: 'address',
  charsMax: 1024,
  pattern: /^(unix:.+|\[[0-9A-Fa-f:.%]+\]:\d{1,5}|[^\s/:[\]]+:\d{1,5})$/,
  write: 'host:port, [::1]:port or unix:/path',
};
/** A variable has JSON. Text that is none stays text, which is no mapping. */
function jsonOf(written: string): Raw {
  try {
    return JSON.parse(written) as Raw;
  } catch {
    return written;
  }
}

const metadataCharsMax = 65_536;

/** `google.protobuf.Struct` as a mapping. */
const nodeMetadata: ScalarType<JsonMapping> = {
  ...mapping,
  parse(raw) {
    const parsed = mapping.parse(typeof raw === 'string' ? jsonOf(raw) : raw);
    if (parsed.value === undefined || JSON.stringify(parsed.value).length <= metadataCharsMax) return parsed;
    return { error: `has more than ${metadataCharsMax} characters as JSON; write less` };
  },
};
const word = { charsMax: 256, emptyAllowed: true } as const;

/** The control plane that sends listeners, routes, clusters and endpoints. */
export const xds = section(
  {
    doc: 'Control plane that sends listeners, routes, clusters and endpoints over xDS (API version 3, one ADS stream), in addition to those of this file. On when `server` or `bootstrap` is set; with `xds: {}`, also when the environment has `GRPC_XDS_BOOTSTRAP` or `GRPC_XDS_BOOTSTRAP_CONFIG` (gRFC A27). Outrigger is not ready until the first configuration is applied. Without the control plane, it keeps what it has.',
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
    bootstrapConfig: key(text({ label: 'JSON', charsMax: 65_536 }), {
      doc: 'The text of such a file, as `GRPC_XDS_BOOTSTRAP_CONFIG` has it. `bootstrap` overrides it.',
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
        metadata: key(nodeMetadata, {
          otherwise: 'that of the bootstrap file',
          doc: 'Metadata of the node, such as `{ GENERATOR: grpc }` for Istio. Its keys override those of the bootstrap file. As a variable: JSON.',
        }),
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
