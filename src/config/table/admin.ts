import { address } from '../../schema/address-type.ts';
import { choice, listOf, type ScalarType, text, toggle } from '../../schema/scalar-type.ts';
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
    doc: 'TLS for `admin.listen`. `probes` always uses plain text.',
    example: '{ cert: admin.pem, key: admin.key, clientCa: operators.pem }',
  },
  {
    cert: key(file, { required: true, doc: 'PEM file with the certificate chain.' }),
    key: key(file, { required: true, doc: 'PEM file with the private key.' }),
    clientCa: key(file, {
      doc: 'PEM file with the CA certificates that Outrigger verifies client certificates against (mutual TLS). A client with a valid certificate can read and change everything.',
    }),
  },
);

const names = listOf(text({ label: 'name', charsMax: 128 }), { itemsMax: 256 });

const tap = section(
  {
    doc: '`outrigger tap` and `GET /tap`, which show calls while they happen; see tap.md.',
  },
  {
    show: key(choice(['none', 'metadata', 'messages']), {
      default: 'messages',
      doc: 'What a tap may show. `none` turns tap off, `metadata` shows all but message bodies, and `messages` also shows these to readers who request them. Readers on other machines need the token or a client certificate to see messages.',
    }),
    redact: key(names, {
      default: [],
      doc: 'Names of headers, and of keys in messages, whose values a tap never shows. Names that sound like credentials, such as `password`, `apiKey` and `authorization`, need not be listed. Upper case, `-` and `_` make no difference.',
    }),
    reveal: key(names, {
      default: [],
      doc: 'Names whose values a tap shows although they sound like credentials, such as `nextPageToken`.',
    }),
  },
);

/** The page, the metrics and the commands. */
export const admin = section(
  {
    doc: 'The admin server: the live page, `/metrics`, `/ready` and the API that the `outrigger` commands use.',
    reload: 'restart',
  },
  {
    listen: key(address('listen'), {
      default: '127.0.0.1:15000',
      flag: 'admin',
      flagDoc: 'address of the admin server: live page, metrics and API of the other commands',
      variable: 'OUTRIGGER_ADMIN',
      doc: 'Address of the live page and the admin API. Clients on this machine can read and change everything; clients on other machines need the token (`token` or `tokenFile`) or a client certificate.',
    }),
    socket,
    probes: key(address('listen'), {
      otherwise: 'none',
      doc: 'Second address, such as `0.0.0.0:15020`, for the kubelet and Prometheus. It serves only `/ready`, `/live` and `/metrics`, read-only and without a token.',
    }),
    allowedHosts: key(listOf(host, { itemsMax: 64 }), {
      default: [],
      doc: 'Additional host names that Outrigger accepts in the `Host` header on `listen` and `probes`, such as the name of a Service. `localhost` and the IP addresses of this machine are always accepted. Outrigger refuses all other names to prevent DNS rebinding attacks.',
    }),
    token: key(adminToken, {
      doc: 'Token for clients on other machines. Clients send it as `Authorization: Bearer TOKEN` or as the password of HTTP Basic authentication, and can then read and change everything. To keep the token out of this file, use `tokenFile`.',
      secret: true,
    }),
    pinnedCalls: key(toggle, {
      otherwise: 'allowed if `listen` is a loopback address or a Unix socket',
      doc: 'Allows operators to send calls to an endpoint that they choose, whether or not it is usable (`outrigger call --endpoint`), and to make calls from the live page.',
    }),
    tokenFile: key(file, {
      doc: 'File that contains the token, such as a mounted Secret. Each configuration reload reads it again.',
    }),
    tls,
    tap,
  },
);
