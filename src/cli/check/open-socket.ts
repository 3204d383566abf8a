import type { Socket } from 'node:net';
import type { ConnectionOptions, TLSSocket } from 'node:tls';
import type { Address } from '../../core/address.ts';
import { connectionErrorText } from '../../core/connection-error.ts';
import { connectProbe } from '../../health/probe-socket.ts';
import type { CheckDeps } from './limits.ts';

export type Opened<S> =
  | { readonly socket: S; readonly error?: undefined }
  | { readonly socket?: undefined; readonly error: string };

/** Opens a TCP connection or one to a Unix socket. The error is in plain words. Whoever gets the socket destroys it. */
export function openSocket(address: Address, deps: CheckDeps): Promise<Opened<Socket>> {
  return opened(connectProbe(address, undefined, 'h2'), 'connect', deps);
}

/** Opens a TLS connection, also to a server that is not trusted: whoever calls judges its certificate. */
export function openTls(
  address: Address,
  options: ConnectionOptions,
  alpn: 'h2' | 'http/1.1',
  deps: CheckDeps,
): Promise<Opened<TLSSocket>> {
  const socket = connectProbe(address, { ...options, rejectUnauthorized: false }, alpn);
  return opened(socket as TLSSocket, 'secureConnect', deps);
}

function opened<S extends Socket>(
  socket: S,
  event: 'connect' | 'secureConnect',
  { clock, timeoutMs }: CheckDeps,
): Promise<Opened<S>> {
  return new Promise((resolve) => {
    const fail = (error: string): void => {
      timer.cancel();
      socket.destroy();
      resolve({ error });
    };
    const timer = clock.after(timeoutMs, () => fail(`no answer within ${timeoutMs} ms`));
    socket.on('error', (error) => fail(connectionErrorText(error, 'server')));
    socket.once('close', () => fail('the server closed the connection'));
    socket.once(event, () => {
      timer.cancel();
      resolve({ socket });
    });
  });
}
