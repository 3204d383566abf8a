import { connect, type Socket } from 'node:net';
import { type ConnectionOptions, connect as connectTls } from 'node:tls';
import type { Address } from '../core/address.ts';

/** The options that calls to the endpoint use, complete with `servername`; undefined for cleartext. */
export type ProbeTls = ConnectionOptions | undefined;

/** Begins to connect as a call would: the same addresses, TLS options, name and ALPN protocol. Errors come as events. */
export function connectProbe(address: Address, tls: ProbeTls, alpn: 'h2' | 'http/1.1'): Socket {
  const target =
    address.kind === 'unix'
      ? { path: address.path }
      : {
          host: address.host,
          port: address.port,
          autoSelectFamily: true,
          autoSelectFamilyAttemptTimeout: 250,
        };
  return tls === undefined ? connect(target) : connectTls({ ...target, ...tls, ALPNProtocols: [alpn] });
}
