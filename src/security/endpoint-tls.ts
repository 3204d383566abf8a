import { isIP } from 'node:net';
import { type ConnectionOptions, checkServerIdentity } from 'node:tls';
import type { Address } from '../core/address.ts';

/**
 * The TLS options of one endpoint, for whoever connects to it: calls, WebSockets and probes verify the same name and send
 * the same SNI. The name is `servername` of the options where that is set, else the name that led to the endpoint (of DNS
 * discovery, the name that was looked up and not the address it has; RFC 9525 section 6.1), else the host of its address.
 *
 * SNI carries names only (RFC 6066 section 3): where the name is an IP address none is sent, and the certificate must have
 * that address as an IP SAN. Both options are always set, since Node would otherwise take the name from the `Host` header
 * of an HTTP/1.1 request, which the client chooses.
 *
 * @param hostname the name that led to the endpoint, '' for the host of its address
 */
export function endpointTls(tls: ConnectionOptions, address: Address, hostname: string): ConnectionOptions {
  const name = plainName(tls.servername || hostname || (address.kind === 'tcp' ? address.host : 'localhost'));
  return {
    ...tls,
    servername: isIP(name) === 0 ? name : '',
    checkServerIdentity: (_host, certificate) => checkServerIdentity(name, certificate),
  };
}

/** Without the dot of the root, which SNI must not carry, and without the zone of an IPv6 address, which no certificate has. */
function plainName(name: string): string {
  return isIP(name) === 0 ? name.replace(/\.$/, '') : name.replace(/%.*$/, '');
}
