import type { Socket } from 'node:net';
import { type BindingDeps, SocketBinding } from '../transport/socket-binding.ts';
import { watchTruncation } from '../transport/tls-truncation.ts';
import { ClientConnection, type ClientConnectionOptions } from './client-connection.ts';
import type { MessageError } from './message.ts';

/** Hears of a bound connection. */
export interface BoundClientListener {
  /** The exchange is over, and the connection may serve another. */
  idle(): void;
  /** The endpoint violated HTTP/1.1. */
  refused(error: MessageError): void;
  /** Once, when the connection is of no more use. Its exchange fails after that. */
  ended(): void;
}

export type Http1ClientBinding = SocketBinding<ClientConnection>;

/** Ties the upstream end of an HTTP/1.1 connection to a socket. */
export function bindHttp1Client(
  socket: Socket,
  options: ClientConnectionOptions,
  deps: BindingDeps,
  listener: BoundClientListener,
): Http1ClientBinding {
  const binding = new SocketBinding(
    socket,
    'server',
    deps,
    (host) =>
      new ClientConnection(options, {
        idle: () => listener.idle(),
        refused: (error) => listener.refused(error),
        written: () => host.written(),
        flush: () => host.flush(),
        readable: () => host.readable(),
        ended: (atOnce) => {
          if (atOnce) socket.destroy();
          else host.ended(false);
          listener.ended();
        },
      }),
  );
  const { connection } = binding;
  watchTruncation(socket, () => {
    connection.truncated = true;
  });
  // A server judges the certificate of its client after the handshake of TLS 1.3 (RFC 8446 section 4.4.2.4), and reports by
  // an alert that it refuses it. The binding, whose listener comes second, fails the exchange for it.
  socket.prependListener('error', ({ code = '' }: NodeJS.ErrnoException) => {
    if (code.startsWith('ERR_SSL_') && code.includes('ALERT')) connection.handshakeRefused = true;
  });
  return binding;
}
