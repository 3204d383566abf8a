import { connect, isIP, type Socket } from 'node:net';
import { type ConnectionOptions, connect as connectTls } from 'node:tls';
import type { Address } from '../core/address.ts';
import { forbiddenCipher } from '../core/tls-cipher.ts';
import { type OnRead, sharedRead } from '../transport/shared-read.ts';

/**
 * Begins to connect, by TLS where `tls` is given, as a rule by `endpointTls`, which says what name to verify; errors come as the
 * socket's events, and TLS's bytes as `data`.
 */
export function dial(address: Address, tls: ConnectionOptions | null, onRead: OnRead): Socket {
  const target =
    address.kind === 'unix'
      ? { path: address.path }
      : // Happy eyeballs (RFC 8305): the next address is tried after 250 ms.
        {
          host: address.host,
          port: address.port,
          autoSelectFamily: true,
          autoSelectFamilyAttemptTimeout: 250,
        };
  if (tls === null) return connect({ ...target, onread: sharedRead(onRead) });
  const host = address.kind === 'tcp' ? address.host : 'localhost';
  // SNI carries names only (RFC 6066 section 3); an address is verified against the certificate all the same.
  const servername = tls.servername ?? (isIP(host) === 0 ? host : '');
  const socket = connectTls({ ...target, ...tls, servername, ALPNProtocols: ['h2'] });
  socket.once('secureConnect', () => {
    const cipher = forbiddenCipher(socket);
    if (cipher !== '')
      socket.destroy(new Error(`it chose the TLS cipher ${cipher}, which HTTP/2 does not allow`));
  });
  return socket;
}
