import { address } from '../../schema/address-type.ts';
import { listOf, type ScalarType, text } from '../../schema/scalar-type.ts';
import { key, optionalSection, section } from '../../schema/shape.ts';
import { adminToken } from './admin-token.ts';
import { socket } from './socket.ts';

const host: ScalarType<string> = text({
  label: 'host name',
  charsMax: 253,
  pattern: /^[A-Za-z0-9_]([A-Za-z0-9_.-]*[A-Za-z0-9_])?$|^[0-9A-Fa-f:.]+$/,
  write: 'a host name or IP address without a port, such as orders-sidecar.default.svc',
});

const file = text({ label: 'file' });

const tls = optionalSection(
  {
    doc: 'TLS on `admin.listen`. `probes` stays plain text.',
    example: '{ cert: admin.pem, key: admin.key, clientCa: operators.pem }',
  },
  {
    cert: key(file, { required: true, doc: 'Certificate chain, PEM file.' }),
    key: key(file, { required: true, doc: 'Private key, PEM file.' }),
    clientCa: key(file, {
      doc: 'Authorities of client certificates, PEM file. A client with such a certificate may read and change everything (mutual TLS).',
    }),
  },
);

/** The page, the metrics and the commands. */
export const admin = section(
  { doc: 'The live page, `/metrics`, `/ready` and what the commands talk to.', reload: 'restart' },
  {
    listen: key(address('listen'), {
      default: '127.0.0.1:15000',
      flag: 'admin',
      flagDoc: 'where the live page, the metrics and the other commands are served',
      variable: 'OUTRIGGER_ADMIN',
      doc: 'Where the page and the admin API are served. Requests from this machine may change things; requests from other machines need `token`, `tokenFile` or a client certificate.',
    }),
    socket,
    probes: key(address('listen'), {
      otherwise: 'none',
      doc: 'A second address that serves `/ready`, `/live` and `/metrics` only, read-only and without a token: for the kubelet and Prometheus, `0.0.0.0:15020`.',
    }),
    allowedHosts: key(listOf(host, { itemsMax: 64 }), {
      default: [],
      doc: 'Further names that clients may use in `Host`, on `listen` and on `probes`: the name of a Service, for example. Other names are refused, since they may be a DNS rebinding attack. IP addresses of this machine and `localhost` always pass.',
    }),
    token: key(adminToken, {
      doc: 'Secret that lets clients on other machines read and change everything, as `Authorization: Bearer TOKEN` or as the password of HTTP Basic. `tokenFile` keeps it out of this file.',
      secret: true,
    }),
    tokenFile: key(file, {
      doc: 'File with the token, such as a mounted Secret. Read again on each reload.',
    }),
    tls,
  },
);
