import { connect, type Socket } from 'node:net';
import { connect as connectTls, type SecureContext } from 'node:tls';
import type { Address } from '../core/address.ts';

/** TLS towards an endpoint. */
export interface DialTls {
  readonly context: SecureContext;
  /** Name to ask for and to verify (SNI); the endpoint's host where undefined. */
  readonly serverName: string | undefined;
}

/** Begins to connect; errors come as the socket's events. */
export function dial(address: Address, tls: DialTls | null): Socket {
  const target =
    address.kind === 'unix'
      ? { path: address.path }
      : // Happy eyeballs (RFC 8305): the next address is tried after 250 ms.
        { host: address.host, port: address.port, autoSelectFamily: true, autoSelectFamilyAttemptTimeout: 250 };
  if (tls === null) return connect(target);
  const host = address.kind === 'tcp' ? address.host : 'localhost';
  return connectTls({
    ...target,
    secureContext: tls.context,
    servername: tls.serverName ?? host,
    ALPNProtocols: ['h2'],
  });
}

/** Is it this machine? Then a connect that takes a second is as good as lost. */
export function isLoopback(address: Address): boolean {
  if (address.kind === 'unix') return true;
  return address.host === 'localhost' || address.host === '::1' || address.host.startsWith('127.');
}
