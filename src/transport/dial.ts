import { connect, isIP, type Socket } from 'node:net';
import { type ConnectionOptions, connect as connectTls } from 'node:tls';
import type { Address } from '../core/address.ts';
import { forbiddenCipher } from '../core/tls-cipher.ts';
import { PersistentSocket } from './persistent-socket.ts';
import { type OnRead, sharedRead } from './shared-read.ts';

/** What a connection is for: by ALPN where TLS is used. */
export type DialProtocol = 'h2' | 'http/1.1';

/** A dead machine is found by TCP's own probes, which begin after this time of silence, milliseconds. HTTP/2 has PING. */
const keepAliveDelayMs = 60_000;

/**
 * Begins to connect, by TLS where `tls` is given, as a rule by `endpointTls`, which says what name to verify; errors come as the
 * socket's events, and TLS's bytes as `data`. Without `onRead` all bytes do: the socket is a stream like any other.
 */
export function dial(
  address: Address,
  tls: ConnectionOptions | null,
  onRead: OnRead | null,
  protocol: DialProtocol = 'h2',
): Socket {
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
  const isHttp1 = protocol === 'http/1.1';
  const options = isHttp1 ? { ...target, keepAlive: true, keepAliveInitialDelay: keepAliveDelayMs } : target;
  if (tls === null) {
    if (onRead === null) return connect(options);
    if (isHttp1) return new PersistentSocket(onRead).connect(options);
    return connect({ ...options, onread: sharedRead(onRead) });
  }
  const host = address.kind === 'tcp' ? address.host : 'localhost';
  // SNI carries names only (RFC 6066 section 3); an address is verified against the certificate all the same.
  const servername = tls.servername ?? (isIP(host) === 0 ? host : '');
  const socket = connectTls({ ...options, ...tls, servername, ALPNProtocols: [protocol] });
  if (isHttp1) return socket;
  socket.once('secureConnect', () => {
    const cipher = forbiddenCipher(socket);
    if (cipher !== '')
      socket.destroy(new Error(`it chose the TLS cipher ${cipher}, which HTTP/2 does not allow`));
  });
  return socket;
}
